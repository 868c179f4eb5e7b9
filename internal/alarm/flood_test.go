package alarm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// alone opens an incident of its own.
func (d *desk) alone(n int, change func(*Signal)) Signal {
	return d.at("lamp.dead", fmt.Sprintf("l%03d", n), fmt.Sprintf("west/b%03d", n), change)
}

func (d *desk) flood() Flood {
	d.t.Helper()
	var f Flood
	d.must(web.Operator, "GET", "/alarms/flood", "", &f)
	return f
}

// What rings and what does not, step by step.
func TestAnnunciation(t *testing.T) {
	d := open(t)
	door := func(prio event.Priority) func(*Signal) { return func(s *Signal) { s.Priority = prio } }
	check := func(what string, want ...string) {
		t.Helper()
		if got := d.rung(); !slices.Equal(got, want) {
			t.Errorf("%s: %q", what, got)
		}
	}
	d.apply(d.at("door.held", "d1", "east/b01", door(event.Low)))
	rung := []string{"new door.held 名d1"}
	check("a new incident", rung...)
	d.apply(d.at("door.held", "d2", "east/b01", door(event.Low)))
	check("a member joins", rung...)
	forced := d.apply(d.at("door.forced", "d2", "east/b01", door(event.High)))[0]
	rung = append(rung, "priority door.forced 名d2")
	check("the priority rises", rung...)
	if !forced.Annunciate {
		t.Error("the alarm that raised it is not marked")
	}
	d.apply(d.at("door.held", "d1", "east/b01", func(s *Signal) { s.Raised = false }))
	d.pass(time.Minute)
	d.apply(d.at("door.held", "d1", "east/b01", door(event.Low)))
	check("one comes back soon", rung...)
	d.apply(d.at("door.held", "d1", "east/b01", func(s *Signal) { s.Raised = false }))
	d.pass(11 * time.Minute)
	d.apply(d.at("door.held", "d1", "east/b01", door(event.Low)))
	rung = append(rung, "again door.forced 名d2")
	check("one comes back after a while", rung...)
	d.apply(d.at("door.smoke", "d1", "east/b01", func(s *Signal) { s.LifeSafety = true }))
	rung = append(rung, "life_safety door.forced 名d2")
	check("life safety joins", rung...)
	both := d.apply(d.at("a.x", "a", "west/b01", nil), d.at("a.y", "b", "west/b01", door(event.Low)), d.at("a.x", "c", "west/b01", nil))
	rung = append(rung, "new a.x 名a")
	if both[0].Incident != both[2].Incident {
		t.Error("not one incident")
	}
	slices.Sort(rung)
	got := d.rung()
	slices.Sort(got)
	if len(got) != len(rung) {
		t.Errorf("three at once ring once: %q", got)
	}
	var n, lines int
	if err := d.db.Read().QueryRow("SELECT count(*), (SELECT count(*) FROM incident_journal WHERE what = 'annunciate') FROM annunciation").Scan(&n, &lines); err != nil || n != len(rung) || lines != n {
		t.Error(n, lines, err)
	}
}

// More than ten calls in ten minutes begin a flood, fewer than five end it, as
// exactly as the clock has it, and across a restart.
func TestFloodBeginsAndEnds(t *testing.T) {
	d := open(t)
	for i := range 10 {
		d.apply(d.alone(i, nil))
		d.pass(10 * time.Second)
	}
	if f := d.flood(); f.Active || f.PerOperator != 10 || f.Threshold != (FloodLimits{10, 5}) {
		t.Errorf("%+v", f)
	}
	d.apply(d.alone(10, nil)) // at 100 s
	f := d.flood()
	if !f.Active || !f.Since.Equal(d.clock()) || f.PerOperator != 11 {
		t.Errorf("%+v", f)
	}
	// In a flood only what is grave makes a sound; the others are shown.
	d.pass(10 * time.Second)
	held := d.apply(d.alone(11, nil))[0]
	grave := d.apply(d.alone(12, func(s *Signal) { s.Priority = event.High }))[0]
	safe := d.apply(d.alone(13, func(s *Signal) { s.Priority, s.LifeSafety = event.Medium, true }))[0] // 110 s
	if held.Annunciate || !grave.Annunciate || !safe.Annunciate {
		t.Error(held.Annunciate, grave.Annunciate, safe.Annunciate)
	}
	if n := len(d.rung()); n != 12 {
		t.Errorf("%q", d.rung())
	}
	d.must(web.Operator, "POST", "/incidents/"+safe.Incident+"/ack", "", nil)
	d.restart()
	// The fifth newest call was at 90 s, so five are left until 690 s.
	d.pass(690*time.Second - time.Millisecond - d.clock().Sub(epoch()))
	d.fire()
	if f := d.flood(); !f.Active || f.PerOperator != 5 {
		t.Errorf("%+v", f)
	}
	d.pass(time.Millisecond)
	d.fire()
	f = d.flood()
	want := FloodSpan{BeganAt: epoch().Add(100 * time.Second), EndedAt: new(epoch().Add(690 * time.Second)), Peak: 14, Annunciations: 2, Held: 2}
	if f.Active || f.Since != nil || len(f.History) != 1 || f.History[0].Held != want.Held || f.History[0].Peak != want.Peak || f.History[0].Annunciations != want.Annunciations ||
		!f.History[0].BeganAt.Equal(want.BeganAt) || !f.History[0].EndedAt.Equal(*want.EndedAt) {
		t.Errorf("%+v", f)
	}
	told := feedOf[FloodChange](d, "flood")
	if len(told) != 2 || told[0].Change != FloodBegins || !told[0].Active || told[1].Change != FloodEnds || told[1].Active || !told[1].Annunciate || told[1].Waiting != 2 {
		t.Errorf("%+v", told)
	}
}

// Two at the desk take in twice as much.
func TestFloodIsPerOperator(t *testing.T) {
	n := 2
	d := open(t, func(o *Options) { o.Operators = func(context.Context) int { return n } })
	for i := range 20 {
		d.apply(d.alone(i, nil))
	}
	if f := d.flood(); f.Active || f.Operators != 2 || f.PerOperator != 10 {
		t.Errorf("%+v", f)
	}
	d.apply(d.alone(20, nil))
	if f := d.flood(); !f.Active {
		t.Errorf("%+v", f)
	}
	n = 0 // nobody is not nobody's alarm
	if f := d.flood(); f.Operators != 1 {
		t.Errorf("%+v", f)
	}
}

func TestDrillsAreNoFlood(t *testing.T) {
	d := open(t)
	for i := range 20 {
		d.apply(d.alone(i, func(s *Signal) { s.Drill = true }))
	}
	if f := d.flood(); f.Active || f.PerOperator != 0 {
		t.Errorf("%+v", f)
	}
	if n := len(d.rung()); n != 20 {
		t.Error("drills made", n, "sounds")
	}
}

// S6: 10,000 conditions within ten seconds, one by one in time, in the hub's own
// batches: at most ten items for the operator, the root cause first once it is
// known, a forced door in the middle heard at once and kept apart, none lost.
func TestTenThousandConditions(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 10,000 alarms")
	}
	d := open(t)
	const all, perBatch = 10_000, 250
	var forced Change
	for at := 0; at < all; at += perBatch {
		var s []Signal
		for i := at; i < at+perBatch; i++ {
			kind := []string{"door", "charger", "lamp", "speaker", "sensor"}[i%5]
			s = append(s, d.at(kind+".offline", fmt.Sprintf("%s-%05d", kind, i), fmt.Sprintf("east/b%02d/u%d", i%11, i%4), func(s *Signal) {
				offline(s)
				s.Priority = event.Low
			}))
		}
		d.apply(s...)
		d.pass(250 * time.Millisecond)
		switch at {
		case 4 * perBatch: // after a second the quorum of the court is complete
			d.apply(d.at("power.area_lost", "zone:east", "east", func(s *Signal) { s.Priority, s.Place = event.High, placeCourt }))
			if top := d.incidents("open")[0]; top.Rule != "power.area_lost" {
				t.Errorf("on top is %s", top.Title.EN)
			}
		case 20 * perBatch:
			forced = d.apply(d.at("door.forced", "door-00000", "east/b00/u0", func(s *Signal) { s.Priority = event.High }))[0]
			if top := d.incidents("open")[0]; !forced.Annunciate || top.ID != forced.Incident {
				t.Errorf("the forced door: %+v, on top %s", forced.Annunciate, top.Title.EN)
			}
		}
	}
	items := d.incidents("open")
	if len(items) > 10 {
		t.Errorf("%d items", len(items))
	}
	var rows, lines, entries int
	err := d.db.Read().QueryRow(`SELECT (SELECT count(*) FROM alarm WHERE closed_at IS NULL), (SELECT count(*) FROM alarm_journal WHERE what = 'raise'),
		(SELECT count(*) FROM feed WHERE topic = 'alarm' AND data LIKE '%"change":"raise"%')`).Scan(&rows, &lines, &entries)
	if err != nil || rows != all+2 || lines != all+2 || entries != all+2 {
		t.Error("alarms", rows, "lines", lines, "entries", entries, err)
	}
	sounds := d.rung()
	grave := 0
	for _, s := range sounds {
		if strings.Contains(s, "power.area_lost") || strings.Contains(s, "door.forced") {
			grave++
		}
	}
	if len(sounds)-grave > 10 || grave != 2 {
		t.Errorf("%d sounds: %q", len(sounds), sounds)
	}
	inc := items[1]
	if inc.Rule != "power.area_lost" || inc.Alarms != all+1 {
		t.Errorf("%+v", inc)
	}
	var done IncidentDone
	began := cpu()
	d.must(web.Operator, "POST", "/incidents/"+inc.ID+"/ack", "", &done)
	t.Logf("acknowledged %d alarms in %v of processor time", done.Changed, cpu()-began)
	if done.Changed != all+1 || done.Unacked != 0 {
		t.Errorf("%+v", done.Incident)
	}
}
