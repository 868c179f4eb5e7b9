package series

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"dongyue/internal/event"
)

// photograph copies the files as they lie on the disk, as after a power cut.
func photograph(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "series.db")
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func TestPowerCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "series.db")
	s := open(t, Options{Path: path})
	check := func(state string, want int) {
		t.Helper()
		if got := query(t, open(t, Options{Path: photograph(t, path)}), temp(time.Second)); len(got) != want {
			t.Errorf("%s: %d points, want %d", state, len(got), want)
		}
	}
	for i := range 10 {
		put(t, s, telemetry("c1", "7", noon.Add(time.Duration(i)*time.Minute), map[string]any{"temp_c": i}))
	}
	check("before a flush", 10)
	if err := s.flush(t.Context(), everything); err != nil {
		t.Fatal(err)
	}
	check("after a flush", 10)
	put(t, s, telemetry("c1", "7", noon.Add(10*time.Minute), map[string]any{"temp_c": 1}))
	check("with both", 11)
}

// A flush that fails half way has made some blocks; later points of their slots
// join them and replace nothing.
func TestFlushThatFailsHalfWay(t *testing.T) {
	s := open(t, Options{})
	const devices = placesPerTx + 10
	at := func(d time.Duration) (evs []event.Event) {
		for i := range devices {
			evs = append(evs, telemetry(fmt.Sprintf("c%d", i), "", noon.Add(d), map[string]any{"temp_c": i}))
		}
		return evs
	}
	put(t, s, at(0)...)
	exec := func(q string) {
		t.Helper()
		if _, err := s.db.Read().Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	exec(fmt.Sprintf("CREATE TRIGGER full BEFORE INSERT ON blocks WHEN NEW.series > %d BEGIN SELECT RAISE(ABORT, 'disk full'); END", placesPerTx))
	if err := s.flush(t.Context(), everything); err == nil {
		t.Fatal("the disk is not full")
	}
	if n := count(t, s, "blocks"); n != placesPerTx {
		t.Fatalf("%d blocks", n)
	}
	exec("DROP TRIGGER full")
	put(t, s, at(time.Minute)...)
	if err := s.flush(t.Context(), everything); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, placesPerTx - 1, placesPerTx, devices - 1} {
		q := Query{Device: fmt.Sprintf("c%d", i), Metric: "temp_c", From: noon, To: noon.Add(time.Hour), Step: time.Minute}
		if got := query(t, s, q); len(got) != 2 {
			t.Errorf("device %d has %v", i, got)
		}
	}
}

// Who asks while points move from memory to blocks misses none and sees none
// twice.
func TestQueriesDuringAFlush(t *testing.T) {
	s := open(t, Options{})
	put(t, s, telemetry("c1", "7", noon, map[string]any{"temp_c": 0}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var readers sync.WaitGroup
	var mu sync.Mutex
	written := 1
	for range 2 {
		readers.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				least := written
				mu.Unlock()
				got, _, err := s.Query(t.Context(), temp(time.Second))
				mu.Lock()
				most := written + 1 // one may be on its way
				mu.Unlock()
				if err != nil || len(got) < least || len(got) > most {
					t.Errorf("%d points, want %d to %d; %v", len(got), least, most, err)
					return
				}
			}
		})
	}
	for i := 1; i < 100; i++ {
		put(t, s, telemetry("c1", "7", noon.Add(time.Duration(i)*time.Second), map[string]any{"temp_c": i}))
		mu.Lock()
		written++
		mu.Unlock()
		if err := s.flush(ctx, everything); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	readers.Wait()
}
