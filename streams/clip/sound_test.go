package clip

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dongyue/streams"
	"dongyue/streams/evidence"
	"dongyue/streams/rtsp"
)

// Cameras whose sound ticks at each whole second of the clock that their pictures have,
// and begin each second one with a key frame. Clips, recordings and exports have both,
// and both fit; who did not ask for sound has none.
func TestSound(t *testing.T) {
	t.Parallel()
	port := foreign(t)
	at := func(name string) streams.URL {
		return streams.URL("rtsp://admin:s3cr3t@127.0.0.1:" + port + "/" + name + "-ticks")
	}
	codec := map[string]string{"alaw": "pcm_alaw", "ulaw": "pcm_mulaw", "opus": "opus", "aac": "aac"}
	cameras := []streams.Camera{{ID: "quiet", URL: at("alaw")}}
	for name := range codec {
		cameras = append(cameras, streams.Camera{ID: name, URL: at(name), RecordSound: true})
	}
	h := open(t, t.TempDir(), continuous("alaw", "aac"), cameras...)
	ids := map[string]string{}
	refs := references(t, at, codec)
	for _, c := range cameras {
		h.filled(c.ID, 0)
		// Before a camera tells its clock, nobody knows how much later its sound is sent.
		h.until(c.ID+" tells its clock", 20*time.Second, func() bool { return h.tellsItsClock(c.ID) })
	}
	known := time.Now()
	h.until("what came since is kept", 10*time.Second, func() bool { return time.Since(known) > 5*time.Second })
	for _, c := range cameras {
		ids[c.ID] = h.record(c.ID, c.ID, 3*time.Second, 3*time.Second).ID
	}
	for _, c := range cameras {
		row := h.over(ids[c.ID])
		if row.State != Complete || len(row.Gaps) > 0 {
			t.Errorf("%s: %+v", c.ID, row)
		}
		if c.ID == "quiet" {
			if p := probe(t, write(t, h.video(row.ID))); len(p.Streams) != 1 || row.Sound != "" || h.manifest(row.ID).Sound != "" {
				t.Errorf("sound was recorded of a camera that should not be heard: %+v", p.Streams)
			}
			continue
		}
		if s := h.manifest(row.ID); row.Sound == "" || s.Sound != row.Sound {
			t.Errorf("%s: its sound is %q, and in the manifest %q", c.ID, row.Sound, s.Sound)
		}
		files := map[string][]byte{"original": h.video(row.ID), "export": h.exported(row.ID)}
		files["view"] = h.do(http.MethodGet, "/clips/"+row.ID+"/video.mp4?view=1", "").Body.Bytes()
		if c.ID == "alaw" || c.ID == "aac" {
			w := h.do(http.MethodGet, "/cameras/"+c.ID+"/recordings/play?"+between(row.From.Add(time.Second), *row.To), "")
			if w.Code != http.StatusOK {
				t.Fatalf("play: %d %s", w.Code, w.Body)
			}
			files["recording"] = w.Body.Bytes()
		}
		for kind, b := range files {
			t.Run(c.ID+" "+kind, func(t *testing.T) {
				file := write(t, b)
				if p := probe(t, file); len(p.Streams) != 2 || p.Streams[0].CodecName != "h264" || p.Streams[1].CodecName != codec[c.ID] {
					t.Fatalf("it holds %+v", p.Streams)
				}
				far := 0.022
				if kind == "export" {
					far += 1.0 / 15 // ffmpeg shows the first picture at once that lies behind the beginning
				}
				if got, want := lag(t, file), refs[c.ID](); math.Abs(math.Mod(got-want+1.5, 1)-0.5) > far {
					t.Errorf("its sound comes %.0f ms behind its key frames, and as the camera sends it %.0f ms", got*1000, want*1000)
				}
			})
		}
	}
	h.folder(len(ids))
}

// exported takes a clip out, checks it as evidence and returns its video.
func (h *hub) exported(id string) []byte {
	h.t.Helper()
	w := h.do(http.MethodPost, "/clips/"+id+"/export", `{"reason":"x"}`)
	z, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	must(h.t, err)
	f, err := z.Open(evidence.VideoName)
	must(h.t, err)
	b := readAll(h.t, f)
	m, err := z.Open(evidence.ManifestName)
	must(h.t, err)
	r, err := evidence.CheckStream("export", readAll(h.t, m), bytes.NewReader(b), h.clips.Key())
	must(h.t, err)
	if !r.OK {
		h.t.Errorf("the export is not what its manifest says: %+v", r.Findings)
	}
	return b
}

// references has ffmpeg record the same streams, and tells what it found when it has.
func references(t *testing.T, at func(string) streams.URL, codec map[string]string) map[string]func() float64 {
	t.Helper()
	out := map[string]func() float64{}
	for name := range codec {
		file := filepath.Join(t.TempDir(), "reference.mkv")
		done := make(chan error, 1)
		cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", string(at(name)), "-t", "14", "-c", "copy", file)
		go func() { done <- cmd.Run() }()
		out[name] = sync.OnceValue(func() float64 {
			must(t, <-done)
			return lag(t, file)
		})
	}
	return out
}

// lag is how far behind a key frame it ticks, within a second, at the end of a file:
// before the camera has told its clock nobody knows it.
func lag(t *testing.T, file string) float64 {
	t.Helper()
	key := math.NaN()
	p := probe(t, file)
	for _, f := range p.Frames {
		if f.Key == 1 && f.Media == "video" {
			key = number(t, f.PTS)
		}
	}
	ticks := hearTicks(t, file)
	if n := len(ticks); n < 3 || math.Abs(ticks[n-1]-ticks[n-2]-1) > 0.003 {
		t.Fatalf("it ticks at %v", ticks)
	}
	return math.Mod(ticks[len(ticks)-1]-key+100, 1)
}

// hearTicks are the times at which it becomes loud, on the clock of the pictures.
func hearTicks(t *testing.T, file string) (at []float64) {
	const rate = 8000
	pcm := tool(t, "ffmpeg", "-v", "error", "-copyts", "-i", file, "-map", "0:a", "-af", "aresample=8000:async=1000:min_hard_comp=0.005:first_pts=0", "-ac", "1", "-f", "s16le", "-")
	silent := rate
	for i := 0; i+1 < len(pcm); i += 2 {
		v := int(int16(binary.LittleEndian.Uint16(pcm[i:]))) //nolint:gosec // signed
		if v > 2000 || v < -2000 {
			if silent > rate/4 {
				at = append(at, float64(i/2)/rate)
			}
			silent = 0
		} else {
			silent++
		}
	}
	return at
}

// turns is a camera whose sound changes: each connection goes to the next address.
type turns struct {
	streams.Puller
	names []streams.URL
	n     atomic.Int32
	each  time.Duration
}

var errTurn = errors.New("the camera was set anew")

// Pull implements streams.Puller.
func (c *turns) Pull(ctx context.Context, s streams.Source, to streams.Sink) error {
	n := int(c.n.Add(1)) - 1
	s.URL = c.names[min(n, len(c.names)-1)]
	if n < len(c.names)-1 {
		var cancel func()
		ctx, cancel = context.WithTimeoutCause(ctx, c.each, errTurn)
		defer cancel()
	}
	return c.Puller.Pull(ctx, s, to)
}

// A camera that gets sound, has it coded otherwise and loses it goes on with its
// pictures in one session; each coding is a track of what is made of it.
func TestSoundComesAndGoes(t *testing.T) {
	t.Parallel()
	port := foreign(t)
	pull, err := rtsp.New(rtsp.Options{})
	must(t, err)
	c := &turns{Puller: pull, each: 6 * time.Second}
	for _, name := range []string{"test", "alaw-ticks", "opus-ticks", "test"} {
		c.names = append(c.names, streams.URL("rtsp://admin:s3cr3t@127.0.0.1:"+port+"/"+name))
	}
	h := openBy(t, t.TempDir(), c, continuous("cam"), streams.Camera{ID: "cam", URL: c.names[0], RecordSound: true})
	h.filled("cam", 2*time.Second)
	begun := time.Now()
	id := h.record("all", "cam", 2*time.Second, 28*time.Second).ID
	h.until("the last turn", 60*time.Second, func() bool { return c.n.Load() >= 4 && time.Since(begun) > 29*time.Second })
	row := h.over(id)
	if row.State != Complete || row.Sound != streams.PCMA {
		t.Errorf("got %+v", row)
	}
	for kind, b := range map[string][]byte{
		"original": h.video(id), "export": h.exported(id),
		"recording": h.do(http.MethodGet, "/cameras/cam/recordings/play?"+between(*row.From, *row.To), "").Body.Bytes(),
	} {
		var names []string
		p := probe(t, write(t, b))
		for _, s := range p.Streams {
			names = append(names, s.CodecName)
		}
		if got := strings.Join(names, " "); kind != "recording" && got != "h264 pcm_alaw opus" {
			t.Errorf("%s: it holds %s", kind, got)
		}
		n := 0
		for _, f := range p.Frames {
			if f.Media == "video" {
				n++
			}
		}
		if kind != "recording" && n < 15*15 {
			t.Errorf("%s: %d pictures", kind, n)
		}
	}
	h.folder(1)
	for _, r := range h.reelNames("cam") {
		if !strings.HasPrefix(r, h.reelNames("cam")[0][:len(sessionForm)]) {
			t.Errorf("another session began: %s", r)
		}
	}
}

func (h *hub) reelNames(camera string) []string {
	h.t.Helper()
	names, err := reelsIn(h.clips.o.Dir + "/" + camera)
	must(h.t, err)
	if len(names) == 0 {
		h.t.Fatal("there are no reels")
	}
	return names
}
