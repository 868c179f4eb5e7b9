package alarm

import (
	"errors"
	"testing"
	"time"
)

func TestLineage(t *testing.T) {
	d := open(t)
	id := d.apply(d.signal("c1", d.withActions(time.Minute)))[0].ID
	d.apply(d.signal("c2", nil))
	tasks := d.pending(10)
	if err := d.alarms.Complete(t.Context(), tasks[0], "cmd-1"); err != nil {
		t.Fatal(err)
	}
	if err := d.alarms.Fail(t.Context(), tasks[1], errors.New("no loudspeaker")); err != nil {
		t.Fatal(err)
	}
	l, err := d.alarms.Lineage(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if l.Alarm.ID != id || len(l.Alarm.Journal) != 3 || len(l.Actions) != 2 {
		t.Fatalf("%+v", l)
	}
	cut, said := l.Actions[0], l.Actions[1]
	if cut.Type != "command" || cut.Command != "cut" || cut.State != "done" || cut.Result != "cmd-1" || cut.Attempts != 1 || cut.EndedAt == nil || !cut.CreatedAt.Equal(d.clock()) {
		t.Errorf("%+v", cut)
	}
	if said.Type != "broadcast" || said.State != "failed" || said.Result != "no loudspeaker" {
		t.Errorf("%+v", said)
	}
	if _, err := d.alarms.Lineage(t.Context(), "nobody"); err == nil {
		t.Error("an alarm that is not there has a lineage")
	}
}

func TestLatestAlarmOfASubject(t *testing.T) {
	d := open(t)
	first := d.apply(d.signal("c1", nil))[0].ID
	if _, err := d.alarms.CloseFor(t.Context(), first, FalseAlarm, ""); err != nil {
		t.Fatal(err)
	}
	d.pass(time.Minute)
	second := d.apply(d.signal("c1", nil))[0].ID
	d.pass(time.Minute)
	d.apply(d.signal("c1", func(s *Signal) { s.Part = "8" }))
	if al, err := d.alarms.Latest(t.Context(), "hot", "c1", "7"); err != nil || al == nil || al.ID != second {
		t.Errorf("%+v, %v", al, err)
	}
	if al, err := d.alarms.Latest(t.Context(), "hot", "c9", "7"); err != nil || al != nil {
		t.Errorf("%+v, %v", al, err)
	}
}
