package alarm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// at makes a signal of a rule for a device in a zone.
func (d *desk) at(rule, device, zone string, change func(*Signal)) Signal {
	return d.signal(device, func(s *Signal) {
		s.Rule, s.Zone, s.Part, s.Priority = rule, zone, "", event.Medium
		s.Title = event.Text{ZH: rule + " {name}", EN: rule + " {name}"}
		if change != nil {
			change(s)
		}
	})
}

// offline is silenced by a power cut, and by what the device hangs on.
func offline(s *Signal) {
	s.Causes, s.Via = []string{"power.area_lost", "switch.dead"}, "feeder-e/switch-e03"
}

func (d *desk) incidents(state string) []Incident {
	d.t.Helper()
	var page struct{ Items []Incident }
	d.must(web.Operator, "GET", "/incidents?limit=1000&state="+state, "", &page)
	return page.Items
}

// shape is the open incidents as "root rule: members", each in order of coming.
func (d *desk) shape() []string {
	d.t.Helper()
	var out []string
	for _, inc := range d.incidents("open") {
		var v IncidentView
		d.must(web.Operator, "GET", "/incidents/"+inc.ID, "", &v)
		var of []string
		for _, m := range v.Members {
			of = append(of, m.Rule+"@"+m.Device)
		}
		slices.Sort(of)
		out = append(out, inc.Rule+": "+strings.Join(of, " "))
	}
	slices.Sort(out)
	return out
}

func (d *desk) wants(shape ...string) {
	d.t.Helper()
	if got := d.shape(); !slices.Equal(got, shape) {
		d.t.Errorf("incidents\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(shape, "\n"))
	}
}

// S1: a second smoke in the same shed never opens a second incident, however
// late, while the first is open; and each is heard.
func TestSecondSmoke(t *testing.T) {
	d := open(t)
	fire := func(s *Signal) { s.Cause, s.LifeSafety, s.Priority = "fire", true, event.Critical }
	hot := func(s *Signal) { s.Cause, s.Priority = "fire", event.High }
	d.apply(d.at("charger.hot", "charger-e01", "east/s2", hot))
	d.pass(5 * time.Second)
	d.apply(d.at("sensor.smoke", "smoke-1", "east/s2", fire))
	d.pass(3 * time.Hour)
	d.apply(d.at("sensor.smoke", "smoke-2", "east/s2", fire))
	d.apply(d.at("sensor.smoke", "smoke-3", "east/s3", fire))
	d.wants("sensor.smoke: charger.hot@charger-e01 sensor.smoke@smoke-1 sensor.smoke@smoke-2", "sensor.smoke: sensor.smoke@smoke-3")
	want := []string{"new charger.hot 名charger-e01", "priority sensor.smoke 名smoke-1", "life_safety sensor.smoke 名smoke-1", "new sensor.smoke 名smoke-3"}
	if got := d.rung(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	inc := d.incidents("open")[1]
	if inc.Priority != event.Critical || !inc.LifeSafety || inc.Alarms != 3 || inc.Raw != 3 || inc.Active != 3 || inc.Unacked != 3 || inc.Zone != "east/s2" || inc.State != UnackedActive {
		t.Errorf("%+v", inc)
	}
}

func TestWhatIsOneIncident(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(d *desk)
		want []string
	}{
		{"same cause, same building, soon", func(d *desk) {
			d.apply(d.at("lamp.dead", "l1", "east/b01/u1", nil))
			d.pass(9 * time.Minute)
			d.apply(d.at("lamp.dead", "l2", "east/b01/u2", nil))
		}, []string{"lamp.dead: lamp.dead@l1 lamp.dead@l2"}},
		{"too late", func(d *desk) {
			d.apply(d.at("lamp.dead", "l1", "east/b01/u1", nil))
			d.pass(11 * time.Minute)
			d.apply(d.at("lamp.dead", "l2", "east/b01/u2", nil))
		}, []string{"lamp.dead: lamp.dead@l1", "lamp.dead: lamp.dead@l2"}},
		{"each that comes keeps it going", func(d *desk) {
			for i := range 3 {
				d.apply(d.at("lamp.dead", fmt.Sprint("l", i), "east/b01/u1", nil))
				d.pass(6 * time.Minute)
			}
		}, []string{"lamp.dead: lamp.dead@l0 lamp.dead@l1 lamp.dead@l2"}},
		{"another building", func(d *desk) {
			d.apply(d.at("lamp.dead", "l1", "east/b01", nil), d.at("lamp.dead", "l2", "east/b02", nil))
		}, []string{"lamp.dead: lamp.dead@l1", "lamp.dead: lamp.dead@l2"}},
		{"another building of the same court", func(d *desk) {
			court := func(s *Signal) { s.Place = placeCourt }
			d.apply(d.at("lamp.dead", "l1", "east/b01", court), d.at("lamp.dead", "l2", "east/b02/u3", court))
		}, []string{"lamp.dead: lamp.dead@l1 lamp.dead@l2"}},
		{"everywhere", func(d *desk) {
			all := func(s *Signal) { s.Place, s.Cause = placeCommunity, "net" }
			d.apply(d.at("lamp.dead", "l1", "east/b01", all))
			d.pass(time.Second)
			d.apply(d.at("door.dead", "d1", "west", all))
		}, []string{"lamp.dead: door.dead@d1 lamp.dead@l1"}},
		{"two devices, each its own", func(d *desk) {
			own := func(s *Signal) { s.Place = placeDevice }
			d.apply(d.at("lamp.dead", "l1", "east/b01", own), d.at("lamp.dead", "l2", "east/b01", own))
		}, []string{"lamp.dead: lamp.dead@l1", "lamp.dead: lamp.dead@l2"}},
		{"another cause on the same device", func(d *desk) {
			d.apply(d.at("door.held", "d1", "east/b01", nil))
			d.pass(5 * time.Minute)
			d.apply(d.at("power.low", "d1", "east/b01", nil))
		}, []string{"door.held: door.held@d1 power.low@d1"}},
		{"another cause in the same zone, each of many devices", func(d *desk) {
			d.apply(d.at("power.area_lost", "zone:east", "east", nil))
			d.pass(time.Minute)
			d.apply(d.at("door.many_forced", "zone:east", "east", nil))
		}, []string{"door.many_forced: door.many_forced@zone:east", "power.area_lost: power.area_lost@zone:east"}},
		{"another cause on another device", func(d *desk) {
			d.apply(d.at("door.held", "d1", "east/b01", nil), d.at("power.low", "d2", "east/b01", nil))
		}, []string{"door.held: door.held@d1", "power.low: power.low@d2"}},
		{"a drill is apart", func(d *desk) {
			d.apply(d.at("lamp.dead", "l1", "east/b01", nil), d.at("lamp.dead", "l1", "east/b01", func(s *Signal) { s.Drill = true }))
		}, []string{"lamp.dead: lamp.dead@l1", "lamp.dead: lamp.dead@l1"}},
		{"what has no zone is alone", func(d *desk) {
			d.apply(d.at("security.rate", "unknown", "", nil))
			d.apply(d.at("security.rate", "unknown2", "", func(s *Signal) { s.Place = placeDevice }))
		}, []string{"security.rate: security.rate@unknown", "security.rate: security.rate@unknown2"}},
		{"a consequence joins its cause, after hours", func(d *desk) {
			d.apply(d.at("power.area_lost", "zone:east", "east", func(s *Signal) { s.Priority = event.High }))
			d.pass(3 * time.Hour)
			d.apply(d.at("device.offline", "d1", "east/b01", offline), d.at("device.offline", "d2", "west/b01", offline))
		}, []string{"device.offline: device.offline@d2", "power.area_lost: device.offline@d1 power.area_lost@zone:east"}},
		{"a cause adopts its consequences", func(d *desk) {
			d.apply(d.at("device.offline", "d1", "east/b01", offline), d.at("device.offline", "d2", "east/b02", offline), d.at("device.offline", "d3", "west/b01", offline))
			d.pass(20 * time.Second)
			d.apply(d.at("power.area_lost", "zone:east", "east", nil))
		}, []string{"device.offline: device.offline@d3", "power.area_lost: device.offline@d1 device.offline@d2 power.area_lost@zone:east"}},
		{"one it hangs on adopts them", func(d *desk) {
			d.apply(d.at("device.offline", "d1", "east/b01", offline), d.at("device.offline", "d2", "east/b02", offline))
			d.apply(d.at("device.offline", "d3", "east/b02", func(s *Signal) { offline(s); s.Via = "feeder-e/switch-e04" }))
			d.apply(d.at("switch.dead", "switch-e03", "east", nil))
		}, []string{"device.offline: device.offline@d3", "switch.dead: device.offline@d1 device.offline@d2 switch.dead@switch-e03"}},
		{"the cause of the cause comes last and leads", func(d *desk) {
			d.apply(d.at("device.offline", "d1", "east/b01", offline))
			d.apply(d.at("switch.dead", "switch-e03", "east", func(s *Signal) { s.Causes, s.Priority = []string{"power.area_lost"}, event.Critical }))
			d.apply(d.at("power.area_lost", "zone:east", "east", nil))
			d.apply(d.at("device.offline", "d2", "east/b02", offline))
		}, []string{"power.area_lost: device.offline@d1 device.offline@d2 power.area_lost@zone:east switch.dead@switch-e03"}},
		{"old consequences have another reason", func(d *desk) {
			d.apply(d.at("device.offline", "d1", "east/b01", offline))
			d.pass(time.Hour)
			d.apply(d.at("power.area_lost", "zone:east", "east", nil))
		}, []string{"device.offline: device.offline@d1", "power.area_lost: power.area_lost@zone:east"}},
		{"a forced door that was taken for a part of it stays apart", func(d *desk) {
			d.apply(d.at("door.offline", "d1", "east/b01", offline), d.at("door.offline", "d2", "east/b01", offline))
			d.apply(d.at("door.forced", "d1", "east/b01", func(s *Signal) { s.Priority = event.High }))
			d.apply(d.at("power.area_lost", "zone:east", "east", nil))
		}, []string{"door.forced: door.forced@d1", "power.area_lost: door.offline@d1 door.offline@d2 power.area_lost@zone:east"}},
		{"a name with its scope", func(d *desk) {
			cause := func(scope string) func(*Signal) {
				return func(s *Signal) { s.Causes, s.Via = []string{"power.lost@" + scope}, "feeder" }
			}
			d.apply(d.at("power.lost", "feeder", "east", nil))
			d.apply(d.at("a.dead", "a1", "east/b01", cause("zone")), d.at("b.dead", "b1", "west", cause("zone")))
			d.apply(d.at("c.dead", "c1", "west", cause("via")), d.at("e.dead", "e1", "east/b01", cause("device")))
		}, []string{"b.dead: b.dead@b1", "e.dead: e.dead@e1", "power.lost: a.dead@a1 c.dead@c1 power.lost@feeder"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := open(t)
			c.play(d)
			d.wants(c.want...)
		})
	}
}

// Whether signals come one by one or in one transaction, the incidents are the same.
func TestBatchesMakeNoDifference(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		one, many := open(t), open(t)
		var all []Signal
		for range 30 {
			rule := []string{"device.offline", "device.offline", "switch.dead", "power.area_lost", "door.forced", "sensor.smoke"}[r.IntN(6)]
			n := r.IntN(6)
			device, zone := fmt.Sprint("d", n), fmt.Sprintf("east/b0%d", n%3)
			if rule == "power.area_lost" {
				device, zone = "zone:east", "east"
			}
			if rule == "switch.dead" {
				device = "switch-e03"
			}
			s := one.at(rule, device, zone, func(s *Signal) {
				s.Raised, s.LifeSafety = r.IntN(4) > 0, rule == "sensor.smoke"
				if rule == "device.offline" {
					offline(s)
				}
			})
			s.At = epoch().Add(time.Duration(len(all)) * 20 * time.Second)
			all = append(all, s)
		}
		for _, s := range all {
			one.apply(s)
		}
		for len(all) > 0 {
			n := 1 + r.IntN(len(all))
			many.apply(all[:n]...)
			all = all[n:]
		}
		if a, b := one.shape(), many.shape(); !slices.Equal(a, b) {
			t.Fatalf("one by one\n%s\nin batches\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
		one.sound()
		many.sound()
	}
}

// sound checks what must hold of all incidents: every open alarm is in exactly one
// that is open, the counts are those of its alarms, the root is one of them.
func (d *desk) sound() {
	d.t.Helper()
	var astray int
	err := d.db.Read().QueryRow(`SELECT count(*) FROM alarm a LEFT JOIN incident i ON i.id = a.incident
		WHERE a.closed_at IS NULL AND (i.id IS NULL OR i.closed_at IS NOT NULL OR i.merged_into <> '')`).Scan(&astray)
	if err != nil || astray > 0 {
		d.t.Errorf("%d open alarms are in no open incident, %v", astray, err)
	}
	for _, inc := range d.incidents("all") {
		var v IncidentView
		d.must(web.Operator, "GET", "/incidents/"+inc.ID, "", &v)
		want := tally{}
		worst := 6
		root := false
		for i := range v.Members {
			m := &v.Members[i]
			if m.State == Suppressed || m.State == OutOfService {
				m.Off = m.State
			}
			want.add(m, 1)
			root = root || m.ID == inc.Root
			if m.ClosedAt == nil && !m.axes().hidden() {
				worst = min(worst, m.Priority.Rank())
			}
		}
		if inc.Alarms != want.Alarms || inc.Open != want.Open || inc.Raw != want.Raw || inc.Active != want.Active || inc.Unacked != want.Unacked ||
			inc.State != want.state() || (inc.ClosedAt != nil) != (want.Open == 0) || !root || worst < 6 && inc.Priority.Rank() != worst {
			d.t.Errorf("%+v\nhas %+v, root among them: %v, worst %d", inc, want, root, worst)
		}
	}
}

func TestMergedIncidentsTellOfIt(t *testing.T) {
	d := open(t)
	first := d.apply(d.at("device.offline", "d1", "east/b01", offline))[0]
	second := d.apply(d.at("device.offline", "d2", "east/b02", offline))[0]
	d.must(web.Operator, "POST", "/incidents/"+second.Incident+"/comment", `{"text":"电工在路上"}`, nil)
	d.pass(10 * time.Second)
	cause := d.apply(d.at("power.area_lost", "zone:east", "east", func(s *Signal) { s.Priority = event.High }))[0]
	if cause.Incident != first.Incident {
		t.Errorf("the cause is in %s, the older incident is %s", cause.Incident, first.Incident)
	}
	if cause.DeviceName != "东苑" || cause.Title.EN != "power.area_lost East Court" {
		t.Errorf("%+v", cause)
	}
	var v, gone IncidentView
	d.must(web.Operator, "GET", "/incidents/"+second.Incident, "", &gone)
	d.must(web.Operator, "GET", "/incidents/"+first.Incident, "", &v)
	if gone.MergedInto != v.ID || gone.ClosedAt == nil || len(gone.Members) != 0 || gone.Timeline[1].Text != "电工在路上" {
		t.Errorf("%+v", gone)
	}
	if v.Root != cause.ID || v.Members[0].ID != cause.ID || v.Title != cause.Title || v.Alarms != 3 || v.ZoneName.EN != "East Court" || v.Priority != event.High {
		t.Errorf("%+v", v)
	}
	var what []string
	for _, l := range v.Timeline {
		what = append(what, l.What+" "+l.DeviceName)
	}
	want := []string{"annunciate ", "raise 名d1", "raise 名d2", "merge ", "annunciate ", "raise 东苑"}
	if !slices.Equal(what, want) {
		t.Errorf("%q", what)
	}
	for _, do := range []string{"ack", "close"} {
		if status, code := d.ask(web.Operator, "POST", "/incidents/"+second.Incident+"/"+do, "", nil); status != 409 || code != "incident.merged" {
			t.Error(do, status, code)
		}
	}
	if got := d.incidents("all"); len(got) != 1 {
		t.Errorf("%d incidents are listed", len(got))
	}
	d.sound()
}

// What is on the root goes on to the next when the root is over.
func TestRootMovesOn(t *testing.T) {
	d := open(t)
	a := d.apply(d.at("power.area_lost", "zone:east", "east", func(s *Signal) { s.Priority = event.High }))[0]
	d.apply(d.at("device.offline", "d1", "east/b01", offline), d.at("door.offline", "d2", "east/b01", func(s *Signal) { offline(s); s.Priority = event.Low }))
	d.apply(d.at("power.area_lost", "zone:east", "east", returned))
	d.must(web.Operator, "POST", "/alarms/"+a.ID+"/ack", "", nil)
	inc := d.incidents("open")[0]
	if inc.Rule != "device.offline" || inc.Priority != event.Medium || inc.Zone != "east/b01" || inc.Open != 2 || inc.Alarms != 3 {
		t.Errorf("%+v", inc)
	}
	d.sound()
}

// Alarms from before there were incidents get theirs at the start, silently.
func TestOrphansAreAdopted(t *testing.T) {
	d := open(t)
	d.apply(d.at("device.offline", "d1", "east/b01", offline), d.at("device.offline", "d2", "east/b01", offline), d.at("lamp.dead", "l1", "west", nil))
	before := len(d.rung())
	for _, q := range []string{
		"UPDATE alarm SET incident = '', cause = '', place = '', spot = ''", "DELETE FROM annunciation", "DELETE FROM incident_journal", "DELETE FROM incident",
	} {
		if _, err := d.db.Read().Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	d.restart()
	d.wants("device.offline: device.offline@d1 device.offline@d2", "lamp.dead: lamp.dead@l1")
	d.sound()
	if len(d.rung()) != before {
		t.Errorf("%q", d.rung())
	}
}
