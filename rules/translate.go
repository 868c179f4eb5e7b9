package rules

import (
	"fmt"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// translation turns one checked expression into nodes, part by part. What is
// not among the common forms stays a leaf for CEL, under the same `and` and `or`,
// which absorb errors as CEL's do:
//
//	false && error is false, true || error is true, else the first error counts.
type translation struct {
	c   *compiler
	ast *ast.AST
	in  scope
	err *compileError
}

func (t *translation) problem(e ast.Expr, what string) condition {
	if t.err == nil {
		at := t.ast.SourceInfo().GetStartLocation(e.ID())
		t.err = &compileError{line: max(1, at.Line()), col: max(0, at.Column()), what: what}
	}
	return none
}

// answer translates what is yes or no.
func (t *translation) answer(e ast.Expr) condition {
	switch e.Kind() {
	case ast.LiteralKind:
		if b, ok := e.AsLiteral().(types.Bool); ok {
			return t.c.add(term{op: opConst, on: bool(b)})
		}
	case ast.SelectKind:
		if p, ok := t.path(e); ok {
			return t.c.add(term{op: opTruth, a: int32(p)})
		}
		if s := e.AsSelect(); s.IsTestOnly() {
			if up, ok := t.path(s.Operand()); ok {
				return t.c.add(term{op: opHas, a: int32(t.c.out.paths.member(up, s.FieldName()))})
			}
		}
	case ast.CallKind:
		if at, ok := t.call(e); ok {
			return at
		}
	default: // nothing that is yes or no
	}
	if t.err != nil {
		return none
	}
	return t.c.leaf(t, e)
}

func (t *translation) call(e ast.Expr) (condition, bool) {
	f := e.AsCall()
	args := f.Args()
	switch name := f.FunctionName(); name {
	case operators.LogicalAnd:
		return t.join(opAnd, args), true
	case operators.LogicalOr:
		return t.join(opOr, args), true
	case operators.LogicalNot:
		return t.join(opNot, args), true
	case operators.Conditional:
		return t.join(opIf, args), true
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return t.compare(relOf(name), args[0], args[1])
	case operators.In:
		return t.within(args[0], args[1])
	case operators.Index:
		if p, ok := t.path(e); ok {
			return t.c.add(term{op: opTruth, a: int32(p)}), true
		}
	case "startsWith", "endsWith", "contains":
		if f.IsMemberFunction() && len(args) == 1 {
			return t.textual(name, f.Target(), args[0])
		}
	}
	return none, false
}

func relOf(operator string) rel {
	switch operator {
	case operators.Equals:
		return eq
	case operators.NotEquals:
		return ne
	case operators.Less:
		return lt
	case operators.LessEquals:
		return le
	case operators.Greater:
		return gt
	}
	return ge
}

// join translates the parts of and, or, not, if.
func (t *translation) join(o op, args []ast.Expr) condition {
	var at [3]condition
	for i, a := range args {
		if at[i] = t.answer(a); t.err != nil {
			return none
		}
	}
	return t.c.add(term{op: o, a: int32(at[0]), b: int32(at[1]), c: int32(at[2])})
}

// path reads data.a.b and data["a"].b.
func (t *translation) path(e ast.Expr) (path, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return dataItself, e.AsIdent() == "data"
	case ast.SelectKind:
		s := e.AsSelect()
		if s.IsTestOnly() {
			return 0, false
		}
		if up, ok := t.path(s.Operand()); ok {
			return t.c.out.paths.member(up, s.FieldName()), true
		}
	case ast.CallKind:
		f := e.AsCall()
		if f.FunctionName() != operators.Index {
			return 0, false
		}
		name, ok := literal(f.Args()[1])
		if !ok {
			return 0, false
		}
		if up, ok := t.path(f.Args()[0]); ok {
			return t.c.out.paths.member(up, name), true
		}
	default: // no path
	}
	return 0, false
}

// member is a path that is not data itself.
func (t *translation) member(e ast.Expr) (path, bool) {
	p, ok := t.path(e)
	return p, ok && p != dataItself
}

func fieldOf(e ast.Expr) (field, bool) {
	if e.Kind() != ast.IdentKind {
		return 0, false
	}
	switch e.AsIdent() {
	case "device":
		return fieldDevice, true
	case "part":
		return fieldPart, true
	case "zone":
		return fieldZone, true
	case "type":
		return fieldType, true
	case "kind":
		return fieldKind, true
	}
	return 0, false
}

func literal(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// numeric reads a number as written; whole is one without a decimal point, which
// CEL compares with decimals but does not add to them.
func numeric(e ast.Expr) (x float64, whole, ok bool) {
	if e.Kind() != ast.LiteralKind {
		return 0, false, false
	}
	switch v := e.AsLiteral().(type) {
	case types.Double:
		return float64(v), false, true
	case types.Int:
		return float64(v), true, true
	case types.Uint:
		return float64(v), true, true
	}
	return 0, false, false
}

// compare translates `l r r`, where it is one of the forms that can be.
func (t *translation) compare(r rel, left, right ast.Expr) (condition, bool) {
	if left.Kind() == ast.LiteralKind {
		left, right, r = right, left, r.flipped()
	}
	if right.Kind() == ast.LiteralKind {
		if at, ok := t.compareLiteral(r, left, right); ok {
			return at, true
		}
	}
	a, an := t.value(left)
	if a == none {
		return none, false
	}
	b, bn := t.value(right)
	if b == none {
		return none, false
	}
	// Lists and objects may be equal; only numbers, texts and flags have an order.
	if !an && !bn && (r == eq || r == ne || t.sum(a) || t.sum(b)) {
		return none, false
	}
	return t.c.add(term{op: opCompare, rel: r, a: int32(a), b: int32(b)}), true
}

// sum reports whether a value may be the joining of two texts.
func (t *translation) sum(at condition) bool { return t.c.out.terms[at].op == opAdd }

func (t *translation) compareLiteral(r rel, left, right ast.Expr) (condition, bool) {
	equality := r == eq || r == ne
	if f, ok := fieldOf(left); ok {
		s, ok := literal(right)
		if !ok {
			return none, false
		}
		return t.c.add(term{op: opField, rel: r, a: int32(f), text: s}), true
	}
	p, ok := t.member(left)
	if !ok {
		return none, false
	}
	n := term{rel: r, a: int32(p)}
	switch v := right.AsLiteral().(type) {
	case types.String:
		n.op, n.text = opText, string(v)
	case types.Bool:
		n.op, n.on = opFlag, bool(v)
	case types.Null:
		n.op = opNull
	default:
		if n.num, _, ok = numeric(right); !ok {
			return none, false
		}
		n.op = opNumber
	}
	if (n.op == opFlag || n.op == opNull) && !equality {
		return none, false
	}
	return t.c.add(n), true
}

// value translates a number, or what may be one; sure is when it can't be
// anything else. none: not among the forms that can be.
func (t *translation) value(e ast.Expr) (at condition, sure bool) {
	if x, _, ok := numeric(e); ok {
		return t.c.add(term{op: opLiteral, num: x}), true
	}
	if p, ok := t.member(e); ok {
		return t.c.add(term{op: opPath, a: int32(p)}), false
	}
	if e.Kind() != ast.CallKind {
		return none, false
	}
	if w, ok := t.windowOf(e); ok {
		return t.c.add(term{op: opWindow, a: w}), true
	}
	f := e.AsCall()
	switch args := f.Args(); f.FunctionName() {
	case operators.Negate:
		a, _ := t.operand(args[0])
		if a == none {
			return none, false
		}
		return t.c.add(term{op: opNeg, a: int32(a)}), true
	case operators.Add:
		return t.arithmetic(opAdd, args)
	case operators.Subtract:
		return t.arithmetic(opSub, args)
	case operators.Multiply:
		return t.arithmetic(opMul, args)
	case operators.Divide:
		return t.arithmetic(opDiv, args)
	}
	return none, false
}

func (t *translation) arithmetic(o op, args []ast.Expr) (condition, bool) {
	a, an := t.operand(args[0])
	if a == none {
		return none, false
	}
	b, bn := t.operand(args[1])
	if b == none {
		return none, false
	}
	return t.c.add(term{op: o, a: int32(a), b: int32(b)}), o != opAdd || an || bn
}

// operand is a value under an arithmetic sign. A whole number there has no
// answer beside a decimal, and all numbers of events are decimals.
func (t *translation) operand(e ast.Expr) (condition, bool) {
	if _, whole, _ := numeric(e); whole {
		return none, false
	}
	return t.value(e)
}

// within translates `left in [right…]`.
func (t *translation) within(left, right ast.Expr) (condition, bool) {
	p, isPath := t.member(left)
	f, isField := fieldOf(left)
	if !isPath && !isField || right.Kind() != ast.ListKind {
		return none, false
	}
	l := right.AsList()
	var w wordList
	for _, e := range l.Elements() {
		if e.Kind() != ast.LiteralKind {
			return none, false
		}
		switch v := e.AsLiteral().(type) {
		case types.String:
			w.texts = append(w.texts, string(v))
		case types.Bool:
			w.flags[index01(bool(v))] = true
		default:
			x, _, ok := numeric(e)
			if !ok {
				return none, false
			}
			w.numbers = append(w.numbers, x)
		}
	}
	if isField {
		return t.c.add(term{op: opFieldIn, a: int32(f), b: t.c.list(w)}), true
	}
	return t.c.add(term{op: opIn, a: int32(p), b: t.c.list(w)}), true
}

func index01(b bool) int {
	if b {
		return 1
	}
	return 0
}

// textual translates startsWith, endsWith and contains.
func (t *translation) textual(name string, target, arg ast.Expr) (condition, bool) {
	s, ok := literal(arg)
	if !ok {
		return none, false
	}
	ops := map[string][2]op{"startsWith": {opStarts, opFieldStarts}, "endsWith": {opEnds, opFieldEnds}, "contains": {opContains, opFieldContains}}[name]
	if p, ok := t.member(target); ok {
		return t.c.add(term{op: ops[0], a: int32(p), text: s}), true
	}
	if f, ok := fieldOf(target); ok {
		return t.c.add(term{op: ops[1], a: int32(f), text: s}), true
	}
	return none, false
}

// warn refuses arithmetic that never has an answer.
func (t *translation) warn() {
	ast.PreOrderVisit(t.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || t.err != nil {
			return
		}
		f := e.AsCall()
		switch f.FunctionName() {
		case operators.Add, operators.Subtract, operators.Multiply, operators.Divide:
		default:
			return
		}
		for i, a := range f.Args() {
			if _, whole, _ := numeric(a); !whole {
				continue
			}
			if p, ok := t.member(f.Args()[1-i]); ok {
				t.problem(a, fmt.Sprintf("%s is a decimal, which CEL does not calculate with a whole number: write it with a decimal point, such as 1.0", t.c.out.paths.string(p)))
			}
		}
	}))
}
