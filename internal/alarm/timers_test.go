package alarm

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// night is a desk in a bubble of time, whose timers run as in life.
type night struct {
	*desk
	stop func()
}

func overnight(t *testing.T) *night {
	n := &night{desk: open(t, func(o *Options) { o.Now = time.Now })}
	n.run()
	return n
}

func (n *night) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = n.alarms.Run(ctx, func(context.Context, Task) (string, error) { return "", nil })
	}()
	n.stop = func() { cancel(); <-done }
}

// at is a signal of now.
func (n *night) at(device string, change func(*Signal)) Signal {
	s := n.signal(device, change)
	s.At = time.Now()
	return s
}

// reminders are how long after a start each re-alarm came.
func (n *night) reminders(id string, since time.Time) string {
	var out []string
	for _, j := range n.alarm(id).Journal {
		if j.What == ReAlarmed {
			out = append(out, fmt.Sprint(j.At.Sub(since).Round(time.Second)))
		}
	}
	return strings.Join(out, " ")
}

func smoke(s *Signal) { s.Rule, s.LifeSafety, s.Priority = "sensor.smoke", true, event.Critical }

// Life safety calls every two minutes until a person has seen it, also when its
// rule says nothing, when the condition is over, and across a restart.
func TestLifeSafetyIsToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := overnight(t)
		began := time.Now()
		id := n.apply(n.at("s1", smoke))[0].ID
		time.Sleep(4*time.Minute + 30*time.Second)
		n.apply(n.at("s1", func(s *Signal) { smoke(s); s.Raised = false }))
		n.stop()
		n.restart()
		time.Sleep(time.Minute + 29*time.Second) // the hub is down, up to a second before the next
		n.run()
		time.Sleep(4 * time.Minute)
		if got := n.reminders(id, began); got != "2m0s 4m0s 6m0s 8m0s" {
			t.Error(got)
		}
		n.must(web.Operator, "POST", "/alarms/"+id+"/ack", "", nil)
		time.Sleep(time.Hour)
		if got := n.reminders(id, began); got != "2m0s 4m0s 6m0s 8m0s" {
			t.Error("told again though seen and over:", got)
		}
		if al := n.alarm(id); al.State != AckedActive || al.ReAlarmAt != nil {
			t.Errorf("life safety closed by itself: %+v", al)
		}
		if got := n.rung(); len(got) != 5 || got[0] != "new 名s1 port 7 overheats" || got[4] != "realarm 名s1 port 7 overheats" {
			t.Errorf("%q", got)
		}
		n.stop()
	})
}

// A hub that was down for long calls once for all that it missed.
func TestMissedTimersFireOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := overnight(t)
		began := time.Now()
		id := n.apply(n.at("s1", smoke))[0].ID
		n.stop()
		time.Sleep(10*time.Minute + 10*time.Second)
		n.restart()
		n.run()
		time.Sleep(time.Minute)
		if got := n.reminders(id, began); got != "10m10s" {
			t.Error(got)
		}
		n.stop()
	})
}

// realarm of a rule: while it stands, acknowledged or not; the time begins anew
// with the acknowledgement.
func TestReAlarmOfARule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := overnight(t)
		began := time.Now()
		id := n.apply(n.at("c1", func(s *Signal) { s.ReAlarm = 10 * time.Minute }))[0].ID
		time.Sleep(15 * time.Minute)
		n.must(web.Operator, "POST", "/alarms/"+id+"/ack", "", nil)
		time.Sleep(21 * time.Minute)
		n.must(web.Operator, "POST", "/alarms/"+id+"/shelve", `{"kind":"timed","minutes":30,"reason":"x"}`, nil)
		time.Sleep(41 * time.Minute)
		if got := n.reminders(id, began); got != "10m0s 25m0s 35m0s 1h16m0s" {
			t.Error(got)
		}
		if al := n.alarm(id); al.State != AckedActive {
			t.Error("told again is not unseen:", al.State)
		}
		n.apply(n.at("c1", returned))
		if al := n.alarm(id); al.State != Normal || al.ReAlarmAt != nil {
			t.Errorf("%+v", al)
		}
		n.stop()
	})
}

// Life safety with a realarm of its own: two minutes until seen, then as the rule says.
func TestReAlarmOfLifeSafety(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := overnight(t)
		began := time.Now()
		id := n.apply(n.at("s1", func(s *Signal) { smoke(s); s.ReAlarm = 5 * time.Minute }))[0].ID
		time.Sleep(3 * time.Minute)
		n.must(web.Operator, "POST", "/alarms/"+id+"/ack", "", nil)
		time.Sleep(11 * time.Minute)
		if got := n.reminders(id, began); got != "2m0s 8m0s 13m0s" {
			t.Error(got)
		}
		n.stop()
	})
}

// A chattering alarm is one open alarm that calls once, and is over a minute after
// its condition came to rest.
func TestChattering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := overnight(t)
		first := n.apply(n.at("c1", nil))[0]
		for range 40 { // comes and goes every ten seconds
			time.Sleep(5 * time.Second)
			n.apply(n.at("c1", returned))
			time.Sleep(5 * time.Second)
			n.apply(n.at("c1", nil))
		}
		time.Sleep(5 * time.Second)
		n.apply(n.at("c1", returned))
		al := n.alarm(first.ID)
		if al.Count != 41 || !al.Active || al.State != UnackedActive {
			t.Errorf("%+v", al)
		}
		n.must(web.Operator, "POST", "/alarms/"+first.ID+"/ack", "", nil)
		time.Sleep(58 * time.Second)
		if al := n.alarm(first.ID); al.State != AckedActive {
			t.Error("it is taken to be over too soon:", al.State)
		}
		time.Sleep(3 * time.Second)
		if al := n.alarm(first.ID); al.State != Normal {
			t.Errorf("it does not come to rest: %+v", al)
		}
		if got := n.whats(first.ID); got != "raise return raise return raise ack return" {
			t.Error(got)
		}
		if got := n.rung(); len(got) != 1 {
			t.Errorf("%q", got)
		}
		var bad struct{ Items []BadActor }
		n.must(web.Operator, "GET", "/alarms/bad-actors", "", &bad)
		if len(bad.Items) < 1 || bad.Items[0].Kind != Chattering || bad.Items[0].CyclesPerMin != 6 || bad.Items[0].DeviceName != "名c1" {
			t.Errorf("%+v", bad)
		}
		n.stop()
	})
}

// An incident of many smokes is told again every two minutes, not for each of them.
func TestAnIncidentIsToldAgainOnce(t *testing.T) {
	d := open(t)
	smoke := func(s *Signal) { s.Cause, s.LifeSafety, s.Priority = "fire", true, event.Critical }
	for i := range 12 {
		d.apply(d.at("sensor.smoke", fmt.Sprint("s", i), "east/b01", smoke))
		d.pass(10 * time.Second)
	}
	before := len(d.rung())
	for range 600 {
		d.fire()
		d.pass(time.Second)
	}
	again := d.rung()[before:]
	if len(again) != 5 || again[0] != "realarm sensor.smoke 名s0" {
		t.Errorf("told again %d times in ten minutes: %q", len(again), again)
	}
	for _, inc := range d.incidents("open") { // seen by a person, it is quiet
		d.must(web.Operator, "POST", "/incidents/"+inc.ID+"/ack", "", nil)
	}
	before = len(d.rung())
	for range 300 {
		d.fire()
		d.pass(time.Second)
	}
	if again := d.rung()[before:]; len(again) != 0 {
		t.Errorf("%q", again)
	}
}
