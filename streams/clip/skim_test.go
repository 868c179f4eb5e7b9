package clip

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dongyue/internal/simulator/camera"
)

// same tells whether two readers found the same fragments; only scan has hashes.
func same(a, b []*piece) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := a[i], b[i]
		if x.at != y.at || x.size != y.size || x.seq != y.seq || x.key != y.key || x.frames != y.frames || x.pts != y.pts || x.dts != y.dts ||
			x.length != y.length || !x.start.Equal(y.start) || !x.low.Equal(y.low) || !x.end.Equal(y.end) || x.Gap != y.Gap {
			return false
		}
	}
	return true
}

// What skim finds without the pictures is what scan finds with them.
func TestSkim(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	h := open(t, t.TempDir(), continuous("cam-1"), source(sim, "cam-1"))
	h.taped("cam-1", 3*time.Second)
	h.stop()
	names, err := reelsIn(filepath.Join(h.dir, "clips", "cam-1"))
	must(t, err)
	b, err := os.ReadFile(filepath.Join(h.dir, "clips", "cam-1", names[0]))
	must(t, err)
	_, want, good, err := scan(bytes.NewReader(b), "x")
	must(t, err)
	got, err := skim(bytes.NewReader(b), int64(len(b)), "x")
	must(t, err)
	if len(want) < 4 || good != int64(len(b)) || !same(got, want) {
		t.Fatalf("scan finds %d, skim %d", len(want), len(got))
	}
	got, err = skim(bytes.NewReader(b), int64(len(b))-5, "x") // the last one is not whole
	must(t, err)
	if len(got) != len(want)-1 {
		t.Errorf("%d of %d fragments", len(got), len(want))
	}
}

// Whatever the bytes are, skim ends, and never names bytes beyond the file's end.
func FuzzSkim(f *testing.F) {
	file, _ := reelOf(f, 3)
	f.Add(file)
	f.Add(file[:len(file)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		ps, _ := skim(bytes.NewReader(b), int64(len(b)), "x")
		var at int64
		for _, p := range ps {
			if p.at < at || p.size <= 0 || p.at+p.size > int64(len(b)) || p.frames <= 0 || p.length < 0 {
				t.Fatalf("got %+v of %d bytes", p, len(b))
			}
			at = p.at + p.size
		}
	})
}
