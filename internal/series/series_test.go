package series

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"dongyue/internal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is a slot's beginning.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// clock is a hand-set clock.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func open(t testing.TB, o Options) *Store {
	t.Helper()
	if o.Path == "" {
		o.Path = filepath.Join(t.TempDir(), "series.db")
	}
	o.Log = slog.New(slog.DiscardHandler)
	if o.Now == nil {
		o.Now = (&clock{noon}).now
	}
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// telemetry is one message of a device.
func telemetry(device, part string, at time.Time, values map[string]any) event.Event {
	b, _ := json.Marshal(values)
	return event.Event{
		Device: device, Kind: event.Charger, Channel: event.Telemetry, Type: "telemetry", Part: part,
		At: at, ReceivedAt: at, Data: b,
	}
}

func put(t testing.TB, s *Store, evs ...event.Event) {
	t.Helper()
	if _, err := s.commit(context.Background(), s.readings(evs)); err != nil {
		t.Fatal(err)
	}
}

func query(t testing.TB, s *Store, q Query) []Point {
	t.Helper()
	points, _, err := s.Query(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return points
}

// temp asks for one device's temperature around noon.
func temp(step time.Duration) Query {
	return Query{Device: "c1", Part: "7", Metric: "temp_c", From: noon, To: noon.Add(time.Hour), Step: step}
}

func everything(int64) bool { return true }

// The same question has the same answer whether points are in memory, after a
// restart, in blocks, or in both; and whether they came once, twice or in any
// order.
func TestOnePointIsOnePoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "series.db")
	var evs []event.Event
	for i := range 360 {
		evs = append(evs, telemetry("c1", "7", noon.Add(time.Duration(i)*10*time.Second), map[string]any{"temp_c": 40 + float64(i%6)/10}))
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(evs), func(i, j int) { evs[i], evs[j] = evs[j], evs[i] })

	s := open(t, Options{Path: path})
	for i := 0; i < len(evs); i += 40 {
		put(t, s, evs[i:i+40]...)
	}
	coarse, fine := query(t, s, temp(time.Minute)), query(t, s, temp(10*time.Second))
	if len(coarse) != 60 || len(fine) != 360 {
		t.Fatalf("%d minutes, %d points", len(coarse), len(fine))
	}
	if want := (Point{At: noon.Add(time.Minute), Min: 40, Max: 40.5, Avg: 40.25}); coarse[1] != want {
		t.Fatalf("got %+v, want %+v", coarse[1], want)
	}
	same := func(state string) {
		t.Helper()
		if diff := cmp.Diff(coarse, query(t, s, temp(time.Minute))); diff != "" {
			t.Errorf("%s: minutes differ: %s", state, diff)
		}
		if diff := cmp.Diff(fine, query(t, s, temp(10*time.Second))); diff != "" {
			t.Errorf("%s: points differ: %s", state, diff)
		}
	}
	restart := func() {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, Options{Path: path})
	}
	put(t, s, evs[:100]...)
	same("a replay")
	restart()
	same("a restart with open points")
	second := slotOf(noon.UnixMilli()) + 1
	if err := s.flush(t.Context(), func(slot int64) bool { return slot <= second }); err != nil {
		t.Fatal(err)
	}
	same("half in blocks")
	restart()
	same("a restart with half in blocks")
	if err := s.flush(t.Context(), everything); err != nil {
		t.Fatal(err)
	}
	same("all in blocks")
	if n := count(t, s, "arrivals"); n != 0 || s.open.size() != 0 {
		t.Errorf("%d arrivals and %d open points left", n, s.open.size())
	}
	put(t, s, evs[100:200]...)
	same("a replay of what is in blocks")
	if err := s.flush(t.Context(), everything); err != nil {
		t.Fatal(err)
	}
	restart()
	same("that replay in blocks")
}

func count(t testing.TB, s *Store, table string) (n int) {
	t.Helper()
	if err := s.db.Read().QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A device that was away for an hour brings its points late; they join the
// blocks that stand already.
func TestLatePointsJoinTheirBlock(t *testing.T) {
	s := open(t, Options{})
	put(t, s, telemetry("c1", "7", noon, map[string]any{"temp_c": 20}), telemetry("c1", "7", noon.Add(20*time.Second), map[string]any{"temp_c": 30}))
	if err := s.flush(t.Context(), everything); err != nil {
		t.Fatal(err)
	}
	late := telemetry("c1", "7", noon.Add(10*time.Second), map[string]any{"temp_c": 70})
	late.ReceivedAt = noon.Add(time.Hour)
	put(t, s, late)
	want := []Point{{At: noon, Min: 20, Max: 70, Avg: 40}}
	if diff := cmp.Diff(want, query(t, s, temp(time.Minute))); diff != "" {
		t.Errorf("before: %s", diff)
	}
	if err := s.flush(t.Context(), everything); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, query(t, s, temp(time.Minute))); diff != "" {
		t.Errorf("after: %s", diff)
	}
}

func TestWhatIsNotKept(t *testing.T) {
	s := open(t, Options{MaxSeries: 3})
	old := telemetry("c1", "7", noon.Add(-100*24*time.Hour), map[string]any{"temp_c": 1})
	ahead := telemetry("c2", "", noon.AddDate(80, 0, 0), map[string]any{"temp_c": 2})
	ahead.ReceivedAt = noon
	other := telemetry("c1", "7", noon, map[string]any{"temp_c": 3})
	other.Channel = event.Happening
	put(t, s, old, other, ahead,
		telemetry("c1", "7", noon, map[string]any{"temp_c": 4, "Bad": 1, "a b": 1, "": 1, "state": "charging", "on": true}),
		telemetry("c3", "", noon, map[string]any{"one_too_many": 1}))
	if st := s.Stats(); st.Refused != 5 || st.Points != 3 || st.Series != 3 {
		t.Errorf("got %+v", st)
	}
	if got := query(t, s, Query{Device: "c2", Metric: "temp_c", From: noon, To: noon.Add(time.Hour)}); len(got) != 1 || got[0].Avg != 2 {
		t.Errorf("a clock that runs ahead is not brought back: %v", got)
	}
	want := []Metric{{Metric: "on", Part: "7"}, {Metric: "temp_c", Part: "7", Unit: "°C"}}
	if diff := cmp.Diff(want, s.Metrics("c1")); diff != "" {
		t.Error(diff)
	}
}

func TestQueueDropsAndCounts(t *testing.T) {
	s := open(t, Options{Queue: 10})
	evs := make([]event.Event, 25)
	for i := range evs {
		evs[i] = telemetry("c1", "7", noon.Add(time.Duration(i)*time.Second), map[string]any{"temp_c": i})
	}
	s.Write(evs)
	if st := s.Stats(); st.Dropped != 15 || st.Queued != 10 {
		t.Errorf("got %+v", st)
	}
}

func TestRunWritesWhatIsQueuedBeforeItEnds(t *testing.T) {
	s := open(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	if err := s.Append(ctx, []event.Event{telemetry("c1", "7", noon, map[string]any{"temp_c": 1})}); err != nil {
		t.Fatal(err)
	}
	s.Write([]event.Event{telemetry("c1", "7", noon.Add(time.Second), map[string]any{"temp_c": 2})})
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := query(t, s, temp(time.Second)); len(got) != 2 {
		t.Errorf("got %v", got)
	}
	if err := s.Append(context.Background(), nil); !errors.Is(err, ErrStopped) {
		t.Errorf("got %v", err)
	}
}

func TestRetention(t *testing.T) {
	c := &clock{noon}
	s := open(t, Options{Now: c.now, Retention: time.Hour, RollupRetention: 24 * time.Hour})
	put(t, s, telemetry("c1", "7", noon, map[string]any{"temp_c": 1}))
	c.t = noon.Add(30 * time.Minute)
	s.keepHouse(t.Context())
	if count(t, s, "blocks") != 1 || count(t, s, "minutes") != 1 || count(t, s, "arrivals") != 0 {
		t.Fatal("the ended slot is no block")
	}
	c.t = noon.Add(2 * time.Hour)
	s.keepHouse(t.Context())
	if count(t, s, "blocks") != 0 || count(t, s, "minutes") != 1 {
		t.Fatal("points outlive their retention, or minutes do not")
	}
	if got := query(t, s, temp(time.Second)); len(got) != 1 {
		t.Errorf("old points are not answered from minutes: %v", got)
	}
	c.t = noon.Add(25 * time.Hour)
	s.keepHouse(t.Context())
	if count(t, s, "minutes") != 0 || s.Err() != nil {
		t.Fatalf("minutes outlive their retention; %v", s.Err())
	}
}

// A full disk, a locked file: nothing is lost while the queue has room, and Err
// says what is wrong.
func TestSickDisk(t *testing.T) {
	s := open(t, Options{})
	if _, err := s.db.Read().Exec("ALTER TABLE arrivals RENAME TO away"); err != nil {
		t.Fatal(err)
	}
	rs := s.readings([]event.Event{telemetry("c1", "7", noon, map[string]any{"temp_c": 1})})
	left, err := s.commit(t.Context(), rs)
	if err == nil || len(left) != 1 || s.Err() == nil {
		t.Fatalf("left %v, %v", left, err)
	}
	if _, err := s.db.Read().Exec("ALTER TABLE away RENAME TO arrivals"); err != nil {
		t.Fatal(err)
	}
	if left, err = s.commit(t.Context(), left); err != nil || left != nil || s.Err() != nil {
		t.Fatalf("left %v, %v, %v", left, err, s.Err())
	}
	if got := query(t, s, temp(0)); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

func TestQueryLimits(t *testing.T) {
	s := open(t, Options{})
	if _, _, err := s.Query(t.Context(), Query{From: noon, To: noon}); err == nil {
		t.Error("an empty span was answered")
	}
	if _, _, err := s.Query(t.Context(), Query{From: noon, To: noon.Add(24 * time.Hour), Step: time.Second}); !errors.Is(err, ErrTooMany) {
		t.Errorf("got %v", err)
	}
	for span, want := range map[time.Duration]time.Duration{
		time.Minute: time.Second, time.Hour: 10 * time.Second, 24 * time.Hour: 5 * time.Minute, 30 * 24 * time.Hour: 2 * time.Hour, maxSpan: 7 * 24 * time.Hour,
	} {
		if got := stepFor(span); got != want {
			t.Errorf("%s: step %s, want %s", span, got, want)
		}
	}
}

// BenchmarkIngest: messages of 200 chargers with four values each, in batches of
// 500, onto disk; the house asks for 10,000 points a second.
func BenchmarkIngest(b *testing.B) {
	s := open(b, Options{})
	const batch = 500
	evs := make([]event.Event, batch)
	n := 0
	for b.Loop() {
		for i := range evs {
			at := noon.Add(time.Duration(n/3000) * 10 * time.Second)
			evs[i] = telemetry(fmt.Sprintf("charger-%d", n%200), fmt.Sprint(n%15), at, nil)
			evs[i].Data = fmt.Appendf(nil, `{"temp_c":%d.%d,"power_w":%d,"current_a":1.%d,"voltage_v":229.%d}`, 30+n%9, n%10, 300+n%50, n%100, n%10)
			n++
		}
		put(b, s, evs...)
	}
	b.ReportMetric(4*float64(n)/b.Elapsed().Seconds(), "points/s")
}

// BenchmarkFlush: a slot of 12,000 series with 90 points each becomes blocks.
func BenchmarkFlush(b *testing.B) {
	s := open(b, Options{})
	slot := int64(0)
	for b.Loop() {
		b.StopTimer()
		slot++
		for beat := range int64(90) {
			samples := make([]sample, 12_000)
			for i := range samples {
				samples[i] = sample{int64(i), point{slot*slotLength + beat*10_000, float64(300+(i+int(beat))%70) / 10}}
			}
			s.open.add(s.next, samples)
		}
		b.StartTimer()
		if err := s.flush(b.Context(), everything); err != nil {
			b.Fatal(err)
		}
	}
	var size, rows float64
	if err := s.db.Read().QueryRow("SELECT (SELECT sum(length(data)) FROM blocks) + (SELECT sum(length(data)) FROM minutes), (SELECT count(*) FROM blocks)").Scan(&size, &rows); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(size/rows/90, "bytes/point")
}

// BenchmarkQuery: 30 days of minutes of one series among many.
func BenchmarkQuery(b *testing.B) {
	s := open(b, Options{})
	for slot := range int64(30 * 96) {
		var samples []sample
		for i := range int64(15 * 6) {
			samples = append(samples, sample{1, point{slot*slotLength + i*10_000, float64(i % 7)}})
		}
		for id := range int64(20) {
			samples = append(samples, sample{id + 2, point{slot * slotLength, 1}})
		}
		s.open.add(s.next, samples)
	}
	if err := s.flush(b.Context(), everything); err != nil {
		b.Fatal(err)
	}
	s.names.add(1, named{key: key{"c1", "", "temp_c"}})
	q := Query{Device: "c1", Metric: "temp_c", From: time.UnixMilli(0), To: time.UnixMilli(30 * 96 * slotLength)}
	for b.Loop() {
		if got := query(b, s, q); len(got) != 360 {
			b.Fatalf("%d points", len(got))
		}
	}
}

func TestCollector(t *testing.T) {
	s := open(t, Options{})
	put(t, s, telemetry("c1", "7", noon, map[string]any{"temp_c": 1}))
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(s.Collector()); err != nil {
		t.Fatal(err)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "dongyue_series_points_total" && f.GetMetric()[0].GetCounter().GetValue() == 1 {
			return
		}
	}
	t.Errorf("got %v", families)
}
