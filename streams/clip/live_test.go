package clip

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dongyue/internal/simulator/camera"
	"dongyue/internal/web"
	"dongyue/streams"
	"dongyue/streams/evidence"
)

func number(t testing.TB, s string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	must(t, err)
	return f
}

// shown are the times of the frames that a player shows, which skips those before the
// edit list; each time must be later than the one before.
func shown(t testing.TB, p probed) (ts []float64) {
	t.Helper()
	last := -1e9
	for _, f := range p.Frames {
		at := number(t, f.PTS)
		if at <= last {
			t.Errorf("a frame at %f comes after one at %f", at, last)
		}
		last = at
		ts = append(ts, at)
	}
	return ts
}

// begins checks that a clip's first picture is not more than a frame from its start.
func begins(t testing.TB, ts []float64, frame float64) {
	t.Helper()
	i := slices.IndexFunc(ts, func(at float64) bool { return at >= -0.0005 })
	if i < 0 || ts[i] > frame+0.001 {
		t.Fatalf("the first picture is not at the start: %v", ts)
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	h := open(t, t.TempDir(), nil, source(sim, "cam-1"))
	h.filled("cam-1", 3*time.Second)
	before := h.feed.Last()
	c := h.record("a", "cam-1", 2*time.Second, 2*time.Second)
	if v, _ := h.streams.Get("cam-1"); v.Viewers != 0 || v.Sub.State != streams.Live || v.Main.State != streams.Idle {
		t.Errorf("the recorder is taken for a viewer, or records the wrong stream: %+v", v)
	}
	h.until("something can be seen while it is recorded", 10*time.Second, func() bool {
		return h.do(http.MethodGet, "/clips/"+c.ID+"/video.mp4", "").Code == http.StatusOK
	})
	partly := h.video(c.ID)
	c = h.over(c.ID)
	if c.State != Complete || c.Interrupted || len(c.Gaps) > 0 || !c.From.Equal(c.WantedFrom) || !c.To.Equal(c.WantedTo) || c.DurationMS != 4000 {
		t.Fatalf("got %+v", c)
	}
	if c.Codec != "avc1.4d4016" || c.Width != 640 || c.CameraName != "东门 cam-1" || c.Alarm != "alarm-a" || c.SHA256 == "" {
		t.Fatalf("got %+v", c)
	}
	if late := c.EndedAt.Sub(c.WantedTo); late > 2*time.Second {
		t.Errorf("it was ready %s after its end", late)
	}
	whole := h.video(c.ID)
	for name, b := range map[string][]byte{"partly": partly, "whole": whole} {
		p := probe(t, write(t, b))
		ts := shown(t, p)
		begins(t, ts, 1.0/12)
		if len(p.Streams) != 1 || p.Streams[0].CodecName != "h264" || name == "whole" && (ts[len(ts)-1] < 4-2.0/12 || len(p.Frames) != c.Frames) {
			t.Errorf("%s: %+v, %d frames to %f", name, p.Streams, len(p.Frames), ts[len(ts)-1])
		}
	}
	s := h.manifest(c.ID)
	r := evidence.Check("clip", s, evidence.File{ReaderAt: bytes.NewReader(whole), Bytes: int64(len(whole))}, h.clips.Key())
	if !r.OK || !r.Expected || s.Video.SHA256 != c.SHA256 {
		t.Fatalf("got %+v", r)
	}
	h.told(before, c.ID, "begin", "end")
	h.folder(1)
	// The file that it lies in plays by itself, for whoever has lost the hub.
	if p := probe(t, filepath.Join(h.dir, "clips", "cam-1", s.Parts[1].File)); len(p.Frames) < c.Frames {
		t.Errorf("the reel shows %d frames, the clip %d", len(p.Frames), c.Frames)
	}
}

// told checks what the feed has of a clip.
func (h *hub) told(after uint64, id string, want ...string) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var got []string
	_ = h.feed.Follow(ctx, after, func(e web.Entry) error {
		var c Change
		must(h.t, json.Unmarshal(e.Data, &c))
		if e.Topic == topic && c.ID == id {
			got = append(got, c.Change)
		}
		if e.Seq == h.feed.Last() {
			cancel()
			return context.Canceled
		}
		return nil
	})
	if !slices.Equal(got, want) {
		h.t.Errorf("the feed has %v of clip %s, want %v", got, id, want)
	}
}

// folder checks all clips as they lie in the hub's own files.
func (h *hub) folder(n int) {
	h.t.Helper()
	rs, err := evidence.CheckPath(filepath.Join(h.dir, "clips"), h.clips.Key())
	must(h.t, err)
	if len(rs) != n {
		h.t.Errorf("%d clips in the folder, want %d", len(rs), n)
	}
	for _, r := range rs {
		if !r.OK {
			h.t.Errorf("%s: %+v", r.Name, r.Findings)
		}
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "east-gate"})
	h := open(t, t.TempDir(), nil, source(sim, "cam-1"))
	h.filled("cam-1", 3*time.Second)
	c := h.over(h.record("a", "cam-1", 2*time.Second, time.Second).ID)
	for body, want := range map[string]int{"": 422, "{}": 422, `{"reason":" "}`: 422, `{"reason":"x","more":1}`: 422, `{"reason":"110 立案"}`: 200} {
		w := h.do(http.MethodPost, "/clips/"+c.ID+"/export", body)
		if w.Code != want {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
		if want == 200 {
			h.checkExport(&c, w.Body.Bytes())
		}
	}
	if n := h.audit.count(`clip.exported ` + c.ID); n != 1 {
		t.Errorf("%d exports in the audit", n)
	}
	if left, _ := filepath.Glob(filepath.Join(h.dir, "clips", "export-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func (h *hub) checkExport(c *Clip, archive []byte) {
	t := h.t
	name := filepath.Join(t.TempDir(), "x.zip")
	must(t, os.WriteFile(name, archive, 0o600))
	rs, err := evidence.CheckPath(name, h.clips.Key())
	must(t, err)
	if len(rs) != 1 || !rs[0].OK || rs[0].Kind != evidence.Export {
		t.Fatalf("got %+v", rs)
	}
	z, err := zip.OpenReader(name)
	must(t, err)
	defer func() { _ = z.Close() }()
	read := func(file string) []byte {
		f, err := z.Open(file)
		must(t, err)
		return readAll(t, f)
	}
	readme := string(read(evidence.ReadmeName))
	for _, word := range []string{c.ID, "东门 cam-1", "110 立案", "陈u1", "温度过高", evidence.Fingerprint(h.clips.Key())} {
		if !strings.Contains(readme, word) {
			t.Errorf("the readme does not have %q:\n%s", word, readme)
		}
	}
	s, err := evidence.Parse(read(evidence.ManifestName))
	must(t, err)
	if s.Exported == nil || s.Exported.Reason != "110 立案" || s.Exported.Of != c.SHA256 {
		t.Errorf("got %+v", s.Exported)
	}
	flat := write(t, read(evidence.VideoName))
	p := probe(t, flat)
	ts := shown(t, p)
	begins(t, ts, 1.0/12)
	if d := number(t, p.Format.Duration); d < 2.99 || d > 3.01 || ts[len(ts)-1] > 3 {
		t.Errorf("it lasts %f s, the last frame is at %f", d, ts[len(ts)-1])
	}
	// The index lies in front, and the pictures are those of the recording.
	b := read(evidence.VideoName)
	list, err := boxes(b, 0, len(b))
	must(t, err)
	if len(list) != 3 || list[1].kind != "moov" || list[2].kind != "mdat" {
		t.Errorf("boxes are %+v", list)
	}
	pictures := func(file string) string {
		return string(tool(t, "ffmpeg", "-v", "error", "-ignore_editlist", "1", "-i", file, "-map", "0:v", "-f", "hash", "-hash", "sha256", "-"))
	}
	if a, b := pictures(write(t, h.video(c.ID))), pictures(flat); a != b {
		t.Errorf("the pictures differ: %s and %s", a, b)
	}
}

// A key is one clip, however often and from how many sides it is asked for, also after
// a restart; what is told twice is neither recorded nor announced twice.
func TestSameKeySameClip(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	dir := t.TempDir()
	h := open(t, dir, nil, source(sim, "cam-1"))
	h.filled("cam-1", 2*time.Second)
	before := h.feed.Last()
	var wg sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		wg.Go(func() {
			now := time.Now()
			c, err := h.clips.Record(context.Background(), Request{Key: "k", Camera: "cam-1", From: now.Add(-time.Second), To: now.Add(time.Second), By: HubActor})
			if err != nil {
				t.Error(err)
			}
			ids[i] = c.ID
		})
	}
	wg.Wait()
	if n := len(slices.Compact(ids)); n != 1 {
		t.Fatalf("%d clips: %v", n, ids)
	}
	first := h.over(ids[0])
	h.told(before, first.ID, "begin", "end")
	h.stop()
	h = open(t, dir, nil, source(sim, "cam-1"))
	h.filled("cam-1", time.Second)
	if c := h.record("k", "cam-1", time.Second, time.Second); c.ID != first.ID || c.State != Complete || c.SHA256 != first.SHA256 {
		t.Fatalf("got %+v", c)
	}
}

// Clips of one camera share what is recorded: each picture is written once, also when
// a later clip begins before an earlier one.
func TestClipsShareAReel(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	h := open(t, t.TempDir(), func(o *Options) { o.Before = 5 * time.Second }, source(sim, "cam-1"))
	h.filled("cam-1", 5*time.Second)
	var ids []string
	for i := range 10 {
		ids = append(ids, h.record(fmt.Sprint(i), "cam-1", time.Second, time.Second).ID)
	}
	time.Sleep(500 * time.Millisecond)
	ids = append(ids, h.record("early", "cam-1", 4*time.Second, time.Second).ID, h.record("late", "cam-1", 0, 3*time.Second).ID)
	reels, bytes := map[string]bool{}, int64(0)
	for _, id := range ids {
		c := h.over(id)
		if c.State != Complete || len(c.Gaps) > 0 || !c.From.Equal(c.WantedFrom) {
			t.Errorf("got %+v", c)
		}
		begins(t, shown(t, probe(t, write(t, h.video(id)))), 1.0/12)
		for _, p := range h.manifest(id).Parts[1:] {
			reels[p.File] = true
			bytes += p.Size
		}
	}
	if len(reels) != 1 {
		t.Errorf("%d reels", len(reels))
	}
	if n := int64(h.clips.metrics.bytes.Load()); n > bytes/3 {
		t.Errorf("%d bytes were written for clips of %d", n, bytes)
	}
	h.folder(len(ids))
}

// Many alarms at once: every clip is whole and begins within a frame. bench/clips does
// the same with more.
func TestFlood(t *testing.T) {
	t.Parallel()
	const alarms = 60
	ids := []string{"cam-1", "cam-2", "cam-3", "cam-4"}
	var sims []camera.Camera
	for i, id := range ids {
		sims = append(sims, camera.Camera{ID: id, Scene: camera.Scenes()[i]})
	}
	sim := simulate(t, sims...)
	var known []streams.Camera
	for _, id := range ids {
		known = append(known, source(sim, id))
	}
	h := open(t, t.TempDir(), nil, known...)
	for _, id := range ids {
		h.filled(id, 3*time.Second)
	}
	var wg sync.WaitGroup
	clips := make([]Clip, alarms)
	for i := range alarms {
		wg.Go(func() {
			now := time.Now()
			c, err := h.clips.Record(context.Background(), Request{
				Key: fmt.Sprint(i), Camera: ids[i%len(ids)], From: now.Add(-2 * time.Second), To: now.Add(2 * time.Second), By: HubActor,
			})
			if err != nil {
				t.Error(err)
			}
			clips[i] = c
		})
	}
	wg.Wait()
	for i, c := range clips {
		c = h.over(c.ID)
		if c.State != Complete || len(c.Gaps) > 0 || !c.From.Equal(c.WantedFrom) || !c.To.Equal(c.WantedTo) {
			t.Errorf("got %+v", c)
		}
		if i%10 == 0 {
			begins(t, shown(t, probe(t, write(t, h.video(c.ID)))), 1.0/12)
		}
	}
	h.folder(alarms)
}

// What the camera does not send is told to the millisecond, with the reason.
func TestOutage(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"}, camera.Camera{ID: "cam-2", Scene: "plaza"})
	must(t, sim.Off("cam-2"))
	h := open(t, t.TempDir(), nil, source(sim, "cam-1"), source(sim, "cam-2"))
	h.filled("cam-1", 2*time.Second)
	never := h.record("never", "cam-2", time.Second, time.Second)
	c := h.record("a", "cam-1", 2*time.Second, 6*time.Second)
	time.Sleep(time.Second)
	must(t, sim.Off("cam-1"))
	off := time.Now()
	time.Sleep(1500 * time.Millisecond)
	must(t, sim.On("cam-1"))
	on := time.Now()
	c, never = h.over(c.ID), h.over(never.ID)
	if len(c.Gaps) != 1 || c.State != Complete {
		t.Fatalf("got %+v", c)
	}
	g := c.Gaps[0]
	if !strings.HasPrefix(g.Reason, "camera.") || g.Text.ZH == "" || g.Text.EN == "" || g.From.Before(off.Add(-500*time.Millisecond)) || g.From.After(off.Add(200*time.Millisecond)) || g.To.Before(on.Add(-200*time.Millisecond)) {
		t.Errorf("got %+v; it was off from %s to %s", g, off, on)
	}
	ts := shown(t, probe(t, write(t, h.video(c.ID))))
	widest := 0.0
	for i := 1; i < len(ts); i++ {
		widest = max(widest, ts[i]-ts[i-1])
	}
	if d := g.To.Sub(g.From).Seconds(); widest < d-0.2 || widest > d+0.3 {
		t.Errorf("the longest time between pictures is %f s, the gap %f s", widest, d)
	}
	if never.State != Failed || never.Problem != problemEmpty || never.ProblemText.ZH == "" || len(never.Gaps) != 1 {
		t.Errorf("got %+v", never)
	}
	for _, path := range []string{"video.mp4", "manifest.json"} {
		if w := h.do(http.MethodGet, "/clips/"+never.ID+"/"+path, ""); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "clip.empty") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	h.folder(1)
}

// A camera that is deleted, and one whose stream falls silent at the very end.
func TestCameraGoes(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"}, camera.Camera{ID: "cam-2", Scene: "plaza"})
	h := open(t, t.TempDir(), nil, source(sim, "cam-1"), source(sim, "cam-2"))
	h.filled("cam-1", 2*time.Second)
	h.filled("cam-2", 2*time.Second)
	gone, silent := h.record("a", "cam-1", time.Second, 20*time.Second), h.record("b", "cam-2", time.Second, 2*time.Second)
	time.Sleep(500 * time.Millisecond)
	must(t, h.streams.Delete(context.Background(), "cam-1"))
	must(t, sim.Off("cam-2"))
	gone, silent = h.over(gone.ID), h.over(silent.ID)
	if gone.State != Interrupted || gone.Problem != problemGone || gone.Frames == 0 {
		t.Errorf("got %+v", gone)
	}
	if silent.State != Complete || len(silent.Gaps) != 1 || !silent.Gaps[0].To.Equal(silent.WantedTo) {
		t.Errorf("got %+v", silent)
	}
	if _, err := h.clips.Record(context.Background(), Request{Key: "c", Camera: "cam-1", From: time.Now(), To: time.Now().Add(time.Second)}); err == nil {
		t.Error("a clip of a deleted camera has begun")
	}
	h.folder(2)
}
