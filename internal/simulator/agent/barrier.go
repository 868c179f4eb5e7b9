package agent

import "dongyue/internal/event"

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
