package app

import (
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dongyue/internal/alarm"
	"dongyue/internal/event"
	"dongyue/rules"
)

// lineage is an explanation as a client has it.
type lineage struct {
	rules.Explanation
	Alarm       *alarm.Alarm
	Transitions []alarm.JournalEntry
	Actions     []actionTrace
}

func (h *house) explain(path string) (x lineage) {
	h.t.Helper()
	h.call(http.MethodGet, path, nil, &x)
	for _, r := range x.Why {
		if r.Text.ZH == "" || r.Text.EN == "" || strings.Contains(r.Text.EN+r.Text.ZH, "%!") {
			h.t.Errorf("%s: %+v", r.What, r.Text)
		}
	}
	return x
}

func (x *lineage) step(what string) *rules.Reason {
	if i := slices.IndexFunc(x.Why, func(r rules.Reason) bool { return r.What == what && (!r.OK || r.Expr == "") }); i >= 0 {
		return &x.Why[i]
	}
	return &rules.Reason{}
}

// From the reading over the rule and the alarm to the command and the charger's
// answer.
func TestLineageOfAnAlarm(t *testing.T) {
	h := openHouse(t, t.TempDir())
	_, publish, commands := h.register("charger", "charger-1")
	publish("telemetry", fmt.Sprintf(`{"at":%q,"part":"7","values":{"temp_c":82}}`, now()))
	c := receive(t, commands)
	publish("reply", fmt.Sprintf(`{"id":%q,"status":"done","at":%q}`, c["id"], now()))
	var open listed
	h.call(http.MethodGet, "/alarms?state=open&device=charger-1", nil, &open)
	if len(open.Items) != 1 {
		t.Fatalf("%+v", open)
	}
	var x lineage
	for range 200 { // the answer is on its way
		if x = h.explain("/alarms/" + open.Items[0].ID + "/explain"); len(x.Actions) == 1 && len(x.Actions[0].Replies) == 1 && x.Actions[0].Command.Status == "done" {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !x.Raised || x.Rule != "charger.over_temperature" || x.File != "charger.yaml" || x.Version == "" || x.Version != x.Current || x.Event == nil || x.Event.Seq == 0 {
		t.Errorf("%+v", x.Explanation)
	}
	if !strings.Contains(x.Conclusion.EN, "data.temp_c = 82") {
		t.Errorf("%+v", x.Conclusion)
	}
	if i := slices.IndexFunc(x.Why, func(r rules.Reason) bool {
		return r.Expr == "data.temp_c >= 70" && r.OK && r.Value == "data.temp_c = 82"
	}); i < 0 {
		t.Errorf("%+v", x.Why)
	}
	if len(x.Actions) != 2 || x.Actions[1].Type != "clip" || x.Actions[0].State != "done" || x.Actions[0].Command == nil || x.Actions[0].Command.Type != "cut" ||
		len(x.Actions[0].Replies) != 1 || x.Actions[0].Replies[0].Status != "done" || x.Actions[0].Replies[0].Seq == 0 {
		t.Errorf("%+v", x.Actions)
	}
	if len(x.Transitions) < 2 || x.Transitions[0].What != "raise" || x.Alarm == nil || x.Alarm.ID != open.Items[0].ID {
		t.Errorf("%+v, %+v", x.Transitions, x.Alarm)
	}
}

// An old alarm is explained by the rule that raised it, whatever it is now.
func TestOldAlarmIsExplainedByItsOwnRule(t *testing.T) {
	h, put := ruleHouse(t, map[string]string{"hot.yaml": ruleAbout("hot", "data.temp_c >= 70")})
	_, publish, _ := h.register("charger", "charger-1")
	publish("telemetry", fmt.Sprintf(`{"at":%q,"values":{"temp_c":82}}`, now()))
	h.wait("hot true")
	put("hot.yaml", ruleAbout("hot", "data.temp_c >= 90"))
	h.call(http.MethodPost, "/rules/reload", nil, nil)
	var open listed
	h.call(http.MethodGet, "/alarms?state=open", nil, &open)
	x := h.explain("/alarms/" + open.Items[0].ID + "/explain")
	if x.Version == x.Current || !strings.Contains(x.Conclusion.EN, "data.temp_c >= 70") {
		t.Errorf("%s, now %s: %s", x.Version, x.Current, x.Conclusion.EN)
	}
}

func TestWhyARuleIsNotRaised(t *testing.T) {
	h, _ := ruleHouse(t, map[string]string{
		"hot.yaml":  ruleAbout("hot", "data.temp_c >= 70"),
		"slow.yaml": strings.Replace(ruleAbout("slow", "data.temp_c >= 40"), "priority", "for: 1h\n    priority", 1),
		"rise.yaml": ruleAbout("rising", `rise("temp_c", "1m") > 1000`),
	})
	_, publish, _ := h.register("charger", "charger-1")
	h.register("lamp", "lamp-1")
	ask := func(rule, device string) lineage { return h.explain("/rules/" + rule + "/explain?device=" + device) }
	if x := ask("hot", "charger-1"); x.Raised || !strings.Contains(x.Conclusion.EN, "no telemetry") || x.Event != nil {
		t.Errorf("nothing came: %+v", x.Conclusion)
	}
	if x := ask("hot", "lamp-1"); !strings.Contains(x.Conclusion.EN, "this device is a lamp") {
		t.Errorf("another kind: %+v", x.Conclusion)
	}
	publish("telemetry", fmt.Sprintf(`{"at":%q,"part":"3","values":{"temp_c":58.2}}`, now()))
	for range 200 {
		if x := ask("slow", "charger-1"); x.step("for").What != "" {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if x := ask("hot", "charger-1"); !strings.Contains(x.Conclusion.EN, "data.temp_c = 58.2") || x.Part != "3" || x.Event.Seq == 0 {
		t.Errorf("below the limit: %+v, %+v", x.Conclusion, x.Event)
	}
	if x := ask("slow", "charger-1"); x.Raised || !strings.Contains(x.Conclusion.EN, "it must for 1h0m0s") {
		t.Errorf("not long enough: %+v", x.Conclusion)
	}
	if x := ask("rising", "charger-1"); !strings.Contains(x.Conclusion.EN, "the window does not know yet") {
		t.Errorf("an empty window: %+v", x.Conclusion)
	}
	publish("telemetry", fmt.Sprintf(`{"at":%q,"part":"3","values":{"temp_c":80}}`, now()))
	h.wait("hot true")
	x := ask("hot", "charger-1")
	if !x.Raised || x.Alarm == nil || x.step("alarm").What == "" {
		t.Errorf("raised: %+v", x.Conclusion)
	}
	h.call(http.MethodPost, "/alarms/"+x.Alarm.ID+"/close", map[string]string{"reason": "false_alarm", "text": "a test"}, nil)
	if x := ask("hot", "charger-1"); !strings.Contains(x.Conclusion.EN, "closed by") || x.step("alarm").OK {
		t.Errorf("closed by a person: %+v", x.Conclusion)
	}
}

// Readings with QoS 0 are not in the journal; the twin and the curves have them.
func TestReadingsOfQoS0AreExplained(t *testing.T) {
	h, _ := ruleHouse(t, map[string]string{
		"rise.yaml": ruleAbout("rising", `rise("temp_c", "10s") > 1000`),
		"day.yaml":  ruleAbout("day", `changed("temp_c") && avg("temp_c", "24h") > 1000.0`),
	})
	c, _, _ := h.register("charger", "charger-1")
	for i := range 3 {
		c.Publish("dy/v1/charger/charger-1/telemetry", 0, false, fmt.Sprintf(`{"at":%q,"part":"3","values":{"temp_c":%d}}`, time.Now().Add(time.Duration(4*i-8)*time.Second).UTC().Format(time.RFC3339Nano), 40+i)).Wait()
	}
	var x lineage
	for range 200 {
		if x = h.explain("/rules/rising/explain?device=charger-1&part=3"); strings.Contains(x.step("when").Value, "= ") {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if r := x.step("when"); !strings.HasPrefix(r.Value, `rise("temp_c", "10s") = 1`) || x.Event == nil || x.Event.Seq != 0 {
		t.Errorf("%+v, %+v", r, x.Event)
	}
	// A window of a whole day is read in longer steps.
	if x = h.explain("/rules/day/explain?device=charger-1&part=3"); x.Event == nil || !strings.Contains(fmt.Sprint(x.Why), `changed("temp_c") = true`) || !strings.Contains(fmt.Sprint(x.Why), "does not know") {
		t.Errorf("%+v", x.Why)
	}
}

func TestExplainRefuses(t *testing.T) {
	h := openHouse(t, t.TempDir())
	admin := h.visitors()[1]
	for path, want := range map[string]string{
		"/alarms/nobody/explain":                           "alarm.unknown",
		"/rules/nobody/explain?device=x":                   "rules.unknown",
		"/rules/charger.smoke/explain?device=x":            "device.not_found",
		"/rules/charger.smoke/explain?device=../../passwd": "device.not_found",
		"/rules/charger.smoke/explain":                     "request.invalid",
	} {
		if w := admin.ask(h, http.MethodGet, "/api/v1"+path, "", ""); !strings.Contains(w.Body.String(), `"`+want+`"`) {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
}

// An alarm that no rule file has is explained as what it is.
func TestAlarmOfTheHubItself(t *testing.T) {
	h := openHouse(t, t.TempDir())
	var id string
	err := h.app.db.Tx(t.Context(), func(tx *sql.Tx) error {
		out, err := h.app.alarms.Apply(t.Context(), tx, []alarm.Signal{{
			Rule: "security.topic", Device: "lamp-1", Raised: true, At: time.Now(), Priority: event.High, Latch: true,
			Title: event.Text{ZH: "越权", EN: "beyond"}, Evidence: event.Event{Device: "lamp-1"},
		}})
		if err == nil {
			id = out[0].ID
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if x := h.explain("/alarms/" + id + "/explain"); !strings.Contains(x.Conclusion.EN, "by the hub itself") || x.Current != "" {
		t.Errorf("%+v", x.Explanation)
	}
}
