package series

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Hours say what the minutes say: before and after they are made, with late
// points, after a restart, and when the minutes are gone.
func TestHoursAreTheirMinutes(t *testing.T) {
	ctx, c := context.Background(), &clock{noon}
	path := filepath.Join(t.TempDir(), "series.db")
	s := open(t, Options{Path: path, Now: c.now, Retention: 24 * time.Hour, RollupRetention: 48 * time.Hour})
	for i := range 40 { // ten hours, a gap in the fourth
		if i/4 == 3 {
			continue
		}
		at := noon.Add(time.Duration(i)*15*time.Minute + 7*time.Second)
		put(t, s, telemetry("c1", "1", at, map[string]any{"temp_c": float64(20 + i%7)}), telemetry("c2", "", at, map[string]any{"power_w": float64(i)}))
	}
	ask := func(s *Store, device, part, metric string, step time.Duration) []Point {
		t.Helper()
		points, got, err := s.Query(ctx, Query{Device: device, Part: part, Metric: metric, From: noon, To: noon.Add(9*time.Hour + 40*time.Minute), Step: step})
		if err != nil || got != step {
			t.Fatal(got, err)
		}
		return points
	}
	both := func(s *Store) [][]Point {
		return [][]Point{ask(s, "c1", "1", "temp_c", time.Hour), ask(s, "c2", "", "power_w", 3*time.Hour)}
	}
	want := both(s)
	if len(want[0]) != 9 || len(want[1]) != 4 {
		t.Fatalf("got %v", want)
	}
	check := func(s *Store, when string) {
		t.Helper()
		if diff := cmp.Diff(want, both(s)); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
	}
	c.t = noon.Add(8*time.Hour + 30*time.Minute)
	s.keepHouse(ctx)
	if got := s.hours.Load(); got != noon.Add(8*time.Hour).UnixMilli()/hourLength {
		t.Fatalf("%d hours are made", got)
	}
	check(s, "hours for the beginning, minutes for the rest")
	put(t, s, telemetry("c1", "1", noon.Add(30*time.Minute), map[string]any{"temp_c": 99.0})) // hours late
	want[0] = ask(s, "c1", "1", "temp_c", time.Hour)
	if want[0][0].Max != 99 {
		t.Errorf("a late point is not seen: %+v", want[0][0])
	}
	s.keepHouse(ctx)
	check(s, "a late point in its hour")
	c.t = noon.Add(11 * time.Hour)
	s.keepHouse(ctx)
	check(s, "all hours")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Path: path, Now: c.now, Retention: 24 * time.Hour, RollupRetention: 48 * time.Hour})
	check(s, "after a restart")
	c.t = noon.Add(80 * time.Hour)
	s.keepHouse(ctx)
	var minutes int
	if err := s.db.Read().QueryRow("SELECT count(*) FROM minutes").Scan(&minutes); err != nil || minutes != 0 {
		t.Fatalf("%d minutes left, %v", minutes, err)
	}
	// The last, cut hour of the question is for minutes, which are gone.
	want[0], want[1] = want[0][:len(want[0])-1], nil
	if diff := cmp.Diff(want[0], ask(s, "c1", "1", "temp_c", time.Hour)); diff != "" {
		t.Errorf("without minutes: %s", diff)
	}
	c.t = noon.Add(defaultHours + 24*time.Hour)
	s.keepHouse(ctx)
	if got := ask(s, "c1", "1", "temp_c", time.Hour); len(got) != 0 {
		t.Errorf("kept too long: %v", got)
	}
}
