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
	Via    string // what the device hangs on, outermost first
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
	// LifeSafety is a latch that nobody may shelve and nothing may suppress.
	LifeSafety bool
	ReAlarm    time.Duration // told again while it stands; 0: not
	Incident   Incident
	Causes     []string // rules whose alarms are the cause where they stand: depends_on
	Version    string   // of the rule
	Escalation string   // name of the policy; "": the one for the priority
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
func (e *Engine) transition(s *subject, raised bool, at time.Time, ev *event.Event, data map[string]any) Transition {
	r := s.rule
	f := facts{rule: r.ID, device: s.device, part: s.part, zone: s.zone(), data: data, received: latest(ev.ReceivedAt, e.moment)}
	tr := Transition{
		Rule: r.ID, Device: s.device, Part: s.part, Zone: f.zone, Kind: ev.Kind,
		Raised: raised, At: at, Priority: r.Priority,
		Latch: r.Latch, Silent: r.Silent, Measured: s.group || r.measured(), Procedure: r.Procedure,
		Via: s.via(), LifeSafety: r.LifeSafety, ReAlarm: r.ReAlarm, Incident: r.Incident, Causes: r.DependsOn,
		Version: r.Version, Escalation: r.Escalation,
		Cameras: Cameras{Nearest: r.Cameras}, Late: ev.Late, Evidence: *ev,
	}
	switch {
	case r == e.hub:
		tr.Title, tr.Measured, tr.Version = disabledTitle(s.device), true, s.note
		return tr
	case s.group:
		tr.Kind = "" // a zone, or what may be no device of ours
		f.members = e.groups[s.groupKey()].members()
	default: // where the device is by now
		tr.Zone, tr.Via = ev.Zone, ev.Via
		f.zone = ev.Zone
	}
	tr.Title = r.title.fill(&f)
	if raised && !ev.Late {
		for i := range r.Actions {
			tr.Actions = append(tr.Actions, r.Actions[i].act(&f, at))
		}
	}
	return tr
}
