package rules

import (
	"time"

	"dongyue/internal/event"
)

// Transition is a change of a rule's state for one device and part.
type Transition struct {
	Rule   string
	Device string
	Part   string
	Zone   string
	Kind   event.Kind
	// Raised is the condition beginning, or told again (Repeat); false is the
	// condition having returned to normal.
	Raised bool
	// Repeat marks a Raised while the rule was firing already. Its actions are
	// for the case that the alarm has been closed in between.
	Repeat   bool
	At       time.Time // when, in event time; for a timer the moment it ran out
	Priority event.Priority
	Title    event.Text // may hold {name}, see Name
	Latch    bool
	Silent   bool
	// Measured says that the hub reads the condition again and again and so will
	// hear of its return; an event's end may never be told.
	Measured  bool
	Procedure string
	Cameras   Cameras
	Actions   []Action
	Late      bool // from an event that came late: raise it, do nothing
	Evidence  event.Event
}

// Cameras says which pictures belong to a transition.
type Cameras struct {
	Nearest int // how many of those nearest to the device
}

// transition makes what a rule has to say about a subject.
func (s *subject) transition(raised bool, at time.Time, ev *event.Event, data map[string]any) Transition {
	r := s.rule
	f := facts{rule: r.ID, ev: ev, data: data}
	tr := Transition{
		Rule: r.ID, Device: s.device, Part: s.part, Zone: ev.Zone, Kind: ev.Kind,
		Raised: raised, At: at, Priority: r.Priority, Title: r.title.fill(&f),
		Latch: r.Latch, Silent: r.Silent, Measured: r.measured(), Procedure: r.Procedure,
		Cameras: Cameras{Nearest: r.Cameras}, Late: ev.Late, Evidence: *ev,
	}
	if raised && !ev.Late {
		for i := range r.Actions {
			tr.Actions = append(tr.Actions, r.Actions[i].act(&f, at))
		}
	}
	return tr
}
