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

// calling is a desk whose calls are kept: "+30s alarm's device: whom".
type calling struct {
	*desk
	began time.Time
	mu    sync.Mutex
	heard []string
	keys  map[string]int
	fail  error
}

func ladders() []Policy {
	step := func(s int, to ...string) PolicyStep { return PolicyStep{s, to} }
	return []Policy{
		{Name: "life_safety", Steps: []PolicyStep{step(5, "on_duty"), step(60, "supervisor")}, Repeat: 1},
		{Name: "critical", Priorities: []event.Priority{event.Critical}, Steps: []PolicyStep{step(30, "on_duty"), step(60, "next_on_duty"), step(120, "supervisor"), step(180, "list:emergency")}},
		{Name: "high", Priorities: []event.Priority{event.High}, Steps: []PolicyStep{step(30, "on_duty"), step(60, "supervisor")}},
		{Name: "quiet", Priorities: []event.Priority{event.Low}},
		{Name: "night", Steps: []PolicyStep{step(10, "user:u-1")}},
	}
}

func openCalling(t *testing.T) *calling {
	c := &calling{began: epoch(), keys: map[string]int{}}
	c.desk = open(t, func(o *Options) {
		withCards(o)
		o.Policies, o.Call = ladders(), c.call
	})
	return c
}

func (c *calling) call(_ context.Context, _ *sql.Tx, n Notice) (Called, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return Called{}, c.fail
	}
	c.keys[n.Key]++
	c.heard = append(c.heard, fmt.Sprintf("+%s %s %s", c.clock().Sub(c.began), n.Alarm.Device, strings.Join(n.To, ",")))
	return Called{Names: []string{"陈"}, Fallback: n.To[0] == "supervisor"}, nil
}

// lapse lets time pass second by second while the hub runs.
func (c *calling) lapse(seconds int) {
	c.t.Helper()
	for range seconds {
		c.pass(time.Second)
		if err := c.alarms.fireDue(context.Background()); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *calling) expect(want ...string) {
	c.t.Helper()
	if !slices.Equal(c.heard, want) {
		c.t.Errorf("heard\n%s\nwant\n%s", strings.Join(c.heard, "\n"), strings.Join(want, "\n"))
	}
	for key, n := range c.keys {
		if n > 1 {
			c.t.Errorf("%s was called %d times", key, n)
		}
	}
}

// own gives each device an incident of its own.
func own(p event.Priority) func(*Signal) {
	return func(s *Signal) { s.Priority, s.Place = p, "device" }
}

func TestNobodyAcknowledges(t *testing.T) {
	c := openCalling(t)
	id := c.apply(c.signal("c1", own(event.Critical)))[0].ID
	var al Alarm
	c.must(web.Operator, "GET", "/alarms/"+id, "", &al)
	if e := al.Escalation; e == nil || e.Policy != "critical" || e.Step != 0 || !e.NextAt.Equal(epoch().Add(30*time.Second)) || !slices.Equal(e.NextTo, []string{"on_duty"}) {
		t.Errorf("at first %+v", al.Escalation)
	}
	c.lapse(130)
	c.must(web.Operator, "GET", "/alarms/"+id, "", &al)
	if e := al.Escalation; e.Step != 3 || e.Round != 1 || !slices.Equal(e.To, []string{"supervisor"}) || !slices.Equal(e.Names, []string{"陈"}) || !e.NextAt.Equal(epoch().Add(3*time.Minute)) {
		t.Errorf("after two minutes %+v", al.Escalation)
	}
	c.lapse(600)
	c.expect("+30s c1 on_duty", "+1m0s c1 next_on_duty", "+2m0s c1 supervisor", "+3m0s c1 list:emergency")
	c.must(web.Operator, "GET", "/alarms/"+id, "", &al)
	if al.Escalation.NextAt != nil || al.Escalation.Step != 4 {
		t.Errorf("in the end %+v", al.Escalation)
	}
	want := []string{"raise ", "escalate critical 1/4: on_duty: 陈", "escalate critical 2/4: next_on_duty: 陈", "escalate critical 3/4: supervisor: 陈; fallback", "escalate critical 4/4: list:emergency: 陈"}
	if got := c.journal(id); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestWhatEndsAnEscalation(t *testing.T) {
	for name, end := range map[string]func(c *calling, id string){
		"ack": func(c *calling, id string) { c.must(web.Operator, "POST", "/alarms/"+id+"/ack", "", nil) },
		"close": func(c *calling, id string) {
			c.must(web.Operator, "POST", "/alarms/"+id+"/close", `{"reason":"false_alarm"}`, nil)
		},
		"shelve": func(c *calling, id string) {
			c.must(web.Operator, "POST", "/alarms/"+id+"/shelve", `{"kind":"timed","minutes":20,"reason":"维修"}`, nil)
		},
		"out of service": func(c *calling, id string) {
			c.must(web.Supervisor, "POST", "/out-of-service", `{"device":"c1","until":"2026-01-01T01:00:00Z","reason":"维修"}`, nil)
		},
		"incident ack": func(c *calling, id string) {
			var al Alarm
			c.must(web.Operator, "GET", "/alarms/"+id, "", &al)
			c.must(web.Operator, "POST", "/incidents/"+al.Incident+"/ack", "", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := openCalling(t)
			id := c.apply(c.signal("c1", own(event.Critical)))[0].ID
			c.lapse(45)
			end(c, id)
			c.lapse(300)
			c.expect("+30s c1 on_duty")
			var al Alarm
			c.must(web.Operator, "GET", "/alarms/"+id, "", &al)
			if al.Escalation != nil {
				t.Errorf("%+v", al.Escalation)
			}
		})
	}
}

func TestWhatDoesNot(t *testing.T) {
	c := openCalling(t)
	id := c.apply(c.signal("c1", own(event.Critical)))[0].ID
	c.lapse(10)
	c.apply(c.signal("c1", func(s *Signal) { own(event.Critical)(s); s.Raised = false })) // over, and seen by nobody
	c.must(web.Operator, "POST", "/alarms/"+id+"/assign", "", nil)
	c.must(web.Operator, "POST", "/alarms/"+id+"/comment", `{"text":"?"}`, nil)
	c.lapse(25)
	c.apply(c.signal("c1", own(event.Critical))) // and back: it goes on where it was
	c.lapse(30)
	c.expect("+30s c1 on_duty", "+1m0s c1 next_on_duty")
}

func TestItBeginsAnew(t *testing.T) {
	c := openCalling(t)
	id := c.apply(c.signal("c1", own(event.Critical)))[0].ID
	c.must(web.Operator, "POST", "/alarms/"+id+"/ack", "", nil)
	c.lapse(100)
	c.apply(c.signal("c1", own(event.Critical))) // a new beginning of what was acknowledged
	c.lapse(40)
	c.must(web.Operator, "POST", "/alarms/"+id+"/shelve", `{"kind":"timed","minutes":1,"reason":"维修"}`, nil)
	c.lapse(100) // the shelf ends at +3m20s, and it calls again
	c.expect("+2m10s c1 on_duty", "+3m50s c1 on_duty")
}

func TestWhichPolicy(t *testing.T) {
	c := openCalling(t)
	c.apply(
		c.signal("safe", func(s *Signal) { own(event.Low)(s); s.LifeSafety = true }),
		c.signal("named", func(s *Signal) { own(event.Low)(s); s.Escalation = "night" }),
		c.signal("typo", func(s *Signal) { own(event.High)(s); s.Escalation = "nigth" }),
		c.signal("medium", own(event.Medium)), c.signal("low", own(event.Low)),
	)
	c.lapse(400)
	slices.Sort(c.heard) // those of one second have no order
	c.expect("+10s named user:u-1", "+1m0s safe supervisor", "+1m0s typo supervisor", "+2m5s safe on_duty", "+30s typo on_duty",
		"+3m0s safe supervisor", "+5s safe on_duty")
}

// An incident calls once, however many alarms it has, and goes on as long as one
// of them is seen by nobody.
func TestAnIncidentCallsOnce(t *testing.T) {
	c := openCalling(t)
	together := func(s *Signal) { s.Priority, s.Cause = event.Critical, "fire" }
	first := c.apply(c.signal("c1", together), c.signal("c2", together))[0]
	c.lapse(5)
	for i := range 30 {
		c.apply(c.signal(fmt.Sprint("d", i), together))
	}
	c.lapse(40)
	c.expect("+30s c1 on_duty")
	c.must(web.Operator, "POST", "/alarms/"+first.ID+"/ack", "", nil)
	c.lapse(80)
	if len(c.heard) != 3 || !strings.HasSuffix(c.heard[1], "next_on_duty") || !strings.HasSuffix(c.heard[2], "supervisor") || strings.Contains(c.heard[1], " c1 ") {
		t.Errorf("%q", c.heard)
	}
	c.must(web.Operator, "POST", "/incidents/"+first.Incident+"/ack", "", nil)
	c.lapse(300)
	if len(c.heard) != 3 {
		t.Errorf("%q", c.heard)
	}
	var n int
	if err := c.db.Read().QueryRow("SELECT count(*) FROM alarm_escalation").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d ladders are left, %v", n, err)
	}
}

// What fell due while the hub was down is done at once, once; what follows keeps
// its time.
func TestAfterAStop(t *testing.T) {
	c := openCalling(t)
	c.apply(c.signal("c1", own(event.Critical)))
	c.lapse(35)
	c.pass(100 * time.Second) // nobody looks at the clock
	c.restart()
	c.lapse(1)
	c.expect("+30s c1 on_duty", "+2m16s c1 next_on_duty", "+2m16s c1 supervisor")
	c.restart()
	c.lapse(60)
	c.expect("+30s c1 on_duty", "+2m16s c1 next_on_duty", "+2m16s c1 supervisor", "+3m0s c1 list:emergency")
}

func TestACallThatFailsIsMadeAgain(t *testing.T) {
	c := openCalling(t)
	c.apply(c.signal("c1", own(event.Critical)))
	c.fail = errors.New("disk full")
	c.pass(31 * time.Second)
	if err := c.alarms.fireDue(t.Context()); !errors.Is(err, c.fail) {
		t.Errorf("got %v", err)
	}
	c.fail = nil
	c.lapse(1)
	c.expect("+32s c1 on_duty")
}

func TestADrillEscalatesAsADrill(t *testing.T) {
	c := openCalling(t)
	var drill bool
	c.more = append(c.more, func(o *Options) {
		o.Policies = ladders()
		o.Call = func(_ context.Context, _ *sql.Tx, n Notice) (Called, error) {
			drill = n.Alarm.Drill
			return c.call(t.Context(), nil, n)
		}
	})
	c.restart()
	c.apply(c.signal("c1", func(s *Signal) { own(event.Critical)(s); s.Drill = true }))
	c.lapse(30)
	c.expect("+30s c1 on_duty")
	if !drill {
		t.Error("the call does not know that it is a drill")
	}
}

func TestPolicies(t *testing.T) {
	c := openCalling(t)
	put := func(name, body string) (int, string) {
		return c.ask(web.Supervisor, "PUT", "/escalations/policies/"+name, body, nil)
	}
	for _, x := range []struct{ name, body, says string }{
		{"Bad%20Name", `{"priorities":[],"steps":[]}`, "escalation.bad_policy"},
		{"a", `{"name":"b","priorities":[],"steps":[]}`, "escalation.bad_policy"},
		{"a", `{"priorities":[],"steps":[{"after_s":30,"to":["on_duty"]},{"after_s":30,"to":["on_duty"]}]}`, "escalation.bad_policy"},
		{"a", `{"priorities":[],"steps":[{"after_s":30,"to":["boss"]}]}`, "escalation.bad_policy"},
		{"a", `{"priorities":[],"steps":[{"after_s":30,"to":["list:"]}]}`, "escalation.bad_policy"},
		{"a", `{"priorities":["urgent"],"steps":[]}`, "request.invalid"},
		{"a", `{"priorities":[],"steps":[{"after_s":-1,"to":["on_duty"]}]}`, "request.invalid"},
		{"life_safety", `{"priorities":[],"steps":[]}`, "escalation.bad_policy"},
	} {
		if status, code := put(x.name, x.body); status != 422 || code != x.says {
			t.Errorf("%s %s: %d %s", x.name, x.body, status, code)
		}
	}
	if status, code := put("gentle", `{"priorities":["critical","high"],"steps":[{"after_s":0,"to":["user:u-9"]}],"repeat":0}`); status != 200 {
		t.Fatal(status, code)
	}
	c.restart()
	var all struct{ Items []Policy }
	c.must(web.Operator, "GET", "/escalations/policies", "", &all)
	of := map[event.Priority][]string{}
	for _, p := range all.Items {
		for _, x := range p.Priorities {
			of[x] = append(of[x], p.Name)
		}
	}
	if fmt.Sprint(of) != "map[critical:[gentle] high:[gentle] low:[quiet]]" || len(all.Items) != 6 {
		t.Errorf("%v in %+v", of, all.Items)
	}
	c.apply(c.signal("c1", own(event.Critical)))
	c.lapse(1)
	c.expect("+1s c1 user:u-9")
}

// With the hub running on its own timers, in a bubble.
func TestTheTimersOfARunningHub(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var heard []time.Duration
		d := &desk{t: t, path: dir + "/hub.db", now: epoch(), more: []func(*Options){func(o *Options) {
			o.Now, o.Policies = time.Now, ladders()
			o.Call = func(context.Context, *sql.Tx, Notice) (Called, error) {
				heard = append(heard, time.Since(began))
				return Called{}, nil
			}
		}}}
		d.start()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- d.alarms.Run(ctx, func(context.Context, Task) (string, error) { return "", nil })
		}()
		s := d.signal("c1", own(event.Critical))
		s.At = time.Now()
		d.apply(s)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := d.db.Close(); err != nil {
			t.Error(err)
		}
		want := []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 3 * time.Minute}
		if len(heard) != len(want) {
			t.Fatalf("%v", heard)
		}
		for i, at := range want {
			if off := heard[i] - at; off < 0 || off > time.Second {
				t.Errorf("step %d at %s", i+1, heard[i])
			}
		}
	})
}

// What was put aside and comes back unacknowledged, though its condition is over, climbs
// anew: its old steps are due all at once by then, down to the list of everybody.
func TestPutAsideNoLonger(t *testing.T) {
	c := openCalling(t)
	s := c.signal("c1", own(event.Critical))
	id := c.apply(s)[0].ID
	c.lapse(45)
	s.Raised = false
	c.apply(s)
	c.must(web.Operator, "POST", "/alarms/"+id+"/shelve", `{"kind":"timed","minutes":20,"reason":"维修"}`, nil)
	c.lapse(300)
	c.must(web.Operator, "POST", "/alarms/"+id+"/unshelve", "", nil)
	c.lapse(70)
	c.expect("+30s c1 on_duty", "+6m15s c1 on_duty", "+6m45s c1 next_on_duty")
}
