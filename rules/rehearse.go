package rules

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"dongyue/internal/event"
)

// Rehearsal is a device that is to set off a rule, for an exercise.
type Rehearsal struct {
	Rule   string
	Device string
	Part   string
	Kind   event.Kind
	Zone   string
	Via    string
	Data   map[string]any // what the device says; nil: it is made up from the rule
	At     time.Time      // when it is to happen
}

// Errors of Rehearse.
var (
	ErrNoRule    = errors.New("there is no such rule")
	ErrNotRaised = errors.New("the rule does not raise an alarm from this")
)

// Rehearse judges made-up events of one device by a fresh engine over a set, and
// returns what is raised in the end: the rule itself, and what else such events
// set off. A rule with a quorum gets made-up devices beside this one, which say the
// same; what is raised of them alone is left out. Nothing of it touches the engine
// that is in force.
func Rehearse(set *Set, q Rehearsal) ([]Transition, error) {
	r, ok := set.Rule(q.Rule)
	if !ok {
		return nil, ErrNoRule
	}
	if !r.On.watches(q.Kind, q.Zone) {
		return nil, fmt.Errorf("%w: it does not watch a %s in %q", ErrNotRaised, q.Kind, q.Zone)
	}
	crowd, err := r.crowd(q)
	if err != nil {
		return nil, err
	}
	for _, data := range r.scripts(q.Data) {
		e, err := New(Options{Set: set})
		if err != nil {
			return nil, err
		}
		evs, until := r.scene(q, data, crowd)
		raised := slices.DeleteFunc(stillRaised(append(e.Process(evs), e.Tick(until)...)), func(t Transition) bool {
			return slices.Contains(crowd, t.Device)
		})
		if slices.ContainsFunc(raised, func(t Transition) bool { return t.Rule == r.ID }) {
			return asOf(raised, q.At), nil
		}
	}
	return nil, ErrNotRaised
}

// mostCrowd is how many devices are made up at most: an exercise is judged while
// somebody waits.
const mostCrowd = 1000

// crowd are the ids of the devices that it takes beside the one of the exercise.
// They begin with its id, so that a filter by id lets them through too.
func (r *Rule) crowd(q Rehearsal) ([]string, error) {
	switch {
	case r.Quorum == nil:
		return nil, nil
	case len(r.Quorum.groups(q.Zone, q.Via, nil)) == 0 && r.Quorum.By == ByVia:
		return nil, fmt.Errorf("%w: its groups are of what devices hang on, and %s hangs on nothing", ErrNotRaised, q.Device)
	case len(r.Quorum.groups(q.Zone, q.Via, nil)) == 0:
		return nil, fmt.Errorf("%w: its groups are of one %s, and %q lies in none", ErrNotRaised, r.Quorum.By, q.Zone)
	case r.Quorum.Of > mostCrowd:
		return nil, fmt.Errorf("%w: it takes %d devices, and at most %d are made up", ErrNotRaised, r.Quorum.Of, mostCrowd)
	}
	var out []string
	for n := 2; n <= r.Quorum.Of; n++ {
		out = append(out, fmt.Sprintf("%s+%d", q.Device, n))
	}
	return out, nil
}

// watches reports whether a rule is about a kind of device in a zone at all.
func (w *Watch) watches(k event.Kind, zone string) bool {
	return (len(w.Kinds) == 0 || slices.Contains(w.Kinds, k)) &&
		(len(w.Zones) == 0 || slices.ContainsFunc(w.Zones, func(z string) bool { return event.Within(zone, z) }))
}

// stillRaised are the transitions that stand in the end: the last of each subject,
// where that is a raise.
func stillRaised(trs []Transition) (out []Transition) {
	type key struct{ rule, device, part string }
	last := map[key]int{}
	for i, t := range trs {
		last[key{t.Rule, t.Device, t.Part}] = i
	}
	for i, t := range trs {
		if t.Raised && last[key{t.Rule, t.Device, t.Part}] == i {
			t.Repeat = false
			out = append(out, t)
		}
	}
	return out
}

// asOf moves transitions to the time of the exercise.
func asOf(trs []Transition, at time.Time) []Transition {
	for i := range trs {
		t := &trs[i]
		t.At, t.Evidence.At, t.Evidence.ReceivedAt = at, at, at
	}
	return trs
}
