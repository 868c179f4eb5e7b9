package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Policy says whom an alarm goes to that nobody acknowledges, and when.
type Policy struct {
	Name       string       `yaml:"name" json:"name"`
	Priorities []string     `yaml:"priorities" json:"priorities" enum:"critical|high|medium|low"` // of alarms whose rule names no policy
	Steps      []PolicyStep `yaml:"steps" json:"steps"`
	Repeat     int          `yaml:"repeat" json:"repeat" range:"0..20"` // how often it begins again after the last step
}

// PolicyStep is one call.
type PolicyStep struct {
	After time.Duration `yaml:"after" json:"after" range:"0s..7d"` // from when the alarm called
	To    []string      `yaml:"to" json:"to"`                      // on_duty, next_on_duty, supervisor, list:NAME, user:ID
}

// LoadPolicies reads a file of escalation policies. All mistakes are reported at
// once, as Problems.
func LoadPolicies(name string, b []byte) ([]Policy, error) {
	var file struct {
		Policies []Policy `yaml:"policies"`
	}
	l := loader{file: name}
	l.places, l.problems = decode(name, b, &file)
	if len(l.problems) == 0 {
		l.policies(file.Policies)
	}
	if err := l.problems.err(); err != nil {
		return nil, err
	}
	return file.Policies, nil
}

func (l *loader) policies(ps []Policy) {
	if len(ps) == 0 {
		l.problem("policies", "has no policies", "begin with policies: and a list")
	}
	names, of := map[string]bool{}, map[string]string{}
	for i := range ps {
		p, at := &ps[i], fmt.Sprintf("policies[%d]", i)
		switch {
		case !wordForm(p.Name):
			l.problem(at+".name", fmt.Sprintf("%q is no name", p.Name), "use a-z, 0-9, _ and -")
		case names[p.Name]:
			l.problem(at+".name", fmt.Sprintf("%q is there already", p.Name), "choose another")
		}
		names[p.Name] = true
		for j, x := range p.Priorities {
			if of[x] != "" {
				l.problem(fmt.Sprintf("%s.priorities[%d]", at, j), "belongs to policy "+of[x], "name a priority once")
			}
			of[x] = p.Name
		}
		l.steps(p, at)
	}
}

func (l *loader) steps(p *Policy, at string) {
	for i, s := range p.Steps {
		where := fmt.Sprintf("%s.steps[%d]", at, i)
		if i > 0 && s.After <= p.Steps[i-1].After {
			l.problem(where+".after", "is not later than the step before", "write the steps in the order of time")
		}
		if len(s.To) == 0 {
			l.problem(where, "calls nobody", "add to: [on_duty]")
		}
		for j, to := range s.To {
			if !targetForm(to) {
				l.problem(fmt.Sprintf("%s.to[%d]", where, j), fmt.Sprintf("%q is nobody", to), "write on_duty, next_on_duty, supervisor, list:NAME or user:ID")
			}
		}
	}
}

// targetForm is what a step may call.
func targetForm(to string) bool {
	kind, name, named := strings.Cut(to, ":")
	if named {
		return name != "" && (kind == "list" || kind == "user")
	}
	return slices.Contains([]string{"on_duty", "next_on_duty", "supervisor"}, to)
}
