package streams

import "time"

// creep is how far a steady time may follow late units with each of them. It is
// faster than clocks drift apart and far slower than networks tremble.
const creep = 200 * time.Microsecond

// steady turns times of arrival into even ones: units take at least some time to
// come, and the earliest tell how little that is.
type steady struct{ at time.Time }

// add takes the next unit, which is step behind the one before on the sender's
// clock and came at at.
func (s *steady) add(step time.Duration, at time.Time) time.Time {
	want := s.at.Add(step)
	switch late := at.Sub(want); {
	case s.at.IsZero(), late < 0, late > time.Second: // the earliest so far, or a clock that was set
		want = at
	default:
		want = want.Add(min(late, creep))
	}
	s.at = want
	return want
}
