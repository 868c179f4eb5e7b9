package rules

import (
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"dongyue/internal/event"
)

// Window functions of expressions.
const (
	riseFn  = "rise"  // per minute, by least squares
	avgFn   = "avg"   // of the values
	minFn   = "min"   //
	maxFn   = "max"   //
	rateFn  = "rate"  // a counter's increase per second
	countFn = "count" // of the events that the rule's `on` matches

	changedFn = "changed" // whether the value is another than in the last such event
)

// changedReach is how far changed looks back: what a device said before that is
// forgotten, and the next value is no change.
const changedReach = longest

// Bounds of a window's span.
const (
	shortestSpan = time.Second
	longestSpan  = 24 * time.Hour
)

// windowDef is one window: equal ones are one, whoever asks.
type windowDef struct {
	fn      string
	channel event.Channel // where the metric is read; none for those of a watch
	metric  string
	path    path
	counted string // what count counts, and changed compares: a rule's `on`
	span    time.Duration
}

// ofWatch reports whether a window is of the events that a rule's `on` matches,
// filter and all, and not of a metric on its route.
func (w *windowDef) ofWatch() bool { return w.fn == countFn || w.fn == changedFn }

// name is the window in the map that expressions read.
func (w *windowDef) name() string { return w.fn + " " + w.metric + " " + w.span.String() }

// windowVariable holds what windows have to say, by windowDef.name.
const windowVariable = "window_values_"

// macros expand rise("temp_c", "2m") into a look-up of what the engine has worked
// out; a window that does not know yet has no entry, so the condition has no
// answer.
func (c *compiler) macros() []cel.EnvOption {
	var all []cel.Macro
	for _, f := range []string{riseFn, avgFn, minFn, maxFn, rateFn} {
		all = append(all, cel.GlobalMacro(f, 2, func(h cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
			wants := f + ` wants a metric and a span of 1s to 24h, both in quotes: ` + f + `("temp_c", "2m")`
			metric, ok := literal(args[0])
			if !ok || metric == "" || strings.Contains(metric, " ") {
				return nil, h.NewError(args[0].ID(), wants)
			}
			return c.lookUp(h, f, metric, args[1], wants)
		}))
	}
	all = append(all, cel.GlobalMacro(countFn, 1, func(h cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
		return c.lookUp(h, countFn, "", args[0], `count wants a span of 1s to 24h in quotes: count("10m")`)
	}))
	all = append(all, cel.GlobalMacro(changedFn, 1, func(h cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
		metric, ok := literal(args[0])
		if !ok || metric == "" || strings.Contains(metric, " ") {
			return nil, h.NewError(args[0].ID(), `changed wants a member of data in quotes: changed("mode")`)
		}
		return h.NewCall(operators.Equals, c.window(h, windowDef{fn: changedFn, metric: metric, span: changedReach}), h.NewLiteral(types.Double(1))), nil
	}))
	return []cel.EnvOption{cel.Macros(all...)}
}

func (c *compiler) lookUp(h cel.MacroExprFactory, f, metric string, arg ast.Expr, wants string) (ast.Expr, *cel.Error) {
	span, ok := literal(arg)
	d, err := time.ParseDuration(span)
	if !ok || err != nil || d < shortestSpan || d > longestSpan {
		return nil, h.NewError(arg.ID(), wants)
	}
	return c.window(h, windowDef{fn: f, metric: metric, span: d}), nil
}

// window writes the look-up of a window.
func (c *compiler) window(h cel.MacroExprFactory, w windowDef) ast.Expr {
	c.met = true
	return h.NewCall(operators.Index, h.NewIdent(windowVariable), h.NewLiteral(types.String(w.name())))
}

// windowOf reads what lookUp has written.
func (t *translation) windowOf(e ast.Expr) (int32, bool) {
	f := e.AsCall()
	if f.FunctionName() != operators.Index {
		return 0, false
	}
	if v := f.Args()[0]; v.Kind() != ast.IdentKind || v.AsIdent() != windowVariable {
		return 0, false
	}
	name, ok := literal(f.Args()[1])
	if !ok {
		return 0, false
	}
	parts := strings.Split(name, " ")
	if len(parts) != 3 {
		return 0, false
	}
	d, err := time.ParseDuration(parts[2])
	if err != nil {
		return 0, false
	}
	w := windowDef{fn: strings.Clone(parts[0]), metric: strings.Clone(parts[1]), span: d}
	if w.metric != "" {
		w.path = t.c.out.paths.member(dataItself, w.metric)
	}
	if w.ofWatch() {
		w.counted = t.in.counted
	} else {
		w.channel = t.in.channel
	}
	return t.c.numbered(w), true
}

// windowsIn lists the windows that an expression asks.
func (t *translation) windowsIn(e ast.Expr) []int32 {
	var all []int32
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.CallKind {
			if w, ok := t.windowOf(e); ok {
				all = append(all, w)
			}
		}
	}))
	return all
}
