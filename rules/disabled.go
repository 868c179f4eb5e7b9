package rules

import (
	"fmt"
	"strings"
	"time"
)

// Disabled is why the hub has switched a rule off, and since when.
type Disabled struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"`
}

// RuleSwitched is an entry of the feed: the hub has switched a rule off, or it is
// at work again.
type RuleSwitched struct {
	Change string    `json:"change" enum:"disabled,enabled"`
	Rule   string    `json:"rule"`
	At     time.Time `json:"at"`
}

// Switched tells whether a transition is about a rule that has been switched off
// or on.
func Switched(tr *Transition) (s RuleSwitched, ok bool) {
	if tr.Rule != disabledRule {
		return s, false
	}
	s = RuleSwitched{Change: "disabled", Rule: strings.TrimPrefix(tr.Device, rulePrefix), At: tr.At.UTC()}
	if !tr.Raised {
		s.Change = "enabled"
	}
	return s, true
}

// disabledOf is why a rule is switched off; nil: it is at work.
func (e *Engine) disabledOf(st *Status) *Disabled {
	if st.Disabled == "" {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	d := &Disabled{Reason: st.Disabled}
	if s := e.subject(subjectKey{rule: e.hub, device: rulePrefix + st.Rule.ID}); s != nil {
		d.Since = s.at.UTC()
	}
	return d
}

// Err names the rules that are switched off; for the hub's health.
func (e *Engine) Err() error {
	var off []string
	for _, st := range e.Status() {
		if st.Disabled != "" {
			off = append(off, st.Rule.ID)
		}
	}
	if len(off) == 0 {
		return nil
	}
	return fmt.Errorf("rules are switched off, since they cost too much: %s", strings.Join(off, ", "))
}
