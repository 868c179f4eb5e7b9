package doors

import (
	"time"

	"dongyue/internal/event"
)

// Times of orders.
const (
	// orderTTL is how long a set_mode is good; a door that was away gets a new one,
	// for what holds then.
	orderTTL = 5 * time.Second
	// patience is how long a door may take to follow. GB 50396-2007 gives an
	// operator's command two seconds to the lock.
	patience = 4 * time.Second
	// through is how long somebody may take to walk out; a leaf that stands open
	// longer is not secured, whatever its lock says.
	through = 10 * time.Second
	// again is the pause before the second order; it doubles up to longest.
	again   = 2 * time.Second
	longest = 30 * time.Second
)

// order is what one door was last told, and how far it has come. What a door
// reports decides, not what it answers.
type order struct {
	rung    event.Rung
	cause   string // "": none, back to controlled
	since   time.Time
	sent    time.Time
	tries   int
	command string
	refused bool // by its answer
	done    bool // by its answer
	state   string
	why     string
	at      time.Time // of state
}

// due reports whether it is time to say it (again).
func (o *order) due(now time.Time) bool {
	if o.tries == 0 {
		return true
	}
	return now.Sub(o.sent) >= min(again<<min(o.tries-1, 8), longest)
}

// mode is the word for the door. One that has refused the rung's own name may be
// of the kind that knows free only.
func (o *order) mode() string {
	if o.refused && o.rung.Free() && o.tries%2 == 1 {
		return "free"
	}
	return o.rung.String()
}

// stands reports whether a door is on its rung, by its own report. One that
// reports no mode is taken by its answer.
func (o *order) stands(x *Door) bool {
	if x.Mode == "" {
		return o.done
	}
	r, known := event.ParseRung(x.Mode)
	return known && r == o.rung || x.Mode == "free" && o.rung.Free() // the old word for all of them
}

// locked reports whether the lock is as the rung wants it. While somebody is let
// out, it need not be: telling the door again would shut it before their nose.
func (o *order) locked(s *State, now time.Time) bool {
	at := now.UnixMilli() - s.Skew
	walking := s.Position == Open && at-s.Opened < through.Milliseconds()
	if at < s.Exit || at < s.Grant || s.Pushed != 0 || walking {
		return true
	}
	switch {
	case o.rung == event.Lockdown:
		return s.Lock != Unlocked && s.Position != Open
	case o.rung.Free():
		return s.Lock != Secured
	}
	return true
}

// move brings the order to a state; changed is false when it is there.
func (o *order) move(state, why string, now time.Time) (changed bool) {
	if o.state == state && o.why == why {
		return false
	}
	o.state, o.why, o.at = state, why, now
	return true
}
