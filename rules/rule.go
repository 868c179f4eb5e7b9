package rules

import (
	"time"

	"dongyue/internal/event"
)

// Rule is one rule of a Set, checked and compiled. It does not change after
// Load.
type Rule struct {
	ID       string
	File     string // where it stands
	Line     int
	Title    event.Text // as written, with its placeholders
	On       Watch
	Where    string // CEL over the event: a filter that the index can't do
	When     string // CEL: the condition; empty: every event that On matches
	For      time.Duration
	Keep     time.Duration // keep_firing_for
	Clear    *Clear
	Latch    bool // stays an alarm until a person resets it
	Silent   bool // makes no sound anywhere (duress)
	Priority event.Priority
	// Procedure names the card that the operator works through.
	Procedure string
	Cameras   int // how many of the nearest to show
	DependsOn []string
	Actions   []ActionRule

	order      int // place in Set.Rules
	title      bilingual
	where      *program
	when       *program
	dependents []*Rule // those that this one silences while it fires
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
	when  *program
}

// ActionRule is an action as written, with its placeholders.
type ActionRule struct {
	Type     string // command, broadcast or work_order
	Device   string
	Command  string
	Args     map[string]any
	Zones    []string
	Text     event.Text
	Level    int
	Priority event.Priority
	TTL      time.Duration

	device template
	zones  []template
	text   bilingual
}

// Set is what Load made of the rule files: the unit that an engine runs and
// that is swapped as a whole.
type Set struct {
	Rules []*Rule // in the order of judgement: what silences comes before what it silences
	byID  map[string]*Rule
}

// Rule finds a rule by its id.
func (s *Set) Rule(id string) (*Rule, bool) {
	r, ok := s.byID[id]
	return r, ok
}

// measured reports whether the hub reads the condition again and again, so that
// it will hear when it ends; an event is told once.
func (r *Rule) measured() bool { return r.On.Channel != event.Happening }

// momentary reports whether nothing can ever end the condition: an event
// without a counterpart, such as a duress code.
func (r *Rule) momentary() bool { return !r.measured() && r.When == "" && r.Clear == nil }
