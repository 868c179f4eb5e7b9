package agent

import (
	"testing"
	"time"

	"dongyue/internal/event"
)

// TestChargerBurnsDown is acceptance scenario S1's battery: its port's relay sticks, and
// when the feeder is off its cells go on by themselves until they smoke.
func TestChargerBurnsDown(t *testing.T) {
	times := fast()
	times.Key = time.Hour
	h, f, k := one(t, theShed, times)
	c, _ := f.Charger(theShed)
	c.Plug("7", "p-0001")
	h.follow(t, 0, k, theShed, fields{"type": "session_started", "part": "7", "data.user": "p-0001"})
	c.BurnDown("7", 46, 40)
	h.order(t, k, theShed, "c1", "cut", time.Minute, fields{"part": "7"})
	if r := h.replied(t, k, theShed, "c1", done).body(); at(r, "data.power_w").(float64) < 10 {
		t.Errorf("a welded relay opened: %v", r)
	}
	h.order(t, k, theShed, "c2", "cut", time.Minute, fields{"feeder": true})
	h.replied(t, k, theShed, "c2", done)
	_, n := h.waitFrom(t, 0, "the feeder's meter says 0", func(m heard) bool {
		return m.topic == event.Topic(k, theShed, event.Telemetry) && at(m.body(), "part") == nil && at(m.body(), "values.power_w") == 0.0
	})
	h.waitFrom(t, n, "hotter without power", func(m heard) bool {
		temp, _ := at(m.body(), "values.temp_c").(float64)
		return at(m.body(), "part") == "7" && at(m.body(), "values.power_w") == 0.0 && temp >= smokesAt
	})
	h.follow(t, 0, k, theShed, fields{"type": "session_ended", "part": "7", "data.reason": "cut"}, fields{"type": "smoke", "part": "7", "data.active": true})
	h.wait(t, "vapour in the air", func(m heard) bool {
		ppm, _ := at(m.body(), "values.voc_ppm").(float64)
		return ppm > 1
	})
	c.Puff("7")
	n = h.follow(t, 0, k, theShed, fields{"type": "smoke", "data.active": true}, fields{"type": "smoke", "data.active": true})
	c.Reset("7")
	h.follow(t, n, k, theShed, fields{"type": "smoke", "data.active": false}, fields{"type": "reset"})
}

// TestChargerWithoutAHub pulls the cable: the sessions go on, the shed's own protection
// cuts, and when nobody is heard for long enough what charges is ended. All of it is told
// when the cable is back.
func TestChargerWithoutAHub(t *testing.T) {
	times := fast()
	times.Alone = 400 * time.Millisecond
	h, f, k := one(t, theShed, times)
	c, _ := f.Charger(theShed)
	c.Plug("7", "p-0001")
	c.Plug("3", "p-0002")
	h.follow(t, 0, k, theShed, fields{"type": "session_started", "part": "7"}, fields{"type": "session_started", "part": "3"})
	c.NetworkOff()
	c.Overheat("7", 1000)
	ctx := t.Context()
	see := func(what string, f func() bool) {
		t.Helper()
		for end := time.Now().Add(patience); !f(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("waited in vain until ", what)
			}
		}
	}
	see("the shed cuts by itself", func() bool { p, _ := c.Port(ctx, "7"); return p.State == "cut" })
	see("the other session is ended", func() bool { p, _ := c.Port(ctx, "3"); return p.State == "stopped" })
	c.NetworkOn()
	h.follow(t, 0, k, theShed, fields{"type": "smoke", "part": "7"}, fields{"type": "session_ended", "part": "7", "data.reason": "over_temperature"})
	h.follow(t, 0, k, theShed, fields{"type": "session_ended", "part": "3", "data.reason": "hub_away"})
}
