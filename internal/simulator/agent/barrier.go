package agent

import (
	"time"

	"dongyue/internal/event"
)

// A camera over a lane reads a plate again while the car stands there and the hub has not
// answered.
const (
	readAgainAfter = 2 * time.Second
	mostReads      = 3
)

func (d *Door) readAgain(c credential) {
	if !d.barrier || c.Type != "plate" || c.reads+1 >= mostReads {
		return
	}
	c.reads++
	d.after(readAgainAfter, func() { d.badge(c) })
}

// A barrier is a door whose leaf is a boom. What a fire asks of it is more than of a door:
// it goes up and stays up, because engines can't wait for it, one after the other, and
// nobody shuts in smoke by it.

// held reports whether the boom may not come down now.
func (d *Door) held() bool { return d.barrier && d.mode == event.FireRelease }

// boom moves the boom as the rung wants it: up and held in a fire; down again after it.
func (d *Door) boom() {
	switch {
	case !d.barrier:
	case d.held() && !d.open:
		d.unlocked = true
		d.swing(d.times.Pass)
	case !d.held() && d.open && d.visit == d.raised:
		d.after(d.times.Pass, func() { d.shut(d.visit) })
	}
	if d.held() {
		d.raised = d.visit
	}
}
