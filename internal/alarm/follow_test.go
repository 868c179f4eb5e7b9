package alarm

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"
	"time"

	"dongyue/internal/web"
)

// A follower hears of each move once, sees what was before, and what it sets is
// stored and told with the move itself.
func TestFollowersHear(t *testing.T) {
	d := open(t)
	var heard []string
	d.alarms.followers = append(d.alarms.followers, func(_ context.Context, _ *sql.Tx, moves []move) error {
		for _, m := range moves {
			was := "new"
			if m.before != nil {
				was = string(m.before.State)
			}
			heard = append(heard, m.what+" "+was+" "+string(m.after.State))
			m.after.Escalation = &Escalation{Policy: "p", Step: len(heard), To: []string{"on_duty"}}
		}
		return nil
	})
	c := d.apply(d.signal("c1", nil))[0]
	if c.Escalation == nil || c.Escalation.Step != 1 {
		t.Errorf("the change tells %+v", c.Escalation)
	}
	d.must(web.Operator, "POST", "/alarms/"+c.ID+"/ack", "", nil)
	d.apply(d.signal("c1", returned))
	want := []string{"raise new unacked_active", "ack unacked_active acked_active", "return acked_active normal"}
	if !slices.Equal(heard, want) {
		t.Errorf("%q", heard)
	}
	var al Alarm
	d.must(web.Operator, "GET", "/alarms/"+c.ID, "", &al)
	if al.Escalation == nil || al.Escalation.Step != 3 {
		t.Errorf("stored %+v", al.Escalation)
	}
}

func TestAFollowerThatFailsUndoes(t *testing.T) {
	d := open(t)
	boom := errors.New("boom")
	d.alarms.followers = append(d.alarms.followers, func(context.Context, *sql.Tx, []move) error { return boom })
	err := d.db.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := d.alarms.Apply(t.Context(), tx, []Signal{d.signal("c1", nil)})
		return err
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if all, _, err := d.alarms.List(t.Context(), Filter{State: "all"}); err != nil || len(all) != 0 {
		t.Error(all, err)
	}
}

// A drill stands beside the real alarm of the same subject and does nothing.
func TestADrillStandsBeside(t *testing.T) {
	d := open(t)
	act := d.withActions(time.Minute)
	drill := func(s *Signal) { s.Drill = true; act(s) }
	one, two := d.apply(d.signal("c1", nil))[0], d.apply(d.signal("c1", drill))[0]
	if one.ID == two.ID || one.Drill || !two.Drill {
		t.Errorf("%+v\n%+v", one, two)
	}
	if tasks := d.pending(10); len(tasks) != 0 {
		t.Errorf("a drill acts: %+v", tasks)
	}
	d.apply(d.signal("c1", returned))
	var al Alarm
	d.must(web.Operator, "GET", "/alarms/"+two.ID, "", &al)
	if !al.Active {
		t.Error("the real return ended the drill")
	}
}

func TestTimersFireOnce(t *testing.T) {
	d := open(t)
	due, fired := epoch().Add(time.Minute), 0
	broken := timer{"broken", func(context.Context) (time.Time, error) { return time.Time{}, errors.New("no table") }, nil}
	works := timer{"works", func(context.Context) (time.Time, error) { return due, nil }, func(_ context.Context, _ *sql.Tx, now time.Time) error {
		if !now.Before(due) {
			fired, due = fired+1, time.Time{}
		}
		return nil
	}}
	d.alarms.timers = []timer{broken, works}
	for range 5 {
		if err := d.alarms.fireDue(t.Context()); err == nil {
			t.Error("the broken timer is not told")
		}
		d.pass(20 * time.Second)
	}
	if fired != 1 {
		t.Errorf("fired %d times", fired)
	}
}
