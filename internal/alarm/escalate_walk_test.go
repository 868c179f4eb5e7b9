package alarm

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// walker is the oracle: a slow and plain account of one alarm's ladder: it looks at every
// second at which the hub was awake, at whether the alarm calls, and at the list of
// all steps written out.
type walker struct {
	steps   []int // seconds after it called, all rounds
	to      []string
	calling bool
	base    time.Time
	called  time.Time // last
	taken   int
	told    []string
}

func newWalker(p *Policy) *walker {
	o := &walker{}
	start := 0
	for range p.Repeat + 1 {
		for _, s := range p.Steps {
			o.steps, o.to = append(o.steps, start+s.AfterS), append(o.to, s.To[0])
		}
		start += p.Steps[len(p.Steps)-1].AfterS + 60
	}
	return o
}

func (o *walker) due(now time.Time) bool {
	return o.taken < len(o.steps) && !now.Before(o.base.Add(time.Duration(o.steps[o.taken])*time.Second))
}

// see takes the alarm's state in, and what is due when the hub is awake.
func (o *walker) see(now time.Time, al *Alarm, awake bool) {
	if is := calls(al); is != o.calling {
		o.calling, o.taken = is, 0
		if is {
			o.base = now // when it called, or was no longer put aside
		}
	}
	if o.calling && al.LifeSafety && o.taken == len(o.steps) && !al.ToldAt.Equal(o.called) { // it happens again when all was in vain
		o.base, o.taken = *al.ToldAt, 0
	}
	if o.calling {
		o.called = *al.ToldAt
	}
	for awake && o.calling && o.due(now) {
		o.told = append(o.told, fmt.Sprintf("%s %s", now.Format("15:04:05"), o.to[o.taken]))
		o.taken++
	}
}

// Whatever people and devices do, and however often the hub is restarted or
// asleep: each step is taken once, at its time or as soon as the hub is awake.
func TestEscalationAgainstAWalker(t *testing.T) {
	c := openCalling(t)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		device := fmt.Sprint("x", run)
		policy := rapid.SampledFrom([]int{0, 1, 2}).Draw(t, "policy")
		p := ladders()[policy]
		shape := func(s *Signal) {
			own(event.Low)(s)
			s.Escalation, s.LifeSafety = p.Name, policy == 0
		}
		o := newWalker(&p)
		var id string
		from := len(c.heard)
		state := func() *Alarm {
			if id == "" {
				return nil
			}
			al, err := one(context.Background(), c.db.Read(), "id = ?", id)
			if err != nil {
				t.Fatal(err)
			}
			return al
		}
		second := func(awake bool) {
			c.pass(time.Second)
			o.see(c.clock(), state(), awake)
			if awake {
				if err := c.alarms.fireDue(context.Background()); err != nil {
					t.Fatal(err)
				}
				if al := state(); calls(al) != o.calling { // a shelf has ended by the clock
					o.see(c.clock(), al, true)
				}
			}
		}
		signal := func(raised bool) {
			s := c.signal(device, shape)
			s.Raised = raised
			for _, x := range c.apply(s) {
				id = x.ID
			}
		}
		act := func(what, body string) { c.ask(web.Operator, "POST", "/alarms/"+id+"/"+what, body, nil) }
		signal(true)
		o.see(c.clock(), state(), false)
		for range rapid.IntRange(3, 8).Draw(t, "acts") {
			switch rapid.SampledFrom([]string{"raise", "return", "ack", "close", "shelve", "unshelve", "restart", "wait", "wait", "wait", "sleep", "sleep"}).Draw(t, "act") {
			case "raise":
				signal(true)
			case "return":
				signal(false)
			case "ack":
				act("ack", "")
			case "close":
				act("close", `{"reason":"false_alarm","text":"x"}`)
			case "shelve":
				act("shelve", `{"kind":"timed","minutes":600,"reason":"x"}`)
			case "unshelve":
				act("unshelve", "")
			case "restart":
				c.restart()
			case "wait":
				for range rapid.SampledFrom([]int{40, 1, 10, 70, 130}).Draw(t, "seconds") {
					second(true)
				}
			case "sleep":
				for range rapid.SampledFrom([]int{40, 1, 10, 70, 130}).Draw(t, "seconds") {
					second(false)
				}
			}
			o.see(c.clock(), state(), false)
		}
		for range 3 {
			second(true)
		}
		var got []string
		for _, h := range c.heard[from:] {
			var after, dev, to string
			if _, err := fmt.Sscan(h, &after, &dev, &to); err != nil || dev != device {
				t.Fatalf("heard %q", h)
			}
			d, err := time.ParseDuration(after)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s %s", c.began.Add(d).Format("15:04:05"), to))
		}
		if !slices.Equal(got, o.told) {
			t.Fatalf("heard %q\nwant  %q", got, o.told)
		}
		if id != "" { // the next one begins with a quiet desk
			act("ack", "")
			signal(false)
			act("unshelve", "")
			act("close", `{"reason":"false_alarm","text":"x"}`)
			if err := c.alarms.fireDue(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		c.pass(time.Hour)
	})
	t.Logf("%d calls in %d histories", len(c.heard), run)
	for key, n := range c.keys {
		if n > 1 {
			t.Errorf("%s was called %d times", key, n)
		}
	}
}
