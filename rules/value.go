package rules

import (
	"bytes"
	"cmp"
	"math"
)

// operand is a value while it is being compared; failed is why there is none.
type operand struct {
	shape  shape
	on     bool
	failed outcome // absent or unfit; negative: none of it
	num    float64
	text   []byte
}

func (o *operand) nan() bool { return o.shape == shapeNumber && math.IsNaN(o.num) }

// ordered reports whether values of the shape stand before and behind each other.
func (o *operand) ordered() bool {
	return o.shape == shapeNumber || o.shape == shapeText || o.shape == shapeFlag
}

// compare answers `a rel b` of two values.
func (v *view) compare(n *term) outcome {
	a := v.operand(condition(n.a))
	if a.failed != negative {
		return a.failed
	}
	b := v.operand(condition(n.b))
	if b.failed != negative {
		return b.failed
	}
	if n.rel <= ne { // of two shapes, or of numbers: see translation.compare
		return outcomeOf((a.shape == shapeNumber && b.shape == shapeNumber && a.num == b.num) == (n.rel == eq))
	}
	c := 0
	switch {
	case (a.nan() || b.nan()) && a.ordered(): // is neither below nor above anything, as CEL has it
		return negative
	case a.shape != b.shape:
		return v.unfit(v.culprit(n))
	case a.shape == shapeNumber:
		c = cmp.Compare(a.num, b.num)
	case a.shape == shapeText:
		c = bytes.Compare(a.text, b.text)
	case a.shape == shapeFlag:
		c = index01(a.on) - index01(b.on)
	default:
		return v.unfit(v.culprit(n))
	}
	return outcomeOf(n.rel.holds(c))
}

// culprit is a path in a comparison, to name it.
func (v *view) culprit(n *term) path {
	for _, at := range [2]int32{n.a, n.b} {
		switch m := &v.terms[at]; m.op {
		case opPath:
			return path(m.a)
		case opAdd, opSub, opMul, opDiv:
			return v.culprit(m)
		case opNeg:
			return v.culprit(&term{a: m.a, b: m.a})
		default: // names nothing
		}
	}
	return dataItself
}

func (v *view) operand(at condition) operand {
	switch n := &v.terms[at]; n.op {
	case opLiteral:
		return operand{shape: shapeNumber, num: n.num}
	case opPath:
		s := v.at(path(n.a))
		if s.shape == shapeNothing {
			return operand{failed: v.lacks(path(n.a))}
		}
		return operand{shape: s.shape, on: s.on, num: s.num, text: s.text}
	case opWindow:
		x, ok := v.window(n.a)
		if !ok {
			return operand{failed: absent}
		}
		return operand{shape: shapeNumber, num: x}
	case opNeg:
		a := v.operand(condition(n.a))
		if a.failed != negative {
			return a
		}
		if a.shape != shapeNumber {
			return operand{failed: v.unfit(v.culprit(&term{a: n.a, b: n.a}))}
		}
		a.num = -a.num
		return a
	default:
		return v.calculate(n)
	}
}

func (v *view) calculate(n *term) operand {
	a := v.operand(condition(n.a))
	if a.failed != negative {
		return a
	}
	b := v.operand(condition(n.b))
	if b.failed != negative {
		return b
	}
	if a.shape != shapeNumber || b.shape != shapeNumber {
		if n.op == opAdd && a.shape == b.shape && (a.shape == shapeText || a.shape == shapeList) {
			return operand{shape: a.shape} // joined; what is in it is never asked, see translation.compare
		}
		return operand{failed: v.unfit(v.culprit(n))}
	}
	switch n.op {
	case opAdd:
		a.num += b.num
	case opSub:
		a.num -= b.num
	case opMul:
		a.num *= b.num
	case opDiv:
		a.num /= b.num
	default: // only calculations come here
	}
	return a
}

// within reports whether a text holds another, without a copy of either.
func within(s []byte, sub string) bool {
	if sub == "" {
		return true
	}
	for len(s) >= len(sub) {
		i := bytes.IndexByte(s[:len(s)-len(sub)+1], sub[0])
		if i < 0 {
			return false
		}
		if string(s[i:i+len(sub)]) == sub {
			return true
		}
		s = s[i+1:]
	}
	return false
}
