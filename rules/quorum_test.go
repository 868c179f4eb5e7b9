package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
)

// gone is the presence of device n, which stands in one of two courts and hangs
// on one of two switches of one feeder.
func gone(s float64, n int, online bool) event.Event {
	ev := reading(s, "", fmt.Sprintf(`{"online":%v}`, online))
	ev.Device, ev.Channel, ev.Type, ev.ID = fmt.Sprintf("d%02d", n), event.Presence, "presence", fmt.Sprintf("p%d-%v", n, s)
	ev.Zone, ev.Via = []string{"east/b01", "west/b01"}[n%2], fmt.Sprintf("feeder/switch-%d", n%2)
	return ev
}

const area = `
rules:
  - id: area
    title: {zh: "{name} {count}", en: "{name}: {count} of {zone}, {members}, {device}"}
    on: {channel: presence}
    when: data.online == false
    for: 5s
    quorum: {of: 4, share_pct: 40, by: court}
    settle: 20s
    priority: critical
    incident: {cause: power, place: court}
  - id: device
    title: {zh: a, en: a}
    on: {channel: presence}
    when: data.online == false
    for: 10s
    depends_on: [{rule: area, scope: zone}]
    priority: low
`

func process(e *Engine, evs ...event.Event) []Transition { return e.Process(evs) }

func TestQuorumOfACourt(t *testing.T) {
	e := mustNew(t, area)
	var evs []event.Event
	for n := range 20 {
		evs = append(evs, gone(0, n, true))
	}
	want(t, e.Process(evs))
	// Three of ten in the east are not enough, nor are four in two courts.
	want(t, process(e, gone(10, 0, false), gone(10, 2, false), gone(10, 4, false), gone(10, 1, false)))
	want(t, e.Tick(testEpoch().Add(19*time.Second)))
	trs := process(e, gone(19, 6, false), gone(19, 8, true))
	want(t, trs)
	// The first four fall silent with the area, which fires when the fourth has
	// lasted; those whose own time was up before have been told.
	trs = e.Tick(testEpoch().Add(time.Minute))
	want(t, trs, "@20s raised device low d00", "@20s raised device low d01", "@20s raised device low d02", "@20s raised device low d04", "@24s raised area critical zone:east")
	tr := trs[4]
	if tr.Title.EN != "{name}: 4 of east, d00 d02 d04 d06, zone:east" || tr.Zone != "east" || tr.Kind != "" || tr.Evidence.ID != "p6-19" || !tr.Measured || tr.Incident.Place != Court {
		t.Errorf("%+v", tr)
	}
	// More of them change nothing and say nothing.
	want(t, process(e, gone(61, 8, false), gone(61, 10, false)))
	want(t, e.Tick(testEpoch().Add(80*time.Second)))
	// It returns when fewer than half of four are left.
	want(t, process(e, gone(100, 0, true), gone(100, 2, true), gone(100, 4, true), gone(100, 6, true)), "@1m40s returned device low d00", "@1m40s returned device low d02", "@1m40s returned device low d04")
	want(t, process(e, gone(101, 8, true)), "@1m41s returned area critical zone:east")
	// What is still away is told when things have settled.
	want(t, e.Tick(testEpoch().Add(120*time.Second)))
	want(t, e.Tick(testEpoch().Add(122*time.Second)), "@2m1s raised device low d10")
}

func TestQuorumByWhatDevicesHangOn(t *testing.T) {
	e := mustNew(t, `
rules:
  - id: feeder
    title: {zh: "{device}", en: "{device} of {count}"}
    on: {channel: presence}
    when: data.online == false
    quorum: {of: 3, share_pct: 60, by: via}
    priority: high
  - id: device
    title: {zh: a, en: a}
    on: {channel: presence}
    when: data.online == false
    for: 10s
    depends_on: [{rule: feeder, scope: via}]
    priority: low
`)
	var evs []event.Event
	for n := range 10 {
		evs = append(evs, gone(0, n, true))
	}
	want(t, e.Process(evs))
	// Three of the five of a switch, three of the ten of the feeder.
	trs := process(e, gone(1, 0, false), gone(1, 2, false), gone(1, 4, false))
	want(t, trs, "@1s raised feeder high switch-0")
	if trs[0].Via != "feeder" || trs[0].Zone != "east/b01" {
		t.Errorf("via %q, zone %q", trs[0].Via, trs[0].Zone)
	}
	// Then the feeder; its other switch, which is as full in the same moment, says
	// nothing of its own.
	trs = process(e, gone(2, 1, false), gone(2, 3, false), gone(2, 5, false), gone(2, 7, false))
	want(t, trs, "@2s raised feeder high feeder")
	if len(trs) == 1 && (trs[0].Zone != "" || trs[0].Via != "") {
		t.Errorf("via %q, zone %q", trs[0].Via, trs[0].Zone)
	}
	want(t, e.Tick(testEpoch().Add(time.Minute)))
	// One switch is back, then all but one device of the other.
	want(t, process(e, gone(70, 1, true), gone(70, 3, true), gone(70, 5, true), gone(70, 7, true)))
	want(t, process(e, gone(71, 0, true), gone(71, 2, true)), "@1m11s returned feeder high feeder", "@1m11s returned feeder high switch-0", "@1m11s raised device low d04")
}

func TestQuorumSurvivesARestart(t *testing.T) {
	e := mustNew(t, area)
	for n := range 20 {
		process(e, gone(0, n, true))
	}
	process(e, gone(1, 0, false), gone(1, 2, false), gone(1, 4, false))
	e.Tick(testEpoch().Add(7 * time.Second))
	again := restart(t, e, area)
	want(t, process(again, gone(8, 6, false)))
	want(t, again.Tick(testEpoch().Add(13*time.Second)), "@11s raised device low d00", "@11s raised device low d02", "@11s raised device low d04", "@13s raised area critical zone:east")
	again = restart(t, again, area)
	want(t, process(again, gone(14, 0, true), gone(14, 2, true), gone(14, 4, true)), "@14s returned device low d00", "@14s returned device low d02", "@14s returned area critical zone:east", "@14s returned device low d04")
}

func TestSwapChangesAQuorum(t *testing.T) {
	e := mustNew(t, area)
	for n := range 20 {
		process(e, gone(0, n, true))
	}
	process(e, gone(1, 0, false), gone(1, 2, false), gone(1, 4, false))
	e.Tick(testEpoch().Add(8 * time.Second))
	e.Commit()
	want(t, e.Swap(mustLoad(t, strings.Replace(area, "of: 4, share_pct: 40", "of: 3", 1))), "@8s raised area critical zone:east")
	e.Commit()
	// Without a quorum it is another rule: the group's alarm returns.
	want(t, e.Swap(mustLoad(t, hot)), "@8s returned area critical zone:east")
	e.Rollback()
	want(t, process(e, gone(9, 0, true), gone(9, 2, true)), "@9s returned area critical zone:east")
}

func TestGroupsOfAPlace(t *testing.T) {
	for _, c := range []struct {
		by        Place
		zone, via string
		want      string
	}{
		{Community, "east/b01/u1", "", "[]"}, {Community, "", "", "[]"},
		{Court, "east/b01/u1", "", "[east]"}, {Building, "east/b01/u1", "", "[east/b01]"}, {Unit, "east/b01/u1/h3", "", "[east/b01/u1]"},
		{Court, "east", "", "[east]"}, {Building, "east", "", "none"}, {Court, "", "", "none"},
		{ByVia, "east", "f/s", "[f s]"}, {ByVia, "east", "", "none"},
	} {
		q := Quorum{By: c.by}
		got := "none"
		if g := q.groups(c.zone, c.via, nil); len(g) > 0 {
			got = fmt.Sprint(g)
		}
		if got != c.want {
			t.Errorf("%s of %q, %q: %s, want %s", c.by, c.zone, c.via, got, c.want)
		}
	}
}

func TestGroupProblems(t *testing.T) {
	for text, problem := range map[string]string{
		`quorum: {by: court}`:                                   "says not how many",
		`quorum: {of: 3}`:                                       "says not of which group",
		`quorum: {of: 3, by: cuort}`:                            `unknown group "cuort"; did you mean "court"?`,
		`quorum: {of: 3, by: court, clear_below: 4}`:            "more than it takes to raise",
		`quorum: {of: 0, by: court}`:                            "whole number from 1",
		`quorum: {of: 3, by: court}, actions: [{command: cut}]`: "a group of devices takes no command",
		`depends_on: [c]`:                                       `"c" fires for a group, never for the device itself; write {rule: c, scope: zone}`,
		`depends_on: [{rule: c, scope: via}]`:                   "nothing hangs on the zones",
		`depends_on: [{rule: v, scope: zone}]`:                  "which may be less than a zone; write {rule: v, scope: via}",
		`depends_on: [{rule: v, scope: vai}]`:                   `unknown scope "vai"; did you mean "via"?`,
		`depends_on: [{scope: via}]`:                            "names no rule",
		`absent: 5s`:                                            "does not go with absent",
		`for: 5s, absent: 0s`:                                   "longer than nothing",
		`depends_on: [{rule: v, scope: via}], settle: 10s, quorum: {of: 2, by: unit}`: "",
	} {
		_, problems := Check("r.yaml", []byte(`rules:
  - {id: c, title: {zh: a, en: a}, on: {channel: presence}, priority: low, when: data.online == false, quorum: {of: 3, by: court}}
  - {id: v, title: {zh: a, en: a}, on: {channel: presence}, priority: low, when: data.online == false, quorum: {of: 3, by: via}}
  - {id: r, title: {zh: a, en: a}, on: {channel: presence}, priority: low, when: data.online == false, `+text+"}\n"), nil)
		all := fmt.Sprint(problems)
		if problem == "" && len(problems) > 0 || !strings.Contains(all, problem) {
			t.Errorf("%s: %s", text, all)
		}
	}
}
