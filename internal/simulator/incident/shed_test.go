package incident

import (
	"fmt"
	"testing"

	"dongyue/internal/event"
	"dongyue/internal/simulator/community"
)

// TestShedB plays the story with a hub that cuts the port and then the feeder: the
// battery smokes all the same, twice, and the crew resets what was cut.
func TestShedB(t *testing.T) {
	w := start(t, community.ShedB)
	shed, topic := community.ShedB, event.Topic(event.Charger, community.ShedB, event.Command)
	order := func(id, args string) {
		check(t, w.Publish(topic, fmt.Appendf(nil, `{"id":%q,"type":"cut","at":"2026-01-01T00:00:00.000Z","expires_at":"2100-01-01T00:00:00.000Z","args":%s}`, id, args), false, 1))
	}
	w.trigger(t, "shed_b")
	w.expect(t, []string{shed, `"session_started"`, `"part":"7"`, `"user":"p-0001"`})
	for _, p := range shedBOthers() {
		w.expect(t, []string{shed + "/telemetry", `"part":"` + p + `"`, `"state":"charging"`})
	}
	w.expect(t, []string{shed + "/telemetry", `"part":"7"`, `"temp_c":6`})
	order("c1", `{"part":"7"}`)
	w.expect(t, []string{"/reply", `"c1"`, `"done"`})
	order("c2", `{"feeder":true}`)
	w.expect(t,
		[]string{`"session_ended"`, `"part":"7"`, `"reason":"cut"`}, []string{"/reply", `"c2"`, `"done"`, `"power_w":0`},
		[]string{`"type":"smoke"`, `"part":"7"`, `"active":true`}, []string{`"type":"smoke"`, `"part":"7"`, `"active":true`},
		[]string{`"type":"smoke"`, `"active":false`}, []string{`"type":"reset"`, `"part":"7"`})
	w.over(t, "shed_b")
}
