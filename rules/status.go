package rules

import (
	"errors"
	"slices"
	"time"
)

// Stats is what a rule has done since the engine was made.
type Stats struct {
	Pending, Firing int // subjects, now
	Raised          int
	LastRaised      time.Time
	Errors          int // evaluations without an answer for another reason than a missing metric
	OverBudget      int // of those, cut off at the cost limit
	LastError       string
	Disabled        string // why it judges no more; "": it does

	misfit misfitError // of LastError, so that its text is made once
}

// Status is a rule and what it has done.
type Status struct {
	Rule *Rule
	Stats
}

// Status lists the rules in their order.
func (e *Engine) Status() []Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	firing, pending := make([]int, len(e.set.Rules)), make([]int, len(e.set.Rules))
	for _, rec := range e.records {
		for _, s := range rec.subjects {
			switch {
			case s.rule.order < 0 || s.member() || s.phase == phaseSettling:
			case s.phase == phasePending:
				pending[s.rule.order]++
			default:
				firing[s.rule.order]++
			}
		}
	}
	out := make([]Status, 0, len(e.set.Rules))
	for i, r := range e.set.Rules {
		st := Status{Rule: r, Stats: e.stats[i]}
		st.Firing, st.Pending = firing[i], pending[i]
		out = append(out, st)
	}
	return out
}

// eval answers a condition of a rule, and notes what went wrong.
func (e *Engine) eval(r *Rule, at condition) verdict {
	out, err := e.view.eval(at)
	if b := e.budgets[r.order]; b != nil && at != none {
		e.spend(r, b, errors.Is(err, errBudget))
	}
	if err == nil {
		return out
	}
	st := &e.stats[r.order]
	st.Errors++
	if misfit, ok := errors.AsType[misfitError](err); ok {
		if st.misfit == misfit {
			return unknown
		}
		st.misfit = misfit
	} else {
		st.misfit = misfitError{}
	}
	if text := err.Error(); text != st.LastError { // once, not with every event
		st.LastError = text
		e.log.Warn("rule has no answer", "rule", r.ID, "device", e.view.ev.Device, "err", err)
	}
	return unknown
}

// sortTasks puts the rules in their order, each once.
func sortTasks(ts *[]task) {
	slices.SortFunc(*ts, func(a, b task) int {
		if a.rule != b.rule {
			return int(a.rule - b.rule)
		}
		return index01(b.on) - index01(a.on)
	})
	*ts = slices.CompactFunc(*ts, func(a, b task) bool { return a.rule == b.rule })
}
