package clip

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"dongyue/internal/simulator/camera"
	"dongyue/streams"
	"dongyue/streams/evidence"
)

func continuous(ids ...string) func(*Options) {
	return func(o *Options) { o.Continuous.Cameras = ids }
}

// taped waits until so much of a camera is recorded.
func (h *hub) taped(camera string, least time.Duration) Timeline {
	h.t.Helper()
	var t Timeline
	h.until(camera+" is recorded", 30*time.Second, func() bool {
		t = h.line(camera, time.Now().Add(-time.Hour), time.Now())
		n := len(t.Spans)
		return n > 0 && t.Spans[n-1].To.Sub(t.Spans[n-1].From) >= least
	})
	return t
}

func (h *hub) line(camera string, from, to time.Time) (t Timeline) {
	h.t.Helper()
	h.ask(http.MethodGet, "/cameras/"+camera+"/recordings?"+between(from, to), "", &t)
	return t
}

// ask fails the test unless the answer is a success.
func (h *hub) ask(method, path, body string, out any) {
	h.t.Helper()
	w := h.do(method, path, body)
	if w.Code >= 300 {
		h.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	must(h.t, json.Unmarshal(w.Body.Bytes(), out))
}

func between(from, to time.Time) string {
	return url.Values{"from": {from.UTC().Format(stampForm)}, "to": {to.UTC().Format(stampForm)}}.Encode()
}

// What is recorded all the time can be found, played from any moment in it, and made a
// clip of, and stores nothing twice beside clips.
func TestContinuous(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"}, camera.Camera{ID: "cam-2", Scene: "plaza"})
	h := open(t, t.TempDir(), continuous("cam-1"), source(sim, "cam-1"), source(sim, "cam-2"))
	h.clips.o.Alarms = func(_ context.Context, camera string, from, to time.Time) ([]Mark, error) {
		return []Mark{{ID: "a1", At: from.Add(to.Sub(from) / 2)}}, nil
	}
	begun := time.Now()
	line := h.taped("cam-1", 6*time.Second)
	s := line.Spans[0]
	if len(line.Spans) != 1 || len(line.Gaps) != 1 || line.Gaps[0].Reason != codeOff || s.Bytes < 100_000 || len(line.Alarms) != 1 || s.From.Before(begun.Add(-time.Second)) {
		t.Fatalf("got %+v", line)
	}
	if line.State.State != TapeRuns || line.State.Bytes < s.Bytes/2 || line.State.Problem != "" {
		t.Errorf("got %+v", line.State)
	}
	if other := h.line("cam-2", begun, time.Now()); other.State.State != TapeOff || len(other.Spans) > 0 {
		t.Errorf("cam-2 is recorded: %+v", other)
	}
	from, to := s.From.Add(1234*time.Millisecond), s.From.Add(4234*time.Millisecond)
	h.plays("cam-1", from, to, 3)

	c := h.over(h.record("a", "cam-1", 2*time.Second, time.Second).ID)
	if c.State != Complete || len(c.Gaps) > 0 {
		t.Errorf("got %+v", c)
	}
	if reels, manifests := h.files("cam-1"); reels != 1 || manifests != 1 {
		t.Errorf("%d reels, %d manifests", reels, manifests)
	}
	if line = h.line("cam-1", s.From, time.Now()); len(line.Clips) != 1 || line.Clips[0].ID != c.ID {
		t.Errorf("got %+v", line.Clips)
	}
	h.cuts(from, to)
	h.folder(2)
	if n := h.audit.count("u1 recording.viewed cam-1"); n != 1 {
		t.Errorf("%d looks in the audit", n)
	}
}

// plays checks what a player gets of a time.
func (h *hub) plays(camera string, from, to time.Time, want float64) {
	h.t.Helper()
	path := "/cameras/" + camera + "/recordings/play?" + between(from, to)
	w := h.do(http.MethodGet, path, "")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "video/mp4" {
		h.t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got, _ := time.Parse(time.RFC3339, w.Header().Get(headerFrom)); !got.Equal(from) {
		h.t.Errorf("it begins at %s, not %s", w.Header().Get(headerFrom), from)
	}
	p := probe(h.t, write(h.t, w.Body.Bytes()))
	ts := shown(h.t, p)
	begins(h.t, ts, 1.0/12)
	if d := number(h.t, p.Format.Duration); d > want+12 { // and what lies before it up to a key frame
		h.t.Errorf("players are told that it lasts %f s", d)
	}
	if last := ts[len(ts)-1]; last < want-2.0/12 || last > want+1 {
		h.t.Errorf("the last picture is at %f of %f", last, want)
	}
	part := h.do(http.MethodGet, path, "", "Range", "bytes=100-1099")
	if part.Code != http.StatusPartialContent || part.Body.String() != w.Body.String()[100:1100] || part.Header().Get("ETag") != w.Header().Get("ETag") {
		h.t.Errorf("a range: %d, %d bytes", part.Code, part.Body.Len())
	}
}

// cuts makes a clip of a recording and checks that it is evidence.
func (h *hub) cuts(from, to time.Time) {
	h.t.Helper()
	var made struct{ Items []Clip }
	h.ask(http.MethodPost, "/cameras/cam-1/recordings/export", fmt.Sprintf(`{"from":%q,"to":%q,"reason":"案件 1107"}`, from.Format(stampForm), to.Format(stampForm)), &made)
	if len(made.Items) != 1 {
		h.t.Fatalf("got %+v", made)
	}
	c := h.over(made.Items[0].ID)
	if c.State != Complete || !c.From.Equal(from) || !c.To.Equal(to) || c.Reason != "案件 1107" || c.By != "u1" || c.Problem != "" {
		h.t.Errorf("got %+v", c)
	}
	w := h.do(http.MethodPost, "/clips/"+c.ID+"/export", `{"reason":"x"}`)
	name := filepath.Join(h.t.TempDir(), "x.zip")
	must(h.t, os.WriteFile(name, w.Body.Bytes(), 0o600))
	rs, err := evidence.CheckPath(name, h.clips.Key())
	must(h.t, err)
	if len(rs) != 1 || !rs[0].OK {
		h.t.Errorf("got %+v", rs)
	}
	if n := h.audit.count("u1 clip.recorded " + c.ID); n != 1 {
		h.t.Errorf("%d times in the audit", n)
	}
}

// Why a time is missing is told: switched off, camera dead, hub stopped, deleted.
func TestTapeGaps(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	dir := t.TempDir()
	h := open(t, dir, nil, source(sim, "cam-1"))
	set := func(body string) (x Taping) {
		h.ask(http.MethodPut, "/cameras/cam-1/recording", body, &x)
		return x
	}
	if x := set(`{"mode":"on","days":3}`); x.Mode != On || x.Days == nil || *x.Days != 3 {
		t.Errorf("got %+v", x)
	}
	h.taped("cam-1", 2*time.Second)
	set(`{"mode":"off"}`)
	time.Sleep(2500 * time.Millisecond)
	set(`{"mode":"on"}`)
	h.until("it goes on", 20*time.Second, func() bool { return len(h.line("cam-1", time.Now().Add(-time.Minute), time.Now()).Spans) == 2 })
	h.taped("cam-1", 2*time.Second)
	h.stop()
	time.Sleep(2500 * time.Millisecond)
	h = open(t, dir, nil, source(sim, "cam-1")) // what was set is still set
	h.until("it goes on", 20*time.Second, func() bool { return len(h.line("cam-1", time.Now().Add(-time.Minute), time.Now()).Spans) == 3 })
	line := h.taped("cam-1", 2*time.Second)
	var got []string
	for _, g := range line.Gaps {
		got = append(got, g.Reason)
		if g.Text.ZH == "" {
			t.Errorf("no words for %+v", g)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint([]string{codeOff, codeOff, codeStopped}) {
		t.Fatalf("got %v", line.Gaps)
	}
	for i, s := range line.Spans {
		h.plays("cam-1", s.From.Add(300*time.Millisecond), s.To.Add(-300*time.Millisecond), s.To.Sub(s.From).Seconds()-0.6)
		if i > 0 && s.From.Sub(line.Spans[i-1].To) < 1500*time.Millisecond {
			t.Errorf("gap %d is too short: %v", i, line.Spans)
		}
	}
	// Over the hub's stop there are two clocks, so there are two clips, each whole.
	from, to := line.Spans[1].From, line.Spans[2].To
	cs, err := h.clips.Cut(context.Background(), "cam-1", from, to, "x")
	must(t, err)
	if len(cs) != 2 {
		t.Fatalf("got %d clips: %+v", len(cs), cs)
	}
	a, b := h.over(cs[0].ID), h.over(cs[1].ID)
	if a.State != Complete || b.State != Complete || !a.From.Equal(from) || b.To.Sub(to).Abs() > time.Second {
		t.Errorf("got %+v and %+v for %s to %s", a, b, from, to)
	}
	h.folder(2)
	for call, want := range map[string]int{
		"PUT /cameras/cam-9/recording": 404, "GET /cameras/cam-9/recording": 404, "GET /cameras/cam-1/recordings/play?from=x": 422,
		"GET /cameras/cam-1/recordings/play?" + between(from.Add(-time.Hour), from.Add(-time.Hour+time.Minute)): 404,
		"GET /cameras/cam-1/recordings?" + between(to, from):                                                    422, "GET /cameras/cam-9/recordings?" + between(from, to): 404,
		"GET /recordings": 200,
	} {
		var method, path string
		_, _ = fmt.Sscan(call, &method, &path)
		if w := h.do(method, path, `{"mode":"on"}`); w.Code != want {
			t.Errorf("%s: %d %s", call, w.Code, w.Body)
		}
	}
}

// Retention by days and by bytes, the oldest first; what a clip has stays, and a reel
// that was altered is found out.
func TestTapeRetention(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	h := open(t, t.TempDir(), nil, source(sim, "cam-1"))
	ctx := context.Background()
	for range 3 {
		must(t, h.clips.Set(ctx, "cam-1", Setting{Mode: On}))
		n := len(h.line("cam-1", time.Now().Add(-time.Hour), time.Now()).Spans)
		h.until("it is recorded", 20*time.Second, func() bool {
			line := h.line("cam-1", time.Now().Add(-time.Hour), time.Now())
			return len(line.Spans) > n && line.Spans[n].To.Sub(line.Spans[n].From) > 1500*time.Millisecond
		})
		must(t, h.clips.Set(ctx, "cam-1", Setting{Mode: Off}))
		time.Sleep(1500 * time.Millisecond)
	}
	rows, err := h.clips.reels(ctx, "ORDER BY from_ms")
	must(t, err)
	if len(rows) != 3 || rows[2].to.IsZero() {
		t.Fatalf("got %+v", rows)
	}
	cs, err := h.clips.Cut(ctx, "cam-1", rows[0].from, rows[0].to, "keep")
	must(t, err)
	if c := h.over(cs[0].ID); c.State != Complete {
		t.Fatalf("got %+v", c)
	}
	exists := func(i int) bool {
		_, err := os.Stat(filepath.Join(h.dir, "clips", "cam-1", rows[i].reel))
		return err == nil
	}
	// The ring forgets what is older than it keeps, so the files may go.
	h.until("the ring has let go", 20*time.Second, func() bool { return !h.clips.holds("cam-1", rows[1].reel) })
	h.clips.mostTaped.Store(rows[2].bytes + 1)
	must(t, h.clips.pruneOnce(ctx, time.Now()))
	if left, _ := h.clips.reels(ctx, "ORDER BY from_ms"); len(left) != 1 || left[0].reel != rows[2].reel || !exists(0) || exists(1) || !exists(2) {
		t.Errorf("left are %+v, files %v %v %v", left, exists(0), exists(1), exists(2))
	}
	line := h.line("cam-1", rows[0].from, time.Now())
	if len(line.Spans) != 1 || line.Gaps[0].Reason != codePruned {
		t.Errorf("got %+v", line)
	}
	h.folder(1) // the clip is whole
	// An altered byte of what remains is found when a clip is made of it.
	name := filepath.Join(h.dir, "clips", "cam-1", rows[2].reel)
	b, err := os.ReadFile(name)
	must(t, err)
	b[len(b)-100] ^= 1
	must(t, os.WriteFile(name, b, 0o600))
	cs, err = h.clips.Cut(ctx, "cam-1", rows[2].from, rows[2].to, "altered")
	must(t, err)
	if c := h.over(cs[0].ID); c.Problem != problemSpoilt {
		t.Errorf("got %+v", c)
	}
	must(t, h.clips.pruneOnce(ctx, time.Now().Add(8*24*time.Hour)))
	if left, _ := h.clips.reels(ctx, ""); len(left) != 0 {
		t.Errorf("left are %+v", left)
	}
}

// A full disk first costs the oldest recordings; where nothing is left to delete, the
// recording stands, says so, and goes on when there is space again.
func TestTapeDiskFull(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	var told atomic.Value
	told.Store("-")
	h := open(t, t.TempDir(), func(o *Options) {
		o.Continuous.Cameras = []string{all}
		o.Trouble = func(_ context.Context, code string) { told.Store(code) }
	}, source(sim, "cam-1"))
	var left atomic.Int64
	left.Store(1 << 40)
	h.clips.free.Store(new(func(string) (int64, error) { return left.Load(), nil }))
	h.taped("cam-1", 2*time.Second)
	left.Store(reserve - 1)
	h.until("it is told", 10*time.Second, func() bool { return told.Load() == problemFull })
	var x Taping
	h.ask(http.MethodGet, "/cameras/cam-1/recording", "", &x)
	if x.State != TapeStopped || x.Problem != problemFull || x.Text.EN == "" || h.clips.Err() == nil {
		t.Errorf("got %+v", x)
	}
	if v, _ := h.streams.Get("cam-1"); v.Sub.State != streams.Live {
		t.Errorf("the camera is %s", v.Sub.State)
	}
	left.Store(1 << 40)
	h.until("it goes on", again+10*time.Second, func() bool { return told.Load() == "" })
	h.until("the gap is told", 10*time.Second, func() bool {
		line := h.line("cam-1", time.Now().Add(-time.Minute), time.Now())
		n := len(line.Gaps)
		return n > 0 && line.Gaps[n-1].Reason == problemFull || len(line.Spans) == 1 && line.Gaps[0].Reason == codePruned
	})
}
