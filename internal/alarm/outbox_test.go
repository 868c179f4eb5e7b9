package alarm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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
	slow, begun := make(chan struct{}), make(chan struct{})
	var done sync.WaitGroup
	done.Add(60)
	carry := func(_ context.Context, task Task) (string, error) {
		if task.Action.Type == "broadcast" {
			close(begun)
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
	<-begun
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

// In a flood a hundred orders wait; what a fire asks for, and the cut of a hot plug,
// go before them.
func TestLifeSafetyIsCarriedOutFirst(t *testing.T) {
	d := open(t)
	ask := func(what string, p event.Priority, safety bool) func(*Signal) {
		return func(s *Signal) { s.Priority, s.LifeSafety, s.Actions = p, safety, []Action{{Type: what}} }
	}
	for i := range 100 {
		d.apply(d.signal(fmt.Sprint("lamp-", i), ask("work_order", event.Low, false)))
	}
	d.apply(d.signal("door", ask("clip", event.High, false)), d.signal("plug", ask("command", event.Low, false)), d.signal("smoke", ask("broadcast", event.Critical, true)))
	var got []string
	for _, task := range d.pending(4) {
		got = append(got, task.Action.Type)
	}
	if want := []string{"broadcast", "command", "clip", "work_order"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	rows, err := d.db.Read().Query("EXPLAIN QUERY PLAN SELECT count(*) FROM alarm_outbox WHERE state = 'pending' AND (due_at <= 1 OR deadline < 1)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var plan string
		if err := rows.Scan(&id, &parent, &unused, &plan); err != nil || !strings.Contains(plan, "alarm_outbox_next") {
			t.Errorf("what waits is sought in all that ever was: %s, %v", plan, err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
}

// The end of an action that can't be written, as on a disk that is full for a moment,
// is written when it can; one that asked for another attempt gets it.
func TestTheEndOfAnActionIsWrittenWhenItCanBe(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{t: t, path: dir + "/hub.db", more: []func(*Options){func(o *Options) { o.Now = time.Now }}}
		d.start()
		full := 3
		d.alarms.followers = append(d.alarms.followers, func(_ context.Context, _ *sql.Tx, moves []move) error {
			if moves[0].what == ActionDone && full > 0 {
				full--
				return errors.New("disk full")
			}
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		carried := 0
		go func() {
			ended <- d.alarms.Run(ctx, func(context.Context, Task) (string, error) { carried++; return "ok", nil })
		}()
		s := d.signal("c1", func(s *Signal) { s.At, s.Actions = time.Now(), []Action{{Type: "broadcast"}} })
		id := d.apply(s)[0].ID
		time.Sleep(time.Minute)
		synctest.Wait()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if got := d.journal(id); carried != 1 || len(got) != 2 || got[1] != "action_done broadcast: ok" {
			t.Errorf("carried out %d times, journal %q", carried, got)
		}
		if err := d.db.Close(); err != nil {
			t.Error(err)
		}
	})
}
