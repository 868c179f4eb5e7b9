package alarm

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// A door that goes offline and is then forced is one incident with one ladder, on
// the offline door. When the power cut fetches that one out of it, the forced door
// still calls, from where the ladder was.
func TestTheForcedDoorStillCallsWhenThePowerCutTakesItsLadder(t *testing.T) {
	c := openCalling(t)
	high := func(s *Signal) { s.Priority = event.High }
	c.apply(c.at("door.offline", "d1", "east/b01", func(s *Signal) { offline(s); high(s) }))
	c.lapse(5)
	forced := c.apply(c.at("door.forced", "d1", "east/b01", high))[0].ID
	c.lapse(5)
	c.apply(c.at("power.area_lost", "zone:east", "east", high))
	c.wants("door.forced: door.forced@d1", "power.area_lost: door.offline@d1 power.area_lost@zone:east")
	c.lapse(90)
	var calls []string
	for _, line := range c.journal(forced) {
		if line != "raise " && line[:7] != "regroup" {
			calls = append(calls, line)
		}
	}
	if want := []string{"escalate high 1/2: on_duty: 陈", "escalate high 2/2: supervisor: 陈; fallback"}; fmt.Sprint(calls) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", calls, want)
	}
}

// Two incidents that have become one have one ladder after the other: whoever is
// acknowledged last, the third still calls.
func TestTheLadderOfAMergedIncidentGoesOn(t *testing.T) {
	c := openCalling(t)
	crit := func(s *Signal) { s.Priority = event.Critical }
	a := c.apply(c.at("door.offline", "d1", "east/b01", func(s *Signal) { offline(s); crit(s) }))[0].ID
	c.lapse(1)
	b := c.apply(c.at("lamp.offline", "l1", "east/b02", func(s *Signal) { offline(s); crit(s) }))[0].ID
	c.lapse(1)
	c.apply(c.at("power.area_lost", "zone:east", "east", func(s *Signal) { s.Priority = event.Low }))
	if n := len(c.incidents("open")); n != 1 {
		t.Fatalf("%d incidents", n)
	}
	c.apply(c.at("pump.offline", "p1", "east/b03", func(s *Signal) { offline(s); crit(s) }))
	c.lapse(1)
	c.must(web.Operator, "POST", "/alarms/"+a+"/ack", "", nil)
	c.lapse(1)
	c.must(web.Operator, "POST", "/alarms/"+b+"/ack", "", nil)
	c.lapse(60)
	c.expect("+32s p1 on_duty", "+1m2s p1 next_on_duty")
}

// What comes back into sight when it is over already does not call everybody at once,
// however it comes back: its steps count from there.
func TestWhatIsOverComesBackWithoutABurst(t *testing.T) {
	for name, play := range map[string]func(c *calling, id string, over Signal){
		"until it is over": func(c *calling, id string, over Signal) {
			c.must(web.Operator, "POST", "/alarms/"+id+"/shelve", `{"kind":"one_shot","reason":"维修"}`, nil)
			c.lapse(900)
			c.apply(over)
		},
		"its time is over": func(c *calling, id string, over Signal) {
			c.must(web.Operator, "POST", "/alarms/"+id+"/shelve", `{"kind":"timed","minutes":10,"reason":"维修"}`, nil)
			c.lapse(300)
			c.apply(over)
			c.lapse(300)
		},
		"taken back": func(c *calling, id string, over Signal) {
			c.must(web.Operator, "POST", "/alarms/"+id+"/shelve", `{"kind":"timed","minutes":20,"reason":"维修"}`, nil)
			c.lapse(300)
			c.apply(over)
			c.lapse(300)
			c.must(web.Operator, "POST", "/alarms/"+id+"/unshelve", "", nil)
		},
		"back in service": func(c *calling, id string, over Signal) {
			c.must(web.Supervisor, "POST", "/out-of-service", `{"device":"c1","until":"2026-01-01T00:10:00Z","reason":"维修"}`, nil)
			c.lapse(300)
			c.apply(over)
			c.lapse(290)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := openCalling(t)
			id := c.apply(c.signal("c1", own(event.Critical)))[0].ID
			c.lapse(10)
			over := c.signal("c1", own(event.Critical))
			over.Raised = false
			play(c, id, over)
			back := c.clock()
			c.lapse(50)
			if len(c.heard) != 1 || !strings.HasSuffix(c.heard[0], " c1 on_duty") {
				t.Errorf("heard %q", c.heard)
			}
			if al := c.alarm(id); al.State != UnackedReturned || al.Escalation == nil || al.Escalation.Step != 1 || al.Escalation.NextAt.After(back.Add(time.Minute)) {
				t.Errorf("%s, %+v", al.State, al.Escalation)
			}
		})
	}
}

// A ladder that is under way follows a policy that is changed: to later, and to
// nobody at all.
func TestALadderUnderWayFollowsItsPolicy(t *testing.T) {
	c := openCalling(t)
	id := c.apply(c.signal("c1", own(event.Critical)))[0].ID
	c.lapse(10)
	put := func(steps string) {
		c.must(web.Supervisor, "PUT", "/escalations/policies/critical", `{"priorities":["critical"],"steps":[`+steps+`]}`, nil)
	}
	put(`{"after_s":90,"to":["supervisor"]},{"after_s":300,"to":["supervisor"]}`)
	c.lapse(30)
	if al := c.alarm(id); al.Escalation == nil || !al.Escalation.NextAt.Equal(epoch().Add(90*time.Second)) {
		t.Errorf("%+v", al.Escalation)
	}
	if next, err := c.alarms.look(t.Context()); err != nil || !next.Equal(epoch().Add(90*time.Second)) {
		t.Errorf("the timer is due at %s, %v", next, err)
	}
	c.lapse(60)
	c.expect("+1m30s c1 supervisor")
	put("")
	c.lapse(300)
	c.expect("+1m30s c1 supervisor")
	if next, err := c.alarms.look(t.Context()); err != nil || !next.IsZero() {
		t.Errorf("the timer is due at %s, %v", next, err)
	}
}

// What hides behind a hundred alarms of another policy is found all the same.
func TestTheNextOnTheLadderIsFoundAmongMany(t *testing.T) {
	c := openCalling(t)
	fire := func(p event.Priority) func(*Signal) { return func(s *Signal) { s.Priority, s.Cause = p, "fire" } }
	first := c.apply(c.signal("c0", fire(event.Critical)))[0].ID
	var many []Signal
	for i := range 150 {
		many = append(many, c.signal(fmt.Sprint("m", i), fire(event.Medium)))
	}
	c.apply(many...)
	c.lapse(1)
	c.apply(c.signal("c1", fire(event.Critical)))
	c.lapse(1)
	c.must(web.Operator, "POST", "/alarms/"+first+"/ack", "", nil)
	c.lapse(40)
	c.expect("+31s c1 on_duty")
}

// A second smoke in an incident whose ladder is at its end calls people again.
func TestASecondSmokeAfterTheEndOfTheLadder(t *testing.T) {
	c := openCalling(t)
	smoke := func(s *Signal) { s.Cause, s.LifeSafety, s.Priority = "fire", true, event.Critical }
	c.apply(c.at("sensor.smoke", "s1", "east/b01", smoke))
	c.lapse(600)
	c.heard = nil
	c.apply(c.at("sensor.smoke", "s2", "east/b01", smoke))
	c.lapse(70)
	c.expect("+10m5s s2 on_duty", "+11m0s s2 supervisor")
}

// Who presses SOS again when nobody has come and all steps were taken is called for
// again; while steps are left, the ladder goes on where it is.
func TestItIsPressedAgainAfterTheEndOfTheLadder(t *testing.T) {
	c := openCalling(t)
	sos := func(s *Signal) { s.LifeSafety, s.Priority, s.Measured = true, event.Critical, false }
	c.apply(c.at("pole.sos", "p1", "east", sos))
	c.lapse(30)
	c.apply(c.at("pole.sos", "p1", "east", sos))
	c.lapse(600)
	c.expect("+5s p1 on_duty", "+1m0s p1 supervisor", "+2m5s p1 on_duty", "+3m0s p1 supervisor")
	c.heard = nil
	c.apply(c.at("pole.sos", "p1", "east", sos))
	c.lapse(70)
	c.expect("+10m35s p1 on_duty", "+11m30s p1 supervisor")
}

// What was spoken for by another's ladder, and is fetched out of that incident into one
// that calls nobody, has a ladder of its own there.
func TestWhatIsFetchedIsSpokenFor(t *testing.T) {
	c := openCalling(t)
	high := func(s *Signal) { s.Priority = event.High }
	c.apply(c.at("door.forced", "d1", "east/b01", high))
	c.lapse(5)
	off := c.apply(c.at("door.offline", "d1", "east/b01", func(s *Signal) { offline(s); high(s) }))[0].ID
	c.lapse(5)
	c.apply(c.at("power.area_lost", "zone:east", "east", func(s *Signal) { s.Priority = event.Low }))
	c.wants("door.forced: door.forced@d1", "power.area_lost: door.offline@d1 power.area_lost@zone:east")
	c.lapse(90)
	c.expect("+30s d1 on_duty", "+35s d1 on_duty", "+1m0s d1 supervisor", "+1m5s d1 supervisor")
	if al := c.alarm(off); al.Escalation == nil || al.Escalation.Step != 2 {
		t.Errorf("%+v", al.Escalation)
	}
}

// SOS that is pressed again while the ladder of another of its incident is under way
// has none of its own, and does not show the old one.
func TestPressedAgainBesideAnother(t *testing.T) {
	c := openCalling(t)
	sos := func(s *Signal) { s.LifeSafety, s.Priority, s.Measured, s.Cause = true, event.Critical, false, "sos" }
	first := c.apply(c.at("pole.sos", "p1", "east/b01", sos))[0].ID
	c.lapse(600)
	c.heard = nil
	second := c.apply(c.at("pole.sos", "p2", "east/b01", sos))[0].ID
	c.apply(c.at("pole.sos", "p1", "east/b01", sos))
	if al := c.alarm(first); al.Escalation != nil {
		t.Errorf("%+v", al.Escalation)
	}
	c.lapse(10)
	c.must(web.Operator, "POST", "/alarms/"+second+"/ack", "", nil)
	c.lapse(60)
	c.expect("+10m5s p1 on_duty", "+11m0s p1 supervisor") // it is on the root, where an operator looks
}
