package rules

import (
	"time"

	"dongyue/internal/event"
)

// Rule is one rule of a Set, checked and compiled. It does not change after
// Load.
type Rule struct {
	ID    string
	File  string // where it stands
	Line  int
	Title event.Text // as written, with its placeholders
	On    Watch
	Where string // CEL over the event: a filter that the index can't do
	When  string // CEL: the condition; empty: every event that On matches
	// Absent, instead of When: nothing that On and Where describe for so long.
	Absent time.Duration
	Quorum *Quorum // nil: each device for itself
	For    time.Duration
	Keep   time.Duration // keep_firing_for
	Clear  *Clear
	Latch  bool // stays an alarm until a person resets it
	// LifeSafety is a latch that nobody may shelve and nothing may suppress.
	LifeSafety bool
	ReAlarm    time.Duration // told again while it stands; 0: not
	Incident   Incident
	Escalation string // name of the policy; "": the one for its priority
	Version    string // hash of the rule as it is written, 12 hex digits
	Silent     bool   // makes no sound anywhere (duress)
	Priority   event.Priority
	// Procedure names the card that the operator works through.
	Procedure string
	Cameras   int // how many of the nearest to show
	DependsOn []string
	Scopes    []Scope // of DependsOn, each
	// Settle is how long what this rule silenced stays silent after its return.
	Settle  time.Duration
	Actions []ActionRule

	order      int // place in Set.Rules
	title      bilingual
	where      condition
	when       condition
	counts     []int32 // windows of the events that On matches
	causes     []link  // that silence this one
	dependents []link  // those that this one silences while it fires
	zoned      bool    // a dependent is silenced by zone
	remote     bool    // a cause is on another device
}

// Watch is what the index routes by.
type Watch struct {
	Kinds   []event.Kind // none: every kind
	Channel event.Channel
	Types   []string // on channel event; none elsewhere
	Zones   []string // none: everywhere
}

// Clear is what ends a firing rule, where "the condition no longer holds" is
// not enough: another threshold (hysteresis), or another event.
type Clear struct {
	Watch        // of its own; as the rule's where Own is false
	Own   bool   // it watches other events than the rule itself
	When  string // CEL; empty: every event that it watches
	when  condition
}

// Incident says which alarms are one affair: those with the same cause at the
// same place.
type Incident struct {
	Cause string // fire, power …
	Place Place
}

// Place is a level of the address tree, or the device itself.
type Place string

// The levels, outermost first.
const (
	Community  Place = "community"
	Court      Place = "court"
	Building   Place = "building"
	Unit       Place = "unit"
	ThisDevice Place = "device"
)

// ActionRule is an action as written, with its placeholders.
type ActionRule struct {
	Type     string // see the action constants
	Device   string
	Command  string
	Args     map[string]any
	Zones    []string
	Text     event.Text
	Level    int
	Priority event.Priority
	Before   time.Duration // of a clip
	After    time.Duration
	To       []string // of a notification
	TTL      time.Duration

	device template
	zones  []template
	text   bilingual
}

// Set is what Load made of the rule files: the unit that an engine runs and
// that is swapped as a whole.
type Set struct {
	Rules      []*Rule // in the order of judgement: what silences comes before what it silences
	byID       map[string]*Rule
	conditions *conditions
	index      *index
}

// Rule finds a rule by its id.
func (s *Set) Rule(id string) (*Rule, bool) {
	r, ok := s.byID[id]
	return r, ok
}

// measured reports whether the hub reads the condition again and again, so that
// it will hear when it ends; an event is told once.
func (r *Rule) measured() bool { return r.On.Channel != event.Happening || r.Absent > 0 }

// momentary reports whether nothing can ever end the condition: an event
// without a counterpart, such as a duress code.
func (r *Rule) momentary() bool { return !r.measured() && r.When == "" && r.Clear == nil }

// wide reports whether a rule has to hear of all that it watches, not only of
// what could meet its condition.
func (r *Rule) wide() bool {
	return r.Absent > 0 || len(r.counts) > 0 || r.Quorum != nil && r.Quorum.SharePct > 0
}

// native reports whether a rule needs no CEL.
func (s *Set) native(r *Rule) bool {
	return s.conditions.native(r.where) && s.conditions.native(r.when) && (r.Clear == nil || s.conditions.native(r.Clear.when))
}
