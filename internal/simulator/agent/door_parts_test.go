package agent

import (
	"testing"
	"time"

	"dongyue/internal/event"
)

// The lift answers when it has arrived, serves one call after the other, and says where
// it stands.
func TestDoorCallsItsLift(t *testing.T) {
	h, f, k := one(t, theDoor, fast())
	d, _ := f.Door(theDoor)
	h.wait(t, "it serves", is(k, theDoor, event.State, fields{"state.lift.serves": "1-6", "state.lift.floor": 1.0}))
	h.order(t, k, theDoor, "l1", "call", time.Minute, fields{"floor": 3, "ref": "e1"})
	h.order(t, k, theDoor, "l2", "call", time.Minute, fields{"floor": 2})
	h.replied(t, k, theDoor, "l1", accepted)
	h.wait(t, "arrived", is(k, theDoor, event.Reply, fields{"id": "l1", "status": done, "data.floor": 3.0}))
	h.wait(t, "third floor", is(k, theDoor, event.State, fields{"state.lift.floor": 3.0}))
	h.replied(t, k, theDoor, "l2", done)
	if at := d.LiftAt(); at != 2 {
		t.Errorf("it stands on floor %d", at)
	}
	h.order(t, k, theDoor, "l1", "call", time.Minute, fields{"floor": 3}) // the same again
	h.order(t, k, theDoor, "w1", "warn", time.Minute, fields{"for_s": 60})
	h.replied(t, k, theDoor, "w1", done)
	if at := d.LiftAt(); at != 2 {
		t.Errorf("a repeated call moved it to floor %d", at)
	}
}

// What is done to the door shows: the wire of the contact, the reader's line, the button.
func TestDoorIsAbused(t *testing.T) {
	h, f, k := one(t, theDoor, fast())
	d, _ := f.Door(theDoor)
	for _, how := range []string{"cut", "shorted"} {
		d.Cut(how)
		h.wait(t, how, is(k, theDoor, event.State, fields{"state.position": how}))
	}
	d.Cut("")
	h.wait(t, "mended", is(k, theDoor, event.State, fields{"state.position": "closed"}))
	d.Link("default_key")
	n := h.follow(t, 0, k, theDoor, fields{"type": "reader_link", "data.link": "default_key"})
	d.Jam(true)
	n = h.follow(t, n, k, theDoor, fields{"type": "rex", "data.active": true})
	d.Jam(false)
	h.follow(t, n, k, theDoor, fields{"type": "rex", "data.active": false})
}

// A door that is told to warn beeps until it is shut.
func TestDoorWarns(t *testing.T) {
	times := fast()
	times.Held, times.Warn = time.Hour, time.Minute // it would not notice by itself
	h, f, k := one(t, theDoor, times)
	d, _ := f.Door(theDoor)
	d.Prop(time.Minute)
	h.follow(t, 0, k, theDoor, fields{"type": "opened"})
	h.order(t, k, theDoor, "w1", "warn", time.Minute, fields{"for_s": 60})
	h.wait(t, "it beeps", is(k, theDoor, event.State, fields{"state.beep": true}))
	d.Close()
	h.wait(t, "it is quiet", is(k, theDoor, event.State, fields{"state.beep": false, "state.position": "closed"}))
}

// Who goes out shows the pass inside; the door is told nothing it has to ask.
func TestDoorIsShownSomethingInside(t *testing.T) {
	h, f, k := one(t, theDoor, fast())
	d, _ := f.Door(theDoor)
	d.ShowInside("card", "12345")
	h.follow(t, 0, k, theDoor, fields{"type": "badge", "data.side": "out", "data.decision": "ask"}, fields{"type": "opened"}, fields{"type": "closed"})
}
