package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dongyue/internal/event"
)

const grouped = `
rules:
  - id: power.lost
    title: {zh: 停电, en: no power}
    on: {kind: charger, channel: presence}
    when: data.online == false
    quorum: {of: 3, by: building}
    priority: high
  - id: offline
    title: {zh: 离线, en: offline}
    on: {kind: charger, channel: presence}
    when: data.online == false
    depends_on: [{rule: power.lost, scope: zone}]
    priority: low
  - id: mute
    title: {zh: 无声, en: mute}
    on: {kind: charger, channel: telemetry}
    absent: 5m
    priority: medium
`

// parted is a charger that says it is not there.
func parted(s float64, device string) event.Event {
	ev := reading(s, "", `{"online":false}`)
	ev.Device, ev.Channel, ev.Type = device, event.Presence, "presence"
	return ev
}

func askGroup(t *testing.T, e *Engine, rule, device string, ev *event.Event) Explanation {
	t.Helper()
	c := caseOf(t, e, rule, ev)
	if c.Device, c.Part = device, ""; strings.HasPrefix(device, zonePrefix) {
		c.Kind = ""
	}
	return c.Now(e.Standing(rule, Asked{Device: device, Zone: "east/b01/s1"}))
}

func reasonOf(x *Explanation, what string) string {
	if i := slices.IndexFunc(x.Why, func(r Reason) bool { return r.What == what }); i >= 0 {
		return x.Why[i].Text.EN
	}
	return ""
}

func TestWhyAGroupIsNotRaised(t *testing.T) {
	e := mustNew(t, grouped)
	first := parted(0, "c0")
	e.Process([]event.Event{first, parted(1, "c1")})
	x := askGroup(t, e, "power.lost", "c0", &first)
	if x.Raised || x.Group != "zone:east/b01" || !strings.Contains(x.Conclusion.EN, "holds for 2 devices of zone:east/b01; it takes 3") {
		t.Errorf("%+v", x.Conclusion)
	}
	e.Process([]event.Event{parted(2, "c2")})
	if x := askGroup(t, e, "power.lost", "c0", &first); !x.Raised || x.Group != "zone:east/b01" {
		t.Errorf("%+v, %v", x.Conclusion, whyOf(&x))
	}
	if x := askGroup(t, e, "power.lost", "zone:east/b01", nil); !x.Raised || x.Event == nil || x.Event.Device != "c2" {
		t.Errorf("asked about the group itself: %+v, %v", x.Conclusion, x.Event)
	}
	late := parted(3, "c3")
	e.Process([]event.Event{late})
	if x := askGroup(t, e, "offline", "c3", &late); x.Raised || !strings.Contains(reasonOf(&x, "silenced"), "power.lost is raised for zone:east/b01") {
		t.Errorf("%v: %s", whyOf(&x), reasonOf(&x, "silenced"))
	}
}

func TestWhySilenceIsNotRaised(t *testing.T) {
	e := mustNew(t, grouped)
	if x := askGroup(t, e, "mute", "c1", nil); x.Raised || !strings.Contains(reasonOf(&x, "absent"), "has been heard yet") {
		t.Errorf("%v", whyOf(&x))
	}
	ev := reading(0, "", `{"t":20}`)
	e.Process([]event.Event{ev})
	if x := askGroup(t, e, "mute", "c1", &ev); x.Raised || !strings.Contains(x.Conclusion.EN, "without another it is raised at 2026-01-01 00:05:00") {
		t.Errorf("%+v", x.Conclusion)
	}
	e.Tick(testEpoch().Add(6 * 60e9))
	x := askGroup(t, e, "mute", "c1", &ev)
	if !x.Raised || !strings.Contains(reasonOf(&x, "absent"), "silent since") {
		t.Errorf("%+v, %v", x.Conclusion, whyOf(&x))
	}
	c := caseOf(t, e, "mute", &ev)
	if x := c.Raised(); !strings.Contains(reasonOf(&x, "absent"), "nothing came for 5m0s") {
		t.Errorf("%v", whyOf(&x))
	}
}

// The windows of an explanation are those of the engine.
func TestExplainedWindowsAreTheEngines(t *testing.T) {
	for fn, limit := range map[string]string{"avg": "30", "min": "10", "max": "50", "rate": "0.5", "rise": "40"} {
		expr := fmt.Sprintf(`%s("t", "1m") > %s`, fn, limit)
		e := mustNew(t, ruleNamed("w", fmt.Sprintf("%q", expr)))
		var past []event.Event
		for i := range 8 {
			ev := reading(float64(10*i), "7", fmt.Sprintf(`{"t":%d}`, 7*i))
			raised := len(e.Process([]event.Event{ev})) > 0
			c := caseOf(t, e, "w", &ev)
			c.Past = past
			x := c.Raised()
			holds := slices.ContainsFunc(x.Why, func(r Reason) bool { return r.What == "when" && r.Expr == "" && r.OK })
			st := e.Standing("w", Asked{Device: "c1", Part: "7"})
			if holds != (raised || st.Phase == Firing) {
				t.Errorf("%s at %d: explained %v, the engine %v", expr, i, holds, st.Phase)
			}
			past = append(past, ev)
		}
	}
}

func TestExplainedCountsAreTheEngines(t *testing.T) {
	e := mustNew(t, strings.Replace(strings.Replace(ruleNamed("w", `count("1m") >= 3`), "channel: telemetry", "type: bump, where: data.n > 1", 1), "priority", "keep_firing_for: 1m\n    priority", 1))
	var past []event.Event
	for i, n := range []int{2, 1, 3, 4, 5} {
		ev := happening(float64(i), "bump", "7", fmt.Sprintf(`{"n":%d}`, n))
		e.Process([]event.Event{ev})
		c := caseOf(t, e, "w", &ev)
		c.Past = past
		x := c.Raised()
		holds := slices.ContainsFunc(x.Why, func(r Reason) bool { return r.What == "when" && r.Expr == "" && r.OK })
		if st := e.Standing("w", Asked{Device: "c1", Part: "7"}); holds != (st.Phase == Firing) {
			t.Errorf("at %d: explained %v, the engine %q", i, holds, st.Phase)
		}
		past = append(past, ev)
	}
}
