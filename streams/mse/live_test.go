package mse_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/coder/websocket"

	"dongyue/internal/simulator/camera"
	"dongyue/streams"
)

// follow reads n pictures; each must begin where the one before ends. It returns the
// pieces of sound that came between them.
func (v *viewer) follow(n int) (pictures, sound []*fmp4.PartTrack) {
	v.t.Helper()
	ends := map[int]uint64{}
	for len(pictures) < n {
		p := v.next()
		if end, ok := ends[p.ID]; ok && p.BaseTime != end {
			v.t.Fatalf("track %d: a fragment begins at %d, the one before ends at %d", p.ID, p.BaseTime, end)
		}
		end := p.BaseTime
		for _, s := range p.Samples {
			end += uint64(s.Duration)
		}
		ends[p.ID] = end
		if p.ID == 1 {
			pictures = append(pictures, p)
		} else {
			sound = append(sound, p)
		}
	}
	return pictures, sound
}

// decoded asks a decoder of others how many pictures of a file it shows.
func (v *viewer) decoded() string {
	v.t.Helper()
	if _, err := exec.LookPath("ffprobe"); err != nil {
		v.t.Skip("ffprobe is not installed (ffmpeg)")
	}
	name := filepath.Join(v.t.TempDir(), "live.mp4")
	if err := os.WriteFile(name, v.file.Bytes(), 0o600); err != nil {
		v.t.Fatal(err)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,width,height,nb_read_frames", "-of", "csv=p=0", name).CombinedOutput()
	if err != nil {
		v.t.Fatalf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestH264(t *testing.T) {
	h := newHub(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	v := h.watch("/mse/cam-1?stream=sub")
	hello := v.hello()
	if !strings.HasPrefix(hello.MIME, `video/mp4; codecs="avc1.`) || hello.Stream != streams.Sub || hello.Reason != "" {
		t.Fatalf("got %+v", hello)
	}
	if i := v.header(); len(i.Tracks) != 1 {
		t.Fatalf("%d tracks", len(i.Tracks))
	}
	pictures, _ := v.follow(30)
	for i, p := range pictures {
		if len(p.Samples) != 1 || p.Samples[0].IsNonSyncSample == (i == 0) && i == 0 {
			t.Fatalf("fragment %d: %d pictures, key %v", i, len(p.Samples), !p.Samples[0].IsNonSyncSample)
		}
	}
	if pictures[0].BaseTime != 0 {
		t.Fatalf("it begins at %d", pictures[0].BaseTime)
	}
	if got := v.decoded(); !strings.HasPrefix(got, "h264,640,360,30") {
		t.Fatalf("a decoder says %q", got)
	}
	// Who comes later begins at the key frame that is there already.
	began := time.Now()
	late := h.watch("/mse/cam-1?stream=sub")
	late.hello()
	late.header()
	if p := late.next(); p.Samples[0].IsNonSyncSample {
		t.Fatal("the first picture is no key frame")
	}
	t.Logf("hot camera: first picture after %s", time.Since(began))
}

func TestForeignCodings(t *testing.T) {
	h := newHub(t)
	h.seed(foreign(t), map[string]string{"h265": "h265", "aac": "aac", "opus": "opus", "alaw": "alaw"})
	for _, c := range []struct{ path, codecs, decoded, audio string }{
		{"h265", "hvc1.1.6.L", "hevc,640,360", ""},
		{"aac?audio=1", ",mp4a.40.2", "aac", "aac"},
		{"opus?audio=1", ",opus", "opus", "opus"},
		{"aac", "avc1.", "h264,640,360", "aac"},
		{"alaw?audio=1", "avc1.", "h264,640,360", "pcma"},
	} {
		t.Run(c.path, func(t *testing.T) {
			h := &hub{t: t, http: h.http}
			v := h.watch("/mse/" + c.path)
			hello := v.hello()
			if !strings.Contains(hello.MIME, c.codecs) || hello.Audio != c.audio || hello.Stream != streams.Main {
				t.Fatalf("got %+v", hello)
			}
			v.header()
			pictures, sound := v.follow(45)
			if strings.HasPrefix(c.codecs, ",") {
				inStep(t, pictures, sound, map[string]uint64{"aac": 48000, "opus": 48000}[c.audio])
			} else if len(sound) > 0 {
				t.Fatal("sound that nobody asked for, or that files can't hold")
			}
			if got := v.decoded(); !strings.Contains(got, c.decoded) {
				t.Fatalf("a decoder says %q", got)
			}
		})
	}
}

// Files show all pictures of a stream with B-frames, in the stream that was asked for.
func TestBFrames(t *testing.T) {
	h := newHub(t)
	h.seed(foreign(t), map[string]string{"b": "b", "pyramid": "pyramid", "h265-open": "h265-open"})
	for _, name := range []string{"b", "pyramid", "h265-open"} {
		t.Run(name, func(t *testing.T) {
			keep, err := h.streams.Keep(name, streams.Main)
			if err != nil {
				t.Fatal(err)
			}
			defer keep.Close()
			for end := time.Now().Add(30 * time.Second); !keep.Codec().BFrames; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("the camera does not send B-frames")
				}
			}
			h := &hub{t: t, http: h.http}
			v := h.watch("/mse/" + name)
			if hello := v.hello(); hello.Stream != streams.Main || hello.Reason != "" {
				t.Fatalf("got %+v", hello)
			}
			v.header()
			pictures, _ := v.follow(60)
			var shown []int64
			back := false
			for _, p := range pictures {
				at := int64(p.BaseTime) + int64(p.Samples[0].PTSOffset)
				back = back || len(shown) > 0 && at < shown[len(shown)-1]
				shown = append(shown, at)
			}
			if !back {
				t.Error("there are no B-frames in it")
			}
			slices.Sort(shown)
			for i, at := range shown[1:50] { // of the last ones some are still to come
				if d := at - shown[i]; d < 5800 || d > 6200 { // 15 a second
					t.Errorf("%d ticks lie between two pictures", d)
				}
			}
			if got := v.decoded(); !strings.Contains(got, "640,360,6") && !strings.Contains(got, "640,360,5") {
				t.Fatalf("a decoder says %q", got)
			}
		})
	}
}

// inStep: the sound ends about where the pictures do.
func inStep(t *testing.T, pictures, sound []*fmp4.PartTrack, rate uint64) {
	t.Helper()
	if len(sound) < 10 {
		t.Fatalf("%d pieces of sound", len(sound))
	}
	last := func(p *fmp4.PartTrack, rate uint64) time.Duration {
		end := p.BaseTime
		for _, s := range p.Samples {
			end += uint64(s.Duration)
		}
		return time.Duration(end) * time.Second / time.Duration(rate)
	}
	a, b := last(pictures[len(pictures)-1], 90000), last(sound[len(sound)-1], rate)
	if d := a - b; d > 300*time.Millisecond || d < -300*time.Millisecond {
		t.Fatalf("pictures end at %s, sound at %s", a, b)
	}
}

func TestNotPlayable(t *testing.T) {
	h := newHub(t)
	h.seed(foreign(t), map[string]string{"cam": "h265"})
	v := h.watch("/mse/cam?h265=0")
	if hello := v.hello(); hello.Code != "mse.h265" || hello.Detail == "" {
		t.Fatalf("got %+v", hello)
	}
	if _, _, err := v.read(); websocket.CloseStatus(err) != websocket.StatusUnsupportedData {
		t.Fatal(err)
	}
}

func TestRefusals(t *testing.T) {
	h := newHub(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	for _, c := range []struct {
		path   string
		header []string
		want   int
	}{
		{"/mse/nobody", nil, http.StatusNotFound},
		{"/mse/cam-1?stream=best", nil, http.StatusBadRequest},
		{"/mse/cam-1", []string{"X-Who", ""}, http.StatusUnauthorized},
		{"/mse/cam-1", []string{"Origin", "https://evil.example"}, http.StatusForbidden},
	} {
		conn, res, err := h.dial(c.path, c.header...)
		if err == nil {
			_ = conn.CloseNow()
		}
		if res == nil || res.StatusCode != c.want {
			t.Errorf("%s %v: %v, %v, want %d", c.path, c.header, res, err, c.want)
		}
	}
	if n := h.mse.Viewers(); n != 0 {
		t.Fatalf("%d viewers", n)
	}
}

func TestQuotaAndRevoke(t *testing.T) {
	h := newHub(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	v := h.watch("/mse/cam-1")
	h.watch("/mse/cam-1")
	h.watch("/mse/cam-1")
	if _, res, err := h.dial("/mse/cam-1"); err == nil || res == nil || res.StatusCode != http.StatusTooManyRequests {
		t.Fatalf("the fourth: %v, %v", res, err)
	}
	v.hello()
	if n := h.mse.Revoke("somebody else"); n != 0 {
		t.Fatalf("%d of somebody else", n)
	}
	if n := h.mse.Revoke("u1"); n != 3 {
		t.Fatalf("%d were ended", n)
	}
	for {
		if _, _, err := v.read(); err != nil {
			if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
				t.Fatal(err)
			}
			break
		}
	}
	for end := time.Now().Add(5 * time.Second); h.mse.Viewers() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("viewers are left")
		}
	}
}

// A viewer that does not read holds up nobody, and goes on at a key frame.
func TestSlowViewer(t *testing.T) {
	h := newHub(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	slow, fast := h.watch("/mse/cam-1"), h.watch("/mse/cam-1")
	slow.hello()
	slow.header()
	fast.hello()
	fast.header()
	began := time.Now()
	fast.follow(100) // 4 s
	if d := time.Since(began); d > 8*time.Second {
		t.Fatalf("100 pictures took %s", d)
	}
	slow.follow(100) // what the network held, or later pictures: no hole in time either way
}

func TestHubEnds(t *testing.T) {
	h := newHub(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	v := h.watch("/mse/cam-1")
	v.hello()
	if err := h.streams.Delete(context.Background(), "cam-1"); err != nil {
		t.Fatal(err)
	}
	for {
		if _, _, err := v.read(); err != nil {
			if websocket.CloseStatus(err) != websocket.StatusNormalClosure {
				t.Fatal(fmt.Errorf("the camera was deleted: %w", err))
			}
			return
		}
	}
}
