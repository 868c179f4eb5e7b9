package alarm

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// A second smoke that joins while the operator presses is not acknowledged unseen: it
// stays, it calls people, and the answer names it.
func TestWhatJoinsWhileOneAcknowledgesStays(t *testing.T) {
	c := openCalling(t)
	smoke := func(s *Signal) { s.Cause, s.LifeSafety, s.Priority = "fire", true, event.Critical }
	first := c.apply(c.at("sensor.smoke", "s1", "east/b01", smoke))[0]
	c.lapse(1)
	shown := c.incidents("open")[0]
	c.apply(c.at("sensor.smoke", "s1", "east/b01", func(s *Signal) { smoke(s); s.Repeat = true })) // told again: seen all the same
	second := c.apply(c.at("sensor.smoke", "s2", "east/b01", smoke))[0]
	seen := fmt.Sprintf(`{"seen_at":%q}`, shown.LastAt.Format(time.RFC3339Nano))
	var done IncidentDone
	c.must(web.Operator, "POST", "/incidents/"+first.Incident+"/ack", seen, &done)
	if done.Changed != 1 || len(done.Refused) != 1 || done.Refused[0].Alarm != second.ID || done.Refused[0].Code != "alarm.not_seen" || done.Unacked != 1 || done.AckedAt != nil {
		t.Errorf("%+v", done)
	}
	if a, b := c.alarm(first.ID).State, c.alarm(second.ID).State; a != AckedActive || b != UnackedActive {
		t.Errorf("%s, %s", a, b)
	}
	if status, code := c.ask(web.Operator, "POST", "/incidents/"+first.Incident+"/ack", seen, nil); status != 409 || code != "alarm.not_seen" {
		t.Errorf("again: %d %s", status, code)
	}
	c.lapse(10)
	c.expect("+6s s2 on_duty")
	c.must(web.Operator, "POST", "/incidents/"+first.Incident+"/ack", fmt.Sprintf(`{"seen_at":%q}`, c.incidents("open")[0].LastAt.Format(time.RFC3339Nano)), &done)
	if done.Changed != 1 || done.Unacked != 0 || done.AckedAt == nil {
		t.Errorf("%+v", done)
	}
	if i := slices.IndexFunc(done.Refused, func(r Refused) bool { return r.Code != "" }); i >= 0 {
		t.Errorf("%+v", done.Refused)
	}
}
