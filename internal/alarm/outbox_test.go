package alarm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

func (d *desk) withActions(deadline time.Duration) func(*Signal) {
	return func(s *Signal) {
		s.Actions = []Action{
			{Type: "command", Device: "c1", Command: "cut", Args: map[string]any{"part": "7"}, Deadline: d.clock().Add(deadline)},
			{Type: "broadcast", Zones: []string{"east"}, Text: event.Text{ZH: "{name}过热", EN: "{name} is hot"}, Level: 5},
		}
	}
}

func (d *desk) pending(limit int) []Task {
	d.t.Helper()
	tasks, err := d.alarms.Pending(context.Background(), limit)
	if err != nil {
		d.t.Fatal(err)
	}
	return tasks
}

func (d *desk) journal(id string) (out []string) {
	d.t.Helper()
	al, err := d.alarms.Get(context.Background(), id)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, j := range al.Journal {
		out = append(out, j.What+" "+j.Text)
	}
	return out
}

func TestActionsAreTakenOnce(t *testing.T) {
	d := open(t)
	id := d.apply(d.signal("c1", d.withActions(time.Minute)))[0].ID
	tasks := d.pending(10)
	if len(tasks) != 2 || tasks[0].Action.Args["part"] != "7" || tasks[1].Action.Text.ZH != "名c1过热" || tasks[0].Key == tasks[1].Key {
		t.Fatalf("%+v", tasks)
	}
	if again := d.pending(10); len(again) != 0 {
		t.Fatalf("taken twice: %+v", again)
	}
	if err := d.alarms.Complete(t.Context(), tasks[0], "done by c1"); err != nil {
		t.Fatal(err)
	}
	if err := d.alarms.Complete(t.Context(), tasks[0], "again"); err != nil {
		t.Fatal(err)
	}
	if err := d.alarms.Fail(t.Context(), tasks[1], errors.New("no speaker")); err != nil {
		t.Fatal(err)
	}
	got := d.journal(id)
	if len(got) != 3 || got[1] != `action_done command c1 cut{"part":"7"}: done by c1` || got[2] != "action_failed broadcast [east]: no speaker" {
		t.Errorf("%q", got)
	}
	// Told again, the open alarm does nothing more; a closed one does.
	repeat := d.signal("c1", d.withActions(time.Minute))
	repeat.Repeat = true
	d.apply(repeat)
	if tasks := d.pending(10); len(tasks) != 0 {
		t.Errorf("a repeat acts: %+v", tasks)
	}
	d.must(web.Operator, "POST", "/alarms/"+id+"/close", `{"reason":"test"}`, nil)
	d.apply(repeat)
	if tasks := d.pending(10); len(tasks) != 2 {
		t.Errorf("a repeat after the close does not act: %+v", tasks)
	}
}

// A crash between taking and ending an action: it is taken up again under the
// same key, unless its time is over.
func TestActionsAfterACrash(t *testing.T) {
	d := open(t)
	id := d.apply(d.signal("c1", d.withActions(time.Minute)))[0].ID
	before := d.pending(10)
	d.restart()
	after := d.pending(10)
	if len(after) != 2 || after[0].Key != before[0].Key || after[0].Attempts != 1 {
		t.Fatalf("%+v", after)
	}
	d.restart()
	d.pass(2 * time.Minute)
	last := d.pending(10)
	if len(last) != 1 || last[0].Action.Type != "broadcast" {
		t.Fatalf("a cut two minutes late: %+v", last)
	}
	if got := d.journal(id); len(got) != 2 || got[1] != `action_expired command c1 cut{"part":"7"}: its deadline had passed` {
		t.Errorf("%q", got)
	}
	if err := d.alarms.Complete(t.Context(), before[0], "the crashed attempt wakes up"); err != nil || len(d.journal(id)) != 2 {
		t.Error("an expired action was ended again", err)
	}
}

func TestActionsOfARolledBackTransaction(t *testing.T) {
	d := open(t)
	_ = d.db.Tx(t.Context(), func(tx *sql.Tx) error {
		if _, err := d.alarms.Apply(t.Context(), tx, []Signal{d.signal("c1", d.withActions(time.Minute))}); err != nil {
			t.Error(err)
		}
		return errors.New("the disk is full")
	})
	if tasks := d.pending(10); len(tasks) != 0 || d.feed.Last() != 0 {
		t.Errorf("%+v", tasks)
	}
}

func TestRunCarriesOut(t *testing.T) {
	d := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	count := map[string]int{}
	slow := make(chan struct{})
	var done sync.WaitGroup
	done.Add(60)
	carry := func(_ context.Context, task Task) (string, error) {
		if task.Action.Type == "broadcast" {
			<-slow
			return "", nil
		}
		mu.Lock()
		count[task.Key]++
		n := count[task.Key]
		mu.Unlock()
		if n == 1 && task.ID%3 == 0 {
			return "", fmt.Errorf("not connected: %w", ErrRetry)
		}
		done.Done()
		return "ok", nil
	}
	ended := make(chan error)
	go func() { ended <- d.alarms.Run(ctx, carry) }()
	// One slow action does not hold up sixty others.
	d.apply(d.signal("slow", func(s *Signal) { s.Actions = []Action{{Type: "broadcast"}} }))
	for i := range 60 {
		d.apply(d.signal(fmt.Sprintf("c%d", i), func(s *Signal) { s.Actions = []Action{{Type: "command", Command: "cut"}} }))
	}
	all := make(chan struct{})
	go func() { done.Wait(); close(all) }()
	for waiting := true; waiting; {
		select {
		case <-all:
			waiting = false
		case <-time.After(5 * time.Millisecond): // let the hub's clock reach the next attempts
			d.pass(time.Second)
			d.alarms.nudge()
		}
	}
	close(slow)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for key, n := range count {
		if n > 2 {
			t.Errorf("%s carried out %d times", key, n)
		}
	}
	var open int
	if err := d.db.Read().QueryRow("SELECT count(*) FROM alarm_outbox WHERE state <> 'done'").Scan(&open); err != nil || open != 0 {
		t.Error(open, err)
	}
}
