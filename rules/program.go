package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"dongyue/internal/event"
)

// costLimit bounds one evaluation in CEL's own unit, about one step each. The
// shipped rules need less than 30; the limit is below a tenth of a millisecond.
const costLimit = 2_000

// longestExpression in characters.
const longestExpression = 2_000

// verdict of an expression: yes, no, or no answer from this event.
type verdict uint8

const (
	unknown verdict = iota
	no
	yes
)

// errBudget is an evaluation that was cut off at costLimit.
var errBudget = errors.New("expression costs more than an evaluation may")

// program is one compiled expression. It may be run by one goroutine at a time
// per view, by any number of views.
type program struct {
	prg     cel.Program
	windows []window
}

// compiler turns expressions into programs; equal ones are made once.
type compiler struct {
	env     *cel.Env
	made    map[string]*program
	windows []window // met while parsing the current expression
}

func newCompiler() (*compiler, error) {
	c := &compiler{made: map[string]*program{}}
	env, err := cel.NewEnv(
		cel.Variable("device", cel.StringType), cel.Variable("kind", cel.StringType),
		cel.Variable("zone", cel.StringType), cel.Variable("part", cel.StringType),
		cel.Variable("type", cel.StringType), cel.Variable("at", cel.TimestampType),
		cel.Variable("data", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable(windowVariable, cel.MapType(cel.StringType, cel.DoubleType)),
		cel.Macros(cel.GlobalMacro("rise", 2, c.rise)),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(longestExpression), cel.ParserRecursionLimit(50),
	)
	if err != nil {
		return nil, fmt.Errorf("rules: prepare CEL: %w", err)
	}
	c.env = env
	return c, nil
}

// windowVariable holds what windows have to say, by window.name.
const windowVariable = "window_values_"

// rise expands rise("temp_c", "2m") into a look-up of what the engine has
// worked out; a window that does not know yet has no entry, so the condition
// has no answer.
func (c *compiler) rise(h cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	metric, ok1 := literal(args[0])
	span, ok2 := literal(args[1])
	d, err := time.ParseDuration(span)
	if !ok1 || !ok2 || metric == "" || err != nil || d < time.Second || d > time.Hour {
		return nil, h.NewError(args[0].ID(), `rise wants a metric and a span of 1s to 1h, both in quotes: rise("temp_c", "2m")`)
	}
	w := window{metric: metric, span: d}
	c.windows = append(c.windows, w)
	return h.NewCall(operators.Index, h.NewIdent(windowVariable), h.NewLiteral(types.String(w.name()))), nil
}

func literal(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// compileError is the first mistake of an expression, with its place in it.
type compileError struct {
	line, col int // line from 1, column from 0
	what      string
}

func (c *compiler) compile(expr string) (*program, *compileError) {
	if p, ok := c.made[expr]; ok {
		return p, nil
	}
	if len([]rune(expr)) > longestExpression {
		return nil, &compileError{line: 1, what: fmt.Sprintf("is longer than %d characters", longestExpression)}
	}
	c.windows = nil
	a, iss := c.env.Compile(expr)
	if iss.Err() != nil {
		if es := iss.Errors(); len(es) > 0 {
			return nil, &compileError{es[0].Location.Line(), es[0].Location.Column(), oneLine(es[0].Message)}
		}
		return nil, &compileError{line: 1, what: oneLine(iss.Err().Error())}
	}
	if t := a.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, &compileError{line: 1, what: "is " + t.String() + ", not a condition"}
	}
	prg, err := c.env.Program(a, cel.CostLimit(costLimit), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, &compileError{line: 1, what: oneLine(err.Error())}
	}
	p := &program{prg: prg, windows: c.windows}
	c.made[expr] = p
	return p, nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// view is an event as expressions see it. It is made once per event, its data
// only when the first expression asks.
type view struct {
	ev     *event.Event
	parsed map[string]any // see data
	val    ref.Val        // data, wrapped
	values map[string]float64
}

// data is the event's data as a map, empty when it is no object.
func (v *view) data() map[string]any {
	if v.parsed == nil {
		if json.Unmarshal(v.ev.Data, &v.parsed) != nil || v.parsed == nil {
			v.parsed = map[string]any{}
		}
	}
	return v.parsed
}

// ResolveName is how CEL reads a variable.
func (v *view) ResolveName(name string) (any, bool) {
	switch name {
	case "data":
		if v.val == nil {
			v.val = types.DefaultTypeAdapter.NativeToValue(v.data())
		}
		return v.val, true
	case "device":
		return v.ev.Device, true
	case "kind":
		return string(v.ev.Kind), true
	case "zone":
		return v.ev.Zone, true
	case "part":
		return v.ev.Part, true
	case "type":
		return v.ev.Type, true
	case "at":
		return v.ev.At, true
	case windowVariable:
		if v.values == nil {
			return map[string]float64{}, true
		}
		return v.values, true
	}
	return nil, false
}

// Parent is nil: there are no other variables.
func (v *view) Parent() cel.Activation { return nil }

// eval runs a program; nil means "no condition" and is yes. An error is one
// worth showing: a metric that is not there is no error but no answer.
func (p *program) eval(v *view) (verdict, error) {
	if p == nil {
		return yes, nil
	}
	out, _, err := p.prg.Eval(v)
	if err != nil {
		var cancelled interpreter.EvalCancelledError
		switch {
		case errors.As(err, &cancelled):
			return unknown, errBudget
		case strings.HasPrefix(err.Error(), "no such key"):
			return unknown, nil
		}
		return unknown, fmt.Errorf("evaluate: %w", err)
	}
	switch out {
	case types.True:
		return yes, nil
	case types.False:
		return no, nil
	}
	return unknown, fmt.Errorf("evaluate: the result is %s, not true or false", out.Type().TypeName())
}
