package clip

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dongyue/internal/simulator/camera"
	"dongyue/streams"
	"dongyue/streams/evidence"
)

// A disk that fails ends the clips with the reason and with what they have; the camera
// and those who watch it don't notice, and the next clip is recorded when it is well.
func TestDisk(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"}, camera.Camera{ID: "cam-2", Scene: "plaza"})
	h := open(t, t.TempDir(), nil, source(sim, "cam-1"), source(sim, "cam-2"))
	var left atomic.Int64
	left.Store(1 << 40)
	h.clips.free.Store(new(func(string) (int64, error) { return left.Load(), nil }))
	must(t, os.WriteFile(filepath.Join(h.dir, "clips", "cam-2"), []byte("in the way"), 0o600))
	h.filled("cam-1", 2*time.Second)
	h.filled("cam-2", 2*time.Second)

	blocked := h.over(h.record("blocked", "cam-2", time.Second, 20*time.Second).ID)
	if blocked.State != Failed || blocked.Problem != problemDisk || blocked.ProblemText.ZH == "" {
		t.Errorf("got %+v", blocked)
	}
	if h.clips.Err() == nil || h.clips.metrics.errors.Load() == 0 {
		t.Error("nobody hears of the disk")
	}
	c := h.record("full", "cam-1", time.Second, 20*time.Second)
	h.until("something of it is on the disk", 10*time.Second, func() bool {
		return h.do(http.MethodGet, "/clips/"+c.ID+"/video.mp4", "").Code == http.StatusOK
	})
	left.Store(reserve - 1)
	full := h.over(c.ID)
	if full.State != Interrupted || full.Problem != problemFull || full.Frames == 0 || len(full.Gaps) == 0 {
		t.Errorf("got %+v", full)
	}
	shown(t, probe(t, write(t, h.video(full.ID))))
	time.Sleep(5 * time.Second) // what is on the disk is older than what the next one wants
	if refused := h.over(h.record("refused", "cam-1", time.Second, 20*time.Second).ID); refused.Problem != problemFull {
		t.Errorf("got %+v", refused)
	}
	if v, _ := h.streams.Get("cam-1"); v.Sub.State != streams.Live {
		t.Errorf("the camera is %s", v.Sub.State)
	}
	left.Store(1 << 40)
	if well := h.over(h.record("well", "cam-1", time.Second, time.Second).ID); well.State != Complete || h.clips.Err() != nil {
		t.Errorf("got %+v, %v", well, h.clips.Err())
	}
	must(t, os.Remove(filepath.Join(h.dir, "clips", "cam-2")))
	h.folder(2)
}

// A clip that ends before it is stored as begun, as on a full disk, is stored as ended
// behind that, and not at all when it was not begun.
func TestClipThatEndsBeforeItIsStored(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	h := open(t, t.TempDir(), nil, source(sim, "cam-1"))
	h.clips.free.Store(new(func(string) (int64, error) { return 0, nil }))
	h.filled("cam-1", 2*time.Second)
	a, err := h.clips.armedCamera("cam-1")
	must(t, err)
	now := time.Now()
	enter := func(id string) *clip {
		c := &clip{from: now.Add(-time.Second), to: now.Add(time.Minute), storing: make(chan struct{})}
		c.row = Clip{ID: id, Camera: "cam-1", By: HubActor, State: Recording, WantedFrom: c.from, WantedTo: c.to, BeganAt: now, Gaps: []Gap{}}
		must(t, h.clips.enter(c))
		a.ring.add(c)
		return c
	}
	active := func(id string) bool {
		h.clips.mu.Lock()
		defer h.clips.mu.Unlock()
		return h.clips.active[id] != nil
	}
	c := enter("slow")
	h.until("it has ended", 10*time.Second, func() bool {
		a.ring.mu.Lock()
		defer a.ring.mu.Unlock()
		return len(a.ring.clips) == 0
	})
	time.Sleep(100 * time.Millisecond)
	if !active("slow") {
		t.Fatal("its end was stored before its beginning")
	}
	must(t, h.clips.begin(context.Background(), "slow", &c.row))
	close(c.storing)
	if got := h.over("slow"); got.State != Failed || got.Problem != problemFull {
		t.Errorf("got %+v", got)
	}
	c = enter("never")
	c.void = true
	h.clips.exit(c)
	close(c.storing)
	if after := h.over(h.record("after", "cam-1", time.Second, 20*time.Second).ID); after.Problem != problemFull {
		t.Errorf("got %+v", after)
	}
	if _, err := h.clips.Get(context.Background(), "never"); !errors.Is(err, ErrUnknown) {
		t.Errorf("a clip that was not begun: %v", err)
	}
}

// A recording that was changed on the disk is not exported, and is told apart.
func TestChangedOnDisk(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	h := open(t, t.TempDir(), nil, source(sim, "cam-1"))
	h.filled("cam-1", 2*time.Second)
	c := h.over(h.record("a", "cam-1", time.Second, time.Second).ID)
	p := h.manifest(c.ID).Parts[2]
	reel := filepath.Join(h.dir, "clips", "cam-1", p.File)
	b, err := os.ReadFile(reel)
	must(t, err)
	b[p.FileAt+p.Size/2] ^= 0x40
	must(t, os.WriteFile(reel, b, 0o600))
	if w := h.do(http.MethodPost, "/clips/"+c.ID+"/export", `{"reason":"x"}`); w.Code != http.StatusConflict {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	rs, err := evidence.CheckPath(filepath.Join(h.dir, "clips"), h.clips.Key())
	must(t, err)
	if len(rs) != 1 || rs[0].OK || rs[0].Findings[0].Part != 2 {
		t.Errorf("got %+v", rs)
	}
	must(t, os.Remove(reel))
	if w := h.do(http.MethodPost, "/clips/"+c.ID+"/export", `{"reason":"x"}`); w.Code == http.StatusOK {
		t.Error("a clip without its reel was exported")
	}
}

// A reel whose write failed ends where it ended before.
func TestReelAfterAFailure(t *testing.T) {
	dir := t.TempDir()
	r, err := newReel(dir, reelName("20260101T000000.000", 3), []byte("head"), time.Now())
	must(t, err)
	must(t, r.append([]*piece{{size: 3}}, [][]byte{[]byte("abc")}))
	f := r.f
	r.f, err = os.Open(f.Name()) // which can't be written
	must(t, err)
	if err := r.append([]*piece{{size: 3}}, [][]byte{[]byte("def")}); err == nil || r.size != 7 {
		t.Fatalf("%d bytes, %v", r.size, err)
	}
	_ = r.f.Close()
	r.f = f
	must(t, r.append([]*piece{{size: 3}}, [][]byte{[]byte("ghi")}))
	must(t, f.Close())
	if b, _ := os.ReadFile(f.Name()); string(b) != "headabcghi" {
		t.Fatalf("got %q", b)
	}
	if _, err := newReel(dir, filepath.Base(f.Name()), nil, time.Now()); err == nil {
		t.Fatal("a reel was written over")
	}
	for name, want := range map[string]bool{
		filepath.Base(f.Name()): true, "20260101T000000.000-0003": false, "20260101T000000.000-3.mp4": false, "x-0003.mp4": false, "export.tmp": false,
		"20260101T000000.000-12345.mp4": true, "20260101T000000.000-00x3.mp4": false, ".mp4": false,
	} {
		if _, _, ok := sessionOf(name); ok != want {
			t.Errorf("%s: %v", name, ok)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	h := open(t, t.TempDir(), nil, source(sim, "cam-1"))
	ctx, now := context.Background(), time.Now()
	if _, err := h.clips.Record(ctx, Request{Key: "early", Camera: "cam-1", From: now, To: now.Add(time.Second)}); err != nil && !errors.Is(err, ErrNotRunning) {
		t.Errorf("before it is armed: %v", err)
	}
	h.filled("cam-1", time.Second)
	now = time.Now()
	for _, c := range []struct {
		q    Request
		want error
	}{
		{Request{Key: "a", Camera: "cam-9", From: now, To: now.Add(time.Second)}, ErrNoCamera},
		{Request{Key: "b", Camera: "cam-1", From: now, To: now}, ErrLength},
		{Request{Key: "c", Camera: "cam-1", From: now, To: now.Add(time.Hour)}, ErrLength},
		{Request{Key: "d", Camera: "cam-1", From: now.Add(25 * time.Hour), To: now.Add(25*time.Hour + time.Minute)}, ErrLength},
		{Request{Key: "e", Camera: "cam-1", From: now.Add(-time.Hour), To: now.Add(-time.Hour + time.Minute)}, ErrPast},
	} {
		if _, err := h.clips.Record(ctx, c.q); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.q.Key, err, c.want)
		}
	}
	if _, err := h.clips.Record(ctx, Request{Camera: "cam-1", From: now, To: now.Add(time.Second)}); err == nil {
		t.Error("a clip without a key has begun")
	}
	for call, want := range map[string]int{
		"GET /clips/none": 404, "GET /clips/none/video.mp4": 404, "GET /clips/none/manifest.json": 404, "POST /clips/none/export": 404,
		"GET /clips?limit=0": 422, "GET /clips?alarm=none": 200, "GET /cameras/cam-1/clips": 200, "GET /clips/key": 200, "POST /cameras/cam-9/clips": 404,
	} {
		method, path, _ := strings.Cut(call, " ")
		if w := h.do(method, path, `{"reason":"x"}`); w.Code != want {
			t.Errorf("%s: %d %s", call, w.Code, w.Body)
		}
	}
}
