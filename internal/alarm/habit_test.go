package alarm

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"

	"pgregory.net/rapid"
)

func (d *desk) bad() (out []string) {
	d.t.Helper()
	var list struct{ Items []BadActor }
	d.must(web.Crew, "GET", "/alarms/bad-actors", "", &list)
	for _, x := range list.Items {
		out = append(out, fmt.Sprintf("%s %s %s %d", x.Kind, x.Rule, x.Device, x.Count))
	}
	slices.Sort(out)
	return out
}

// blip comes, and goes after some time by itself.
func (d *desk) blip(device string, stays time.Duration, between func(id string)) {
	d.t.Helper()
	c := d.apply(d.at("door.held", device, "east/b01", nil))[0]
	if between != nil {
		between(c.ID)
	}
	d.pass(stays)
	d.apply(d.at("door.held", device, "east/b01", func(s *Signal) { s.Raised = false }))
}

func TestFleeting(t *testing.T) {
	d := open(t)
	for range 4 {
		d.blip("d1", 10*time.Second, nil)
		d.blip("d2", 11*time.Second, nil) // stays long enough for a person
		d.blip("d3", 5*time.Second, func(id string) { d.must(web.Operator, "POST", "/alarms/"+id+"/ack", "", nil) })
		d.pass(8 * time.Minute)
	}
	if got := d.bad(); len(got) != 0 {
		t.Errorf("four times: %q", got)
	}
	d.restart()
	for _, dev := range []string{"d1", "d2", "d3"} {
		d.blip(dev, 9*time.Second, nil)
	}
	if got := d.bad(); !slices.Equal(got, []string{"fleeting door.held d1 1"}) {
		t.Errorf("%q", got)
	}
	d.pass(2 * time.Hour) // begins to count anew
	for range 4 {
		d.blip("d1", time.Second, nil)
		d.pass(time.Minute)
	}
	if got := d.bad(); !slices.Equal(got, []string{"fleeting door.held d1 1"}) {
		t.Errorf("%q", got)
	}
	d.pass(31 * 24 * time.Hour)
	if got := d.bad(); len(got) != 0 {
		t.Errorf("a month later: %q", got)
	}
}

func TestFrequent(t *testing.T) {
	d := open(t)
	for range 9 {
		d.blip("d1", time.Minute, nil)
		d.pass(10 * time.Minute)
	}
	if got := d.bad(); len(got) != 0 {
		t.Errorf("%q", got)
	}
	d.blip("d1", time.Minute, nil)
	if got := d.bad(); !slices.Equal(got, []string{"frequent door.held d1 1"}) {
		t.Errorf("%q", got)
	}
	// Among very many it is not.
	d.pass(24 * time.Hour)
	for i := range 300 {
		d.apply(d.alone(i, nil))
	}
	for range 12 {
		d.blip("d2", time.Minute, nil)
		d.pass(10 * time.Minute)
	}
	if got := d.bad(); !slices.Equal(got, []string{"frequent door.held d1 1"}) {
		t.Errorf("%q", got)
	}
}

// A drill that chatters is an exercise.
func TestDrillsHaveNoHabits(t *testing.T) {
	d := open(t)
	for range 12 {
		d.apply(d.at("door.held", "d1", "east/b01", func(s *Signal) { s.Drill = true }))
		d.apply(d.at("door.held", "d1", "east/b01", func(s *Signal) { s.Drill, s.Raised = true, false }))
		d.pass(time.Second)
	}
	if got := d.bad(); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// What repeats without ever returning chatters too: it does not undo the
// acknowledgement each time, and commands but does not call.
func TestRepeatedBeginningsChatter(t *testing.T) {
	d := open(t)
	act := func(s *Signal) {
		s.Actions = []Action{{Type: "command", Device: "d1", Command: "lock"}, {Type: "broadcast", Zones: []string{"east"}}}
	}
	id := d.apply(d.at("door.tamper", "d1", "east/b01", act))[0].ID
	d.must(web.Operator, "POST", "/alarms/"+id+"/ack", "", nil)
	d.pending(10)
	d.pass(time.Second)
	d.apply(d.at("door.tamper", "d1", "east/b01", act)) // the second is a new beginning
	if al := d.alarm(id); al.State != UnackedActive || len(d.pending(10)) != 2 {
		t.Errorf("%+v", al)
	}
	d.must(web.Operator, "POST", "/alarms/"+id+"/ack", "", nil)
	d.pass(time.Second)
	d.apply(d.at("door.tamper", "d1", "east/b01", act))
	tasks := d.pending(10)
	if al := d.alarm(id); al.State != AckedActive || al.Count != 3 || len(tasks) != 1 || tasks[0].Action.Command != "lock" {
		t.Errorf("%+v %+v", al, tasks)
	}
	if got := d.bad(); !slices.Equal(got, []string{"chattering door.tamper d1 1"}) {
		t.Errorf("%q", got)
	}
}

// orders are work orders of a test.
type orders struct {
	made []Order
	open map[string]bool
}

func (o *orders) Order(_ context.Context, x Order) (string, error) {
	o.made = append(o.made, x)
	id := fmt.Sprint("o", len(o.made))
	o.open[id] = true
	return id, nil
}

func (o *orders) Open(_ context.Context, id string) (bool, error) { return o.open[id], nil }

func TestOrderRepair(t *testing.T) {
	made := &orders{open: map[string]bool{}}
	d := open(t, func(o *Options) { o.Orders = made })
	for range 10 {
		d.blip("d1", time.Second, nil)
		d.pass(2 * time.Second)
	}
	order := func() string {
		var out struct{ Order string }
		d.must(web.Operator, "POST", "/alarms/bad-actors/order", `{"rule":"door.held","device":"d1"}`, &out)
		return out.Order
	}
	if a, b := order(), order(); a != "o1" || b != "o1" {
		t.Error(a, b)
	}
	made.open["o1"] = false
	if c := order(); c != "o2" {
		t.Error(c)
	}
	if x := made.made[0]; x.Device != "d1" || x.Zone != "east/b01" || x.Priority != event.Medium || x.Title.ZH == "" || x.Title.EN == "" {
		t.Errorf("%+v", x)
	}
	var list struct{ Items []BadActor }
	d.must(web.Operator, "GET", "/alarms/bad-actors", "", &list)
	if len(list.Items) == 0 || list.Items[0].Order != "o2" {
		t.Errorf("%+v", list)
	}
	if status, code := d.ask(web.Operator, "POST", "/alarms/bad-actors/order", `{"rule":"door.held","device":"d9"}`, nil); status != 404 || code != "alarm.no_bad_actor" {
		t.Error(status, code)
	}
	bare := open(t)
	if status, code := bare.ask(web.Operator, "POST", "/alarms/bad-actors/order", `{"rule":"a","device":"b"}`, nil); status != 501 || code != "alarm.no_orders" {
		t.Error(status, code)
	}
}

// The memory of cycles against a list of all of them.
func TestCyclesAgainstAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h habit
		var all []time.Time
		now := epoch()
		for range rapid.IntRange(1, 60).Draw(t, "n") {
			now = now.Add(time.Duration(rapid.IntRange(0, 30_000).Draw(t, "ms")) * time.Millisecond)
			h.raised(now)
			all = append(all, now)
			n := 0
			for _, x := range all {
				if now.Sub(x) < chatterWindow {
					n++
				}
			}
			if got := h.cycles(now); got != min(n, chatterMemory) {
				t.Fatalf("%d cycles, the list says %d", got, n)
			}
			if h.chatters(now) != (n >= chatterCycles) {
				t.Fatalf("chatters: %v with %d", h.chatters(now), n)
			}
			if n < chatterMemory && h.perMinute(now) != float64(n) {
				t.Fatalf("%v a minute with %d", h.perMinute(now), n)
			}
		}
	})
}
