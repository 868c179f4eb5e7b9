package broadcast

import "cmp"

// Ranks of the ladder, the most urgent first. Ranks from Operator on are silent at
// night.
const (
	Fire       = 1 // live, evacuation
	Official   = 2 // signed, extreme or severe
	LifeSafety = 3 // of the community's own rules
	Operator   = 4 // the desk
	Notice     = 5 // on a schedule
	Music      = 6
)

// claim is what one message wants of one loudspeaker.
type claim struct {
	rank   int
	drill  bool // an exercise
	live   bool
	seq    int64 // order of coming
	resume bool  // it goes on where it was interrupted
	turn   bool  // it has been told to play
}

// earnest reports whether a life may depend on it: then no exercise takes its place,
// whatever that is practised for.
func (c claim) earnest() bool { return c.rank <= LifeSafety && !c.drill }

// before tells which of two claims is heard: what is earnest before all else, then the
// more urgent one, among equals what is no exercise, a live voice before a file, the newer.
func (c claim) before(d claim) bool {
	if c.earnest() != d.earnest() {
		return c.earnest()
	}
	if n := cmp.Compare(c.rank, d.rank); n != 0 {
		return n < 0
	}
	if c.drill != d.drill {
		return d.drill
	}
	if c.live != d.live {
		return c.live
	}
	return c.seq > d.seq
}

// verdict is what becomes of a claim.
type verdict int

// The verdicts.
const (
	stay  verdict = iota
	begin         // it is told to play, from where it was
	pause         // another takes its place; it will go on
	drop          // another takes its place for good
)

// judge says what becomes of all claims on one loudspeaker. Of any claims exactly one
// is heard: nothing is mixed.
func judge(claims []claim) []verdict {
	vs := make([]verdict, len(claims))
	top := -1
	for i, c := range claims {
		if top < 0 || c.before(claims[top]) {
			top = i
		}
	}
	for i, c := range claims {
		switch {
		case i == top && !c.turn:
			vs[i] = begin
		case i == top || !c.turn:
		case c.resume:
			vs[i] = pause
		default:
			vs[i] = drop
		}
	}
	return vs
}
