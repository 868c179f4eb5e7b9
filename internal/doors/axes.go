package doors

import "dongyue/internal/event"

// Lock is the first axis of a door: what its lock senses.
type Lock string

// The lock. LockFault is not sensed but concluded: commanded and sensed differ.
const (
	LockUnknown Lock = "unknown"
	Secured     Lock = "secured"
	Unlocked    Lock = "unlocked"
	LockFault   Lock = "fault"
)

// Position is the second axis: where the leaf is.
type Position string

// The leaf; PositionFault is a contact that is cut or shorted.
const (
	PositionUnknown Position = "unknown"
	Closed          Position = "closed"
	Open            Position = "open"
	PositionFault   Position = "fault"
)

// Secure is what follows from both axes. Only Yes may be shown as good.
type Secure string

// Unknown spreads: a door of which one axis can't be told is not secure and not
// insecure.
const (
	Yes     Secure = "yes"
	No      Secure = "no"
	Unknown Secure = "unknown"
)

// LockAxis is the lock as it is shown.
func (s *State) LockAxis() Lock {
	switch {
	case s.Lock == "" || s.Lock == LockUnknown:
		return LockUnknown
	case s.Fault.Stage == Due || s.Fault.Stage == Told:
		return LockFault
	}
	return s.Lock
}

// PositionAxis is the leaf as it is shown.
func (s *State) PositionAxis() Position {
	if s.Position == "" {
		return PositionUnknown
	}
	return s.Position
}

// Secure is derived: SECURED and CLOSED, and nothing else.
func (s *State) Secure() Secure {
	l, p := s.LockAxis(), s.PositionAxis()
	switch {
	case l == LockUnknown || l == LockFault || p == PositionUnknown || p == PositionFault:
		return Unknown
	case l == Secured && p == Closed:
		return Yes
	}
	return No
}

// Alarm is the state in the words of a BACnet Access Door (ASHRAE 135, object 30,
// Door_Alarm_State), in snake case; the worst one that holds.
func (s *State) Alarm() string {
	on := func(c Condition) bool { return c.Stage == Due || c.Stage == Told }
	switch {
	case on(s.Forced):
		return "forced_open"
	case s.Tampered:
		return "tamper"
	case on(s.Fault) || on(s.Stuck) || on(s.Mode) || on(s.Contact) || s.Position == PositionFault:
		return "door_fault"
	case on(s.Held):
		return "door_open_too_long"
	case s.Rung == event.Lockdown:
		return "lock_down"
	case s.Rung.Free():
		return "free_access"
	case s.Position == Open && s.Passage == Out:
		return "egress_open"
	}
	return "normal"
}
