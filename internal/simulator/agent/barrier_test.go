package agent

import (
	"testing"
	"time"

	"dongyue/internal/event"
)

const theBarrier = "door-gate-east"

// A hub that says nothing at first is asked again, since the car still stands there.
func TestPlateIsReadAgain(t *testing.T) {
	h, f, k := one(t, theBarrier, fast())
	d, _ := f.Door(theBarrier)
	ask := fields{"type": "badge", "data.decision": "ask", "data.credential.type": "plate", "data.credential.value": "川AD12345", "data.side": "in"}
	d.Drive("川AD12345", false)
	n := h.follow(t, 0, k, theBarrier, ask, fields{"type": "badge", "data.decision": "denied"})
	h.follow(t, n, k, theBarrier, ask)
	d.Drive("川AD12345", true) // nobody is kept in
	h.follow(t, n, k, theBarrier, fields{"data.side": "out", "data.decision": "granted"}, fields{"type": "opened"}, fields{"type": "closed"})
}

// A fire raises the boom and holds it for the engines, whoever pulls or orders; another
// rung lets it down.
func TestBoomIsHeldInAFire(t *testing.T) {
	h, f, k := one(t, theBarrier, fast())
	d, _ := f.Door(theBarrier)
	h.order(t, k, theBarrier, "c1", "set_mode", time.Minute, fields{"mode": "fire_release"})
	h.replied(t, k, theBarrier, "c1", done)
	n := h.follow(t, 0, k, theBarrier, fields{"type": "opened"})
	d.Close()
	h.order(t, k, theBarrier, "c2", "lock", time.Minute, nil)
	h.replied(t, k, theBarrier, "c2", done)
	for _, m := range h.all()[n:] {
		if m.body()["type"] == "closed" {
			t.Fatal("the boom came down")
		}
	}
	h.wait(t, "up", is(k, theBarrier, event.State, fields{"state.position": "open", "state.mode": "fire_release", "state.lock": "unlocked"}))
	h.order(t, k, theBarrier, "c3", "set_mode", time.Minute, fields{"mode": "controlled"})
	h.follow(t, n, k, theBarrier, fields{"type": "closed"})
}
