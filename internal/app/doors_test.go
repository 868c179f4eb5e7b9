package app

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"dongyue/devices"
	"dongyue/internal/access"
	"dongyue/internal/event"
	"dongyue/internal/simulator/agent"
	"dongyue/internal/simulator/community"
)

// west is a court of two buildings with simulated controllers over real MQTT.
type west struct {
	*house
	fleet *agent.Fleet
	ids   []string
}

const (
	westDoors  = 40
	westPeople = 20 // doors of block 8
)

// openWest starts a hub and 40 doors: 20 in block 5, 20 in block 8.
func openWest(t *testing.T) *west {
	t.Helper()
	w := &west{house: openHouse(t, t.TempDir())}
	var site devices.Site
	var all []community.Device
	for i := range westDoors {
		block, n := 5+3*(i/westPeople), i%westPeople+1
		x := community.Device{ID: fmt.Sprintf("door-w%02d-%d", block, n), Kind: event.Door, Name: fmt.Sprintf("%d栋%d单元门", block, n), Zone: fmt.Sprintf("west/b%02d/u%d", block, n), Secret: "secret-secret-secret-1"}
		all, w.ids = append(all, x), append(w.ids, x.ID)
		site.Devices = append(site.Devices, devices.SeedDevice{Device: devices.Device{ID: x.ID, Kind: x.Kind, Name: x.Name, Zone: x.Zone}, Secret: x.Secret})
	}
	if err := w.app.devices.Seed(t.Context(), site); err != nil {
		t.Fatal(err)
	}
	var err error
	w.fleet, err = agent.New(agent.Options{Broker: w.app.broker.Addr().String(), Devices: all, Quiet: true, ConnectRate: 1000, Times: agent.Times{Pass: 200 * time.Millisecond, Enter: 50 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.fleet.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	w.until("all doors are there", func() bool {
		n := 0
		for _, v := range w.views("west") {
			if v.Online && v.Secure == "yes" {
				n++
			}
		}
		return n == westDoors
	})
	return w
}

type doorView struct {
	ID, Zone, Rung, Mode, Order, Lock, Position, Secure, Alarm, Error string
	Online                                                            bool
}

func (h *house) views(zone string) []doorView {
	h.t.Helper()
	var l struct{ Items []doorView }
	h.call(http.MethodGet, "/doors?zone="+zone, nil, &l)
	return l.Items
}

// until waits, and says how long it took; a machine that is busy gets its time.
func (h *house) until(what string, ok func() bool) time.Duration {
	h.t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > time.Minute {
			h.t.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return time.Since(began)
}

type proven struct {
	ID, Rung, Kind                                   string
	Targets, Sent, Confirmed, Failed, Offline, Would int
	EndedAt                                          *time.Time `json:"ended_at"`
}

func (h *house) standing() (all []proven) {
	h.t.Helper()
	var l struct{ Items []proven }
	h.call(http.MethodGet, "/rungs", nil, &l)
	return l.Items
}

func count(vs []doorView, ok func(doorView) bool) (n int) {
	for _, v := range vs {
		if ok(v) {
			n++
		}
	}
	return n
}

func (w *west) event(device, typ string) (n int) {
	w.t.Helper()
	var evs listed
	w.call(http.MethodGet, "/events?device="+device+"&limit=1000", nil, &evs)
	for _, e := range evs.Items {
		if e.Type == typ {
			n++
		}
	}
	return n
}

// TestFireAndLockdown plays scenario S5: lockdown, fire in one block, back to the
// lockdown, and at last to what the schedules say.
func TestFireAndLockdown(t *testing.T) {
	w := openWest(t)
	locked := func(v doorView) bool { return v.Mode == "lockdown" && v.Lock == "secured" && v.Order == "confirmed" }

	var drill proven
	w.call(http.MethodPost, "/lockdowns", map[string]any{"area": "west", "reason": "演练", "drill": true}, &drill)
	if drill.Would != westDoors || len(w.standing()) != 1 {
		t.Fatalf("drill: %+v", drill)
	}
	w.call(http.MethodPost, "/lockdowns/"+drill.ID+"/end", map[string]any{}, nil)

	w.call(http.MethodPut, "/lockdown-plans/west", map[string]any{"name": map[string]string{"zh": "西苑封闭", "en": "West Court shut"}, "areas": []string{"west"}, "rung": "lockdown"}, nil)
	began := time.Now()
	var down proven
	w.call(http.MethodPost, "/lockdowns", map[string]any{"plan": "west", "reason": "有人持刀"}, &down)
	w.until("40 doors are secured with proof", func() bool {
		var l proven
		w.call(http.MethodGet, "/lockdowns/"+down.ID, nil, &l)
		return l.Confirmed == westDoors
	})
	t.Logf("lockdown of %d doors proven after %v", westDoors, time.Since(began).Round(time.Millisecond))

	w.settle()
	inner, _ := w.fleet.Door("door-w05-3")
	inner.Exit()
	w.until("the way out is free", func() bool { return w.event("door-w05-3", "closed") == 1 })
	inner.Badge("0000000000")
	w.until("nobody comes in", func() bool { return w.event("door-w05-3", "badge") > 0 })

	panel, _ := w.fleet.Door("door-w08-1")
	began = time.Now()
	panel.Fire(true)
	w.until("block 8 is released", func() bool {
		return count(w.views("west/b08"), func(v doorView) bool {
			return v.Rung == "fire_release" && v.Lock == "unlocked" && v.Order == "confirmed"
		}) == westPeople
	})
	t.Logf("fire release of %d doors proven after %v", westPeople, time.Since(began).Round(time.Millisecond))
	if n := count(w.views("west/b05"), locked); n != westDoors-westPeople {
		t.Errorf("%d doors of block 5 are locked down during the fire in block 8", n)
	}
	w.until("the lockdown says what it has lost", func() bool {
		var l proven
		w.call(http.MethodGet, "/lockdowns/"+down.ID, nil, &l)
		return l.Failed == westPeople && l.Confirmed == westDoors-westPeople
	})
	w.muster()
	rescuer, _ := w.fleet.Door("door-w08-2")
	rescuer.Enter()
	w.until("rescuers come in, and the leaf falls shut behind them", func() bool {
		vs := w.views("west/b08/u2")
		return w.event("door-w08-2", "closed") == 1 && vs[0].Position == "closed" && vs[0].Lock == "unlocked"
	})
	if w.event("door-w08-2", "forced_open") != 0 {
		t.Error("a rescuer is taken for a burglar")
	}

	panel.Fire(false)
	w.until("block 8 is locked down again", func() bool { return count(w.views("west"), locked) == westDoors })
	w.call(http.MethodPost, "/lockdowns/"+down.ID+"/end", map[string]any{"reason": "已处置"}, nil)
	w.until("all doors go by rights again", func() bool {
		return count(w.views("west"), func(v doorView) bool { return v.Mode == "controlled" && v.Rung == "controlled" && v.Secure == "yes" }) == westDoors
	})
	if s := w.standing(); len(s) != 0 {
		t.Errorf("still standing: %+v", s)
	}
}

// settle gives block 8 its 300 people, in 100 flats.
func (w *west) settle() {
	w.t.Helper()
	for i := range 300 {
		p := access.PersonInfo{Name: fmt.Sprintf("住户%03d", i), Unit: fmt.Sprintf("west/b08/u%d", i/15+1), Household: fmt.Sprintf("%02d01", i/3%5+1)}
		if _, err := w.app.access.AddPerson(w.t.Context(), "test", p); err != nil {
			w.t.Fatal(err)
		}
	}
}

type roll struct {
	ID                                   string
	Expected, Safe, Missing, Unaccounted int
	Flats                                []struct{ Unit, Flat string } `json:"unaccounted_flats"`
	People                               []struct{ Person, State string }
}

// muster ticks off all but three, from two phones of which one was away.
func (w *west) muster() {
	w.t.Helper()
	began := time.Now()
	var m roll
	w.call(http.MethodPost, "/musters", map[string]any{"area": "west/b08", "reason": "8栋火警"}, &m)
	w.t.Logf("list of %d people after %v", m.Expected, time.Since(began).Round(time.Millisecond))
	if m.Expected != 300 || m.Unaccounted != 300 {
		w.t.Fatalf("muster %d expected, %d unaccounted", m.Expected, m.Unaccounted)
	}
	mark := func(at time.Time, state string, from, to int) {
		var marks []map[string]any
		for _, p := range m.People[from:to] {
			marks = append(marks, map[string]any{"person": p.Person, "state": state, "at": at})
		}
		w.call(http.MethodPost, "/musters/"+m.ID+"/marks", map[string]any{"marks": marks}, &m)
	}
	mark(time.Now(), "safe", 0, 290)
	mark(time.Now().Add(-time.Hour), "missing", 280, 297) // kept by a phone in a cellar: newer word stands for ten of them
	mark(time.Now(), "safe", 290, 297)
	if m.Safe != 297 || m.Unaccounted != 3 || len(m.Flats) == 0 {
		w.t.Errorf("muster %d safe, %d unaccounted in %d flats", m.Safe, m.Unaccounted, len(m.Flats))
	}
	w.call(http.MethodPost, "/musters/"+m.ID+"/end", nil, &m)
	if m.Unaccounted != 3 {
		w.t.Errorf("the report has %d unaccounted", m.Unaccounted)
	}
}

// A lockdown outlives the hub; a door that was away is told when it comes.
func TestRungOutlivesTheHub(t *testing.T) {
	h := openHouse(t, t.TempDir())
	var d struct{ Secret string }
	h.call(http.MethodPost, "/devices", map[string]string{"id": "door-1", "kind": "door", "name": "门", "zone": "east/b01/u1"}, &d)
	var down proven
	h.call(http.MethodPost, "/lockdowns", map[string]any{"area": "east", "reason": "试验"}, &down)
	if down.Offline != 1 {
		t.Fatalf("a door that is away: %+v", down)
	}
	h.stop()
	h = openHouse(t, h.dir)
	if r := h.app.doors.Rung("door-1"); r != event.Lockdown {
		t.Fatalf("after the restart the door stands on %s", r)
	}
	f, err := agent.New(agent.Options{Broker: h.app.broker.Addr().String(), Devices: []community.Device{{ID: "door-1", Kind: event.Door, Zone: "east/b01/u1", Secret: d.Secret}}, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = f.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	h.until("the door is locked down", func() bool { s := h.standing(); return len(s) == 1 && s[0].Confirmed == 1 })
}

// TestDoorThatOnlyReportsItsContact plays scenario S4 with a controller that knows
// neither forced nor held.
func TestDoorThatOnlyReportsItsContact(t *testing.T) {
	h := openHouse(t, t.TempDir())
	_, publish, _ := h.register("door", "door-1")
	n := 0
	stamp := func(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }
	say := func(at time.Time, typ string) {
		n++
		publish("event", fmt.Sprintf(`{"id":"e%d","boot":"b1","seq":%d,"at":%q,"type":%q,"data":{}}`, n, n, stamp(at), typ))
	}
	publish("presence", `{"online":true,"boot":"b1","fw":"1"}`)
	publish("state", fmt.Sprintf(`{"at":%q,"state":{"lock":"secured","position":"closed"}}`, now()))
	h.until("the door is known to be secure", func() bool { vs := h.views(""); return len(vs) == 1 && vs[0].Secure == "yes" })
	time.Sleep(2500 * time.Millisecond) // what it kept for the hub comes first
	w := &west{house: h}

	at := time.Now()
	say(at, "opened")
	say(at.Add(240*time.Millisecond), "rex") // the lingering goodbye
	say(at.Add(2*time.Second), "closed")
	took := time.Now()
	say(at.Add(3*time.Second), "opened")
	h.until("the door is forced", func() bool { return w.event("door-1", "forced_open") == 1 })
	t.Logf("forced open told after %v", time.Since(took).Round(time.Millisecond))
	var open listed
	h.until("one alarm", func() bool { h.call(http.MethodGet, "/alarms?state=open", nil, &open); return len(open.Items) == 1 })
	if open.Items[0].Device != "door-1" {
		t.Fatalf("alarms %+v", open)
	}
	say(at.Add(4*time.Second), "forced_open") // its own word comes late: the same alarm
	say(at.Add(5*time.Second), "closed")
	say(at.Add(6*time.Second), "rex")
	say(at.Add(7*time.Second), "opened")
	say(at.Add(38*time.Second), "tamper") // 31 s later by the door's clock
	h.until("the door is held", func() bool { return w.event("door-1", "held_open") == 1 && w.event("door-1", "pre_alarm") == 1 })
	if v := h.views("")[0]; v.Secure != "no" || v.Position != "open" {
		t.Errorf("held open is shown as %+v", v)
	}
	say(at.Add(40*time.Second), "closed")
	if f := w.event("door-1", "forced_open"); f != 2 {
		t.Errorf("forced open was told %d times", f)
	}
}

// TestDuress plays the end of scenario S4: the door opens as always and shows
// nothing; the desk has a silent critical alarm.
func TestDuress(t *testing.T) {
	w := openWest(t)
	p, err := w.app.access.AddPerson(t.Context(), "test", access.PersonInfo{Name: "李敏", Unit: "west/b05/u1"})
	if err != nil {
		t.Fatal(err)
	}
	w.call(http.MethodPost, "/credentials", map[string]string{"person": p.ID, "type": "card", "value": "04A1B2C3D4"}, nil)
	w.call(http.MethodPost, "/rights", map[string]string{"person": p.ID, "door": "door-w05-1", "schedule": "always"}, nil)
	began := time.Now()
	door, _ := w.fleet.Door("door-w05-1")
	door.Duress("04A1B2C3D4")
	var open struct {
		Items []struct {
			Rule, Device, Priority string
			Silent                 bool
		}
	}
	w.until("the desk knows", func() bool { w.call(http.MethodGet, "/alarms?state=open", nil, &open); return len(open.Items) > 0 })
	t.Logf("duress at the desk after %v", time.Since(began).Round(time.Millisecond))
	if a := open.Items[0]; len(open.Items) != 1 || a.Rule != "door.duress" || a.Priority != "critical" || !a.Silent || a.Device != "door-w05-1" {
		t.Errorf("alarms %+v", open.Items)
	}
	w.until("it opens as always", func() bool { return w.event("door-w05-1", "closed") == 1 })
	if v := w.views("west/b05/u1")[0]; v.Alarm != "normal" {
		t.Errorf("the door shows %q", v.Alarm)
	}
	for range 10 {
		door.Prop(time.Millisecond) // comes and goes: no alarm of it
	}
	if w.event("door-w05-1", "forced_open") != 0 {
		t.Error("a lawful door is taken for a forced one")
	}
}
