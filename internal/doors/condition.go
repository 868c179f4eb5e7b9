package doors

import "strconv"

// Stage is how far a condition of a door has come.
type Stage uint8

// The stages. Between Due and Told lies the journal: only what comes back from it
// has been said, so nothing is said twice and nothing is lost by a crash.
const (
	Idle    Stage = iota
	Waiting       // true from At on, unless something comes in between
	Due           // true, and the journal has to hear of it
	Told          // the journal has heard
	Over          // no longer true, and the journal has to hear of that
)

// Condition is something that may become wrong with a door.
type Condition struct {
	Stage Stage `json:"stage,omitempty"`
	At    int64 `json:"at,omitempty"`
	Since int64 `json:"since,omitempty"` // what began it; with the door and the name it is known by that
}

// drop forgets what is not true yet.
func (c *Condition) drop() {
	if c.Stage == Waiting {
		*c = Condition{}
	}
}

// end is for conditions that have their own end.
func (c *Condition) end() {
	switch c.Stage {
	case Told:
		c.Stage = Over
	case Waiting, Due:
		*c = Condition{}
	case Idle, Over:
	}
}

// The names of the conditions are those of the events, docs/protocol.md.
const (
	forcedOpen = "forced_open"
	heldOpen   = "held_open"
	preAlarm   = "pre_alarm"
	lockFault  = "lock_fault"
	rexStuck   = "rex_stuck"
	noEntry    = "no_entry"
	modeFault  = "mode_fault"
	contact    = "contact_fault"
)

func (s *State) condition(name string) *Condition {
	switch name {
	case forcedOpen:
		return &s.Forced
	case heldOpen:
		return &s.Held
	case preAlarm:
		return &s.Warn
	case lockFault:
		return &s.Fault
	case rexStuck:
		return &s.Stuck
	case noEntry:
		return &s.NoEntry
	case modeFault:
		return &s.Mode
	case contact:
		return &s.Contact
	}
	return nil
}

func names() []string {
	return []string{forcedOpen, heldOpen, preAlarm, lockFault, rexStuck, noEntry, modeFault, contact}
}

func (s *State) conditions() []*Condition {
	var all []*Condition
	for _, n := range names() {
		all = append(all, s.condition(n))
	}
	return all
}

// pass lets time pass to at.
func (s *State) pass(at int64) {
	s.At = at
	for _, c := range [...]*Condition{&s.Forced, &s.Held, &s.Warn, &s.Fault, &s.Stuck, &s.NoEntry, &s.Mode, &s.Contact} {
		if c.Stage == Waiting && c.At <= at {
			c.Stage = Due
		}
	}
}

// told takes note that the journal has an event, from the controller or from the
// hub. Whichever came first has told; the other is only another line.
func (s *State) told(in Input) {
	c := s.condition(in.Type)
	if c == nil {
		return
	}
	gone := s.Position == Closed && (in.Type == forcedOpen || in.Type == heldOpen)
	switch {
	case !in.On, in.Type == noEntry, in.Type == preAlarm && s.Position == Closed:
		*c = Condition{}
	case gone && in.Hub: // the leaf has closed before anybody heard
		c.Stage = Over
	case gone:
		*c = Condition{} // the controller says its own closed
	default:
		c.Stage = Told
		if c.Since == 0 {
			c.Since = in.At
		}
	}
}

// Fact is what the journal has to hear of a door.
type Fact struct {
	Type string
	On   bool
	At   int64 // door clock
	ID   string
}

// Facts lists what is due. The id is the same whenever and however often it is
// worked out, and the journal takes each id once.
func (s *State) Facts() []Fact {
	var fs []Fact
	for _, n := range names() {
		c := s.condition(n)
		id := "hub-" + n + "-" + strconv.FormatInt(c.Since, 10)
		switch c.Stage {
		case Due:
			fs = append(fs, Fact{n, true, c.At, id})
		case Over:
			fs = append(fs, Fact{n, false, s.At, id + "-over"})
		case Idle, Waiting, Told:
		}
	}
	return fs
}
