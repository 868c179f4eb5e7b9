package agent

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"dongyue/internal/event"
)

const theShed = "charger-e03"

func (h *hub) portState(t *testing.T, want string) {
	t.Helper()
	h.wait(t, "port 7 "+want, is(event.Charger, theShed, event.State, fields{"state.ports.7": want}))
}

func TestChargerRunaway(t *testing.T) {
	h, f, k := one(t, theShed, fast())
	c, _ := f.Charger(theShed)
	c.Overheat("7", 300)
	n := h.follow(t, 0, k, theShed, fields{"type": "smoke", "part": "7", "data.active": true}, fields{"type": "session_ended", "part": "7", "data.reason": "over_temperature"},
		fields{"type": "fault", "data.code": "over_temperature"})
	h.portState(t, "cut")
	h.waitFrom(t, n, "no power", func(m heard) bool {
		return at(m.body(), "part") == "7" && at(m.body(), "values.power_w") == 0.0 && at(m.body(), "values.state") == "cut"
	})
	h.order(t, k, theShed, "r1", "restore", time.Minute, fields{"part": "7"})
	h.replied(t, k, theShed, "r1", failed) // nobody was on site
	c.Reset("7")
	h.follow(t, n, k, theShed, fields{"type": "smoke", "data.active": false}, fields{"type": "fault", "data.active": false})
	_, n = h.waitFrom(t, 0, "cut", is(k, theShed, event.State, fields{"state.ports.7": "cut"}))
	h.waitFrom(t, n, "restored by key", is(k, theShed, event.State, fields{"state.ports.7": "idle", "state.fault": false}))
}

func TestChargerCut(t *testing.T) {
	times := fast()
	times.Key = time.Hour
	h, f, k := one(t, theShed, times)
	c, _ := f.Charger(theShed)
	c.Overheat("7", 0.001)
	h.portState(t, "charging")
	h.order(t, k, theShed, "c1", "cut", time.Minute, fields{"part": "7"})
	if r := h.replied(t, k, theShed, "c1", done).body(); at(r, "data.power_w") != 0.0 {
		t.Errorf("after the cut: %v", r)
	}
	h.portState(t, "cut")
	p, ok := c.Port(context.Background(), "7")
	if !ok || p.State != "cut" || p.Power != 0 {
		t.Errorf("port 7: %+v %v", p, ok)
	}
	h.order(t, k, theShed, "s1", "start", time.Minute, fields{"part": "7", "user": "p-0001"})
	h.replied(t, k, theShed, "s1", failed)
	c.Reset("7")
	h.wait(t, "reset", is(k, theShed, event.Happening, fields{"type": "fault", "data.active": false}))
	h.order(t, k, theShed, "r1", "restore", time.Minute, fields{"part": "7"})
	h.replied(t, k, theShed, "r1", done)
	h.order(t, k, theShed, "s2", "start", time.Minute, fields{"part": "7", "user": "p-0001", "limit_wh": 0.001})
	h.replied(t, k, theShed, "s2", done)
	h.follow(t, 0, k, theShed, fields{"type": "session_started", "data.user": "p-0001"}, fields{"type": "session_ended", "data.user": "p-0001", "data.reason": "limit"})
}

// TestChargerStuckRelay is acceptance scenario S1's step: the port's own relay
// does not open, the feeder's does.
func TestChargerStuckRelay(t *testing.T) {
	h, f, k := one(t, theShed, fast())
	c, _ := f.Charger(theShed)
	c.Stick("7")
	c.Overheat("7", 0.001)
	h.portState(t, "charging")
	h.order(t, k, theShed, "c1", "cut", time.Minute, fields{"part": "7"})
	if r := h.replied(t, k, theShed, "c1", done).body(); at(r, "data.power_w").(float64) < 10 {
		t.Errorf("a welded relay opened: %v", r)
	}
	h.order(t, k, theShed, "c2", "cut", time.Minute, fields{"feeder": true})
	if r := h.replied(t, k, theShed, "c2", done).body(); at(r, "data.power_w") != 0.0 {
		t.Errorf("the feeder is still on: %v", r)
	}
	h.portState(t, "cut")
}

func TestChargerRefuses(t *testing.T) {
	h, _, k := one(t, theShed, fast())
	for name, c := range map[string]struct {
		typ  string
		args fields
	}{
		"no port":       {"start", fields{"part": "11", "user": "x"}},
		"odd port":      {"start", fields{"part": "07", "user": "x"}},
		"which":         {"cut", nil},
		"cut port":      {"cut", fields{"part": "99"}},
		"not charging":  {"stop", fields{"part": "0"}},
		"unknown":       {"explode", fields{"part": "1"}},
		"text for part": {"cut", fields{"part": 7}},
	} {
		h.order(t, k, theShed, name, c.typ, time.Minute, c.args)
		h.replied(t, k, theShed, name, failed)
	}
}

// TestPortCurve charges a battery through: the power never rises after the knee,
// the energy is what was needed, and the plug stays cool.
func TestPortCurve(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		var p port
		p.advance(0, r)
		p.plug("u", 0, r)
		const step = 10 * time.Second
		ended := ""
		for n := 0; ended == "" && n < 12*360; n++ {
			ended = p.advance(step, r)
			if p.temp > 45 || p.temp < ambient-1 {
				t.Fatalf("%v °C", p.temp)
			}
			if p.power > p.peak*1.011 {
				t.Fatalf("%v W of %v", p.power, p.peak)
			}
		}
		if ended != "full" || p.state != full || p.energy < p.need || p.energy > p.need*1.02 {
			t.Errorf("ended %q %s with %v of %v Wh", ended, p.state, p.energy, p.need)
		}
	}
}

func TestPortRunsAway(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var p port
	p.plug("u", 0, r)
	p.temp, p.runaway = 38, 1
	for range 44 {
		p.advance(time.Second, r)
	}
	if p.temp != 82 || p.power < 0.8*p.peak {
		t.Errorf("%v °C, %v W after 44 s", p.temp, p.power)
	}
	p.to(cut)
	for range 120 {
		p.advance(time.Second, r)
	}
	if p.temp > 30 || p.power != 0 {
		t.Errorf("%v °C, %v W two minutes after the cut", p.temp, p.power)
	}
	if v := p.values(); v["state"] != "cut" || v["power_w"] != 0.0 || v["voltage_v"] != 0.0 {
		t.Errorf("meter: %v", v)
	}
}

// TestPortSwings: a wild battery swings from 54 °C on, and not before.
func TestPortSwings(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var p port
	p.plug("u", 0, r)
	p.temp, p.runaway, p.wild = 46, 0.4, true
	low, high := 2.0, 0.0
	for range 50 {
		p.advance(time.Second, r)
		of := p.power / p.peak
		if p.temp < swingsAt && (of < 0.98 || of > 1.02) {
			t.Errorf("%.2f of its power at %.1f °C", of, p.temp)
		}
		if p.temp >= swingsAt {
			low, high = min(low, of), max(high, of)
		}
	}
	if low > 0.75 || high < 1.25 {
		t.Errorf("swings from %.2f to %.2f", low, high)
	}
	p.to(cut)
	was := p.temp
	p.advance(10*time.Second, r)
	if p.power != 0 || p.temp <= was {
		t.Errorf("%v W, from %v to %v °C without power", p.power, was, p.temp)
	}
}
