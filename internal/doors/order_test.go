package doors

import (
	"testing"
	"time"

	"dongyue/internal/event"
)

func TestProofOfADoor(t *testing.T) {
	now := time.UnixMilli(1_000_000_000)
	at := now.UnixMilli()
	down, free := order{rung: event.Lockdown}, order{rung: event.FireRelease}
	for _, c := range []struct {
		name string
		o    order
		mode string
		s    State
		want bool
	}{
		{"secured", down, "lockdown", State{Lock: Secured, Position: Closed}, true},
		{"another rung", down, "controlled", State{Lock: Secured, Position: Closed}, false},
		{"a word that is none", down, "shut", State{Lock: Secured, Position: Closed}, false},
		{"the bolt is back", down, "lockdown", State{Lock: Unlocked, Position: Closed}, false},
		{"somebody is let out", down, "lockdown", State{Lock: Unlocked, Position: Closed, Exit: at + 1}, true},
		{"and walks", down, "lockdown", State{Lock: Unlocked, Position: Open, Opened: at - 3000}, true},
		{"it is propped open", down, "lockdown", State{Lock: Secured, Position: Open, Opened: at - 60_000}, false},
		{"released", free, "fire_release", State{Lock: Unlocked, Position: Closed}, true},
		{"released, and a rescuer holds it", free, "fire_release", State{Lock: Unlocked, Position: Open, Opened: 1}, true},
		{"said so and did not", free, "fire_release", State{Lock: Secured, Position: Closed}, false},
		{"the old word", free, "free", State{Lock: Unlocked, Position: Closed}, true},
		{"the old word locks nothing down", down, "free", State{Lock: Secured, Position: Closed}, false},
		{"no mode, no answer", down, "", State{Lock: Secured, Position: Closed}, false},
		{"no mode, but done", order{rung: event.Lockdown, done: true}, "", State{Lock: Secured, Position: Closed}, true},
	} {
		if got := c.o.stands(&Door{Mode: c.mode}) && c.o.locked(&c.s, now); got != c.want {
			t.Errorf("%s: proven %v, want %v", c.name, got, c.want)
		}
	}
}

func TestOrderIsSaidAgain(t *testing.T) {
	now := time.UnixMilli(1_000_000_000)
	o := order{rung: event.FireRelease}
	if !o.due(now) {
		t.Error("the first word waits")
	}
	o.tries, o.sent = 1, now
	if o.due(now.Add(again-1)) || !o.due(now.Add(again)) {
		t.Error("the second word comes after its pause")
	}
	o.tries = 20
	if o.due(now.Add(longest-1)) || !o.due(now.Add(longest)) {
		t.Error("the pause is bounded")
	}
	o.tries, o.refused = 1, true
	if o.mode() != "free" {
		t.Errorf("a controller that refused the long word gets %q", o.mode())
	}
	o.rung = event.Lockdown
	if o.mode() != "lockdown" {
		t.Errorf("lockdown is said as %q", o.mode())
	}
}
