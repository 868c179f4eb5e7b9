package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"dongyue/internal/event"
)

// past is a source of events in memory; batches are small so that everything
// crosses their borders.
type past []event.Event

func (p past) Scan(ctx context.Context, from, to time.Time, f func([]event.Event) error) error {
	var batch []event.Event
	for i, ev := range p {
		if h := heard(&ev); !h.Before(from) && h.Before(to) {
			batch = append(batch, ev)
		}
		if len(batch) == 3 || i == len(p)-1 && len(batch) > 0 {
			if err := f(slices.Clone(batch)); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return ctx.Err()
}

func (p past) Oldest() time.Time { return time.Time{} }

// young is a past that begins late.
type young struct{ past }

func (y young) Oldest() time.Time { return y.past[0].ReceivedAt }

func TestSpanBeginsWithTheJournal(t *testing.T) {
	r, err := Replay(t.Context(), Rerun{
		Source: young{past{reading(3600, "1", `{"t":80}`)}}, Candidate: mustLoad(t, ruleNamed("hot", "data.t >= 70")),
		From: testEpoch().Add(-48 * time.Hour), To: testEpoch().Add(2 * time.Hour),
	})
	if err != nil || !r.From.Equal(testEpoch().Add(time.Hour)) || r.PerDay != 24 {
		t.Errorf("%v, %+v", err, r)
	}
}

// replay judges events of the first hours of the epoch.
func replay(t testing.TB, p past, candidate, live string, hours int) *Report {
	t.Helper()
	r := Rerun{Source: p, Candidate: mustLoad(t, candidate), From: testEpoch(), To: testEpoch().Add(time.Duration(hours) * time.Hour)}
	if live != "" {
		r.Live = mustLoad(t, live)
	}
	out, err := Replay(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestReplaySaysWhatWouldHaveBeenRaised(t *testing.T) {
	p := past{
		reading(-60, "1", `{"t":80}`), // stands since before the span
		reading(0, "2", `{"t":80}`), reading(10, "2", `{"t":20}`), reading(20, "2", `{"t":65}`),
		reading(30, "1", `{"t":81}`), reading(3700, "3", `{"t":90}`),
	}
	r := replay(t, p, ruleNamed("hot", "data.t >= 60"), ruleNamed("hot", "data.t >= 70"), 2)
	if r.Events != 5 || r.Raised != 3 || r.LiveRaised != 2 || !r.Compared || r.Moved != 0 || r.PerDay != 36 {
		t.Errorf("%+v", r)
	}
	want := []RuleReport{{Rule: "hot", Priority: event.Low, Raised: 3, LiveRaised: 2, Subjects: 2, Noisiest: []Noisy{{"c1", "2", 2}, {"c1", "3", 1}}}}
	if d := cmp.Diff(want, r.Rules); d != "" {
		t.Errorf("rules (-want +got):\n%s", d)
	}
	diff := []Difference{{"added", testEpoch().Add(20 * time.Second), "hot", "c1", "2", event.Low}}
	if d := cmp.Diff(diff, r.Diff); d != "" {
		t.Errorf("diff (-want +got):\n%s", d)
	}
	hours := []Hour{{testEpoch(), 2, 1}, {testEpoch().Add(time.Hour), 1, 1}}
	if d := cmp.Diff(hours, r.Hours); d != "" {
		t.Errorf("hours (-want +got):\n%s", d)
	}
	if r.Mix != (Mix{Low: 100}) || r.Per10Min != (Rate{0.25, 2}) || len(r.Verdicts) == 0 || len(r.Notes) == 0 {
		t.Errorf("%+v", r)
	}
}

// A longer `for` tells later; that is the same alarm, unless it is over before.
func TestReplayTellsLaterFromNotAtAll(t *testing.T) {
	long := ruleNamed("hot", "data.t >= 70\n    for: 5m")
	short := ruleNamed("hot", "data.t >= 70\n    for: 1m")
	p := past{
		reading(0, "1", `{"t":80}`), reading(600, "1", `{"t":20}`),
		reading(700, "1", `{"t":80}`), reading(900, "1", `{"t":20}`),
	}
	r := replay(t, p, long, short, 1)
	if r.Raised != 1 || r.LiveRaised != 2 || r.Moved != 1 || len(r.Diff) != 1 || r.Diff[0].Change != "removed" || !r.Diff[0].At.Equal(testEpoch().Add(760*time.Second)) {
		t.Errorf("%+v", r)
	}
}

func TestTimersRunOutAfterTheLastEvent(t *testing.T) {
	r := replay(t, past{reading(0, "1", `{"t":80}`)}, ruleNamed("hot", "data.t >= 70\n    for: 10m"), "", 1)
	if r.Raised != 1 || r.Compared || r.LiveRaised != 1 {
		t.Errorf("%+v", r)
	}
}

func TestReplayRefuses(t *testing.T) {
	set := mustLoad(t, ruleNamed("hot", "data.t >= 70"))
	for _, r := range []Rerun{
		{Candidate: set, From: testEpoch(), To: testEpoch().Add(1)},
		{Source: past{}, From: testEpoch(), To: testEpoch().Add(1)},
		{Source: past{}, Candidate: set, From: testEpoch(), To: testEpoch()},
	} {
		if _, err := Replay(t.Context(), r); err == nil {
			t.Errorf("%+v is taken", r)
		}
	}
}

type broken struct{ past }

var errDisk = errors.New("disk")

func (b broken) Scan(ctx context.Context, from, to time.Time, f func([]event.Event) error) error {
	return errors.Join(b.past.Scan(ctx, from, to, f), errDisk)
}

func TestReplayEndsWithItsSourceAndItsContext(t *testing.T) {
	p := past{}
	for i := range 2000 {
		p = append(p, reading(float64(i), "1", `{"t":80}`))
	}
	r := Rerun{
		Source: broken{p}, Candidate: mustLoad(t, ruleNamed("hot", "data.t >= 70")), Live: mustLoad(t, ruleNamed("hot", "data.t >= 60")),
		From: testEpoch(), To: testEpoch().Add(time.Hour),
	}
	if _, err := Replay(t.Context(), r); !errors.Is(err, errDisk) {
		t.Errorf("a source that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.Source = p
	r.Progress = func(n int, _ float64) {
		if n > 100 {
			cancel()
		}
	}
	if _, err := Replay(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// drawPast draws events of a few devices in the order of their arrival.
func drawPast(t *rapid.T) past {
	var p past
	at := -60.0
	for range rapid.IntRange(0, 120).Draw(t, "n") {
		at += float64(rapid.IntRange(0, 400).Draw(t, "gap"))
		ev := reading(at, rapid.SampledFrom([]string{"1", "2"}).Draw(t, "part"), fmt.Sprintf(`{"t":%d}`, rapid.IntRange(40, 90).Draw(t, "t")))
		ev.Device = rapid.SampledFrom([]string{"c1", "c2"}).Draw(t, "device")
		if rapid.IntRange(0, 9).Draw(t, "late") == 0 {
			ev.At, ev.Late = ev.At.Add(-2*time.Minute), true
		}
		p = append(p, ev)
	}
	return p
}

const twoRules = `
rules:
  - id: hot
    title: {zh: 热, en: hot}
    on: {kind: charger, channel: telemetry}
    when: data.t >= 70
    clear: {when: data.t < 60}
    for: 30s
    priority: high
  - id: warm
    title: {zh: 温, en: warm}
    on: {kind: charger, channel: telemetry}
    when: data.t >= 50
    keep_firing_for: 2m
    priority: low
    depends_on: hot
`

// The report is of the events alone: again, and with live work going on, it is the
// same; a set differs in nothing from itself; and what it counts is what an engine
// of its own has said.
func TestReportIsOfTheEventsAlone(t *testing.T) {
	set, again := mustLoad(t, twoRules), mustLoad(t, twoRules)
	rapid.Check(t, func(t *rapid.T) {
		p := drawPast(t)
		rerun := Rerun{Source: p, Candidate: set, Live: again, From: testEpoch(), To: testEpoch().Add(6 * time.Hour)}
		var reports []*Report
		for _, busy := range []func() bool{nil, func() bool { return true }, func() bool { return false }} {
			rerun.Busy = busy
			r, err := Replay(context.Background(), rerun)
			if err != nil {
				t.Fatal(err)
			}
			reports = append(reports, r)
		}
		seconds := cmpopts.IgnoreFields(Report{}, "Seconds")
		if d := cmp.Diff(reports[0], reports[1], seconds) + cmp.Diff(reports[0], reports[2], seconds); d != "" {
			t.Fatalf("two replays differ:\n%s", d)
		}
		r := reports[0]
		if len(r.Diff) > 0 || r.Moved > 0 || r.Raised != r.LiveRaised {
			t.Fatalf("a set differs from itself: %+v", r)
		}
		if n := heardByAnOperator(t, set, p, rerun); n != r.Raised {
			t.Fatalf("raised %d, an engine says %d", r.Raised, n)
		}
	})
}

// heardByAnOperator counts the slow way, event by event.
func heardByAnOperator(t *rapid.T, set *Set, p past, r Rerun) (n int) {
	e, err := New(Options{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	active := map[string]bool{}
	take := func(trs []Transition) {
		for _, tr := range trs {
			k := tr.Rule + tr.Device + tr.Part
			counted := !tr.At.Before(r.From) || !tr.Evidence.ReceivedAt.Before(r.From)
			if tr.Raised && (!tr.Repeat || !active[k]) && counted {
				n++
			}
			active[k] = tr.Raised
		}
	}
	for i := range p {
		if p[i].ReceivedAt.Before(r.To) {
			take(e.Process(p[i : i+1]))
		}
	}
	take(e.Tick(r.To))
	return n
}

func TestFloods(t *testing.T) {
	for name, c := range map[string]struct {
		minutes []int
		want    flooded
	}{
		"quiet":            {[]int{1, 0, 0, 2}, flooded{3, 0, 0}},
		"ten are none":     {[]int{10}, flooded{10, 0, 0}},
		"eleven are one":   {[]int{11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, flooded{11, 1, 10}},
		"ends below five":  {[]int{6, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, flooded{11, 1, 10}},
		"goes on with few": {[]int{20, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, flooded{25, 1, 19}},
		"two":              {[]int{11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11, 0}, flooded{11, 2, 12}},
	} {
		if got := floods(c.minutes); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestChatteringAndStaleAlarms(t *testing.T) {
	p := past{}
	for i := range 12 { // up and down every ten seconds
		p = append(p, reading(float64(20*i), "1", `{"t":80}`), reading(float64(20*i+10), "1", `{"t":20}`))
	}
	for i := range 6 { // and five that stand for two days
		p = append(p, reading(3600, fmt.Sprint("s", i), `{"t":80}`))
	}
	r := replay(t, p, ruleNamed("hot", "data.t >= 70"), "", 72)
	if r.Chattering != 1 || r.Stale != 6 || r.Floods != 1 {
		t.Errorf("%+v", r)
	}
	bad := map[string]bool{}
	for _, v := range r.Verdicts {
		if bad[v.Name] = !v.OK; v.Text.ZH == "" || v.Text.EN == "" {
			t.Errorf("%s has no text", v.Name)
		}
	}
	for name, want := range map[string]bool{"chattering": true, "stale": true, "per_10min_max": true, "per_day": false, "per_10min_avg": false} {
		if bad[name] != want {
			t.Errorf("%s: ill %v, want %v", name, bad[name], want)
		}
	}
}

func TestDayVerdicts(t *testing.T) {
	for perDay, limit := range map[float64]float64{10: 150, 150: 150, 200: 150, 301: 300} {
		v := dayVerdict(perDay)
		if v.Limit != limit || v.OK != (perDay <= 150) {
			t.Errorf("%v: %+v", perDay, v)
		}
	}
}

// What is not listed is counted.
func TestManyDifferencesAreCounted(t *testing.T) {
	p := past{}
	for i := range mostDifferences + 50 {
		ev := reading(float64(i), "1", `{"t":80}`)
		ev.Device = fmt.Sprint("c", i)
		p = append(p, ev)
	}
	r := replay(t, p, ruleNamed("hot", "data.t >= 70"), ruleNamed("hot", "data.t >= 90"), 1)
	if len(r.Diff) != mostDifferences || r.DiffMore != 50 || r.Raised != mostDifferences+50 || r.LiveRaised != 0 {
		t.Errorf("%d listed, %d more", len(r.Diff), r.DiffMore)
	}
	if text, err := json.Marshal(r); err != nil || len(text) == 0 {
		t.Error(err)
	}
}

// A window is as full at the beginning of the span as it was then.
func TestReplayFillsItsWindowsFirst(t *testing.T) {
	var p past
	for h := -11; h <= 1; h++ {
		p = append(p, reading(float64(h)*3600+60, "1", `{"t":80}`))
	}
	for when, want := range map[string]int{`count("12h") >= 12`: 1, `count("12h") >= 14`: 0, `changed("t")`: 0, `max("t", "12h") >= 80.0`: 0} {
		if r := replay(t, p, ruleNamed("often", when), "", 2); r.Raised != want {
			t.Errorf("%s: raised %d", when, r.Raised)
		}
	}
}
