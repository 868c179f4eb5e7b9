package rules

import (
	"cmp"
	"math"
	"slices"
)

// atom is one thing that the index can look up instead of evaluating: a value at
// or beyond a limit, a word, a flag, the device.
type atom struct {
	kind atomKind
	what int32   // path, window or field
	num  float64 // limit or number
	text string
	on   bool
}

type atomKind uint8

const (
	isField  atomKind = iota // field is text
	isText                   // value is text
	isNumber                 // value is num
	isFlag                   // value is on
	atLeast                  // value ≥ num
	atMost                   // value ≤ num
	windowAtLeast
	windowAtMost
	present // there is a value
)

// gate is what must be so for a condition to be met: one of its atoms, at least.
// A gate without atoms never opens.
type gate []atom

// Gates have a rank, the narrowest first: what they cost in events that pass and
// still don't meet the condition. A window has to be worked out before it can be
// looked up.
const (
	rankNever = iota
	rankDevice
	rankField
	rankWord
	rankLimit
	rankFlag
	rankPresent
	rankWindow
)

func (a *atom) rank() int {
	switch a.kind {
	case isField:
		if field(a.what) == fieldDevice {
			return rankDevice
		}
		return rankField
	case isText, isNumber:
		return rankWord
	case atLeast, atMost:
		return rankLimit
	case isFlag:
		return rankFlag
	case windowAtLeast, windowAtMost:
		return rankWindow
	default:
		return rankPresent
	}
}

func (g gate) rank() int {
	r := rankNever
	for i := range g {
		r = max(r, g[i].rank())
	}
	return r
}

// widest gate that is worth looking up; a list of more words is one that is met
// by nearly everything.
const widest = 64

// gates are what must all be open for the answer to be yes (or no, when negated).
func (c *conditions) gates(at condition, negated bool) []gate {
	if at == none {
		return nil
	}
	n := &c.terms[at]
	switch n.op {
	case opConst:
		if n.on == negated {
			return []gate{{}}
		}
		return nil
	case opNot:
		return c.gates(condition(n.a), !negated)
	case opAnd, opOr:
		a, b := c.gates(condition(n.a), negated), c.gates(condition(n.b), negated)
		if (n.op == opAnd) != negated {
			return allOf(a, b)
		}
		return oneOf(a, b)
	case opIf:
		if c.gates(condition(n.c), negated) == nil && c.gates(condition(n.b), negated) == nil {
			return nil
		}
		return oneOf(
			allOf(c.gates(condition(n.a), false), c.gates(condition(n.b), negated)),
			allOf(c.gates(condition(n.a), true), c.gates(condition(n.c), negated)))
	default: // a single term
	}
	if g := c.gate(n, negated); g != nil {
		return []gate{g}
	}
	return nil
}

// allOf is what two lists of gates ask together: the narrowest first, no more
// than are of use.
func allOf(a, b []gate) []gate {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(x, y gate) int { return cmp.Compare(x.rank(), y.rank()) })
	return all[:min(len(all), 2)]
}

// oneOf is what is known where either of two lists is open.
func oneOf(a, b []gate) []gate {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	g := slices.Concat(a[0], b[0])
	if len(g) > widest {
		return nil
	}
	return []gate{g.merged()}
}

// merged leaves out what another atom says already: of two limits in one
// direction the farther.
func (g gate) merged() gate {
	out := g[:0:0]
	for _, a := range g {
		i := slices.IndexFunc(out, func(o atom) bool {
			limit := a.kind == atLeast || a.kind == atMost || a.kind == windowAtLeast || a.kind == windowAtMost
			return o == a || limit && o.kind == a.kind && o.what == a.what
		})
		switch {
		case i < 0:
			out = append(out, a)
		case a.kind == atLeast || a.kind == windowAtLeast:
			out[i].num = min(out[i].num, a.num)
		case a.kind == atMost || a.kind == windowAtMost:
			out[i].num = max(out[i].num, a.num)
		}
	}
	return out
}

// gate is what must be so for one comparison; nil: nothing that can be looked up.
func (c *conditions) gate(n *term, negated bool) gate {
	r := n.rel
	if negated {
		r = r.opposite()
	}
	there := gate{{kind: present, what: n.a}}
	switch n.op {
	case opNumber:
		if r == ne {
			return there
		}
		return limit(n.a, r, n.num, isNumber, atLeast, atMost)
	case opText:
		if r == eq {
			return gate{{kind: isText, what: n.a, text: n.text}}
		}
		return there
	case opFlag:
		if r == eq {
			return gate{{kind: isFlag, what: n.a, on: n.on}}
		}
		return there
	case opTruth:
		return gate{{kind: isFlag, what: n.a, on: !negated}}
	case opHas:
		if negated {
			return nil
		}
		return there
	case opIn:
		if negated {
			return there
		}
		return c.lists[n.b].gate(n.a)
	case opNull, opStarts, opEnds, opContains:
		return there
	case opField:
		if r == eq {
			return gate{{kind: isField, what: n.a, text: n.text}}
		}
	case opFieldIn:
		if !negated {
			return c.lists[n.b].fieldGate(n.a)
		}
	case opCompare:
		return c.compared(n, r)
	default: // says nothing that must be so
	}
	return nil
}

// limit is the gate of a value beside a number.
func limit(what int32, r rel, x float64, equal, least, most atomKind) gate {
	switch r {
	case eq:
		return gate{{kind: equal, what: what, num: x}}
	case ge:
		return gate{{kind: least, what: what, num: x}}
	case gt: // the next number there is
		return gate{{kind: least, what: what, num: math.Nextafter(x, math.Inf(1))}}
	case le:
		return gate{{kind: most, what: what, num: x}}
	default:
		return gate{{kind: most, what: what, num: math.Nextafter(x, math.Inf(-1))}}
	}
}

func (w *wordList) gate(what int32) gate {
	g := gate{}
	for _, x := range w.numbers {
		g = append(g, atom{kind: isNumber, what: what, num: x})
	}
	for _, t := range w.texts {
		g = append(g, atom{kind: isText, what: what, text: t})
	}
	for i, in := range w.flags {
		if in {
			g = append(g, atom{kind: isFlag, what: what, on: i == 1})
		}
	}
	if len(g) > widest {
		return gate{{kind: present, what: what}}
	}
	return g
}

func (w *wordList) fieldGate(what int32) gate {
	g := gate{}
	for _, t := range w.texts {
		g = append(g, atom{kind: isField, what: what, text: t})
	}
	if len(g) > widest {
		return nil
	}
	return g
}

// compared is the gate of two values: of a window beside a number, else that a
// path they need is there.
func (c *conditions) compared(n *term, r rel) gate {
	a, b := &c.terms[n.a], &c.terms[n.b]
	if a.op == opLiteral {
		a, b, r = b, a, r.flipped()
	}
	if a.op == opWindow && b.op == opLiteral {
		switch r {
		case ne:
			return nil
		case eq:
			r = ge
		default: // a limit as it is
		}
		return limit(a.a, r, b.num, windowAtLeast, windowAtLeast, windowAtMost)
	}
	for _, at := range [2]condition{condition(n.a), condition(n.b)} {
		if p, ok := c.needs(at); ok {
			return gate{{kind: present, what: int32(p)}}
		}
	}
	return nil
}

// needs is a path without which a value is not there.
func (c *conditions) needs(at condition) (path, bool) {
	switch n := &c.terms[at]; n.op {
	case opPath:
		return path(n.a), true
	case opNeg:
		return c.needs(condition(n.a))
	case opAdd, opSub, opMul, opDiv:
		if p, ok := c.needs(condition(n.a)); ok {
			return p, true
		}
		return c.needs(condition(n.b))
	default:
		return 0, false
	}
}
