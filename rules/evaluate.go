package rules

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"
)

// outcome of a condition. All but yes and no are CEL's errors: absent is a value
// that is not there, unfit one that the expression can't use, cut an evaluation
// that cost too much, which nothing absorbs.
type outcome uint8

const (
	negative outcome = iota
	positive
	absent
	unfit
	cut
)

func outcomeOf(b bool) outcome {
	if b {
		return positive
	}
	return negative
}

// verdict of an expression: yes, no, or no answer from this event.
type verdict uint8

const (
	unknown verdict = iota
	no
	yes
)

// errBudget is an evaluation that was cut off at costLimit.
var errBudget = errors.New("expression costs more than an evaluation may")

// eval answers a condition. An error is one worth showing: a metric that is not
// there is no error but no answer.
func (v *view) eval(at condition) (verdict, error) {
	if at == none {
		return yes, nil
	}
	switch v.ask(at) {
	case positive:
		return yes, nil
	case negative:
		return no, nil
	case absent:
		return unknown, nil
	case cut:
		return unknown, errBudget
	default: // unfit: its reason has been kept
	}
	if v.fault != nil {
		return unknown, v.fault
	}
	return unknown, misfitError{v, v.misfit, v.slots[v.misfit].shape}
}

// misfitError is a value that an expression can't use. Its text is made when it
// is shown: a device may send such a value with every event.
type misfitError struct {
	v     *view
	path  path
	shape shape
}

func (e misfitError) Error() string {
	return fmt.Sprintf("evaluate: no such overload: %s is %s", e.v.paths.string(e.path), e.shape)
}

func (s shape) String() string {
	return [...]string{"missing", "null", "a flag", "a number", "text", "a list", "an object"}[s]
}

// ask answers a node, once per event where several ask it.
func (v *view) ask(at condition) outcome {
	n := &v.terms[at]
	if n.memo == noMemo {
		return v.work(n)
	}
	m := &v.memo[n.memo]
	if m.turn != v.turn {
		a := v.work(n)
		*m = memo{v.turn, a}
		return a
	}
	return m.answer
}

func (v *view) work(n *term) outcome {
	switch n.op {
	case opConst:
		return outcomeOf(n.on)
	case opAnd:
		return v.both(n, negative)
	case opOr:
		return v.both(n, positive)
	case opNot:
		a := v.ask(condition(n.a))
		if a <= positive {
			return positive - a
		}
		return a
	case opIf:
		switch a := v.ask(condition(n.a)); a {
		case positive:
			return v.ask(condition(n.b))
		case negative:
			return v.ask(condition(n.c))
		default:
			return a
		}
	case opField:
		return outcomeOf(n.rel.holds(strings.Compare(v.field(field(n.a)), n.text)))
	case opFieldIn:
		return outcomeOf(v.lists[n.b].hasWord(v.field(field(n.a))))
	case opFieldStarts:
		return outcomeOf(strings.HasPrefix(v.field(field(n.a)), n.text))
	case opFieldEnds:
		return outcomeOf(strings.HasSuffix(v.field(field(n.a)), n.text))
	case opFieldContains:
		return outcomeOf(strings.Contains(v.field(field(n.a)), n.text))
	case opHas:
		return v.has(path(n.a))
	case opCompare:
		return v.compare(n)
	case opCEL:
		return v.leaf(&v.leaves[n.a])
	default:
		return v.place(n)
	}
}

// both is and, or: decided is what one side decides alone.
func (v *view) both(n *term, decided outcome) outcome {
	a := v.ask(condition(n.a))
	if a == decided || a == cut {
		return a
	}
	misfit, fault := v.misfit, v.fault
	b := v.ask(condition(n.b))
	if b == decided || b == cut || a <= positive {
		return b
	}
	v.misfit, v.fault = misfit, fault // the first error counts
	return a
}

// lacks is why nothing is found at a path.
func (v *view) lacks(p path) outcome {
	for p != dataItself {
		p = v.paths.nodes[p].up
		if s := v.at(p); s.shape == shapeList {
			return v.unfit(p)
		} else if s.shape != shapeNothing {
			break
		}
	}
	return absent
}

func (v *view) unfit(p path) outcome {
	v.misfit, v.fault = p, nil
	return unfit
}

func (v *view) has(p path) outcome {
	if v.at(p).shape != shapeNothing {
		return positive
	}
	up := v.paths.nodes[p].up
	switch {
	case up == dataItself:
		return negative
	case v.at(up).shape == shapeList:
		return v.unfit(up)
	case v.at(up).shape == shapeNothing:
		return v.lacks(up)
	}
	return negative
}

// place answers what is asked of the value at one path.
func (v *view) place(n *term) outcome {
	p := path(n.a)
	s := v.at(p)
	if s.shape == shapeNothing {
		return v.lacks(p)
	}
	switch n.op {
	case opNumber:
		switch {
		case s.shape == shapeNumber:
			return outcomeOf(n.rel.number(s.num, n.num))
		case n.rel <= ne:
			return outcomeOf(n.rel == ne)
		}
	case opText:
		switch {
		case s.shape == shapeText:
			return outcomeOf(n.rel.bytes(s.text, n.text))
		case n.rel <= ne:
			return outcomeOf(n.rel == ne)
		}
	case opFlag:
		return outcomeOf((s.shape == shapeFlag && s.on == n.on) == (n.rel == eq))
	case opNull:
		return outcomeOf((s.shape == shapeNull) == (n.rel == eq))
	case opTruth:
		if s.shape == shapeFlag {
			return outcomeOf(s.on)
		}
	case opIn:
		return outcomeOf(v.lists[n.b].has(s))
	case opStarts:
		if s.shape == shapeText {
			return outcomeOf(len(s.text) >= len(n.text) && string(s.text[:len(n.text)]) == n.text)
		}
	case opEnds:
		if s.shape == shapeText {
			return outcomeOf(len(s.text) >= len(n.text) && string(s.text[len(s.text)-len(n.text):]) == n.text)
		}
	case opContains:
		if s.shape == shapeText {
			return outcomeOf(within(s.text, n.text))
		}
	default: // of another shape than the expression asks for
	}
	return v.unfit(p)
}

func (r rel) number(a, b float64) bool {
	switch r {
	case eq:
		return a == b
	case ne:
		return a != b
	case lt:
		return a < b
	case le:
		return a <= b
	case gt:
		return a > b
	default:
		return a >= b
	}
}

func (r rel) bytes(a []byte, b string) bool {
	switch r {
	case eq:
		return string(a) == b
	case ne:
		return string(a) != b
	case lt:
		return string(a) < b
	case le:
		return string(a) <= b
	case gt:
		return string(a) > b
	default:
		return string(a) >= b
	}
}

func (w *wordList) has(s *slot) bool {
	switch s.shape {
	case shapeText:
		return w.hasText(s.text)
	case shapeNumber:
		return w.hasNumber(s.num)
	case shapeFlag:
		return w.flags[index01(s.on)]
	default:
		return false
	}
}

// leaf has CEL evaluate what only it can.
func (v *view) leaf(l *leaf) outcome {
	v.asked = l.windows
	out, _, err := l.prg.Eval(v)
	if err != nil {
		var cancelled interpreter.EvalCancelledError
		switch {
		case errors.As(err, &cancelled):
			return cut
		case isMissing(err):
			return absent
		}
		v.fault = fmt.Errorf("evaluate: %w", err)
		return unfit
	}
	switch out {
	case types.True:
		return positive
	case types.False:
		return negative
	}
	v.fault = fmt.Errorf("evaluate: the result is %s, not true or false", out.Type().TypeName())
	return unfit
}
