package alarm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// day is what a desk may see, at random: alarms of causes and of what comes from them,
// one by one and many at once, people who act on alarms and incidents, maintenance,
// time and restarts.
type day struct {
	*calling
	r *rand.Rand
}

func (d *day) any() Signal {
	rule := []string{"device.offline", "device.offline", "device.offline", "switch.dead", "power.area_lost", "door.forced", "door.forced", "sensor.smoke", "lamp.dead"}[d.r.IntN(9)]
	n := d.r.IntN(6)
	device, zone := fmt.Sprint("d", n), fmt.Sprintf("east/b0%d", n%3)
	switch rule {
	case "power.area_lost":
		device, zone = "zone:east", "east"
	case "switch.dead":
		device = "switch-e03"
	}
	return d.at(rule, device, zone, func(s *Signal) {
		s.Raised, s.LifeSafety = d.r.IntN(3) > 0, rule == "sensor.smoke"
		s.Priority = []event.Priority{event.Critical, event.High, event.High, event.Low}[d.r.IntN(4)]
		if rule == "device.offline" || rule == "switch.dead" {
			offline(s)
		}
		if rule == "switch.dead" {
			s.Causes = s.Causes[:1]
		}
	})
}

func said(signals []Signal) (out []string) {
	for i := range signals {
		s := &signals[i]
		out = append(out, fmt.Sprintf("%s@%s %s %v", s.Rule, s.Device, s.Priority, s.Raised))
	}
	return out
}

func (d *day) one(query string) (id string) {
	ids, err := texts(context.Background(), d.db.Read(), query+" ORDER BY id")
	if err != nil {
		d.t.Fatal(err)
	}
	if len(ids) == 0 {
		return "none"
	}
	id, _ = ids[d.r.IntN(len(ids))].(string)
	return id
}

func (d *day) alarmPath() string {
	return "/alarms/" + d.one("SELECT id FROM alarm WHERE closed_at IS NULL")
}

func (d *day) incidentPath() string {
	return "/incidents/" + d.one("SELECT id FROM incident WHERE closed_at IS NULL")
}

func (d *day) act() string {
	path := d.alarmPath()
	if d.r.IntN(3) == 0 {
		path = d.incidentPath()
	}
	switch n := d.r.IntN(16); n {
	default:
		var many []Signal
		for range 1 + d.r.IntN(4) {
			many = append(many, d.any())
		}
		d.apply(many...)
		return fmt.Sprintf("apply %s", said(many))
	case 0, 1, 2:
		d.ask(web.Operator, "POST", path+"/ack", "", nil)
		return "ack " + path
	case 3:
		d.ask(web.Operator, "POST", path+"/shelve", `{"kind":"one_shot","reason":"x"}`, nil)
		return "shelve until over " + path
	case 4:
		d.ask(web.Operator, "POST", path+"/shelve", `{"kind":"timed","minutes":5,"reason":"x"}`, nil)
		return "shelve " + path
	case 5:
		d.ask(web.Operator, "POST", path+"/unshelve", "", nil)
		return "unshelve " + path
	case 6:
		d.ask(web.Operator, "POST", path+"/close", `{"reason":"false_alarm","text":"x"}`, nil)
		return "close " + path
	case 7:
		until := d.clock().Add(time.Duration(1+d.r.IntN(20)) * time.Minute).Format(time.RFC3339)
		what := []string{`"zone":"east/b01"`, `"device":"d1"`, `"rule":"door.forced"`}[d.r.IntN(3)]
		d.ask(web.Supervisor, "POST", "/out-of-service", `{`+what+`,"until":"`+until+`","reason":"x"}`, nil)
		return "out of service " + what
	case 8:
		d.restart()
		return "restart"
	case 9, 10:
		by := []time.Duration{time.Second, 40 * time.Second, 3 * time.Minute, 11 * time.Minute}[d.r.IntN(4)]
		d.pass(by)
		d.fire()
		return "pass " + by.String()
	}
}

// climbs checks that whoever calls has a ladder of its own or that of another of its
// incident and policy, and nobody else has.
func (d *day) climbs() {
	d.t.Helper()
	all, err := many(context.Background(), d.db.Read(), "1 = 1 ORDER BY id")
	if err != nil {
		d.t.Fatal(err)
	}
	rows, err := rungs(context.Background(), d.db.Read(), "1 = 1")
	if err != nil {
		d.t.Fatal(err)
	}
	incident := map[string]string{}
	for i := range all {
		incident[all[i].ID] = all[i].Incident
	}
	for i := range all {
		al := &all[i]
		own := slices.ContainsFunc(rows, func(r rung) bool { return r.alarm == al.ID })
		p, ok := d.alarms.policyOf(al)
		covered := own || slices.ContainsFunc(rows, func(r rung) bool { return r.policy == p.Name && incident[r.alarm] == al.Incident })
		if want := calls(al) && ok; want != covered && (want || own) || own != (al.Escalation != nil) {
			d.t.Errorf("%s@%s (%s, called %v): calls %v, own ladder %v, any %v, shows %+v", al.Rule, al.Device, al.State, al.ToldAt, want, own, covered, al.Escalation)
		}
	}
	for _, r := range rows {
		if r.incident != incident[r.alarm] {
			d.t.Errorf("the ladder of %s stands in %s, the alarm in %s", r.alarm, r.incident, incident[r.alarm])
		}
	}
}

// leads checks that the root of an open incident is the best of its open alarms.
func (d *day) leads() {
	d.t.Helper()
	for _, inc := range d.incidents("open") {
		open, err := many(context.Background(), d.db.Read(), "incident = ? AND closed_at IS NULL ORDER BY id", inc.ID)
		if err != nil {
			d.t.Fatal(err)
		}
		best := slices.MinFunc(open, func(x, y Alarm) int { return rankOf(&x).compare(rankOf(&y)) })
		if best.ID != inc.Root {
			d.t.Errorf("incident %s is led by %s@%s, the best is %s@%s %+v", inc.ID, inc.Rule, inc.Device, best.Rule, best.Device, rankOf(&best))
		}
	}
}

// Whatever happens at a desk, the incidents count right, are led by their root, and
// whoever nobody has come to is called.
func TestADayAtTheDesk(t *testing.T) {
	for seed := range days(t) {
		d := &day{openCalling(t), rand.New(rand.NewPCG(seed, 7))}
		var story []string
		for range 40 {
			story = append(story, d.act())
			d.pass(time.Second)
			d.fire()
			d.sound()
			d.leads()
			d.climbs()
			if t.Failed() {
				for _, s := range story {
					t.Log(s)
				}
				t.Fatalf("day %d", seed)
			}
		}
	}
}

// days is how many are played.
func days(t *testing.T) uint64 {
	if testing.Short() {
		return 2
	}
	return 8
}
