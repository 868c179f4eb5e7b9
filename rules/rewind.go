package rules

import (
	"time"

	"dongyue/internal/event"
)

// setBack is by how much the hub's clock must be behind for it to have been set back.
const setBack = time.Minute

// hearNext notices that the hub's clock has been set back. The journal is in the
// order of receipt, so it shows there; events that were not journaled may be ahead of
// it. Nothing is ahead of the hub's own word that it begins to listen.
func (e *Engine) hearNext(ev *event.Event) {
	begins := ev.Kind == event.Hub && ev.Channel == event.Presence
	if ev.Seq == 0 && !begins {
		return
	}
	now := heard(ev)
	if e.told.Sub(now) > setBack || begins && e.clock.Sub(now) > setBack {
		e.rewind(now)
	}
	e.told = now
}

// rewind takes it that the hub's clock has been set back, as it is when a clock that
// ran ahead at the start finds its reference. What waits has as long to go as
// before, what was heard was heard as long ago; readings of a time that is yet to
// come are forgotten. Otherwise everything would run out at once.
func (e *Engine) rewind(now time.Time) {
	by := e.clock.Sub(now)
	back := func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return t.Add(-by)
	}
	past := func(t time.Time) time.Time { // of a device's own clock, which may have been right
		if t.After(now) {
			return t.Add(-by)
		}
		return t
	}
	for _, r := range e.records {
		for _, s := range r.subjects {
			e.touch(s.key())
			due := past(s.due)
			s.at, s.quiet = past(s.at), back(s.quiet)
			e.wait(s, back(s.deadline))
			s.due = due
		}
		for _, p := range r.parts {
			for _, s := range p.series {
				e.stir(s)
				s.forget(now.UnixNano())
			}
			for _, w := range p.watches {
				e.guard(w)
				w.heard, w.queued = back(w.heard), time.Time{}
				e.queue(w)
			}
		}
	}
	e.back, e.clock, e.swept = past(e.back), now, now
}

// forget drops the points behind a time.
func (s *series) forget(after int64) {
	for n := len(s.points); n > s.head && s.points[n-1].at > after; n = len(s.points) {
		s.points = s.points[:n-1]
	}
}
