package access

import (
	"bytes"
	"time"

	"dongyue/internal/event"
)

// How old a badge is, only the door's clock can say, and that may be seconds behind: GB
// 50396-2007 allows 10 s a day. What such a door says just now looks like what another has
// kept for a while. The two are told apart by what is always there: the shortest time in
// which anything came from the door lately is the clock's, and what is above it is waiting.

// lagSpan is how long a shortest time counts. It is of at least lagEvents messages over
// lagFor, because what was kept during a cut comes all at once.
const (
	lagSpan   = 5 * time.Minute
	lagFor    = time.Minute
	lagEvents = 3
)

// lags belong to the follower that calls Handle.
type lags map[string]*lag

// lag is what was heard of one door in the present span and the one before.
type lag struct{ is, was lagSeen }

type lagSeen struct {
	first, last time.Time // arrivals
	least       time.Duration
	n           int
}

// see takes note of how long a message took, by both clocks.
func (l lags) see(ev *event.Event) {
	switch ev.Channel {
	case event.Happening, event.State, event.Reply:
	default:
		return
	}
	if ev.Late || bytes.Contains(ev.Data, []byte(`"by":"hub"`)) { // its time is the hub's own
		return
	}
	g := l[ev.Device]
	if g == nil {
		g = &lag{}
		l[ev.Device] = g
	}
	g.add(ev.ReceivedAt, ev.ReceivedAt.Sub(ev.At))
}

func (g *lag) add(at time.Time, took time.Duration) {
	if at.Before(g.is.last) { // the hub's clock was set back: nothing from before can be compared
		*g = lag{}
	}
	if g.is.n > 0 && at.Sub(g.is.first) >= lagSpan {
		g.was, g.is = g.is, lagSeen{}
	}
	s := &g.is
	if s.n == 0 {
		s.first, s.least = at, took
	}
	s.last, s.least, s.n = at, min(s.least, took), s.n+1
}

// of is how far a door's clock is behind; 0 while that is not known, and of one that is
// right or ahead.
func (l lags) of(door string, at time.Time) time.Duration {
	g := l[door]
	if g == nil {
		return 0
	}
	known, least := g.is.known(), g.is.least
	if g.was.known() && at.Sub(g.was.last) < 2*lagSpan {
		known, least = true, min(least, g.was.least)
	}
	if !known {
		return 0
	}
	return max(least, 0)
}

func (s *lagSeen) known() bool { return s.n >= lagEvents && s.last.Sub(s.first) >= lagFor }
