package agent

import (
	"errors"
	"time"
)

// lift is the one that a door's controller calls. It takes one caller after the other.
type lift struct {
	serves string // 1-6, as the site says
	floor  int
	last   int       // floor of the newest call
	free   time.Time // then the newest call is done
}

// liftState is what the controller says of it.
type liftState struct {
	Floor  int    `json:"floor"`
	Serves string `json:"serves"`
}

const (
	perFloor    = 300 * time.Millisecond // from one floor to the next
	groundFloor = 1                      // where it stands first
)

var errNoLift = errors.New("there is no lift here")

// newLift makes the lift that a label names; none without one.
func newLift(label string) *lift {
	if label == "" {
		return nil
	}
	return &lift{serves: label, floor: groundFloor, last: groundFloor}
}

func (l *lift) state() *liftState {
	if l == nil {
		return nil
	}
	return &liftState{l.floor, l.serves}
}

// call sends the lift to a floor. The controller answers accepted when it has the call
// and done when the lift is there.
func (d *Door) call(id string, floor int) (func(), error) {
	l := d.lift
	if l == nil {
		return nil, errNoLift
	}
	return func() {
		now := time.Now()
		way := max(floor-l.last, l.last-floor)
		if l.free.Before(now) {
			l.free = now
		}
		l.free, l.last = l.free.Add(perFloor*time.Duration(way)), floor
		d.after(l.free.Sub(now), func() {
			l.floor = floor
			d.report()
			d.finish(id, map[string]any{"floor": floor})
		})
	}, nil
}

// LiftAt is the floor where the door's lift stands; 0 where there is none.
func (d *Door) LiftAt() int {
	return inside(d, func() int {
		if d.lift == nil {
			return 0
		}
		return d.lift.floor
	})
}
