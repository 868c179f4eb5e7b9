package clip

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dongyue/internal/simulator/camera"
)

// files are what lies in the folder of a camera.
func (h *hub) files(camera string) (reels, manifests int) {
	h.t.Helper()
	es, err := os.ReadDir(filepath.Join(h.dir, "clips", camera))
	must(h.t, err)
	for _, e := range es {
		switch filepath.Ext(e.Name()) {
		case ".mp4":
			reels++
		case ".json":
			manifests++
		}
	}
	return reels, manifests
}

// What is too old goes, then the oldest of what is too much; what an open alarm wants
// stays, and a file stays as long as any clip has it.
func TestRetention(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"}, camera.Camera{ID: "cam-2", Scene: "plaza"})
	openAlarm := ""
	var reg *prometheus.Registry
	h := open(t, t.TempDir(), func(o *Options) {
		o.Open = func(_ context.Context, alarm string) bool { return alarm == openAlarm }
		reg = prometheus.NewRegistry()
		o.Metrics = reg
	}, source(sim, "cam-1"), source(sim, "cam-2"))
	h.filled("cam-1", 2*time.Second)
	h.filled("cam-2", 2*time.Second)
	a, b, c := h.record("a", "cam-1", time.Second, time.Second), h.record("b", "cam-1", time.Second, time.Second), h.record("c", "cam-2", time.Second, time.Second)
	for _, id := range []string{a.ID, b.ID, c.ID} {
		h.over(id)
	}
	ctx := context.Background()
	left := func(when string, want ...string) {
		t.Helper()
		got := map[string]bool{}
		cs, _, err := h.clips.List(ctx, Filter{Limit: 10})
		must(t, err)
		for _, c := range cs {
			got[c.ID] = true
		}
		ok := len(got) == len(want)
		for _, id := range want {
			ok = ok && got[id]
		}
		if !ok {
			t.Fatalf("%s: %d clips are left", when, len(got))
		}
	}
	soon, later := time.Now().Add(time.Hour), time.Now().Add(31*24*time.Hour)
	must(t, h.clips.pruneOnce(ctx, soon))
	left("young and few", a.ID, b.ID, c.ID)

	h.clips.most.Store(h.clips.metrics.disk.Load() - 1)
	openAlarm = "alarm-a"
	before := h.feed.Last()
	must(t, h.clips.pruneOnce(ctx, soon))
	left("too much, the oldest wanted", a.ID) // b goes and frees nothing, since a has the same file; then c
	h.told(before, b.ID, "delete")
	if reels, manifests := h.files("cam-1"); reels != 1 || manifests != 1 {
		t.Errorf("cam-1 has %d reels, %d manifests", reels, manifests)
	}
	if reels, manifests := h.files("cam-2"); reels != 0 || manifests != 0 {
		t.Errorf("cam-2 has %d reels, %d manifests", reels, manifests)
	}
	if w := h.do(http.MethodGet, "/clips/"+c.ID+"/video.mp4", ""); w.Code != http.StatusNotFound {
		t.Errorf("a deleted clip is served: %d", w.Code)
	}
	h.folder(1)
	must(t, h.clips.pruneOnce(ctx, later))
	left("old, but wanted", a.ID)
	openAlarm = ""
	must(t, h.clips.pruneOnce(ctx, later))
	left("old")
	if reels, manifests := h.files("cam-1"); reels != 0 || manifests != 0 {
		t.Errorf("cam-1 has %d reels, %d manifests", reels, manifests)
	}
	if n := h.audit.count("hub clip.deleted"); n != 3 {
		t.Errorf("%d deletions in the audit", n)
	}
	h.checkMetrics(reg)
}

// A clip of a camera that is recorded all the time costs no space of its own. Where
// clips have too much, no more of them go than it takes.
func TestRetentionBesideRecordings(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"}, camera.Camera{ID: "cam-2", Scene: "plaza"}, camera.Camera{ID: "cam-3", Scene: "plaza"})
	ids := []string{"cam-1", "cam-2", "cam-3"}
	h := open(t, t.TempDir(), continuous(ids...), source(sim, ids[0]), source(sim, ids[1]), source(sim, ids[2]))
	for _, id := range ids {
		h.taped(id, 2*time.Second)
		h.over(h.record("clip-"+id, id, time.Second, time.Second).ID)
	}
	ctx, soon := context.Background(), time.Now().Add(time.Hour)
	must(t, h.clips.pruneOnce(ctx, soon))
	size := h.clips.metrics.disk.Load()
	h.clips.most.Store(size - 1)
	must(t, h.clips.pruneOnce(ctx, soon))
	cs, _, err := h.clips.List(ctx, Filter{Limit: 10})
	must(t, err)
	if len(cs) != 2 {
		t.Errorf("%d clips of 3 are left of which the oldest was too much", len(cs))
	}
	if now := h.clips.metrics.disk.Load(); now >= size || now == 0 {
		t.Errorf("clips have %d bytes, before %d", now, size)
	}
	for _, id := range ids {
		if reels, _ := h.files(id); reels == 0 {
			t.Errorf("the recording of %s is gone", id)
		}
	}
}

// checkMetrics: the series are there, and none of them names a camera.
func (h *hub) checkMetrics(reg *prometheus.Registry) {
	h.t.Helper()
	all, err := reg.Gather()
	must(h.t, err)
	got, series := map[string]float64{}, 0
	for _, f := range all {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			series++
		}
	}
	for name, want := range map[string]float64{
		"armed_cameras": 2, "deleted_total": 3, "ended_total complete": 3, "ended_total failed": 0, "recording": 0, "backlog_bytes": 0, "write_errors_total": 0,
	} {
		if v, ok := got["dongyue_clips_"+name]; !ok || v != want {
			h.t.Errorf("%s is %v, want %v", name, v, want)
		}
	}
	if series > 20 {
		h.t.Errorf("%d series: %v", series, got)
	}
}

// Files that no clip has are deleted when they are old enough, others are left alone.
func TestOrphans(t *testing.T) {
	h := open(t, t.TempDir(), nil)
	dir := filepath.Join(h.dir, "clips", "cam-7")
	must(t, os.MkdirAll(dir, 0o700))
	for _, name := range []string{"20260101T000000.000-0000.mp4", "01ABC.json", "x.tmp", "notes.txt"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600))
	}
	must(t, h.clips.pruneOnce(context.Background(), time.Now()))
	if es, _ := os.ReadDir(dir); len(es) != 4 {
		t.Fatalf("%d files are left of young ones", len(es))
	}
	must(t, h.clips.pruneOnce(context.Background(), time.Now().Add(time.Hour)))
	if es, _ := os.ReadDir(dir); len(es) != 1 || es[0].Name() != "notes.txt" {
		t.Fatalf("left are %v", es)
	}
}
