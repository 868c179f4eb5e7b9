package rules

import (
	"cmp"
	"slices"
)

// shelf holds the rules of one route and zone, by what must be so for them to
// have anything to say. Finding those costs what is found, not what is there.
// Rules are numbers of Set.Rules.
type shelf struct {
	always  []int32 // nothing is known of them, or they are few
	fields  []fieldShelf
	metrics []metricShelf // by path
	windows []metricShelf // by window
}

type fieldShelf struct {
	field field
	words map[string]slip
}

// metricShelf holds the rules that ask for one value.
type metricShelf struct {
	what    int32
	least   limits // value ≥ limit, ascending
	most    limits // value ≤ limit, descending
	present []int32
	equal   *equals
}

type equals struct {
	words   map[string]slip
	numbers map[float64]slip
	flags   [2]slip
}

// limits are rules by their limit, the first to be met first.
type limits struct {
	at    []float64
	rules []int32
}

// slip is what one word stands for: rules, or a shelf where they are many and
// differ in more than the word.
type slip struct {
	rules []int32
	inner *shelf
}

const (
	// fewOnShelf rules are evaluated in less time than they are looked up.
	fewOnShelf = 3
	// fewOnSlip is the same behind a word that has been looked up already.
	fewOnSlip = 8
)

// volume is a rule on its way into a shelf, with what is still known of it.
type volume struct {
	rule  int32
	gates []gate
}

func newShelf(vs []volume, few int) shelf {
	var s shelf
	if len(vs) <= few {
		for _, v := range vs {
			if !v.never() {
				s.always = append(s.always, v.rule)
			}
		}
		s.always = slices.Clip(s.always)
		return s
	}
	b := binder{metrics: map[[2]int32]*metricShelf{}, slips: map[atom][]volume{}}
	for _, v := range vs {
		if len(v.gates) == 0 {
			s.always = append(s.always, v.rule)
			continue
		}
		for _, a := range v.gates[0] {
			b.add(a, volume{v.rule, v.gates[1:]})
		}
	}
	s.always = slices.Clip(s.always)
	b.bind(&s)
	return s
}

// never reports whether a gate has no way through.
func (v *volume) never() bool {
	return slices.ContainsFunc(v.gates, func(g gate) bool { return len(g) == 0 })
}

// binder gathers the rules of a shelf.
type binder struct {
	metrics map[[2]int32]*metricShelf // by window (1) or path (0), and which
	slips   map[atom][]volume
	order   []atom // of slips, so that every build is the same
}

func (b *binder) metric(window, what int32) *metricShelf {
	k := [2]int32{window, what}
	if b.metrics[k] == nil {
		b.metrics[k] = &metricShelf{what: what}
	}
	return b.metrics[k]
}

func (b *binder) add(a atom, v volume) {
	switch a.kind {
	case atLeast:
		b.metric(0, a.what).least.add(a.num, v.rule)
	case atMost:
		b.metric(0, a.what).most.add(a.num, v.rule)
	case windowAtLeast:
		b.metric(1, a.what).least.add(a.num, v.rule)
	case windowAtMost:
		b.metric(1, a.what).most.add(a.num, v.rule)
	case present:
		m := b.metric(0, a.what)
		m.present = append(m.present, v.rule)
	default:
		if _, ok := b.slips[a]; !ok {
			b.order = append(b.order, a)
		}
		b.slips[a] = append(b.slips[a], v)
	}
}

func (l *limits) add(x float64, rule int32) {
	l.at, l.rules = append(l.at, x), append(l.rules, rule)
}

// bind puts what was gathered into the shelf.
func (b *binder) bind(s *shelf) {
	for _, l := range b.order {
		b.label(s, l, newSlip(b.slips[l]))
	}
	for k, m := range b.metrics {
		m.least.sort(1)
		m.most.sort(-1)
		m.present = slices.Clip(m.present)
		if k[0] == 1 {
			s.windows = append(s.windows, *m)
		} else {
			s.metrics = append(s.metrics, *m)
		}
	}
	byWhat := func(a, b metricShelf) int { return cmp.Compare(a.what, b.what) }
	slices.SortFunc(s.metrics, byWhat)
	slices.SortFunc(s.windows, byWhat)
	s.metrics, s.windows = slices.Clip(s.metrics), slices.Clip(s.windows)
}

func newSlip(vs []volume) slip {
	vs = slices.DeleteFunc(vs, func(v volume) bool { return v.never() })
	if len(vs) > fewOnSlip && slices.ContainsFunc(vs, func(v volume) bool { return len(v.gates) > 0 }) {
		inner := newShelf(vs, fewOnSlip)
		return slip{inner: &inner}
	}
	rules := make([]int32, len(vs))
	for i, v := range vs {
		rules[i] = v.rule
	}
	return slip{rules: rules}
}

func (b *binder) label(s *shelf, l atom, x slip) {
	if l.kind == isField {
		i := slices.IndexFunc(s.fields, func(f fieldShelf) bool { return f.field == field(l.what) })
		if i < 0 {
			i = len(s.fields)
			s.fields = append(s.fields, fieldShelf{field(l.what), map[string]slip{}})
		}
		s.fields[i].words[l.text] = x
		return
	}
	m := b.metric(0, l.what)
	if m.equal == nil {
		m.equal = &equals{}
	}
	switch l.kind {
	case isText:
		if m.equal.words == nil {
			m.equal.words = map[string]slip{}
		}
		m.equal.words[l.text] = x
	case isNumber:
		if m.equal.numbers == nil {
			m.equal.numbers = map[float64]slip{}
		}
		m.equal.numbers[l.num] = x
	case isFlag:
		m.equal.flags[index01(l.on)] = x
	default: // lies on a shelf of another kind
	}
}

// sort puts the limit that is met first to the front: ascending for ≥ (way 1),
// descending for ≤ (-1).
func (l *limits) sort(way int) {
	order := make([]int, len(l.at))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return way * cmp.Compare(l.at[a], l.at[b]) })
	at, rules := make([]float64, len(order)), make([]int32, len(order))
	for i, o := range order {
		at[i], rules[i] = l.at[o], l.rules[o]
	}
	l.at, l.rules = at, rules
}
