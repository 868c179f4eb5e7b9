package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"dongyue/internal/event"
)

// wind says what windows have to say, in tests.
type wind map[string]float64

func (w wind) measured(v *view, window int32) (float64, bool) {
	x, ok := w[v.windows[window].name()]
	return x, ok
}

// byCEL evaluates a whole expression by CEL: slow, and right by definition.
func byCEL(t testing.TB, c *compiler, expr string, ev *event.Event, w wind) (verdict, error) {
	t.Helper()
	a, iss := c.env.Compile(expr)
	if iss.Err() != nil {
		t.Fatal(iss.Err())
	}
	prg, err := c.env.Program(a, cel.CostLimit(1_000_000))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64(w)
	if values == nil {
		values = map[string]float64{}
	}
	out, _, err := prg.Eval(map[string]any{
		"data": dataOf(ev), "device": ev.Device, "kind": string(ev.Kind), "zone": ev.Zone, "part": ev.Part, "type": ev.Type, "at": ev.At,
		windowVariable: values,
	})
	var cancelled interpreter.EvalCancelledError
	switch {
	case errors.As(err, &cancelled):
		return unknown, errBudget
	case err != nil && isMissing(err):
		return unknown, nil
	case err != nil:
		return unknown, err
	case out == types.True:
		return yes, nil
	case out == types.False:
		return no, nil
	}
	return unknown, errors.New("not a condition")
}

// agree fails where the translated expression and CEL differ.
func agree(t interface {
	Fatalf(format string, args ...any)
	Helper()
}, tb testing.TB, c *compiler, expr string, ev *event.Event, w wind) {
	t.Helper()
	at, ce := c.compile(expr, scope{channel: event.Telemetry})
	if ce != nil {
		return // CEL refuses it, or it never has an answer
	}
	want, wantErr := byCEL(tb, c, expr, ev, w)
	v := newView(c.out, w)
	for turn := range 2 { // the second finds what the first has left
		v.begin(ev)
		got, err := v.eval(at)
		if errors.Is(err, errBudget) {
			return // what is left to CEL has a limit that the oracle has not
		}
		if got != want || (err == nil) != (wantErr == nil) {
			t.Fatalf("%s\nof %s\nturn %d: got %d (%v), CEL says %d (%v)", expr, ev.Data, turn, got, err, want, wantErr)
		}
		// Where CEL says yes, the gates must be open.
		for _, g := range c.out.gates(at, false) {
			if want == yes && !v.open(g) {
				t.Fatalf("%s\nof %s\nis yes behind a closed gate %+v", expr, ev.Data, g)
			}
		}
		for _, g := range c.out.gates(at, true) {
			if want == no && !v.open(g) {
				t.Fatalf("!(%s)\nof %s\nis yes behind a closed gate %+v", expr, ev.Data, g)
			}
		}
	}
}

// open is what a gate means, spelt out.
func (v *view) open(g gate) bool {
	for _, a := range g {
		s := slot{}
		if a.kind == isText || a.kind == isNumber || a.kind == isFlag || a.kind == atLeast || a.kind == atMost || a.kind == present {
			s = *v.at(path(a.what))
		}
		x, known := 0.0, false
		if a.kind == windowAtLeast || a.kind == windowAtMost {
			x, known = v.window(a.what)
		}
		open := map[atomKind]bool{
			isField:       a.kind == isField && v.field(field(a.what)) == a.text,
			isText:        s.shape == shapeText && string(s.text) == a.text,
			isNumber:      s.shape == shapeNumber && s.num == a.num,
			isFlag:        s.shape == shapeFlag && s.on == a.on,
			atLeast:       s.shape == shapeNumber && s.num >= a.num,
			atMost:        s.shape == shapeNumber && s.num <= a.num,
			present:       s.shape != shapeNothing,
			windowAtLeast: known && x >= a.num,
			windowAtMost:  known && x <= a.num,
		}[a.kind]
		if open {
			return true
		}
	}
	return false
}

func pick(t *rapid.T, label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(t, label)
}

func drawPath(t *rapid.T) string {
	return pick(t, "path", "data.a", "data.b", "data.n", "data.n.x", "data.n.x.y", `data["a"]`, `data["n"].x`, "data.l", "data.l.x", "data.a.x", "data.s", "data.t")
}

func drawNumber(t *rapid.T) string {
	return pick(t, "number", "0", "1", "2", "-1", "1.0", "1.5", "-2.25", "9007199254740993", "1e300", "2u", "0.1")
}

func drawValue(t *rapid.T, depth int) string {
	if depth > 0 {
		switch pick(t, "value", "leaf", "leaf", "sum", "neg") {
		case "sum":
			return "(" + drawValue(t, depth-1) + pick(t, "sign", " + ", " - ", " * ", " / ") + drawValue(t, depth-1) + ")"
		case "neg":
			return "-" + drawValue(t, depth-1)
		}
	}
	switch pick(t, "leaf", "path", "path", "number", "window") {
	case "path":
		return drawPath(t)
	case "window":
		return pick(t, "window", `rise("a", "10s")`, `avg("a", "10s")`, `max("b", "1m")`, `count("1m")`)
	}
	return drawNumber(t)
}

func drawWord(t *rapid.T) string {
	return pick(t, "word", `"on"`, `"off"`, `""`, `"o"`, `"n"`, `"é"`, `"c1"`, "true", "false", "null")
}

func drawField(t *rapid.T) string { return pick(t, "field", "device", "kind", "zone", "part", "type") }

func drawCondition(t *rapid.T, depth int) string {
	if depth > 0 {
		switch pick(t, "form", "leaf", "and", "or", "not", "if") {
		case "and":
			return "(" + drawCondition(t, depth-1) + " && " + drawCondition(t, depth-1) + ")"
		case "or":
			return "(" + drawCondition(t, depth-1) + " || " + drawCondition(t, depth-1) + ")"
		case "not":
			return "!" + drawCondition(t, depth-1)
		case "if":
			return "(" + drawCondition(t, depth-1) + " ? " + drawCondition(t, depth-1) + " : " + drawCondition(t, depth-1) + ")"
		}
	}
	rel := pick(t, "rel", " == ", " != ", " < ", " <= ", " > ", " >= ")
	switch pick(t, "leaf", "number", "number", "word", "word", "values", "has", "truth", "in", "text", "field", "cel") {
	case "number":
		if rapid.Bool().Draw(t, "flipped") {
			return "(" + drawNumber(t) + rel + drawPath(t) + ")"
		}
		return "(" + drawPath(t) + rel + drawNumber(t) + ")"
	case "word":
		return "(" + drawPath(t) + rel + drawWord(t) + ")"
	case "values":
		return "(" + drawValue(t, 2) + rel + drawValue(t, 2) + ")"
	case "has":
		return "has(" + pick(t, "member", "data.a", "data.n.x", "data.n.x.y", "data.l.x", "data.s") + ")"
	case "truth":
		return drawPath(t)
	case "in":
		list := []string{}
		for range rapid.IntRange(0, 12).Draw(t, "size") {
			list = append(list, pick(t, "item", drawNumber(t), drawWord(t)))
		}
		if rapid.Bool().Draw(t, "of field") {
			return "(" + drawField(t) + ` in ["c1", "` + strings.Repeat("x", len(list)) + `"])`
		}
		return "(" + drawPath(t) + " in [" + strings.Join(list, ", ") + "])"
	case "text":
		return pick(t, "subject", drawPath(t), drawField(t)) + "." + pick(t, "f", "startsWith", "endsWith", "contains") + "(" + pick(t, "arg", `"o"`, `"n"`, `""`, `"on"`, `"é"`) + ")"
	case "field":
		return "(" + drawField(t) + rel + pick(t, "arg", `"c1"`, `"charger"`, `""`, `"east"`) + ")"
	}
	return pick(t, "other", `(at.getSeconds() > 30)`, `data.l.exists(x, x == 1.0)`, `(size(data.s) > 2)`, `data.s.matches("^o")`, `(data.a == data.b)`, `(int(data.a) > 1)`)
}

func drawData(t *rapid.T, depth int) string {
	members := []string{}
	for range rapid.IntRange(0, 5).Draw(t, "members") {
		name := pick(t, "name", "a", "b", "n", "l", "s", "t", "x", "y", `\u0061`, "z")
		value := pick(t, "json", "0", "1", "1.5", "-0", "2", "9007199254740993", "1e300", "0.1", `"on"`, `"off"`, `""`, `"\u006fn"`, `"é"`, `"\ud800"`, "true", "false", "null", "[]", `[1,{"x":2}]`, "obj", "1e400")
		if value == "obj" {
			value = "{}"
			if depth > 0 {
				value = drawData(t, depth-1)
			}
		}
		members = append(members, fmt.Sprintf(`"%s" :%s`, name, value))
	}
	return "{" + strings.Join(members, " , ") + "}"
}

// What has been translated means exactly what CEL says it means, also where it
// has no answer.
func TestConditionsAgainstCEL(t *testing.T) {
	c, err := newCompiler()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		ev := reading(float64(rapid.IntRange(0, 59).Draw(rt, "second")), "7", drawData(rt, 2))
		w := wind{}
		for _, name := range []string{"rise a 10s", "avg a 10s", "max b 1m0s", "count  1m0s"} {
			if rapid.Bool().Draw(rt, "known") {
				w[name] = float64(rapid.IntRange(-2, 2).Draw(rt, "x"))
			}
		}
		for range rapid.IntRange(1, 4).Draw(rt, "expressions") {
			agree(rt, t, c, drawCondition(rt, 3), &ev, w)
		}
	})
}

// The forms of rules are translated; this is what keeps 10,000 of them cheap.
func TestCommonFormsNeedNoCEL(t *testing.T) {
	for expr, want := range map[string]bool{
		`data.temp_c >= 70 || (data.temp_c >= 60 && rise("temp_c", "1m") >= 5)`: true,
		`!has(data.active) || data.active != false`:                             true,
		`type == 'closed' || (has(data.active) && data.active == false)`:        true,
		`device == "c1" && data.code in ["a", "b"] && part != ""`:               true,
		`data.p.x - data.p.y > 5.0 && data.topic.endsWith("/telemetry")`:        true,
		`avg("p", "5m") > 2.0 * min("p", "5m")`:                                 true,
		`data.on ? data.a > 3 : data.b > 3`:                                     true,
		`count("10m") >= 3`:                                                     true,
		`at.getHours() >= 22 && data.temp_c > 60`:                               false,
		`data.list.exists(x, x > 1.0)`:                                          false,
	} {
		c, err := newCompiler()
		if err != nil {
			t.Fatal(err)
		}
		at, ce := c.compile(expr, scope{})
		if ce != nil {
			t.Fatal(ce.what)
		}
		if got := c.out.native(at); got != want {
			t.Errorf("%s: native %v", expr, got)
		}
	}
}

func TestGates(t *testing.T) {
	after := func(x float64) float64 { return math.Nextafter(x, math.Inf(1)) }
	for expr, want := range map[string][]gate{
		`data.a >= 70 || (data.a >= 60 && rise("a", "1m") >= 5)`: {{{kind: atLeast, what: 1, num: 60}}},
		`data.a > 70 && device == "c1"`:                          {{{kind: isField, text: "c1"}}, {{kind: atLeast, what: 1, num: after(70)}}},
		`!(data.a >= 70)`:                                        {{{kind: atMost, what: 1, num: math.Nextafter(70, 0)}}},
		`data.a == "x" || data.a == "y"`:                         {{{kind: isText, what: 1, text: "x"}, {kind: isText, what: 1, text: "y"}}},
		`data.a != "x"`:                                          {{{kind: present, what: 1}}},
		`!has(data.a) || data.a != false`:                        nil,
		`rise("a", "1m") > 5 && data.b == true`:                  {{{kind: isFlag, what: 2, on: true}}, {{kind: windowAtLeast, num: after(5)}}},
		`at.getHours() > 5 && data.a < 3`:                        {{{kind: atMost, what: 1, num: math.Nextafter(3, 0)}}},
		`at.getHours() > 5 || data.a < 3`:                        nil,
		`false`:                                                  {{}},
		`!data.a && !(data.b || part == "1")`:                    {{{kind: isFlag, what: 1}}, {{kind: isFlag, what: 2}}},
		`1 < data.a - data.b`:                                    {{{kind: present, what: 1}}},
	} {
		c, err := newCompiler()
		if err != nil {
			t.Fatal(err)
		}
		at, ce := c.compile(expr, scope{})
		if ce != nil {
			t.Fatal(ce.what)
		}
		if d := cmp.Diff(want, c.out.gates(at, false), cmp.AllowUnexported(atom{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", expr, d)
		}
	}
}

// The reader takes data apart as encoding/json does, whatever the bytes are.
func FuzzScan(f *testing.F) {
	for _, s := range []string{
		`{"a":1.5,"n":{"x":{"y":"z"}},"l":[1,{"a":2}]}`, `{"a":1,"a":{"x":2},"a":"b"}`, `{"n":{"x":1},"n":5}`, `{"\u0061":"\ud83d\ude00\ud800"}`,
		`null`, `[]`, `{`, `{"a":1e999}`, `{"a":-0.0,"b":123456789012345678901234567890}`, "{\"a\":\"\xff\"}", `{"a":0123}`, `{"a":tru}`, `{"a":1}x`,
		strings.Repeat(`{"n":`, 50), `{"a":"` + strings.Repeat("é", 40) + `"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := newPaths()
		names := []string{"a", "b", "n", "l"}
		for _, a := range names {
			p.member(p.member(p.member(dataItself, a), "x"), "y")
		}
		v := newView(&conditions{paths: p}, nil)
		ev := event.Event{Data: data}
		v.begin(&ev)
		want := dataOf(&ev)
		for at := 1; at < len(p.nodes); at++ {
			wanted, ok := lookUp(want, strings.Split(p.string(path(at)), ".")[1:])
			if s := v.at(path(at)); !same(s, wanted, ok) {
				t.Fatalf("%q: %s is %+v, want %v %v", data, p.string(path(at)), *s, wanted, ok)
			}
		}
	})
}

func lookUp(data map[string]any, names []string) (any, bool) {
	var at any = data
	for _, n := range names {
		o, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		if at, ok = o[n]; !ok {
			return nil, false
		}
	}
	return at, true
}

func same(s *slot, want any, ok bool) bool {
	if !ok {
		return s.shape == shapeNothing
	}
	switch w := want.(type) {
	case nil:
		return s.shape == shapeNull
	case bool:
		return s.shape == shapeFlag && s.on == w
	case float64:
		return s.shape == shapeNumber && math.Float64bits(s.num) == math.Float64bits(w)
	case string:
		return s.shape == shapeText && string(s.text) == w
	case []any:
		return s.shape == shapeList
	}
	return s.shape == shapeObject
}

// Fuzzing looks for expressions and data on which the two differ.
func FuzzConditions(f *testing.F) {
	for _, s := range []string{
		`data.a >= 70 || (data.a >= 60 && rise("a", "1m") >= 5)`, `!has(data.n.x) || data.n.x != false`, `data.a in [1, "x", true]`,
		`data.a - data.b > 5.0`, `-data.a < data.b * 2.0`, `data.l.x == 1`, `data.a ? data.b : part == "7"`, `data.s.contains("a") && data["s"] < "z"`,
		`at.getHours() > 5 || data.l.exists(x, x == 1.0)`, `data.a + data.b == 2.0`, `data.a == null`, `1 in [1, 2]`,
	} {
		f.Add(s, `{"a":1,"b":2,"n":{"x":false},"l":[1],"s":"abc"}`)
	}
	f.Fuzz(func(t *testing.T, expr, data string) {
		if len(expr) > 300 || len(data) > 4096 {
			return
		}
		c, err := newCompiler()
		if err != nil {
			t.Fatal(err)
		}
		ev := event.Event{Device: "c1", Kind: event.Charger, Part: "7", Type: "telemetry", Data: json.RawMessage(data), At: time.Unix(0, 0).UTC()}
		agree(t, t, c, expr, &ev, wind{"rise a 1m0s": 6})
	})
}
