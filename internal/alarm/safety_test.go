package alarm

import (
	"context"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// A rung of the chargers' ladder is a command too: a port whose curve is dangerous
// is cut also while somebody works on it and nobody is to be called.
func TestWhatIsPutAsideIsStillCut(t *testing.T) {
	d := open(t)
	rungs := func(s *Signal) {
		s.Priority, s.Measured = event.Critical, false
		s.Actions = []Action{
			{Type: "react", Command: "cut", Device: "c1", Args: map[string]any{"part": "7"}, Deadline: d.clock().Add(time.Minute)},
			{Type: "notify", To: []string{"on_duty"}, Deadline: d.clock().Add(time.Minute)},
			{Type: "work_order", Priority: event.High},
		}
	}
	d.must(web.Operator, "POST", "/out-of-service", `{"device":"c1","until":"2026-01-01T04:00:00Z","reason":"换插座"}`, nil)
	al := d.apply(d.signal("c1", rungs))[0]
	if got := d.alarm(al.ID).State; got != OutOfService {
		t.Fatalf("state %s", got)
	}
	tasks := d.pending(10)
	if len(tasks) != 1 || tasks[0].Action.Type != "react" || tasks[0].Action.Command != "cut" {
		t.Errorf("%+v", tasks)
	}
}

// An alarm that was shelved before its rule became one of life safety is called
// when it happens again, and can't be put aside any more.
func TestARuleThatBecomesLifeSafetyIsNoLongerHidden(t *testing.T) {
	d := open(t)
	id := d.apply(d.signal("c1", nil))[0].ID
	d.must(web.Operator, "POST", "/alarms/"+id+"/shelve", `{"kind":"timed","minutes":60,"reason":"wait"}`, nil)
	before := len(d.rung())
	again := d.signal("c1", func(s *Signal) { s.LifeSafety, s.Latch, s.Priority, s.Repeat = true, true, event.High, true })
	d.apply(again)
	al := d.alarm(id)
	if al.State != UnackedActive || !al.LifeSafety || !al.Latched || al.ShelvedUntil != nil || al.ReAlarmAt == nil {
		t.Errorf("%+v", al)
	}
	if got := d.rung(); len(got) != before+1 {
		t.Errorf("rung %q", got)
	}
	for _, path := range []string{"/alarms/" + id, "/incidents/" + al.Incident} {
		if status, code := d.ask(web.Admin, "POST", path+"/shelve", `{"kind":"timed","minutes":1,"reason":"wait"}`, nil); status != 409 || code != "alarm.life_safety" {
			t.Errorf("%s: %d %s", path, status, code)
		}
	}
	d.restart()
	over := d.signal("c1", returned)
	d.apply(over)
	d.must(web.Operator, "POST", "/alarms/"+id+"/ack", `{}`, nil)
	if al := d.alarm(id); al.ClosedAt != nil || !al.LifeSafety {
		t.Errorf("closed by itself: %+v", al)
	}
	d.must(web.Operator, "POST", "/alarms/"+id+"/close", `{"reason":"handled"}`, nil)
	var inc Incident
	d.must(web.Operator, "GET", "/incidents/"+al.Incident, "", &inc)
	if inc.ClosedAt == nil || inc.Open != 0 || !inc.LifeSafety {
		t.Errorf("%+v", inc)
	}
}

// Life safety climbs its own ladder where its rule names one that calls nobody.
func TestLifeSafetyIsNotMutedByAPolicyWithoutSteps(t *testing.T) {
	c := openCalling(t)
	c.apply(c.signal("c1", func(s *Signal) {
		s.LifeSafety, s.Latch, s.Priority, s.Escalation = true, true, event.Critical, "quiet"
	}))
	c.lapse(5)
	c.expect("+5s c1 on_duty")
}

// A drill of the chargers' ladder says what each rung would have done.
func TestADrillOfTheLadderIsInWords(t *testing.T) {
	d := open(t, func(o *Options) {
		o.Rehearse = func(_ context.Context, q DrillRequest) ([]Signal, error) {
			s := Signal{Rule: q.Rule, Device: q.Device, Part: q.Part, Raised: true, At: epoch(), Priority: event.Critical, LifeSafety: true, Title: event.Text{ZH: "a", EN: "a"}}
			for _, rung := range []string{"cut", "neighbours", "evacuate"} {
				s.Actions = append(s.Actions, Action{Type: "react", Command: rung, Device: "c1", Args: map[string]any{"part": "7"}})
			}
			return []Signal{s}, nil
		}
	})
	var dr Drill
	if status, code := d.ask(web.Supervisor, "POST", "/drills", drill, &dr); status != 201 || len(dr.Actions) != 3 {
		t.Fatal(status, code, dr.Actions)
	}
	for i, want := range []string{"cut port 7 of 名c1", "cut port 7 of 名c1 and two on either side, and warn the shed", "cut port 7 of 名c1 and the feeder"} {
		if got := dr.Actions[i].Text; !strings.HasPrefix(got.EN, want) || !strings.HasPrefix(got.ZH, "切断名c1 7 号口") {
			t.Errorf("%+v", got)
		}
	}
	if tasks := d.pending(100); len(tasks) != 0 {
		t.Errorf("it acts: %+v", tasks)
	}
}
