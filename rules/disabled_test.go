package rules

import (
	"encoding/json"
	"strings"
	"testing"

	"dongyue/internal/event"
)

// squared is an expression that costs the square of what the event has.
const squared = `data.xs.all(x, data.xs.all(y, x + y >= 0))`

// exhaust has a rule use up its budget.
func exhaust(e *Engine) (trs []Transition) {
	xs, _ := json.Marshal(map[string]any{"xs": make([]int, 300)})
	for i := range mostOver + 1 {
		trs = append(trs, e.Process([]event.Event{reading(float64(i), "7", string(xs))})...)
	}
	e.Commit()
	return trs
}

func TestDisabledRulesAreShown(t *testing.T) {
	d := newDesk(t, map[string]string{"a.yaml": ruleNamed("dear", squared), "b.yaml": ruleNamed("hot", "data.t >= 70")})
	if err := d.engine.Err(); err != nil {
		t.Fatal(err)
	}
	var switched []RuleSwitched
	for _, tr := range exhaust(d.engine) {
		if s, ok := Switched(&tr); ok {
			switched = append(switched, s)
		}
	}
	if len(switched) != 1 || switched[0].Change != "disabled" || switched[0].Rule != "dear" {
		t.Errorf("%+v", switched)
	}
	if err := d.engine.Err(); err == nil || !strings.Contains(err.Error(), "dear") || strings.Contains(err.Error(), "hot") {
		t.Errorf("health: %v", err)
	}
	var list struct{ Items []RuleView }
	d.ask("GET", "/rules", nil, &list)
	for _, v := range list.Items {
		if (v.ID == "dear") != (v.Disabled != nil) {
			t.Errorf("%s: %+v", v.ID, v.Disabled)
		}
		if v.Disabled != nil && (v.Disabled.Reason == "" || v.Disabled.Since.IsZero()) {
			t.Errorf("%+v", v.Disabled)
		}
	}
	ev := reading(100, "7", `{"xs":[1]}`)
	c := caseOf(t, d.engine, "dear", &ev)
	if x := c.Now(d.engine.Standing("dear", Asked{Device: "c1", Part: "7"})); !strings.Contains(x.Conclusion.EN, "switched off") {
		t.Errorf("%+v", x.Conclusion)
	}
	d.put("a.yaml", ruleNamed("dear", squared+" && data.t > 1"))
	if _, err := d.Reload(t.Context(), "u1"); err != nil {
		t.Fatal(err)
	}
	if err := d.engine.Err(); err != nil {
		t.Errorf("a changed rule is at work again, but: %v", err)
	}
}
