package rules

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"dongyue/internal/event"
)

// TestSuffix marks the files with tests beside the rule files.
const TestSuffix = ".test.yaml"

// Load reads every *.yaml of the folder (not the tests) and reports all
// problems at once. The set is nil when there is any: a half-loaded set of
// rules would be silent where someone counts on it.
func Load(dir fs.FS) (*Set, []Problem) {
	files, problems := ReadFiles(dir)
	return files.rules().load(slices.DeleteFunc(problems, func(p Problem) bool { return strings.HasSuffix(p.File, TestSuffix) }))
}

// Check reads one text as if it were a file beside a set, which may be nil: it
// may name that set's rules in depends_on, and replaces those with its own ids.
// The set that is returned is to look at, not to run.
func Check(name string, text []byte, beside *Set) (*Set, []Problem) {
	set, problems := load([]file{{name, text}}, beside)
	if len(problems) > 0 {
		sortProblems(problems)
		return nil, problems
	}
	return set, nil
}

type file struct {
	name string
	text []byte
}

// loader gathers the rules of all files.
type loader struct {
	compiler *compiler
	beside   *Set
	rules    []*Rule
	nodes    map[*Rule]node
	depends  map[*Rule][]node // of DependsOn, each
	byID     map[string]*Rule
}

func load(files []file, beside *Set) (*Set, []Problem) {
	c, err := newCompiler()
	if err != nil {
		return nil, []Problem{{File: ".", What: err.Error()}}
	}
	l := &loader{compiler: c, beside: beside, nodes: map[*Rule]node{}, depends: map[*Rule][]node{}, byID: map[string]*Rule{}}
	var sources []*source
	for _, f := range files {
		s := &source{file: f.name}
		sources = append(sources, s)
		l.file(s, f.text)
	}
	l.join()
	set := &Set{Rules: l.order(), byID: l.byID, conditions: l.compiler.finish()}
	set.index = newIndex(set, fewOnShelf)
	var problems []Problem
	for _, s := range sources {
		problems = append(problems, s.problems...)
	}
	return set, problems
}

func (l *loader) file(s *source, text []byte) {
	root := s.parse(text)
	if !root.ok() {
		if len(s.problems) == 0 {
			s.add(nil, "", "has no rules", "begin with `rules:` and a list")
		}
		return
	}
	f := root.fields("rules")
	if !f["rules"].ok() {
		root.problem("has no rules", "begin with `rules:` and a list")
		return
	}
	for _, n := range f["rules"].list() {
		r := l.rule(n)
		if r.ID == "" {
			continue
		}
		if first, twice := l.byID[r.ID]; twice {
			n.problem(fmt.Sprintf("rule %q is there already", r.ID), fmt.Sprintf("the first is in %s, line %d", first.File, first.Line))
			continue
		}
		l.byID[r.ID] = r
		l.rules = append(l.rules, r)
		l.nodes[r] = n
	}
}

// join checks and ties depends_on across all files.
func (l *loader) join() {
	ids := make([]string, 0, len(l.rules))
	for _, r := range l.rules {
		ids = append(ids, r.ID)
	}
	for _, r := range l.rules {
		if len(r.DependsOn) > 0 && r.Latch {
			l.depends[r][0].problem("a rule that latches is never silenced by another", "remove depends_on, or latch")
		}
		for i, id := range r.DependsOn {
			n := l.depends[r][i]
			d, ok := l.byID[id]
			if !ok && l.beside != nil && l.beside.byID[id] != nil {
				continue
			}
			if !ok {
				n.problem(fmt.Sprintf("there is no rule %q", id), suggest(id, ids))
				continue
			}
			l.tie(n, r, d, r.Scopes[i])
		}
	}
	for _, r := range l.rules {
		r.causes, r.dependents = r.withItself(r.causes), r.withItself(r.dependents)
		r.remote = r.remote || r.Quorum != nil && r.Quorum.By == ByVia
	}
}

// tie makes one rule a cause of another.
func (l *loader) tie(n node, r, cause *Rule, scope Scope) {
	switch q := cause.Quorum; {
	case scope == SameDevice && q != nil:
		n.problem(fmt.Sprintf("%q fires for a group, never for the device itself", cause.ID), fmt.Sprintf("write {rule: %s, scope: zone}, or via", cause.ID))
	case scope == SameZone && q != nil && q.By == ByVia:
		n.problem(fmt.Sprintf("%q is about what hangs together, which may be less than a zone", cause.ID), fmt.Sprintf("write {rule: %s, scope: via}", cause.ID))
	case scope == Upstream && q != nil && q.By != ByVia:
		n.problem(fmt.Sprintf("nothing hangs on the zones of %q", cause.ID), fmt.Sprintf("write {rule: %s, scope: zone}", cause.ID))
	}
	r.causes = append(r.causes, link{cause, scope})
	cause.dependents = append(cause.dependents, link{r, scope})
	cause.zoned = cause.zoned || scope == SameZone
	r.remote = r.remote || scope != SameDevice
}

// order puts what silences before what it silences, and otherwise keeps the
// order of the ids, so that the judgement does not depend on file names.
func (l *loader) order() []*Rule {
	slices.SortFunc(l.rules, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	const visiting, done = 1, 2
	mark := map[*Rule]int{}
	var out []*Rule
	var visit func(r *Rule)
	visit = func(r *Rule) {
		mark[r] = visiting
		for i, id := range r.DependsOn {
			d, ok := l.byID[id]
			switch {
			case !ok || mark[d] == done:
			case mark[d] == visiting:
				l.depends[r][i].problem(fmt.Sprintf("rule %q depends on itself in a circle", id), "remove one depends_on of the circle")
			default:
				visit(d)
			}
		}
		mark[r] = done
		r.order = len(out)
		out = append(out, r)
	}
	for _, r := range l.rules {
		if mark[r] != done {
			visit(r)
		}
	}
	for _, r := range out {
		slices.SortStableFunc(r.dependents, func(a, b link) int { return a.rule.order - b.rule.order })
	}
	return out
}

func kinds() []string {
	return []string{string(event.Door), string(event.Lamp), string(event.Charger), string(event.Speaker), string(event.Sensor), string(event.Camera)}
}
