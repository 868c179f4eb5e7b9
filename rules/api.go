package rules

import (
	"context"
	"net/http"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// RuleView is a rule as the API tells it.
type RuleView struct {
	ID        string         `json:"id"`
	Title     event.Text     `json:"title" doc:"with placeholders: {name}, {part}, {data.temp_c}"`
	Priority  event.Priority `json:"priority"`
	File      string         `json:"file"`
	Line      int            `json:"line"`
	Kinds     []event.Kind   `json:"kinds" doc:"empty: every kind"`
	Channel   event.Channel  `json:"channel"`
	Types     []string       `json:"types"`
	Zones     []string       `json:"zones" doc:"empty: everywhere"`
	When      string         `json:"when,omitempty"`
	ForS      float64        `json:"for_s"`
	Latch     bool           `json:"latch"`
	Silent    bool           `json:"silent"`
	Procedure string         `json:"procedure,omitempty"`
	DependsOn []string       `json:"depends_on"`
	Actions   []string       `json:"actions" doc:"what is done: command cut, broadcast …"`

	Pending    int        `json:"pending" doc:"devices and parts where the condition holds, not long enough yet"`
	Firing     int        `json:"firing" doc:"devices and parts where it is raised"`
	Raised     int        `json:"raised" doc:"since the hub started"`
	LastRaised *time.Time `json:"last_raised_at,omitempty"`
	Errors     int        `json:"errors"`
	LastError  string     `json:"last_error,omitempty"`
}

type ruleList struct {
	Body struct {
		Items []RuleView `json:"items"`
		Next  string     `json:"next"`
	}
}

type ruleText struct {
	Body struct {
		File string `json:"file,omitempty" maxLength:"200" doc:"a name for the problems' places"`
		Text string `json:"text" maxLength:"262144" doc:"the YAML of one rule file"`
	}
}

type ruleCheck struct {
	Body struct {
		OK       bool          `json:"ok"`
		Rules    []string      `json:"rules" doc:"the ids in it"`
		Problems []RuleProblem `json:"problems"`
	}
}

// RuleProblem is a Problem under a name of its own in the API's schema, where
// Problem is the form of errors.
type RuleProblem Problem

// Register adds the operations.
func (e *Engine) Register(a *web.API) {
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/rules", Summary: "The rules in force and what they have done", Tag: "rules", Action: web.RulesRead},
		func(context.Context, *struct{}) (*ruleList, error) {
			out := &ruleList{}
			out.Body.Items = []RuleView{}
			for _, st := range e.Status() {
				out.Body.Items = append(out.Body.Items, shown(st))
			}
			return out, nil
		})
	web.Register(a, web.Op{Method: http.MethodPost, Path: "/rules/check", Summary: "All mistakes of a rule file, without using it", Tag: "rules", Action: web.RulesRead},
		func(_ context.Context, in *ruleText) (*ruleCheck, error) {
			name := in.Body.File
			if name == "" {
				name = "rules.yaml"
			}
			set, problems := Check(name, []byte(in.Body.Text), e.inForce())
			out := &ruleCheck{}
			out.Body.OK, out.Body.Problems, out.Body.Rules = set != nil, []RuleProblem{}, []string{}
			for _, p := range problems {
				out.Body.Problems = append(out.Body.Problems, RuleProblem(p))
			}
			if set != nil {
				for _, r := range set.Rules {
					out.Body.Rules = append(out.Body.Rules, r.ID)
				}
			}
			return out, nil
		})
}

func shown(st Status) RuleView {
	r := st.Rule
	s := RuleView{
		ID: r.ID, Title: r.Title, Priority: r.Priority, File: r.File, Line: r.Line,
		Kinds: append([]event.Kind{}, r.On.Kinds...), Channel: r.On.Channel,
		Types: append([]string{}, r.On.Types...), Zones: append([]string{}, r.On.Zones...),
		When: r.When, ForS: r.For.Seconds(), Latch: r.Latch, Silent: r.Silent, Procedure: r.Procedure,
		DependsOn: append([]string{}, r.DependsOn...), Actions: []string{},
		Pending: st.Pending, Firing: st.Firing, Raised: st.Raised, Errors: st.Errors, LastError: st.LastError,
	}
	for _, a := range r.Actions {
		what := a.Type
		if a.Command != "" {
			what += " " + a.Command
		}
		s.Actions = append(s.Actions, what)
	}
	if !st.LastRaised.IsZero() {
		at := st.LastRaised.UTC()
		s.LastRaised = &at
	}
	return s
}

func (e *Engine) inForce() *Set {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.set
}
