package rules

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/parser"

	"dongyue/internal/event"
)

// costLimit bounds one evaluation by CEL in its own unit, about one step each.
// The shipped rules need less than 30; the limit is below a tenth of a
// millisecond. What has been translated has no loops and is bounded by its
// length.
const costLimit = 2_000

// longestExpression in characters.
const longestExpression = 2_000

// compiler turns expressions into conditions. CEL says what is legal and what it
// means; what consists of the common forms is translated (see translation), the
// rest stays a CEL program. Equal parts of all expressions are made once.
type compiler struct {
	env  *cel.Env
	made map[string]compiled
	met  bool // a window, while parsing the current expression

	out     *conditions
	terms   map[term]condition
	uses    map[condition]int
	lists   map[string]int32
	leaves  map[string]int32
	windows map[windowDef]int32
}

// compiled is an expression that has been met before. One with windows means
// something else under another scope.
type compiled struct {
	at       condition
	windowed bool
}

// scope is what the windows of an expression look at.
type scope struct {
	channel event.Channel
	counted string // what count() counts: the rule's `on`
}

// key is an expression with its scope.
func (s scope) key(expr string) string {
	return expr + "\x00" + string(s.channel) + "\x00" + s.counted
}

func newCompiler() (*compiler, error) {
	c := &compiler{
		made: map[string]compiled{}, out: &conditions{paths: newPaths()}, terms: map[term]condition{}, uses: map[condition]int{},
		lists: map[string]int32{}, leaves: map[string]int32{}, windows: map[windowDef]int32{},
	}
	env, err := cel.NewEnv(append(c.macros(),
		cel.Variable("device", cel.StringType), cel.Variable("kind", cel.StringType),
		cel.Variable("zone", cel.StringType), cel.Variable("part", cel.StringType),
		cel.Variable("type", cel.StringType), cel.Variable("at", cel.TimestampType),
		cel.Variable("data", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable(windowVariable, cel.MapType(cel.StringType, cel.DoubleType)),
		cel.CrossTypeNumericComparisons(true), cel.EnableMacroCallTracking(),
		cel.ParserExpressionSizeLimit(longestExpression), cel.ParserRecursionLimit(50),
	)...)
	if err != nil {
		return nil, fmt.Errorf("rules: prepare CEL: %w", err)
	}
	c.env = env
	return c, nil
}

// compileError is a mistake of an expression, with its place in it.
type compileError struct {
	line, col int // line from 1, column from 0
	what      string
	more      []compileError // further ones
}

// mostMistakes of one expression are told.
const mostMistakes = 20

func (c *compiler) compile(expr string, in scope) (condition, *compileError) {
	key := expr
	if c.made[expr].windowed {
		key = in.key(expr)
	}
	if m, ok := c.made[key]; ok {
		c.uses[m.at]++
		return m.at, nil
	}
	a, ce := c.check(expr)
	if ce != nil {
		return none, ce
	}
	t := translation{c: c, ast: a.NativeRep(), in: in}
	t.warn()
	at := t.answer(t.ast.Expr())
	if t.err != nil {
		return none, t.err
	}
	c.uses[at]++
	c.made[expr] = compiled{at, c.met}
	if c.met {
		c.made[in.key(expr)] = compiled{at, c.met}
	}
	return at, nil
}

// check is CEL's own word on an expression.
func (c *compiler) check(expr string) (*cel.Ast, *compileError) {
	if len([]rune(expr)) > longestExpression {
		return nil, &compileError{line: 1, what: fmt.Sprintf("is longer than %d characters", longestExpression)}
	}
	c.met = false
	a, iss := c.env.Compile(expr)
	if iss.Err() != nil {
		return nil, mistakes(iss)
	}
	if t := a.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, &compileError{line: 1, what: "is " + t.String() + ", not a condition"}
	}
	return a, nil
}

// mistakes are what CEL has to say against an expression. Of the grammar it is the
// first: the others mostly follow from it.
func mistakes(iss *cel.Issues) *compileError {
	var all []compileError
	for _, e := range iss.Errors() {
		ce := compileError{line: max(1, e.Location.Line()), col: max(0, e.Location.Column()), what: oneLine(e.Message)}
		if len(all) == mostMistakes || len(all) > 0 && strings.HasPrefix(all[0].what, "Syntax error") {
			break
		}
		all = append(all, ce)
	}
	if len(all) == 0 {
		return &compileError{line: 1, what: oneLine(iss.Err().Error())}
	}
	all[0].more = all[1:]
	return &all[0]
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// add returns the node with this content, which is made once.
func (c *compiler) add(n term) condition {
	n.memo = noMemo
	if at, ok := c.terms[n]; ok {
		return at
	}
	n.text = strings.Clone(n.text) // else it holds the file's text
	at := condition(len(c.out.terms))
	c.out.terms = append(c.out.terms, n)
	c.terms[n] = at
	for _, m := range n.answers() {
		c.uses[m]++
	}
	return at
}

// answers are the conditions that a node asks.
func (n *term) answers() []condition {
	switch n.op {
	case opAnd, opOr:
		return []condition{condition(n.a), condition(n.b)}
	case opNot:
		return []condition{condition(n.a)}
	case opIf:
		return []condition{condition(n.a), condition(n.b), condition(n.c)}
	default:
		return nil
	}
}

func (c *compiler) list(w wordList) int32 {
	key := fmt.Sprintf("%v %q %v", w.numbers, w.texts, w.flags)
	if at, ok := c.lists[key]; ok {
		return at
	}
	if len(w.texts) > manyWords {
		w.byText = make(map[string]struct{}, len(w.texts))
		for _, t := range w.texts {
			w.byText[t] = struct{}{}
		}
	}
	at := int32(len(c.out.lists))
	c.out.lists = append(c.out.lists, w)
	c.lists[key] = at
	return at
}

// numbered is the window with this definition, which is made once.
func (c *compiler) numbered(w windowDef) int32 {
	if at, ok := c.windows[w]; ok {
		return at
	}
	at := int32(len(c.out.windows))
	c.out.windows = append(c.out.windows, w)
	c.windows[w] = at
	return at
}

// leaf keeps a part of an expression as a CEL program of its own.
func (c *compiler) leaf(t *translation, e ast.Expr) condition {
	text, err := parser.Unparse(e, t.ast.SourceInfo())
	if err != nil {
		return t.problem(e, oneLine(err.Error()))
	}
	windows := t.windowsIn(e)
	if len(windows) > 0 {
		text = t.in.key(text)
	}
	at, ok := c.leaves[text]
	if !ok {
		part := ast.NewCheckedAST(ast.NewAST(e, t.ast.SourceInfo()), t.ast.TypeMap(), t.ast.ReferenceMap())
		if est, err := cost.Cost(part, sizes{}); err == nil && est.Min > costLimit {
			return t.problem(e, fmt.Sprintf("takes at least %d steps, more than the %d that an evaluation may", est.Min, costLimit))
		}
		prg, err := c.env.PlanProgram(part, cel.CostLimit(costLimit), cel.EvalOptions(cel.OptOptimize))
		if err != nil {
			return t.problem(e, oneLine(err.Error()))
		}
		at = int32(len(c.out.leaves))
		c.out.leaves = append(c.out.leaves, leaf{prg, windows})
		c.leaves[text] = at
	}
	return c.add(term{op: opCEL, a: at})
}

// sizes says that nothing is known of how large an event's values are.
type sizes struct{}

func (sizes) EstimateSize(cost.AstNode) *cost.SizeEstimate { return nil }

func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// finish returns the conditions; those that several ask remember their answer.
func (c *compiler) finish() *conditions {
	for i := range c.out.terms {
		n := &c.out.terms[i]
		switch n.op {
		case opAnd, opOr, opIf, opCompare, opCEL, opIn, opContains:
			if c.uses[condition(i)] > 1 {
				n.memo = int32(c.out.memos)
				c.out.memos++
			}
		default: // too cheap to be remembered
		}
	}
	return c.out
}
