package rules

import (
	"cmp"
	"slices"
	"strings"

	"dongyue/internal/event"
)

// Swap goes on with another set of rules. Rules that are in both keep their
// state, their windows too; what fires by a rule that is gone, or that no longer
// watches what set it off, returns, at the time of the engine. Call it between Commit and the next Process, and treat what
// it returns and Dirty like those of Process; Rollback goes back to the set of
// before.
func (e *Engine) Swap(set *Set) []Transition {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.moment = e.clock
	was := e.core
	if e.undo.swapped == nil {
		e.undo.swapped = &was
	}
	gone := e.leave(set)
	e.use(set)
	e.inheritStats(&was)
	e.inheritRecords(&was)
	for _, s := range gone {
		e.touch(s.key())
	}
	e.inheritGroups(&was)
	e.mute()
	e.farewell()
	e.enable()
	e.assembleAll()
	e.catchUp(e.clock)
	e.released = e.released[:0]
	return e.flush()
}

// inheritStats goes on counting. A disabled rule that has changed begins anew.
func (e *Engine) inheritStats(was *core) {
	for i, r := range was.set.Rules {
		again, ok := e.set.Rule(r.ID)
		if !ok {
			continue
		}
		e.stats[again.order] = was.stats[i]
		e.stats[again.order].Disabled, e.stats[again.order].misfit = "", misfitError{}
		if b := e.budgets[again.order]; b != nil && was.budgets[i] != nil && r.Version == again.Version {
			*b = *was.budgets[i]
		}
	}
}

// heir is the rule that goes on with another's state: the same, unless it has
// become one of another sort.
func (e *Engine) heir(set *Set, r *Rule) *Rule {
	if r == e.hub {
		return r
	}
	again, ok := set.Rule(r.ID)
	if !ok || (again.Absent > 0) != (r.Absent > 0) || (again.Quorum == nil) != (r.Quorum == nil) || r.Quorum != nil && again.Quorum.By != r.Quorum.By {
		return nil
	}
	return again
}

// hearing tells whether rules of a set watch what has set them off under another.
type hearing struct{ view *view }

func newHearing(set *Set) hearing { return hearing{newView(set.conditions, nil)} }

// by reports whether a rule hears of such an event at all: one that it was narrowed
// past would never hear the end of what the event began.
func (w hearing) by(r *Rule, ev *event.Event) bool {
	if !r.On.matches(ev) {
		return false
	}
	w.view.begin(ev)
	where, _ := w.view.eval(r.where)
	return where != no
}

// heirOf is the rule that goes on with a subject's state; nil: none.
func (e *Engine) heirOf(set *Set, w hearing, s *subject) *Rule {
	r := e.heir(set, s.rule)
	if r == nil || r == e.hub || s.group || w.by(r, &s.ev) {
		return r
	}
	return nil
}

// leave returns what fires by rules that have no heir, while their set is still in
// force, and lists all that goes with them.
func (e *Engine) leave(set *Set) []*subject {
	var gone []*subject
	w := newHearing(set)
	for _, r := range e.records {
		for _, s := range r.subjects {
			if e.heirOf(set, w, s) == nil {
				gone = append(gone, s)
			}
		}
	}
	slices.SortFunc(gone, func(a, b *subject) int {
		return cmp.Or(a.rule.order-b.rule.order, strings.Compare(a.device, b.device), index01(a.group)-index01(b.group), strings.Compare(a.part, b.part))
	})
	for _, s := range gone {
		if !s.member() && !s.momentary() && (s.phase == phaseFiring || s.phase == phaseEnding) {
			e.out = append(e.out, e.transition(s, false, latest(e.clock, s.at), &s.ev, nil))
		}
	}
	return gone
}

func (e *Engine) inheritRecords(was *core) {
	windows, w := e.sameWindows(was), newHearing(e.set)
	for device, old := range was.records {
		for _, s := range old.subjects {
			if r := e.heirOf(e.set, w, s); r != nil {
				again := *s
				again.rule = r
				e.resume(&again)
			}
		}
		for _, p := range old.parts {
			e.inheritPart(was, device, p, windows, w)
		}
	}
}

// sameWindows says which window of the new set each of the old one is; -1: none.
func (e *Engine) sameWindows(was *core) []int32 {
	now := map[windowDef]int32{}
	for i, w := range e.set.conditions.windows {
		w.path = 0 // its number is of the set
		now[w] = int32(i)
	}
	out := make([]int32, len(was.set.conditions.windows))
	for i, w := range was.set.conditions.windows {
		w.path = 0
		at, ok := now[w]
		if out[i] = at; !ok {
			out[i] = -1
		}
	}
	return out
}

func (e *Engine) inheritPart(was *core, device string, old *part, windows []int32, heard hearing) {
	var p *part
	keep := func() *part {
		if p == nil {
			p = e.recordOf(device).keep(old.name)
		}
		return p
	}
	for _, s := range old.series {
		if w := windows[s.window]; w >= 0 {
			keep().keep(w).points = slices.Clone(s.live())
		}
	}
	for _, w := range old.watches {
		// One of a disabled rule has not heard what came meanwhile.
		if r := e.heir(e.set, w.rule); r != nil && w.on && was.stats[w.rule.order].Disabled == "" && heard.by(r, &w.ev) {
			again := keep().begin(r, device)
			again.on, again.heard, again.ev = true, w.heard, w.ev
			e.queue(again)
		}
	}
}

// inheritGroups keeps who has been heard; who holds has been counted with the
// subjects.
func (e *Engine) inheritGroups(was *core) {
	for k, old := range was.groups {
		r := e.heir(e.set, k.rule)
		if r == nil {
			continue
		}
		g := e.group(groupKey{r, k.id})
		for device := range old.heard {
			g.heard[device] = struct{}{}
		}
	}
}

// assembleAll looks at every group: the numbers that it takes may be others now.
func (e *Engine) assembleAll() {
	e.moved = e.moved[:0]
	for k := range e.groups {
		e.moved = append(e.moved, k)
	}
	slices.SortFunc(e.moved, func(a, b groupKey) int {
		return cmp.Or(a.rule.order-b.rule.order, strings.Compare(a.id, b.id))
	})
	for _, k := range slices.Clone(e.moved) {
		ev := e.lastOf(k)
		if ev == nil {
			continue
		}
		e.weighGroup(k, latest(e.clock, ev.At), ev)
	}
	e.moved = e.moved[:0]
}

// lastOf is the evidence that a group has; nil: nothing holds.
func (e *Engine) lastOf(k groupKey) *event.Event {
	if s := e.subject(k.subject()); s != nil {
		return &s.ev
	}
	for _, device := range e.groups[k].members() {
		for _, s := range e.records[device].of(k.rule) {
			if s.member() {
				return &s.ev
			}
		}
	}
	return nil
}
