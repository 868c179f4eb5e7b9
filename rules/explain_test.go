package rules

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
)

const explained = `
rules:
  - id: dark
    title: {zh: 停, en: dark}
    on: {kind: charger, type: power_lost}
    clear: {type: power_back}
    priority: high
  - id: hot
    title: {zh: "{name}热", en: "{name} hot"}
    on: {kind: charger, channel: telemetry, zone: east, where: part != "9"}
    when: data.t >= 70 || (data.t >= 55 && rise("t", "1m") >= 5)
    for: 30s
    priority: critical
    depends_on: dark
  - id: door
    title: {zh: 门, en: door}
    on: {kind: door, type: forced_open}
    clear: {type: closed}
    priority: high
`

// whyOf lists what stands in a reason's way, and its whole.
func whyOf(x *Explanation) (what []string) {
	for _, r := range x.Why {
		mark := "+"
		if !r.OK {
			mark = "-"
		}
		what = append(what, mark+r.What)
	}
	return what
}

// caseOf is a rule of explained and an event of its own.
func caseOf(t *testing.T, e *Engine, rule string, ev *event.Event) Case {
	t.Helper()
	r, ok := e.Set().Rule(rule)
	if !ok {
		t.Fatal(rule)
	}
	c := Case{Rule: r, Current: r, Device: "c1", Part: "7", Kind: event.Charger, Zone: "east/b01/s1", Event: ev}
	if ev != nil {
		c.Part = ev.Part
	}
	return c
}

func TestWhyItWasRaised(t *testing.T) {
	e := mustNew(t, explained)
	ev := reading(60, "7", `{"t":61}`)
	ev.Seq = 42
	c := caseOf(t, e, "hot", &ev)
	for i := range 6 {
		c.Past = append(c.Past, reading(float64(10*i), "7", `{"t":`+[]string{"40", "43", "47", "50", "54", "58"}[i]+`}`))
	}
	x := c.Raised()
	if !x.Raised || x.Version != c.Rule.Version || x.Current != c.Rule.Version || x.Line != 8 || x.Event.Seq != 42 {
		t.Errorf("%+v", x)
	}
	want := []string{"+rule", "+kind", "+zone", "+event", "+where", "+where", "-when", "+when", "+when", "+when", "+for", "+silenced"}
	if got := whyOf(&x); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if r := x.Why[8]; r.Expr != `rise("t", "1m") >= 5` || !strings.HasPrefix(r.Value, `rise("t", "1m") = 2`) {
		t.Errorf("%+v", r)
	}
	if !strings.Contains(x.Conclusion.EN, "data.t = 61") || !strings.Contains(x.Conclusion.ZH, "hot") {
		t.Errorf("%+v", x.Conclusion)
	}
	for _, r := range x.Why {
		if r.Text.ZH == "" || r.Text.EN == "" || strings.Contains(r.Text.EN, "%!") || strings.Contains(r.Text.ZH, "%!") {
			t.Errorf("%s: %+v", r.What, r.Text)
		}
	}
}

func TestOldAndRemovedRules(t *testing.T) {
	e := mustNew(t, explained)
	ev := reading(60, "7", `{"t":80}`)
	c := caseOf(t, e, "hot", &ev)
	other := *c.Rule
	other.Version = "another"
	for what, f := range map[string]func(){
		"now it is version another": func() { c.Current = &other },
		"it has been removed since": func() { c.Current = nil },
		"which is not kept":         func() { c.Then = "lost" },
	} {
		f()
		if x := c.Raised(); !strings.Contains(x.Why[0].Text.EN, what) {
			t.Errorf("%s: %s", what, x.Why[0].Text.EN)
		}
		c.Current, c.Then = c.Rule, ""
	}
}

func TestWhyItIsNotRaised(t *testing.T) {
	lost := happening(5, "power_lost", "", `{}`)
	hotNow := reading(10, "7", `{"t":80}`)
	forced := happening(10, "forced_open", "", `{}`)
	forced.Kind = event.Door
	closed := forced
	closed.Type, closed.Seq = "closed", 9
	for _, c := range []struct {
		name, rule string
		events     []event.Event // judged
		ev         *event.Event
		change     func(*Case, *Standing)
		first      string // what is in the way; "" nothing
		text       string
	}{
		{"nothing came", "hot", nil, nil, nil, "event", "no telemetry"},
		{"another kind", "hot", nil, &hotNow, func(c *Case, _ *Standing) { c.Kind = event.Lamp }, "kind", "it watches charger, this device is a lamp"},
		{"another zone", "hot", nil, &hotNow, func(c *Case, _ *Standing) { c.Zone = "west" }, "zone", "it watches east"},
		{"filtered", "hot", nil, new(reading(10, "9", `{"t":80}`)), nil, "where", "does not hold"},
		{"below the limit", "hot", nil, new(reading(10, "7", `{"t":50}`)), nil, "when", "data.t = 50"},
		{"no such metric", "hot", nil, new(reading(10, "7", `{"u":50}`)), nil, "when", "data has no t"},
		{"the window is empty", "hot", nil, new(reading(10, "7", `{"t":60}`)), nil, "when", "no answer"},
		{"not long enough", "hot", []event.Event{hotNow}, &hotNow, nil, "for", "it must for 30s, and will be raised at 2026-01-01 00:00:40"},
		{"silenced", "hot", []event.Event{lost, hotNow}, &hotNow, nil, "silenced", "dark is raised for c1"},
		{"raised", "hot", []event.Event{hotNow, reading(50, "7", `{"t":81}`)}, &hotNow, nil, "", "it is raised"},
		{"switched off", "hot", nil, &hotNow, func(_ *Case, s *Standing) { s.Disabled = "too dear" }, "disabled", "too dear"},
		{"ended", "door", nil, &forced, func(c *Case, _ *Standing) { c.Kind, c.Cleared = event.Door, &closed }, "clear", "closed of"},
		{"before the rule", "door", nil, &forced, func(c *Case, _ *Standing) { c.Kind, c.Since = event.Door, testEpoch().Add(time.Hour) }, "rule", "before the rules in force"},
		{"heard otherwise", "door", nil, &forced, func(c *Case, _ *Standing) { c.Kind = event.Door }, "over", "heard otherwise"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := mustNew(t, explained)
			e.Process(c.events)
			k := caseOf(t, e, c.rule, c.ev)
			st := e.Standing(c.rule, Asked{Device: k.Device, Part: k.Part, Zone: k.Zone})
			if c.change != nil {
				c.change(&k, &st)
			}
			x := k.Now(st)
			first := ""
			if i := slices.IndexFunc(x.Why, func(r Reason) bool { return !r.OK && r.Expr == "" }); i >= 0 {
				first = x.Why[i].What
			}
			if first != c.first || !strings.Contains(x.Conclusion.EN, c.text) || x.Raised != (c.first == "") {
				t.Errorf("first %q, %s\n%v", first, x.Conclusion.EN, whyOf(&x))
			}
			if x.Conclusion.ZH == "" || strings.Contains(x.Conclusion.ZH, "%!") {
				t.Errorf("%+v", x.Conclusion)
			}
		})
	}
}

func TestLateEventsAreExplained(t *testing.T) {
	e := mustNew(t, explained)
	ev := reading(200, "7", `{"t":80}`)
	ev.At, ev.Late = testEpoch(), true
	x := caseOf(t, e, "hot", &ev).Raised()
	if i := slices.IndexFunc(x.Why, func(r Reason) bool { return r.What == "late" }); i < 0 || !strings.Contains(x.Why[i].Text.EN, "3m20s") {
		t.Errorf("%v", whyOf(&x))
	}
}

func TestWindowsOfARule(t *testing.T) {
	e := mustNew(t, explained)
	r, _ := e.Set().Rule("hot")
	if got := r.Windows(); len(got) != 1 || got[0] != (WindowAsk{"rise", "t", time.Minute}) {
		t.Errorf("%+v", got)
	}
}

func TestWatches(t *testing.T) {
	e := mustNew(t, explained)
	r, _ := e.Set().Rule("hot")
	ev := reading(0, "7", `{}`)
	if !r.On.Watches(&ev) {
		t.Error("its own")
	}
	for _, change := range []func(*event.Event){
		func(e *event.Event) { e.Kind = event.Door }, func(e *event.Event) { e.Zone = "west" }, func(e *event.Event) { e.Channel = event.State },
	} {
		other := ev
		if change(&other); r.On.Watches(&other) {
			t.Errorf("%+v", other)
		}
	}
}
