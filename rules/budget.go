package rules

import (
	"fmt"
	"time"

	"dongyue/internal/event"
)

// A rule that goes over the cost limit this often within so many evaluations is
// disabled: what it costs is taken from all others. Both are counted in CEL's own
// unit, so that the same events always come to the same.
const (
	mostOver  = 10
	overSpan  = 1_000
	pastLimit = "went over the cost limit 10 times within 1000 evaluations"
)

// budget is what a rule with a CEL part has used.
type budget struct {
	spent uint64           // evaluations
	over  [mostOver]uint64 // the numbers of the last that went over, a ring
	next  int
	mark  int // of the undo
}

// Hub's own rule that tells of a disabled one. The device is "rule:" and its id.
const (
	disabledRule = "hub.rule_disabled"
	rulePrefix   = "rule:"
)

func newDisabledRule() *Rule {
	return &Rule{
		ID: disabledRule, Title: event.Text{ZH: "规则因计算量过大已停用", EN: "a rule costs too much and has been disabled"},
		Priority: event.High, Incident: Incident{Cause: "hub", Place: ThisDevice}, where: none, when: none, order: -1,
	}
}

// spend counts an evaluation.
func (e *Engine) spend(r *Rule, b *budget, over bool) {
	e.guardBudget(b)
	b.spent++
	if !over {
		return
	}
	e.stats[r.order].OverBudget++
	b.over[b.next] = b.spent
	b.next = (b.next + 1) % mostOver
	oldest := b.over[b.next] // of the last ten, with this one
	if oldest > 0 && b.spent-oldest < overSpan && e.stats[r.order].Disabled == "" {
		e.broke = append(e.broke, r)
	}
}

// disable takes rules out of the judgement that have used up their budget. What
// they have raised stays, since they won't hear its end; what they silence is let
// go.
func (e *Engine) disable(ev *event.Event, at time.Time) {
	for _, r := range e.broke {
		if e.stats[r.order].Disabled != "" {
			continue
		}
		e.stats[r.order].Disabled = pastLimit
		e.log.Error("rule disabled", "rule", r.ID, "reason", pastLimit)
		for _, s := range e.subjectsOf(r) {
			if s.phase == phasePending {
				e.touch(s.key())
				e.remove(s)
			}
			e.release(s)
		}
		k := subjectKey{rule: e.hub, device: rulePrefix + r.ID}
		e.touch(k)
		s := &subject{rule: e.hub, device: k.device, phase: phasePending, at: at, ev: *ev, note: r.Version}
		e.insert(s)
		e.fire(s, at)
	}
	e.broke = e.broke[:0]
}

// enable brings disabled rules back that are another version now, or gone.
func (e *Engine) enable() {
	for _, s := range e.subjectsOf(e.hub) {
		r, ok := e.set.Rule(s.device[len(rulePrefix):])
		if ok && r.Version == s.note {
			e.stats[r.order].Disabled = pastLimit
			continue
		}
		e.touch(s.key())
		e.end(s, &s.ev, latest(e.clock, s.at))
	}
}

// disabledTitle names the rule.
func disabledTitle(device string) event.Text {
	id := device[len(rulePrefix):]
	return event.Text{ZH: fmt.Sprintf("规则 %s 因计算量过大已停用", id), EN: fmt.Sprintf("rule %s costs too much and has been disabled", id)}
}

// guardBudget remembers a budget as it was at the last Commit.
func (e *Engine) guardBudget(b *budget) {
	if b.mark != e.undo.mark {
		b.mark = e.undo.mark
		e.undo.budgets = append(e.undo.budgets, budgetWas{b, *b})
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
