package alarm

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// Policy says whom an alarm goes to that nobody acknowledges, and when.
type Policy struct {
	Name       string           `json:"name"`
	Priorities []event.Priority `json:"priorities" enum:"critical,high,medium,low" doc:"of alarms whose rule names no policy"`
	Steps      []PolicyStep     `json:"steps" maxItems:"20" doc:"none: nobody is called"`
	Repeat     int              `json:"repeat" minimum:"0" maximum:"20" doc:"how often it begins again, a minute after the last step"`
	Changed    bool             `json:"changed" doc:"by a person; else it is as it comes with the hub"`
}

// PolicyStep is one call.
type PolicyStep struct {
	AfterS int      `json:"after_s" minimum:"0" maximum:"604800" doc:"seconds from when the alarm called"`
	To     []string `json:"to" minItems:"1" maxItems:"20" doc:"on_duty, next_on_duty, supervisor, list:NAME, user:ID"`
}

// SafetyPolicy is the name of the policy of alarms about life safety whose rule
// names no other.
const SafetyPolicy = "life_safety"

// nextRound is how long after the last step the first comes again.
const nextRound = time.Minute

// due is when a step is taken, counted over all rounds from 0; ok is false when
// there is no such step.
func (p *Policy) due(base time.Time, step int) (at time.Time, ok bool) {
	n := len(p.Steps)
	if n == 0 || step >= n*(p.Repeat+1) {
		return time.Time{}, false
	}
	round := time.Duration(p.Steps[n-1].AfterS)*time.Second + nextRound
	after := time.Duration(p.Steps[step%n].AfterS) * time.Second
	return base.Add(time.Duration(step/n)*round + after), true
}

// passed is how many steps are due at a time.
func (p *Policy) passed(base, now time.Time) (step int) {
	for {
		if at, ok := p.due(base, step); !ok || at.After(now) {
			return step
		}
		step++
	}
}

func (p *Policy) check() error {
	bad := func(format string, args ...any) error {
		return web.Fail(http.StatusUnprocessableEntity, "escalation.bad_policy", fmt.Sprintf(format, args...))
	}
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`).MatchString(p.Name) {
		return bad("name: use a-z, 0-9, _ and -, at most 40")
	}
	if p.Name == SafetyPolicy && len(p.Steps) == 0 {
		return bad("steps: for life safety somebody has to be called")
	}
	for i, s := range p.Steps {
		if i > 0 && s.AfterS <= p.Steps[i-1].AfterS {
			return bad("steps[%d]: after_s is not later than the step before", i)
		}
		if len(s.To) == 0 {
			return bad("steps[%d]: to is empty: say who is called", i)
		}
		for _, to := range s.To {
			if !validTarget(to) {
				return bad("steps[%d]: %q is nobody: write on_duty, next_on_duty, supervisor, list:NAME or user:ID", i, to)
			}
		}
	}
	for _, x := range p.Priorities {
		if x.Rank() > event.Low.Rank() {
			return bad("priorities: %q is none of critical, high, medium, low", x)
		}
	}
	return nil
}

func validTarget(to string) bool {
	kind, name, named := strings.Cut(to, ":")
	if named {
		return name != "" && len(name) <= 100 && (kind == "list" || kind == "user")
	}
	return slices.Contains([]string{"on_duty", "next_on_duty", "supervisor"}, to)
}

// loadPolicies takes those that come with the hub and lays over them what people
// have changed.
func (a *Alarms) loadPolicies(ctx context.Context) error {
	all := map[string]Policy{}
	for _, p := range a.o.Policies {
		if err := p.check(); err != nil {
			return fmt.Errorf("alarm: escalation policy %s: %w", p.Name, err)
		}
		all[p.Name] = p
	}
	rows, err := a.o.DB.Read().QueryContext(ctx, "SELECT data FROM alarm_policy ORDER BY name")
	if err != nil {
		return fmt.Errorf("alarm: read escalation policies: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		var p Policy
		if err := errors.Join(rows.Scan(&text), json.Unmarshal([]byte(text), &p)); err != nil {
			return fmt.Errorf("alarm: read escalation policies: %w", err)
		}
		p.Changed = true
		all[p.Name] = p
	}
	a.policies.Store(&all)
	return rows.Err()
}

// Policies are all policies, by name.
func (a *Alarms) Policies() []Policy {
	all := *a.policies.Load()
	out := make([]Policy, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[name])
	}
	return out
}

// SetPolicy changes a policy or adds one. A priority that it takes is no longer
// another's.
func (a *Alarms) SetPolicy(ctx context.Context, p Policy) (Policy, error) {
	if err := p.check(); err != nil {
		return Policy{}, err
	}
	if p.Priorities == nil {
		p.Priorities = []event.Priority{}
	}
	p.Changed = true
	write := []Policy{p}
	for _, x := range a.Policies() {
		left := slices.DeleteFunc(slices.Clone(x.Priorities), func(y event.Priority) bool { return slices.Contains(p.Priorities, y) })
		if x.Name != p.Name && len(left) < len(x.Priorities) {
			x.Priorities = left
			write = append(write, x)
		}
	}
	err := a.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		for _, x := range write {
			b, err := json.Marshal(x)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, "INSERT INTO alarm_policy(name, data) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET data = excluded.data", x.Name, string(b))
			if err != nil {
				return err
			}
		}
		return a.audit(ctx, tx, "escalation.policy", p.Name, p)
	})
	if err != nil {
		return Policy{}, fmt.Errorf("alarm: write escalation policy %s: %w", p.Name, err)
	}
	return p, a.loadPolicies(context.WithoutCancel(ctx))
}

// policyOf is the policy of an alarm; ok is false when nobody is called for it.
func (a *Alarms) policyOf(al *Alarm) (p Policy, ok bool) {
	all := *a.policies.Load()
	if p, ok = all[al.Policy]; ok && al.Policy != "" && (len(p.Steps) > 0 || !al.LifeSafety) {
		return p, len(p.Steps) > 0
	}
	if al.LifeSafety { // also where its rule names a policy that calls nobody: it is never muted
		if p, ok = all[SafetyPolicy]; ok {
			return p, len(p.Steps) > 0
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if p = all[name]; slices.Contains(p.Priorities, al.Priority) {
			return p, len(p.Steps) > 0
		}
	}
	return Policy{}, false
}

func (a *Alarms) audit(ctx context.Context, tx *sql.Tx, action, target string, detail any) error {
	if a.o.Audit == nil {
		return nil
	}
	return a.o.Audit.Audit(ctx, tx, who(ctx).ID, action, target, detail)
}
