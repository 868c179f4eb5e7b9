package rules

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"dongyue/internal/db"
	"dongyue/internal/event"
)

// oracle is the state machine written down the slow way: second by second, with
// no timers. Readings are at whole seconds; -1 is none.
func oracle(readings []int, raise, clear, hold, keep int) []string {
	var out []string
	say := func(what string, s int) {
		out = append(out, fmt.Sprintf("@%s %s hot high c1/7", time.Duration(s)*time.Second, what))
	}
	firing, since, over := false, -1, -1
	for s, t := range readings {
		if !firing && since >= 0 && s-since == hold {
			firing, over = true, -1
			say("raised", s)
		}
		if firing && over >= 0 && s-over == keep {
			firing, since, over = false, -1, -1
			say("returned", s)
		}
		switch {
		case t < 0:
		case firing && t >= clear:
			over = -1
		case firing && over < 0 && keep == 0:
			firing, since = false, -1
			say("returned", s)
		case firing && over < 0:
			over = s
		case firing:
		case t < raise:
			since = -1
		case since < 0 && hold == 0:
			firing, since, over = true, s, -1
			say("raised", s)
		case since < 0:
			since = s
		}
	}
	return out
}

// However the hub ticks, rolls back and restarts, the engine says what the slow
// oracle says.
func TestEngineAgainstOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		hold, keep := rapid.IntRange(0, 6).Draw(rt, "for"), rapid.IntRange(0, 6).Draw(rt, "keep")
		gap := rapid.IntRange(0, 3).Draw(rt, "hysteresis")
		readings := rapid.SliceOfN(rapid.SampledFrom([]int{-1, -1, 2, 4, 5, 6, 7}), 1, 60).Draw(rt, "readings")
		clause := ""
		if gap > 0 {
			clause = fmt.Sprintf("\n    clear: {when: data.t < %d}", 6-gap)
		}
		text := strings.Replace(hot, "data.t >= 70", fmt.Sprintf("data.t >= 6\n    for: %ds\n    keep_firing_for: %ds%s", hold, keep, clause), 1)
		e := mustNew(t, text)
		var got []Transition
		for s, v := range readings {
			if rapid.IntRange(0, 3).Draw(rt, "tick") == 0 || v < 0 && s == len(readings)-1 {
				got = append(got, e.Tick(testEpoch().Add(time.Duration(s)*time.Second))...)
			}
			if v >= 0 {
				ev := []event.Event{reading(float64(s), "7", fmt.Sprintf(`{"t":%d}`, v))}
				if rapid.IntRange(0, 5).Draw(rt, "rollback") == 0 {
					e.Commit()
					e.Process(ev)
					e.Rollback()
				}
				got = append(got, e.Process(ev)...)
			}
			if rapid.IntRange(0, 5).Draw(rt, "restart") == 0 {
				e = restart(t, e, text)
			}
		}
		if d := cmp.Diff(append([]string{}, oracle(readings, 6, 6-gap, hold, keep)...), lines(got)); d != "" {
			rt.Fatalf("(-oracle +engine):\n%s", d)
		}
	})
}

func restart(t *testing.T, e *Engine, text string) *Engine {
	saved, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	again := mustNew(t, text)
	if err := again.Restore(saved); err != nil {
		t.Fatal(err)
	}
	return again
}

// The same events give the same transitions, whatever the batches and ticks.
func TestReplayIsDeterministic(t *testing.T) {
	const text = hot + `
  - id: wet
    title: {zh: a, en: "{data.n}"}
    on: {kind: charger, type: wet}
    keep_firing_for: 7s
    priority: low
    depends_on: [hot]
  - id: long
    title: {zh: a, en: a}
    on: {kind: charger, channel: telemetry}
    when: data.t > 50 && rise("t", "10s") > 1
    for: 3s
    keep_firing_for: 4s
    priority: low
    depends_on: [hot]
    actions: [{command: cut, args: {part: "{part}"}}]
`
	rapid.Check(t, func(rt *rapid.T) {
		var evs []event.Event
		clock := 0.0
		for i := range rapid.IntRange(1, 120).Draw(rt, "events") {
			clock += rapid.SampledFrom([]float64{0, 0, 0.5, 1, 3}).Draw(rt, "step")
			part := rapid.SampledFrom([]string{"", "1", "2"}).Draw(rt, "part")
			ev := happening(clock, "wet", part, fmt.Sprintf(`{"n":%d}`, i))
			if rapid.Bool().Draw(rt, "telemetry") {
				ev = reading(clock, part, fmt.Sprintf(`{"t":%d}`, rapid.IntRange(30, 90).Draw(rt, "t")))
			}
			ev.Late = rapid.IntRange(0, 9).Draw(rt, "late") == 0
			ev.At = ev.At.Add(-time.Duration(rapid.IntRange(0, 2000).Draw(rt, "delay")) * time.Millisecond)
			evs = append(evs, ev)
		}
		end := testEpoch().Add(time.Hour)
		once := mustNew(t, text)
		whole := append(once.Process(evs), once.Tick(end)...)

		pieces := mustNew(t, text)
		var got []Transition
		for batch := range slices.Chunk(evs, rapid.IntRange(1, 7).Draw(rt, "batch")) {
			if rapid.Bool().Draw(rt, "tick") {
				got = append(got, pieces.Tick(batch[0].ReceivedAt)...)
			}
			got = append(got, pieces.Process(batch)...)
			pieces.Commit()
		}
		got = append(got, pieces.Tick(end)...)
		if d := cmp.Diff(whole, got); d != "" {
			rt.Fatalf("(-at once +in pieces):\n%s", d)
		}
	})
}

func TestStateSurvivesInTheDatabase(t *testing.T) {
	ctx := t.Context()
	d, err := db.Open(ctx, filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	store, err := NewStore(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(hot, "priority", "for: 10s\n    priority", 1)
	e := mustNew(t, text)
	save := func() {
		rows, err := e.Dirty()
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Tx(ctx, func(tx *sql.Tx) error { return store.Save(ctx, tx, rows) }); err != nil {
			t.Fatal(err)
		}
		e.Commit()
	}
	e.Process([]event.Event{reading(0, "7", `{"t":80}`), reading(0, "8", `{"t":80}`), reading(1, "8", `{"t":8}`)})
	save()
	rows, err := store.Load(ctx)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	again := mustNew(t, text)
	if err := again.Restore(append(rows, Saved{Rule: "gone", Data: []byte(`{}`)})); err != nil {
		t.Fatal(err)
	}
	// The timer ran out while the hub was down.
	want(t, again.Tick(testEpoch().Add(time.Hour)), "@10s raised hot high c1/7")
	e = again
	e.Process([]event.Event{reading(3601, "7", `{"t":8}`)})
	save()
	if rows, err := store.Load(ctx); err != nil || len(rows) != 0 {
		t.Fatal(rows, err)
	}
	if err := again.Restore([]Saved{{Rule: "hot", Device: "c1", Data: []byte(`{`)}}); err == nil {
		t.Error("a broken row was taken")
	}
}

// Two sources feed one engine; what one fails to write does not touch the other.
func TestJudge(t *testing.T) {
	e := mustNew(t, hot)
	full := errors.New("the disk is full")
	var mu sync.Mutex
	raised := map[string]int{}
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			for i := range 50 {
				ev := []event.Event{reading(1, fmt.Sprintf("%d-%d", w, i), `{"t":80}`)}
				for _, fail := range []error{full, nil} {
					err := e.Judge(ev, time.Time{}, func(trs []Transition, dirty []Saved) error {
						mu.Lock()
						defer mu.Unlock()
						if len(trs) != 1 || len(dirty) != 1 {
							t.Errorf("%v %v", lines(trs), dirty)
						} else if fail == nil {
							raised[trs[0].Part]++
						}
						return fail
					})
					if !errors.Is(err, fail) {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if rows, err := e.Snapshot(); err != nil || len(rows) != 100 || len(raised) != 100 {
		t.Error(len(rows), len(raised), err)
	}
	if err := e.Judge(nil, testEpoch().Add(time.Hour), func(trs []Transition, dirty []Saved) error {
		want(t, trs)
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestSwap(t *testing.T) {
	two := hot + strings.ReplaceAll(strings.TrimPrefix(hot, "\nrules:"), "id: hot", "id: other")
	e := mustNew(t, two)
	want(t, e.Process([]event.Event{reading(0, "7", `{"t":80}`)}), "@0s raised hot high c1/7", "@0s raised other high c1/7")
	e.Commit()
	want(t, e.Swap(mustLoad(t, strings.Replace(hot, "70", "90", 1))), "@0s returned other high c1/7")
	if rows, err := e.Dirty(); err != nil || len(rows) != 1 || rows[0].Rule != "other" || rows[0].Data != nil {
		t.Error(rows, err)
	}
	e.Commit()
	want(t, e.Process([]event.Event{reading(1, "7", `{"t":91}`), reading(2, "7", `{"t":89}`)}), "@2s returned hot high c1/7")
	if st := e.Status()[0]; st.Raised != 1 {
		t.Errorf("status %+v", st.Stats)
	}
}

func BenchmarkProcess1000Rules(b *testing.B) {
	var text strings.Builder
	text.WriteString("rules:\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "  - {id: r%d, title: {zh: a, en: a}, on: {kind: charger, channel: telemetry, zone: east/b%02d/s%d}, when: data.m%d > 10, priority: low}\n", i, i/10, i%10, i%7)
	}
	e := mustNew(b, text.String())
	evs := make([]event.Event, 100)
	for i := range evs {
		evs[i] = reading(float64(i), "7", `{"m0":1,"m1":2,"m2":3,"t":41.2,"power_w":310}`)
		evs[i].Zone = fmt.Sprintf("east/b%02d/s%d", i, i%10)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.Process(evs)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(evs)), "ns/event")
}
