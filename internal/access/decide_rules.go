package access

import "time"

// rules is 6 to 8 of what Decide asks: what depends on what was before. It
// changes the state only where a refusal does: the first of two persons waits.
func (a *Ask) rules(s *State, first bool) (r, alert Reason) {
	ms, c, pol := a.At.UnixMilli(), a.Credential, a.Policy
	p := a.who()
	switch {
	case a.Out || c == nil:
	case s.Inside && c.Type == "plate":
		return CarInside, None
	case s.Gate:
		return GateFirst, None
	case c.MaxUses > 0 && s.Used >= c.MaxUses:
		return UsedUp, None
	}
	if !a.Out && pol != nil {
		switch {
		case len(pol.Interlock) > 0 && s.Busy:
			return Interlocked, None
		case pol.FirstIn && !first && s.Door.FirstDay != dayNumber(a.At) && !a.withFirst(s):
			return FirstPerson, None
		}
	}
	if !a.Out && p.Escort != "" && (s.Escort == 0 || ms-s.Escort > escortWithin) {
		return EscortMissing, None
	}
	if r, alert = a.passback(s); r != None {
		return r, None
	}
	if c != nil && c.Confirm && !a.Out {
		return ConfirmNeeded, None
	}
	if pol == nil {
		return None, None
	}
	if pol.TwoPerson > 0 && !a.Out && !a.second(s) {
		s.Door.Waiting, s.Door.WaitEnd, s.Door.WaitFirst, s.Door.WaitBy = p.ID, ms+pol.TwoPerson, first, ""
		if c != nil {
			s.Door.WaitBy = c.ID
		}
		return TwoPerson, None
	}
	return None, alert
}

// second reports whether another person waits for this one. One who began to wait in
// what is the future now, since the clock was set back, waits no longer.
func (a *Ask) second(s *State) bool {
	d, ms := &s.Door, a.At.UnixMilli()
	return d.Waiting != "" && d.Waiting != a.who().ID && ms <= d.WaitEnd && d.WaitEnd-ms <= a.Policy.TwoPerson
}

// withFirst reports whether the one who waits opens the day: where two are needed, neither
// could come before the other.
func (a *Ask) withFirst(s *State) bool {
	return a.Policy.TwoPerson > 0 && s.Door.WaitFirst && a.second(s)
}

// target is the area that somebody gets to.
func (a *Ask) target() *Area {
	switch {
	case a.Policy == nil:
		return nil
	case a.Out:
		return a.Policy.Outside
	}
	return a.Policy.Inside
}

func (a *Ask) passback(s *State) (r, alert Reason) {
	to := a.target()
	if to == nil || to.Mode == PassbackNone || s.Area != to.ID {
		return None, None
	}
	if to.Forget > 0 && a.At.UnixMilli()-s.Since >= to.Forget {
		return None, None
	}
	if to.Mode == PassbackEnforce {
		return Passback, None
	}
	return None, Passback
}

// count notes what a grant uses up and completes.
func (a *Ask) count(s *State, first bool) {
	if a.Out {
		return
	}
	if c := a.Credential; c != nil && c.MaxUses > 0 {
		s.Used++
	}
	if a.Policy == nil {
		return
	}
	together := a.Policy.TwoPerson > 0 && a.Rung != Lockdown && s.Door.Waiting != ""
	if a.Policy.FirstIn && (first || together && s.Door.WaitFirst) {
		s.Door.FirstDay = dayNumber(a.At)
	}
	if together {
		a.arrive(s, s.Door.Waiting, 1)
		s.Door.Waiting, s.Door.WaitEnd, s.Door.WaitFirst, s.Door.WaitBy = "", 0, false, ""
	}
}

// enter notes who gets to another area, at once or when the door opens.
func (a *Ask) enter(s *State) {
	if a.Policy == nil {
		return
	}
	s.Door.FreeEnd = a.At.UnixMilli() + unlockSeconds*1000
	if p := a.who(); p != nil {
		a.arrive(s, p.ID, 0)
	}
}

func (a *Ask) arrive(s *State, person string, place int) {
	to := a.target()
	switch {
	case to == nil:
	case to.ByContact:
		s.Door = s.Door.enter(Entry{person, to.ID, a.At.UnixMilli() + enterWithin})
	default:
		s.Moved[place] = Move{person, to.ID}
		if place == 0 {
			s.Area, s.Since = to.ID, a.At.UnixMilli()
		}
	}
}

// dayNumber counts the days of the wall clock.
func dayNumber(t time.Time) int32 {
	_, offset := t.Zone()
	return int32((t.Unix() + int64(offset)) / (24 * 60 * 60)) //nolint:gosec // in range until the year 5 million
}
