package config

import (
	"fmt"
	"slices"
)

// ways ties the steps together and looks at where one can get: every step must
// be reached from the first, and from every step the end.
func (l *loader) ways(p *Procedure) {
	ids := make([]string, len(p.Steps))
	for i := range p.Steps {
		ids[i] = p.Steps[i].ID
	}
	next := map[string][]string{}
	before := len(l.problems)
	for i := range p.Steps {
		s, below := &p.Steps[i], ""
		if i+1 < len(ids) {
			below = ids[i+1]
		}
		at := fmt.Sprintf("steps[%d]", i)
		if len(s.Answers) == 0 {
			s.Next = l.next(at+".next", s.Next, below, ids)
			next[s.ID] = append(next[s.ID], s.Next)
		}
		for j := range s.Answers {
			a := &s.Answers[j]
			a.Next = l.next(fmt.Sprintf("%s.answers[%d].next", at, j), a.Next, below, ids)
			next[s.ID] = append(next[s.ID], a.Next)
		}
	}
	if len(l.problems) > before {
		return
	}
	reached := closure(ids[0], func(id string) []string { return next[id] })
	ends := closure("", func(id string) (from []string) {
		for s, to := range next {
			if slices.Contains(to, id) {
				from = append(from, s)
			}
		}
		return from
	})
	for i, id := range ids {
		switch {
		case !reached[id]:
			l.problem(fmt.Sprintf("steps[%d]", i), fmt.Sprintf("step %s is never reached", id), "let an answer or a step before it lead here, or remove it")
		case !ends[id]:
			l.problem(fmt.Sprintf("steps[%d]", i), fmt.Sprintf("from step %s there is no way to the end", id), "give one of the steps that go round in a circle an answer that leads out, or next: "+EndOfCard)
		}
	}
}

// next is the step that follows: named, the one below, or "" for the end.
func (l *loader) next(at, named, below string, ids []string) string {
	switch {
	case named == "":
		return below
	case named == EndOfCard:
		return ""
	case !slices.Contains(ids, named):
		hint := "the steps are " + list(ids) + ", and " + EndOfCard
		if k := nearest(named, ids); k != "" {
			hint = "did you mean " + k + "?"
		}
		l.problem(at, fmt.Sprintf("there is no step %q", named), hint)
	}
	return named
}

// closure is all that can be reached from a step, itself included.
func closure(from string, next func(string) []string) map[string]bool {
	seen := map[string]bool{from: true}
	for todo := []string{from}; len(todo) > 0; {
		id := todo[0]
		todo = todo[1:]
		for _, n := range next(id) {
			if !seen[n] {
				seen[n] = true
				todo = append(todo, n)
			}
		}
	}
	return seen
}
