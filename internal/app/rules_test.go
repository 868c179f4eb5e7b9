package app

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dongyue/internal/config"
	"dongyue/rules"
)

// ruleAbout is a file with one rule about chargers' readings of a metric.
func ruleAbout(id, when string) string {
	return "rules:\n  - id: " + id + "\n    title: {zh: \"{name}热\", en: \"{name} is hot\"}\n" +
		"    on: {kind: charger, channel: telemetry}\n    when: " + when + "\n    priority: high\n"
}

// ruleHouse is a hub with a folder of rules.
func ruleHouse(t *testing.T, files map[string]string) (h *house, put func(name, text string)) {
	t.Helper()
	dir := t.TempDir()
	put = func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for n, text := range files {
		put(n, text)
	}
	return openHouse(t, t.TempDir(), func(c *config.Config) { c.Rules.Dir = dir }), put
}

func (h *house) openAlarms() (rules []string) {
	h.t.Helper()
	var open struct {
		Items []struct {
			Rule   string
			Active bool
		}
	}
	h.call(http.MethodGet, "/alarms?state=open", nil, &open)
	for _, a := range open.Items {
		rules = append(rules, fmt.Sprintf("%s %v", a.Rule, a.Active))
	}
	slices.Sort(rules)
	return rules
}

// wait asks for the open alarms until they are these, in any order.
func (h *house) wait(want ...string) {
	h.t.Helper()
	slices.Sort(want)
	var got []string
	for range 400 { // 20 s, on a machine that is busy
		if got = h.openAlarms(); slices.Equal(got, want) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	h.t.Fatalf("open alarms %v, want %v", got, want)
}

func TestSwapKeepsWhatFires(t *testing.T) {
	h, put := ruleHouse(t, map[string]string{"hot.yaml": ruleAbout("hot", "data.temp_c >= 70"), "warm.yaml": ruleAbout("warm", "data.temp_c >= 40")})
	_, publish, _ := h.register("charger", "charger-1")
	hot := func() { publish("telemetry", fmt.Sprintf(`{"at":%q,"values":{"temp_c":82}}`, now())) }
	hot()
	h.wait("hot true", "warm true")
	put("hot.yaml", ruleAbout("hot", "data.temp_c >= 71"))
	if err := os.Remove(filepath.Join(h.app.o.Config.Rules.Dir, "warm.yaml")); err != nil {
		t.Fatal(err)
	}
	var r rules.Reloaded
	h.call(http.MethodPost, "/rules/reload", nil, &r)
	if r.Rules != 1 { // the watcher may have been quicker
		t.Fatalf("%+v", r)
	}
	h.wait("hot true", "warm false") // what fires by a rule that stays goes on, by one that is gone it returns
	hot()
	var list struct {
		Items []rules.RuleView
		Disk  string
	}
	h.call(http.MethodGet, "/rules", nil, &list)
	if len(list.Items) != 1 || list.Items[0].Firing != 1 || list.Items[0].Raised != 1 || list.Disk != "same" {
		t.Errorf("the state has not moved over: %+v", list)
	}
	put("hot.yaml", "rules: [{}]")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.app.URL()+"/api/v1/rules/reload", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	h.call(http.MethodGet, "/rules", nil, &list)
	if resp.StatusCode != http.StatusUnprocessableEntity || len(list.Items) != 1 || list.Disk != "bad" {
		t.Errorf("a bad file: %d, %+v", resp.StatusCode, list)
	}
	if report := h.app.health.Report(t.Context()); !report.Ready || !strings.Contains(fmt.Sprint(report.Conditions), "hot.yaml") {
		t.Errorf("health: %+v", report)
	}
}

// A swap that can't be written is none: the old set goes on, with its state.
func TestSwapThatFailsLeavesTheOldSet(t *testing.T) {
	h, _ := ruleHouse(t, map[string]string{"hot.yaml": ruleAbout("hot", "data.temp_c >= 70")})
	_, publish, _ := h.register("charger", "charger-1")
	publish("telemetry", fmt.Sprintf(`{"at":%q,"values":{"temp_c":82}}`, now()))
	h.wait("hot true")
	other, problems := rules.Files{"warm.yaml": ruleAbout("warm", "data.temp_c >= 40")}.Load()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	rename := func(from, to string) {
		t.Helper()
		err := h.app.db.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	rename("rule_state", "elsewhere")
	_, err := h.app.judge.swap(t.Context(), other)
	rename("elsewhere", "rule_state")
	if err == nil {
		t.Fatal("the swap was written to a table that is not there")
	}
	if st := h.app.engine.Status(); len(st) != 1 || st[0].Rule.ID != "hot" || st[0].Firing != 1 {
		t.Fatalf("%+v", st)
	}
	publish("telemetry", fmt.Sprintf(`{"at":%q,"values":{"temp_c":20}}`, now()))
	h.wait("hot false") // the old set goes on
	if still, err := h.app.judge.swap(t.Context(), other); err != nil || still <= 0 {
		t.Errorf("the next swap: %v, %v", still, err)
	}
	if st := h.app.engine.Status(); len(st) != 1 || st[0].Rule.ID != "warm" {
		t.Errorf("%+v", st)
	}
}
