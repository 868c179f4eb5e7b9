package doors

import (
	"time"

	"dongyue/internal/event"
)

// Times of a door, all in milliseconds, the unit of the events' times. The
// defaults are those that BACnet controllers and Genetec's manuals agree on.
type Times struct {
	Grant    int64 // an unlock without for_s
	Extended int64 // from this on a grant is for somebody who needs longer
	Enter    int64 // after the end of a grant: nobody came
	Exit     int64 // a REX lets out for so long
	Relock   int64 // after the leaf has closed
	Debounce int64 // a REX may come so late behind the opening
	Held     int64 // a leaf open so long is held
	HeldLong int64 // for an extended grant
	Warn     int64 // before held: the beep at the door
	Settle   int64 // the lock may differ from what it should be
	Stuck    int64 // a REX that is on for so long

	Supervise int64 // the contact reads cut or shorted for so long
}

// DefaultTimes are those of a unit door.
func DefaultTimes() Times {
	return Times{
		Grant: 5_000, Extended: 15_000, Enter: 3_000, Exit: 5_000, Relock: 500, Debounce: 250,
		Held: 30_000, HeldLong: 60_000, Warn: 10_000, Settle: 5_000, Stuck: 60_000, Supervise: 1_000,
	}
}

// Passage is what the last opening was.
type Passage string

// The passages. Entry needs a grant; what a rung lets in is Free.
const (
	Entry Passage = "entry"
	Out   Passage = "out"
	Free  Passage = "free"
	Broke Passage = "unlawful"
)

// State is a door. It is comparable, and all of it follows from the inputs, so the
// same events give the same state whenever they are read.
type State struct {
	At       int64      `json:"at"`               // newest input, door clock, Unix ms; as all times here
	Skew     int64      `json:"skew,omitempty"`   // the hub's clock minus the door's
	Behind   int64      `json:"behind,omitempty"` // the hub's clock at the newest late message
	Rung     event.Rung `json:"rung,omitempty"`
	Lock     Lock       `json:"lock,omitempty"` // as sensed
	Position Position   `json:"position,omitempty"`
	Grant    int64      `json:"grant,omitempty"` // good until then
	GrantAt  int64      `json:"grant_at,omitempty"`
	Long     bool       `json:"long,omitempty"` // the grant is an extended one
	Exit     int64      `json:"exit,omitempty"` // a REX is good until then
	Pushed   int64      `json:"rex,omitempty"`  // REX is on since then
	Opened   int64      `json:"opened,omitempty"`
	Passage  Passage    `json:"passage,omitempty"`
	Tampered bool       `json:"tampered,omitempty"`

	Forced  Condition `json:"forced,omitzero"`
	Warn    Condition `json:"warn,omitzero"`
	Held    Condition `json:"held,omitzero"`
	Fault   Condition `json:"fault,omitzero"`
	Stuck   Condition `json:"stuck,omitzero"`
	NoEntry Condition `json:"no_entry,omitzero"`
	Mode    Condition `json:"mode,omitzero"`    // does not follow its rung
	Contact Condition `json:"contact,omitzero"` // cut or shorted
}

// Kind of an input.
type Kind uint8

// The inputs of the machine.
const (
	Pass    Kind = iota // only time
	Granted             // somebody was let in, for For
	Rex                 // the way out was asked for; On: and stays so
	RexOff
	Opens
	Closes
	Sensed // Lock and Position; an empty one was not told
	Stands // on Rung
	Lost   // nobody knows any more
	Tamper // On
	Tells  // an event of the name Type is in the journal; On, or over
)

// Input is what happens to a door.
type Input struct {
	Kind     Kind
	At       int64
	For      int64
	On       bool
	Hub      bool // the hub concluded it
	Lock     Lock
	Position Position
	Rung     event.Rung
	Type     string
}

// back is how far a door's clock may step back before what waits is dropped.
const back = int64(time.Minute / time.Millisecond)

// Next is the machine: pure, and total over all inputs.
func (t Times) Next(s State, in Input) State {
	if in.At < s.At-back { // the clock was put right
		s.At, s.Grant, s.Exit = in.At, 0, 0
		for _, c := range s.conditions() {
			c.drop()
		}
	}
	s.pass(max(in.At, s.At))
	switch in.Kind {
	case Pass:
	case Granted:
		t.grant(&s, in.For)
	case Rex:
		t.rex(&s, in.On)
	case RexOff:
		s.Pushed = 0
		s.Stuck.end()
	case Opens:
		t.open(&s)
	case Closes:
		t.close(&s)
		for _, c := range []*Condition{&s.Forced, &s.Held} {
			if c.Stage == Told || c.Stage == Over { // the event that says closed clears it
				*c = Condition{}
			}
		}
	case Sensed:
		t.sense(&s, in)
	case Stands:
		t.stand(&s, in.Rung)
	case Lost:
		s.Lock, s.Position, s.Opened, s.Pushed = LockUnknown, PositionUnknown, 0, 0
		for _, c := range []*Condition{&s.Forced, &s.Warn, &s.Held, &s.Fault, &s.Stuck, &s.NoEntry, &s.Contact} {
			c.drop()
		}
	case Tamper:
		s.Tampered = in.On
	case Tells:
		s.told(in)
	}
	t.compare(&s)
	return s
}

func (t Times) grant(s *State, d int64) {
	if d <= 0 {
		d = t.Grant
	}
	s.Grant, s.GrantAt, s.Long = max(s.Grant, s.At+d), s.At, d >= t.Extended
	switch {
	case s.Position == Open && s.Forced.Stage == Waiting: // the word came behind the deed
		s.Forced, s.Passage = Condition{}, Entry
	case s.Position != Open:
		s.NoEntry = Condition{Stage: Waiting, At: s.Grant + t.Enter, Since: s.At}
	}
}

// rex lets out. One that comes within the debounce after the leaf has moved makes
// the opening a lawful one: a hand was on the handle before it was on the button.
func (t Times) rex(s *State, on bool) {
	s.Exit = s.At + t.Exit
	if s.Position == Open && s.Forced.Stage == Waiting {
		s.Forced, s.Passage = Condition{}, Out
	}
	if on && s.Pushed == 0 {
		s.Pushed = s.At
		s.Stuck = Condition{Stage: Waiting, At: s.At + t.Stuck, Since: s.At}
	}
}

func (t Times) open(s *State) {
	if s.Position == Open {
		return
	}
	s.Position, s.Opened = Open, s.At
	switch {
	case s.At < s.Grant:
		s.Passage, s.NoEntry = Entry, Condition{}
	case s.At < s.Exit || s.Pushed != 0:
		s.Passage = Out
	case s.Rung.Free() || s.Lock == Unlocked: // the controller has let somebody through
		s.Passage = Free
	default:
		s.Passage = Broke
		if s.Forced.Stage == Idle { // a contact that chatters does not put it off
			s.Forced = Condition{Stage: Waiting, At: s.At + t.Debounce, Since: s.At}
		}
	}
	t.count(s)
}

// count begins to count how long the leaf stands open. Where everybody may pass
// nobody counts.
func (t Times) count(s *State) {
	if s.Rung.Free() || s.Position != Open {
		return
	}
	held := t.Held
	if s.Passage == Entry && s.Long {
		held = t.HeldLong
	}
	if s.Held.Stage == Idle {
		s.Held = Condition{Stage: Waiting, At: s.At + held, Since: s.At}
	}
	if s.Warn.Stage == Idle {
		s.Warn = Condition{Stage: Waiting, At: s.At + held - t.Warn, Since: s.At}
	}
}

func (t Times) close(s *State) {
	if s.Position == Open {
		s.Grant, s.Exit = min(s.Grant, s.At+t.Relock), min(s.Exit, s.At+t.Relock)
	}
	s.Position, s.Opened = Closed, 0
	for _, c := range []*Condition{&s.Warn, &s.Held} {
		c.drop()
	}
	if s.Warn.Stage == Told { // nobody waits for its end
		s.Warn = Condition{}
	}
}

func (t Times) sense(s *State, in Input) {
	if in.Lock != "" {
		s.Lock = in.Lock
	}
	t.supervise(s, in.Position)
	switch in.Position {
	case Open:
		if s.Position == Closed {
			t.open(s)
		} else if s.Position != Open { // how it came to be open nobody saw
			s.Position, s.Opened, s.Passage = Open, s.At, Free
			t.count(s)
		}
	case Closed:
		t.close(s)
		for _, c := range []*Condition{&s.Forced, &s.Held} {
			if c.Stage == Told { // it was shut while nobody listened, and no event will say so
				c.Stage = Over
			}
		}
	case PositionUnknown, PositionFault:
		s.Position, s.Opened = in.Position, 0
		for _, c := range []*Condition{&s.Forced, &s.Warn, &s.Held} {
			c.drop()
		}
	}
}

// supervise watches the loop of the contact: end-of-line resistors tell a cut or a
// shorted wire from a leaf that is open or closed. A wire that is cut while somebody
// works on it a moment is no fault yet.
func (t Times) supervise(s *State, p Position) {
	switch p {
	case PositionFault:
		if s.Contact.Stage == Idle {
			s.Contact = Condition{Stage: Waiting, At: s.At + t.Supervise, Since: s.At}
		}
	case Open, Closed:
		if s.Position == PositionFault { // else the controller told of it, and will of its end
			s.Contact.end()
		}
	case PositionUnknown: // nothing is known of the wire either
	}
}

func (t Times) stand(s *State, r event.Rung) {
	was := s.Rung
	s.Rung = r
	if r.Free() {
		s.Held.drop()
		s.Warn.drop()
	} else if was.Free() {
		t.count(s)
	}
	if was != r {
		s.Fault.drop() // the lock gets its time to follow
	}
}

// compare looks whether the lock is as it should be. It does so only behind a
// closed leaf: an open one may have any bolt. A fault that was told stays until
// the lock is seen to be right.
func (t Times) compare(s *State) {
	since := int64(-1)
	switch {
	case s.Position != Closed || s.Lock != Secured && s.Lock != Unlocked:
		s.Fault.drop()
		return
	case s.Rung != event.Maintenance:
		switch {
		case s.Lock == Unlocked && !s.Rung.Free() && s.Pushed == 0:
			since = max(s.At, s.Grant, s.Exit)
		case s.Lock == Secured && s.Rung.Free():
			since = s.At
		}
	}
	switch {
	case since < 0:
		s.Fault.end()
	case s.Fault.Stage == Waiting: // a new grant gives it more time
		s.Fault.At = max(s.Fault.At, max(s.Grant, s.Exit)+t.Settle)
	case s.Fault.Stage == Idle:
		s.Fault = Condition{Stage: Waiting, At: since + t.Settle, Since: since}
	}
}
