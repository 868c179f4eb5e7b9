package rules

import (
	"slices"

	"cel.dev/cel-go/cel"
)

// condition is a term of an expression in the form that the engine evaluates:
// a number of conditions.terms. None is "no condition", which is met.
type condition int32

const none condition = -1

// op is what a term does. Those up to opCEL answer, the others have a value.
type op uint8

const (
	opConst         op = iota // on
	opAnd                     // a, b
	opOr                      // a, b
	opNot                     // a
	opIf                      // a ? b : c
	opNumber                  // at(a) rel num
	opText                    // at(a) rel text
	opFlag                    // at(a) rel on (only eq and ne)
	opNull                    // at(a) rel null (only eq and ne)
	opIn                      // at(a) in lists[b]
	opHas                     // has(at(a))
	opTruth                   // at(a), which must be true or false
	opStarts                  // at(a).startsWith(text)
	opEnds                    // at(a).endsWith(text)
	opContains                // at(a).contains(text)
	opField                   // field a rel text
	opFieldIn                 // field a in lists[b]
	opFieldStarts             // field a.startsWith(text)
	opFieldEnds               // field a.endsWith(text)
	opFieldContains           // field a.contains(text)
	opCompare                 // value a rel value b
	opCEL                     // leaves[a]

	opLiteral // num
	opPath    // at(a)
	opWindow  // windows[a]
	opAdd     // a + b
	opSub
	opMul
	opDiv
	opNeg // -a
)

// rel is how two values compare.
type rel uint8

const (
	eq rel = iota
	ne
	lt
	le
	gt
	ge
)

// flipped is the relation with its sides changed; opposite is the one that holds
// where this one does not.
func (r rel) flipped() rel  { return [...]rel{eq, ne, gt, ge, lt, le}[r] }
func (r rel) opposite() rel { return [...]rel{ne, eq, ge, gt, le, lt}[r] }

// holds tells whether a comparison that came out as c (-1, 0, 1) is what was
// asked for.
func (r rel) holds(c int) bool {
	switch r {
	case eq:
		return c == 0
	case ne:
		return c != 0
	case lt:
		return c < 0
	case le:
		return c <= 0
	case gt:
		return c > 0
	default:
		return c >= 0
	}
}

// field is a variable other than data.
type field int32

const (
	fieldDevice field = iota
	fieldPart
	fieldZone
	fieldType
	fieldKind
	fields
)

// term is one operation. Equal ones are one: what many rules ask is answered
// once per event.
type term struct {
	op      op
	rel     rel
	on      bool
	memo    int32 // where its answer is remembered; noMemo where only one asks
	a, b, c int32
	num     float64
	text    string
}

const noMemo = -1

// wordList is the right side of `in`.
type wordList struct {
	numbers []float64
	texts   []string
	flags   [2]bool
	byText  map[string]struct{} // where texts are many
}

// manyWords is from where on a table beats looking at each.
const manyWords = 8

func (w *wordList) hasText(s []byte) bool {
	if w.byText != nil {
		_, ok := w.byText[string(s)]
		return ok
	}
	return slices.Contains(w.texts, string(s))
}

func (w *wordList) hasWord(s string) bool {
	if w.byText != nil {
		_, ok := w.byText[s]
		return ok
	}
	return slices.Contains(w.texts, s)
}

func (w *wordList) hasNumber(x float64) bool {
	return slices.Contains(w.numbers, x)
}

// leaf is a part of an expression that only CEL can evaluate.
type leaf struct {
	prg     cel.Program
	windows []int32
}

// conditions are all expressions of a set.
type conditions struct {
	terms   []term
	lists   []wordList
	leaves  []leaf
	windows []windowDef
	paths   *paths
	memos   int // nodes that are remembered
}

// native reports whether a condition needs no CEL, so that what it costs is
// bounded by its length.
func (c *conditions) native(at condition) bool {
	if at == none {
		return true
	}
	n := &c.terms[at]
	switch n.op {
	case opCEL:
		return false
	case opAnd, opOr:
		return c.native(condition(n.a)) && c.native(condition(n.b))
	case opNot:
		return c.native(condition(n.a))
	case opIf:
		return c.native(condition(n.a)) && c.native(condition(n.b)) && c.native(condition(n.c))
	default:
		return true
	}
}

// asks are the windows that a condition looks at, each once.
func (c *conditions) asks(at condition) []int32 {
	var out []int32
	var walk func(at int32)
	walk = func(at int32) {
		if at < 0 {
			return
		}
		n := &c.terms[at]
		var met []int32
		switch n.op {
		case opWindow:
			met = []int32{n.a}
		case opCEL:
			met = c.leaves[n.a].windows
		case opIf:
			walk(n.c)
			fallthrough
		case opAnd, opOr, opCompare, opAdd, opSub, opMul, opDiv:
			walk(n.b)
			fallthrough
		case opNot, opNeg:
			walk(n.a)
		default: // the others ask for no window
		}
		for _, w := range met {
			if !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	walk(int32(at))
	return out
}
