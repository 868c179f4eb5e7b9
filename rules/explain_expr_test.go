package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dongyue/internal/event"
)

func TestDissect(t *testing.T) {
	window := func(fn, metric string, span time.Duration) (float64, bool) { return 5.251, span == time.Minute }
	ev := reading(0, "7", `{"temp_c":58.2,"state":"charging","codes":[1,2],"on":true}`)
	for _, c := range []struct {
		expr    string
		outcome verdict
		clauses []string
	}{
		{`data.temp_c >= 70 || (data.temp_c >= 55 && rise("temp_c", "1m") >= 5)`, yes, []string{
			`data.temp_c >= 70 [data.temp_c = 58.2] no`, `data.temp_c >= 55 [data.temp_c = 58.2] yes`, `rise("temp_c", "1m") >= 5 [rise("temp_c", "1m") = 5.25] yes`}},
		{`data.temp_c >= 55 && rise("temp_c", "2m") >= 5`, unknown, []string{
			`data.temp_c >= 55 [data.temp_c = 58.2] yes`, `rise("temp_c", "2m") >= 5 [rise("temp_c", "2m") –] unknown: the window does not know yet`}},
		{`!has(data.active) || data.active != false`, yes, []string{`has(data.active) [] no`, `data.active != false [data.active –] unknown: data has no active`}},
		{`data.leakage_ma > 30`, unknown, []string{`data.leakage_ma > 30 [data.leakage_ma –] unknown: data has no leakage_ma`}},
		{`part == "7" && data.state.startsWith("char") ? data.on : kind == "door"`, yes, []string{
			`part == "7" [part = "7"] yes`, `data.state.startsWith("char") [data.state = "charging"] yes`, `data.on [data.on = true] yes`, `kind == "door" [kind = "charger"] no`}},
		{`data.codes.exists(c, c == 2)`, yes, []string{`data.codes.exists(c, c == 2) [] yes`}},
		{`count("1m") > 5.0`, yes, []string{`count("1m") > 5.0 [count("1m") = 5.25] yes`}},
		{`data.state in ["off", "fault"]`, no, []string{`data.state in ["off", "fault"] [data.state = "charging"] no`}},
		{`data.temp_c - 50.0 > data.temp_c / 2.0`, no, []string{`data.temp_c - 50.0 > data.temp_c / 2.0 [data.temp_c = 58.2] no`}},
	} {
		d, err := dissect(c.expr, &ev, window)
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		if d.outcome != c.outcome {
			t.Errorf("%s: %v", c.expr, d.outcome)
		}
		var got []string
		for _, a := range d.clauses {
			s := fmt.Sprintf("%s [%s] %s", a.expr, a.values, [...]string{"unknown", "no", "yes"}[a.outcome])
			if a.missing != "" {
				s += ": " + a.missing
			}
			got = append(got, s)
		}
		if fmt.Sprint(got) != fmt.Sprint(c.clauses) {
			t.Errorf("%s:\n got  %q\n want %q", c.expr, got, c.clauses)
		}
	}
}

// What an expression comes to here is what the engine makes of it.
func TestDissectionAgreesWithTheEngine(t *testing.T) {
	exprs := []string{
		"data.t >= 70 || data.u < 3", "!has(data.t) || data.t != false", "has(data.u) && data.u == 2", `part == "7" ? data.t > 1 : data.u > 1`,
		"data.t > data.u", `data.t in [1, 2, "x"]`, "!(data.t == 1) && data.u == null", "data.t == 1 || data.u == 1 || part == '8'",
	}
	sets := map[string]*Set{}
	for _, x := range exprs {
		sets[x] = mustLoad(t, ruleNamed("x", fmt.Sprintf("%q", x)))
	}
	values := []string{"1", "2.5", "80", `"x"`, "true", "false", "null"}
	rapid.Check(t, func(t *rapid.T) {
		members := []string{}
		for _, m := range []string{"t", "u"} {
			if rapid.Bool().Draw(t, "has "+m) {
				members = append(members, fmt.Sprintf("%q:%s", m, rapid.SampledFrom(values).Draw(t, m)))
			}
		}
		ev := reading(0, rapid.SampledFrom([]string{"", "7", "8"}).Draw(t, "part"), "{"+strings.Join(members, ",")+"}")
		x := rapid.SampledFrom(exprs).Draw(t, "expr")
		e, err := New(Options{Set: sets[x]})
		if err != nil {
			t.Fatal(err)
		}
		d, err := dissect(x, &ev, nil)
		if err != nil {
			t.Fatal(err)
		}
		raised := len(e.Process([]event.Event{ev})) > 0
		if raised != (d.outcome == yes) {
			t.Fatalf("%s of %s: the engine raises %v, here it is %v", x, ev.Data, raised, d.outcome)
		}
	})
}

func TestDissectRefusesWhatIsNoExpression(t *testing.T) {
	ev := reading(0, "", "{}")
	if _, err := dissect("data.", &ev, nil); err == nil {
		t.Error("it is explained")
	}
}
