package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dongyue/internal/event"
)

const greedy = `
rules:
  - id: greedy
    title: {zh: a, en: a}
    on: {kind: charger, channel: telemetry}
    when: data.list.exists(x, data.list.exists(y, data.list.exists(z, x + y + z == 1.5)))
    priority: low
  - id: modest
    title: {zh: a, en: a}
    on: {kind: charger, channel: telemetry}
    when: data.t > 5
    priority: low
    depends_on: [greedy]
`

// costly is a reading that costs more than an evaluation may.
func costly(s float64) event.Event {
	return reading(s, "", `{"list":[`+strings.TrimSuffix(strings.Repeat("1,", 300), ",")+`]}`)
}

// A rule that uses up its budget is disabled, which is told once; the others go on.
func TestBudget(t *testing.T) {
	e := mustNew(t, greedy)
	want(t, process(e, reading(0, "7", `{"list":[0.5]}`), reading(1, "7", `{"t":9}`)), "@0s raised greedy low c1/7")
	var got []Transition
	for i := range 12 {
		got = append(got, process(e, costly(float64(2+i)))...)
	}
	// What it silenced comes out; what it had raised stays, for it won't hear its end.
	want(t, got, "@11s raised hub.rule_disabled high rule:greedy", "@11s raised modest low c1/7")
	if tr := got[0]; tr.Title.EN != "rule greedy costs too much and has been disabled" || tr.Title.ZH == "" || tr.Version == "" || tr.Priority != event.High || !tr.Measured {
		t.Errorf("%+v", tr)
	}
	st := e.Status()
	if st[0].Disabled == "" || st[0].OverBudget != 10 || st[0].Firing != 1 || st[1].Disabled != "" {
		t.Errorf("%+v", st)
	}
	want(t, process(e, reading(20, "8", `{"list":[0.5],"t":9}`)), "@20s raised modest low c1/8")

	// It stays so over a restart and a swap to the same, and returns with a change.
	e.Commit()
	e = restart(t, e, greedy)
	want(t, process(e, reading(21, "9", `{"list":[0.5]}`)))
	e.Commit()
	want(t, e.Swap(mustLoad(t, greedy)))
	e.Commit()
	if e.Status()[0].Disabled == "" {
		t.Error("a swap to the same has brought it back")
	}
	changed := strings.Replace(greedy, "== 1.5", "== 0.75", 1)
	want(t, e.Swap(mustLoad(t, changed)), "@21s returned hub.rule_disabled high rule:greedy")
	e.Rollback()
	if e.Status()[0].Disabled == "" {
		t.Error("a swap that was taken back has brought it back")
	}
	e.Swap(mustLoad(t, changed))
	e.Commit()
	want(t, process(e, reading(22, "9", `{"list":[0.25]}`)), "@22s raised greedy low c1/9")

	// So it does when the files have changed while the hub was away.
	e = mustNew(t, greedy)
	for i := range 12 {
		process(e, costly(float64(i)))
	}
	e = restart(t, e, changed)
	want(t, e.Tick(testEpoch().Add(time.Minute)), "@9s returned hub.rule_disabled high rule:greedy")
	e.Rollback()
	want(t, e.Tick(testEpoch().Add(time.Minute)), "@9s returned hub.rule_disabled high rule:greedy")
	if rows, err := e.Dirty(); err != nil || len(rows) != 1 || rows[0].Data != nil {
		t.Error(rows, err)
	}
}

// Ten among many are no reason.
func TestBudgetIsOfAThousand(t *testing.T) {
	e := mustNew(t, greedy)
	for i := range 30 {
		for j := range 120 {
			process(e, reading(float64(i*200+j), "", `{"list":[]}`))
		}
		want(t, process(e, costly(float64(i*200+150))))
	}
	// The same with the tenth taken back and judged again.
	e = mustNew(t, greedy)
	for i := range 9 {
		process(e, costly(float64(i)))
	}
	e.Commit()
	for range 3 {
		want(t, process(e, costly(10)), "@10s raised hub.rule_disabled high rule:greedy")
		e.Rollback()
	}
	if e.Status()[0].Disabled != "" {
		t.Error("disabled by what has been taken back")
	}
	want(t, process(e, costly(10)), "@10s raised hub.rule_disabled high rule:greedy")
}

// What fires by a rule that is not there after a restart returns.
func TestRestartWithoutTheRule(t *testing.T) {
	e := mustNew(t, hot)
	process(e, reading(0, "7", `{"t":80}`), reading(0, "8", `{"t":80}`))
	rows, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	again := mustNew(t, strings.Replace(hot, "id: hot", "id: warm", 1))
	if err := again.Restore(rows); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first transaction fails
		trs := again.Tick(testEpoch().Add(time.Minute))
		var got []string
		for _, tr := range trs {
			got = append(got, fmt.Sprint(tr.Rule, " ", tr.Device, "/", tr.Part, " ", tr.Raised))
		}
		if d := cmp.Diff([]string{"hot c1/7 false", "hot c1/8 false"}, got); d != "" {
			t.Error(d)
		}
		dirty, err := again.Dirty()
		if err != nil || len(dirty) != 2 || dirty[0].Data != nil {
			t.Error(dirty, err)
		}
		again.Rollback()
	}
	again.Tick(testEpoch().Add(time.Minute))
	again.Commit()
	want(t, again.Tick(testEpoch().Add(time.Hour)))
}
