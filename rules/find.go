package rules

import (
	"cmp"
	"slices"
	"sort"
)

// find appends the rules of the shelf that could have something to say about the
// event.
func (s *shelf) find(v *view, out []int32) []int32 {
	out = append(out, s.always...)
	for i := range s.fields {
		f := &s.fields[i]
		if x, ok := f.words[v.field(f.field)]; ok {
			out = x.find(v, out)
		}
	}
	if len(s.metrics) > 0 {
		out = s.measured(v, out)
	}
	for i := range s.windows {
		m := &s.windows[i]
		if x, ok := v.window(m.what); ok {
			out = m.beyond(x, out)
		}
	}
	return out
}

func (x slip) find(v *view, out []int32) []int32 {
	if x.inner != nil {
		return x.inner.find(v, out)
	}
	return append(out, x.rules...)
}

// fewMetrics are looked at one by one; of more, those that the event has are
// searched for.
const fewMetrics = 4

func (s *shelf) measured(v *view, out []int32) []int32 {
	if !v.scanned {
		v.scan()
	}
	if len(s.metrics) <= fewMetrics {
		for i := range s.metrics {
			m := &s.metrics[i]
			if x := &v.slots[m.what]; x.turn == v.turn {
				out = m.find(v, x, out)
			}
		}
		return out
	}
	for _, p := range v.found {
		i, ok := slices.BinarySearchFunc(s.metrics, int32(p), func(m metricShelf, p int32) int { return cmp.Compare(m.what, p) })
		if !ok {
			continue
		}
		if x := &v.slots[p]; x.turn == v.turn {
			out = s.metrics[i].find(v, x, out)
		}
	}
	return out
}

// find looks up one value. One that has no order, or no truth, is an error of
// each rule that asks for it, and they are to say so.
func (m *metricShelf) find(v *view, x *slot, out []int32) []int32 {
	out = append(out, m.present...)
	if x.shape == shapeNumber {
		out = m.beyond(x.num, out)
	} else {
		out = append(append(out, m.least.rules...), m.most.rules...)
	}
	if m.equal == nil {
		return out
	}
	switch x.shape {
	case shapeText:
		if s, ok := m.equal.words[string(x.text)]; ok {
			out = s.find(v, out)
		}
	case shapeNumber:
		if s, ok := m.equal.numbers[x.num]; ok {
			out = s.find(v, out)
		}
	case shapeFlag:
		out = m.equal.flags[index01(x.on)].find(v, out)
	default: // nothing else is looked up
	}
	return out
}

// beyond are the rules whose limit a number has reached: a prefix of each list.
func (m *metricShelf) beyond(x float64, out []int32) []int32 {
	if n := len(m.least.at); n > 0 && x >= m.least.at[0] {
		out = append(out, m.least.rules[:sort.Search(n, func(i int) bool { return m.least.at[i] > x })]...)
	}
	if n := len(m.most.at); n > 0 && x <= m.most.at[0] {
		out = append(out, m.most.rules[:sort.Search(n, func(i int) bool { return m.most.at[i] < x })]...)
	}
	return out
}
