package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/parser"

	"dongyue/internal/event"
)

// An expression is explained by its clauses: the comparisons and calls between its
// and, or and not, each with what it came to. CEL itself evaluates them one by
// one, so this does not depend on how the engine does it quickly.

// clause is one part of an expression.
type clause struct {
	expr    string // as written
	values  string // what its sides were: data.temp_c = 58.2
	outcome verdict
	missing string // what it could not read; "" where it could
}

// dissected is an expression taken apart.
type dissected struct {
	clauses []clause
	outcome verdict
}

// windowFunc says what a window has to say; ok is false where it does not know.
type windowFunc func(fn, metric string, span time.Duration) (x float64, ok bool)

// dissect evaluates an expression that Load has accepted, part by part.
func dissect(expr string, ev *event.Event, window windowFunc) (*dissected, error) {
	env, err := explainEnv(window)
	if err != nil {
		return nil, err
	}
	a, iss := env.Compile(expr)
	if iss.Err() != nil {
		return nil, fmt.Errorf("rules: explain %q: %w", expr, iss.Err())
	}
	d := &dissection{env: env, ast: a.NativeRep(), vars: explainVars(ev)}
	out := &dissected{}
	out.outcome, _ = d.answer(d.ast.Expr())
	for _, e := range clausesOf(d.ast.Expr(), nil) {
		out.clauses = append(out.clauses, d.clause(e))
	}
	return out, nil
}

func explainVars(ev *event.Event) map[string]any {
	data := map[string]any{}
	_ = json.Unmarshal(ev.Data, &data) // what is no object has no members
	if data == nil {
		data = map[string]any{}
	}
	return map[string]any{
		"device": ev.Device, "kind": string(ev.Kind), "zone": ev.Zone, "part": ev.Part, "type": ev.Type, "at": ev.At, "data": data,
	}
}

// errNoValue is a window that does not know yet.
var errNoValue = errors.New("the window does not know yet")

// explainEnv has windows as functions, so that an expression reads as it was
// written.
func explainEnv(window windowFunc) (*cel.Env, error) {
	call := func(fn, metric, span string) ref.Val {
		d, err := time.ParseDuration(span)
		if err != nil {
			return types.WrapErr(err)
		}
		if x, ok := window(fn, metric, d); ok {
			return types.Double(x)
		}
		return types.WrapErr(errNoValue)
	}
	o := []cel.EnvOption{
		cel.Variable("device", cel.StringType), cel.Variable("kind", cel.StringType), cel.Variable("zone", cel.StringType),
		cel.Variable("part", cel.StringType), cel.Variable("type", cel.StringType), cel.Variable("at", cel.TimestampType),
		cel.Variable("data", cel.MapType(cel.StringType, cel.DynType)),
		cel.CrossTypeNumericComparisons(true), cel.EnableMacroCallTracking(),
		cel.ParserExpressionSizeLimit(longestExpression), cel.ParserRecursionLimit(50),
		cel.Function("count", cel.Overload("window_count", []*cel.Type{cel.StringType}, cel.DoubleType,
			cel.UnaryBinding(func(span ref.Val) ref.Val { return call("count", "", fmt.Sprint(span.Value())) }))),
	}
	o = append(o, cel.Function(changedFn, cel.Overload("window_changed", []*cel.Type{cel.StringType}, cel.BoolType,
		cel.UnaryBinding(func(metric ref.Val) ref.Val {
			x := call(changedFn, fmt.Sprint(metric.Value()), changedReach.String())
			if n, ok := x.(types.Double); ok {
				return types.Bool(n == 1)
			}
			return x
		}))))
	for _, fn := range []string{"rise", "avg", "min", "max", "rate"} {
		o = append(o, cel.Function(fn, cel.Overload("window_"+fn, []*cel.Type{cel.StringType, cel.StringType}, cel.DoubleType,
			cel.BinaryBinding(func(metric, span ref.Val) ref.Val {
				return call(fn, fmt.Sprint(metric.Value()), fmt.Sprint(span.Value()))
			}))))
	}
	env, err := cel.NewEnv(o...)
	if err != nil {
		return nil, fmt.Errorf("rules: explain: %w", err)
	}
	return env, nil
}

// clausesOf are the parts between and, or, not and ?:.
func clausesOf(e ast.Expr, out []ast.Expr) []ast.Expr {
	if e.Kind() == ast.CallKind {
		switch c := e.AsCall(); c.FunctionName() {
		case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional:
			for _, x := range c.Args() {
				out = clausesOf(x, out)
			}
			return out
		}
	}
	return append(out, e)
}

// dissection evaluates parts of one expression.
type dissection struct {
	env  *cel.Env
	ast  *ast.AST
	vars map[string]any
}

func (d *dissection) text(e ast.Expr) string {
	s, err := parser.Unparse(e, d.ast.SourceInfo())
	if err != nil {
		return "…" // what CEL can't write it has read all the same
	}
	return s
}

func (d *dissection) eval(e ast.Expr) (ref.Val, error) {
	part := ast.NewCheckedAST(ast.NewAST(e, d.ast.SourceInfo()), d.ast.TypeMap(), d.ast.ReferenceMap())
	prg, err := d.env.PlanProgram(part, cel.CostLimit(costLimit))
	if err != nil {
		return nil, err
	}
	v, _, err := prg.Eval(d.vars)
	return v, err
}

// answer is a condition's outcome, and what is missing where there is none.
func (d *dissection) answer(e ast.Expr) (v verdict, missing string) {
	out, err := d.eval(e)
	switch {
	case err != nil:
		return unknown, reason(err)
	case out == types.True:
		return yes, ""
	case out == types.False:
		return no, ""
	}
	return unknown, "it is neither true nor false"
}

// reason is what CEL says of an error, in the words of a rule's author.
func reason(err error) string {
	if errors.Is(err, errNoValue) {
		return errNoValue.Error()
	}
	if _, key, ok := strings.Cut(err.Error(), "no such key: "); ok {
		return "data has no " + key
	}
	return oneLine(err.Error())
}

func (d *dissection) clause(e ast.Expr) clause {
	a := clause{expr: d.text(e)}
	a.outcome, a.missing = d.answer(e)
	var shown []string
	for _, x := range readings(e, nil) {
		text := d.text(x)
		v, err := d.eval(x)
		if err != nil {
			text += " –"
		} else {
			text += " = " + written(v)
		}
		if len(shown) == 0 || shown[len(shown)-1] != text {
			shown = append(shown, text)
		}
	}
	a.values = strings.Join(shown, ", ")
	return a
}

// readings are the smallest parts that take something from the event: members of
// data, variables, windows.
func readings(e ast.Expr, out []ast.Expr) []ast.Expr {
	switch e.Kind() {
	case ast.IdentKind:
		return append(out, e)
	case ast.SelectKind:
		if e.AsSelect().IsTestOnly() {
			return out // has(…) is its own value
		}
		return append(out, e)
	case ast.CallKind:
		c := e.AsCall()
		switch c.FunctionName() {
		case "rise", "avg", "min", "max", "rate", "count", changedFn, operators.Index:
			return append(out, e)
		}
		if c.IsMemberFunction() {
			out = readings(c.Target(), out)
		}
		for _, x := range c.Args() {
			out = readings(x, out)
		}
	case ast.ListKind:
		for _, x := range e.AsList().Elements() {
			out = readings(x, out)
		}
	default: // literals, and comprehensions, which have variables of their own
	}
	return out
}

// written is a value for a person.
func written(v ref.Val) string {
	switch x := v.(type) {
	case types.Double:
		return strconv.FormatFloat(round(float64(x)), 'f', -1, 64)
	case types.String:
		return strconv.Quote(clipped(string(x)))
	case types.Timestamp:
		return x.UTC().Format(time.RFC3339)
	}
	b, err := json.Marshal(v.Value())
	if err != nil {
		return clipped(fmt.Sprint(v.Value()))
	}
	return clipped(string(b))
}

func clipped(s string) string {
	if r := []rune(s); len(r) > 64 {
		return string(r[:64]) + "…"
	}
	return s
}
