package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"dongyue/internal/event"
	"dongyue/internal/journal"
	"dongyue/rules"
)

// told runs a command below rules and returns what it printed and its exit code.
func told(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	root := &cobra.Command{Use: "dongyue", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(rulesCommand())
	var b bytes.Buffer
	root.SetOut(&b)
	root.SetErr(&b)
	root.SetArgs(append([]string{"rules"}, args...))
	err := root.ExecuteContext(t.Context())
	if err == nil {
		return b.String(), 0
	}
	b.WriteString(err.Error())
	if c, ok := errors.AsType[coded](err); ok {
		return b.String(), c.code
	}
	return b.String(), exitFailure
}

// folder has a file of rules with one about readings of t, and a test of it.
func folder(t *testing.T, limit string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"hot.yaml":      "rules:\n  - id: hot\n    title: {zh: 热, en: hot}\n    on: {kind: charger, channel: telemetry}\n    when: data.t >= " + limit + "\n    priority: low\n",
		"hot.test.yaml": "tests:\n  - name: seventy is hot\n    given: {device: c1, kind: charger}\n    events: [{at: 0s, telemetry: {t: 70}}]\n    expect: [\"@0s raised hot\"]\n  - name: ten is not\n    given: {device: c1, kind: charger}\n    events: [{at: 0s, telemetry: {t: 10}}]\n    expect: []\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRulesCheckAndTest(t *testing.T) {
	good, failing, bad := folder(t, "70"), folder(t, "80"), folder(t, "")
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"check " + good, 0, "ok, 1 rules"},
		{"check " + good + " --json", 0, "[]"},
		{"check " + bad, exitConfig, "hot.yaml:5:"},
		{"check " + bad + " --json", exitConfig, `"file":"hot.yaml"`},
		{"check a b", exitUsage, "--help"},
		{"test " + good, 0, "ok   hot.test.yaml:2: seventy is hot"},
		{"test " + failing, exitFailure, "1 of 2 rule tests failed"},
		{"test " + failing + " --json", exitFailure, `"ok":false`},
		{"test " + failing + " --run ten", 0, "ten is not"},
		{"test " + failing + " --run nobody", exitUsage, "no case has such a name"},
		{"test " + failing + " --run (", exitUsage, "--run"},
		{"test " + bad, exitConfig, "hot.yaml:5:"},
		{"schema", 0, `"keep_firing_for"`},
		{"schema --test", 0, `"expect"`},
		{"schema x", exitUsage, "--help"},
	} {
		if out, code := told(t, strings.Fields(c.args)...); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%s: exit code %d, want %d, %q in\n%s", c.args, code, c.code, c.says, out)
		}
	}
}

// written is a data folder whose journal has a reading a minute, hotter and hotter.
func written(t *testing.T, n int) (dir string, from time.Time) {
	t.Helper()
	dir, from = t.TempDir(), time.Now().UTC().Add(-time.Duration(n)*time.Minute).Truncate(time.Millisecond)
	j, err := journal.Open(t.Context(), journal.Options{Path: filepath.Join(dir, "journal.db")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	var all sync.WaitGroup
	for i := range n {
		all.Add(1)
		at := from.Add(time.Duration(i) * time.Minute)
		data, _ := json.Marshal(map[string]int{"t": i})
		j.Append(event.Event{
			Device: "c1", Kind: event.Charger, Zone: "east", Part: "7", Channel: event.Telemetry, Type: "telemetry", At: at, ReceivedAt: at, Data: data,
		}, func(_ uint64, _ bool, err error) {
			if err != nil {
				t.Error(err)
			}
			all.Done()
		})
	}
	all.Wait()
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, from
}

func TestOfflineReplay(t *testing.T) {
	t.Setenv("LC_ALL", "C")
	data, _ := written(t, 100)
	candidate, live := folder(t, "50"), folder(t, "200")
	out, code := told(t, "replay", candidate, "--against", live, "--data", data, "--since", "1d")
	for _, line := range []string{"100 events", "alarms raised   1, by the rules in force 0 (+1)", "hot   low", "c1/7 1", "+ ", "note:"} {
		if code != 0 || !strings.Contains(out, line) {
			t.Errorf("exit code %d, no %q in\n%s", code, line, out)
		}
	}
	t.Setenv("LC_ALL", "zh_CN.UTF-8")
	if out, _ := told(t, "replay", candidate, "--data", data, "--since", "1d"); !strings.Contains(out, "每天") || strings.Contains(out, "in force") {
		t.Errorf("in Chinese, without a comparison:\n%s", out)
	}
	out, code = told(t, "replay", candidate, "--data", data, "--since", "1d", "--json")
	var r rules.Report
	if err := json.Unmarshal([]byte(out), &r); code != 0 || err != nil || r.Events != 100 || r.Raised != 1 {
		t.Errorf("exit code %d, %v: %s", code, err, out)
	}
	if r.Seconds != 0 {
		t.Errorf("the time it took is in what must be the same each time: %s", out)
	}
	from := time.Now().UTC().Add(-24 * time.Hour).Format(time.RFC3339)
	fixed := []string{"replay", candidate, "--against", live, "--data", data, "--since", from, "--until", time.Now().UTC().Add(time.Hour).Format(time.RFC3339), "--json"}
	first, _ := told(t, fixed...)
	if second, code := told(t, fixed...); code != 0 || second != first || !strings.Contains(first, `"raised":1`) {
		t.Errorf("twice the same, exit code %d:\n%s\n%s", code, first, second)
	}
	for args, want := range map[string]int{
		"replay --data /nowhere --since 1d":                           exitFailure,
		"replay --data " + data + " --since soon":                     exitUsage,
		"replay --data " + data + " --since 1d --until 2d":            exitUsage,
		"replay " + folder(t, "") + " --data " + data:                 exitConfig,
		"replay --data " + data + " --against " + folder(t, "(") + "": exitConfig,
	} {
		if out, code := told(t, strings.Fields(args)...); code != want {
			t.Errorf("%s: exit code %d, want %d: %s", args, code, want, out)
		}
	}
}

func TestReplayByTheHub(t *testing.T) {
	report := `{"from":"2026-01-01T00:00:00Z","to":"2026-01-31T00:00:00Z","events":5,"compared":true,"raised":3,"live_raised":2,"hours":[{"at":"2026-01-01T00:00:00Z","count":3}],
		"rules":[{"rule":"hot","priority":"low","raised":3,"noisiest":[{"device":"c1","count":3}]}],"verdicts":[{"ok":false,"text":{"zh":"多","en":"too many"}}]}`
	asked := fakeHub(t, map[string]string{
		"POST /rules/replay":                     `{"id":"r1","state":"running"}`,
		"GET /rules/replays/r1":                  `{"id":"r1","state":"done","report":` + report + `}`,
		"POST /rules/reload":                     `{"changed":true,"set_version":"abc","rules":7,"still_ms":3.25}`,
		"GET /alarms/a1/explain":                 `{"rule":"hot","device":"c1","part":"7","raised":true,"conclusion":{"zh":"热","en":"it is hot"},"why":[{"what":"when","ok":true,"text":{"zh":"是","en":"data.t >= 70: yes"},"expr":"data.t >= 70"}],"event":{"seq":9,"device":"c1","data":{"t":80}},"alarm":{"ID":"a1","State":"unacked_active"},"transitions":[{"what":"raise","actor":"hub"}],"actions":[{"type":"command","text":{"en":"command cut"},"state":"done","command":{"ID":"k1","Status":"done"},"replies":[{"status":"done"}]}]}`,
		"GET /alarms/nobody/explain":             "ill",
		"GET /rules/hot/explain?device=c1&part=": `{"rule":"hot","device":"c1","conclusion":{"en":"the condition does not hold"}}`,
	})
	t.Setenv("LC_ALL", "C")
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"replay " + folder(t, "50") + " --since 30d", 0, "alarms raised   3, by the rules in force 2 (+1)"},
		{"replay --json", 0, `"raised":3`},
		{"replay --against x", exitUsage, "--data"},
		{"replay " + folder(t, ""), exitConfig, "hot.yaml:5:"},
		{"reload", 0, "version abc is in force: 7 rules; the judgement stood still for 3.2 ms"},
		{"explain a1", 0, "hot for c1/7: raised\nit is hot"},
		{"explain a1", 0, "command k1: done"},
		{"explain nobody", exitIll, "503"},
		{"explain --rule hot --device c1", 0, "hot for c1: not raised\nthe condition does not hold"},
		{"explain --rule hot", exitUsage, "--device"},
		{"explain", exitUsage, "--device"},
		{"explain a1 --rule hot --device c1", exitUsage, "name an alarm"},
	} {
		if out, code := told(t, strings.Fields(c.args)...); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%s: exit code %d, want %d, %q in\n%s", c.args, code, c.code, c.says, out)
		}
	}
	if !strings.Contains(strings.Join(*asked, ","), "POST /rules/replay,GET /rules/replays/r1") {
		t.Errorf("asked %v", *asked)
	}
}

// Who stops waiting ends the replay.
func TestReplayIsCancelled(t *testing.T) {
	asked := fakeHub(t, map[string]string{
		"POST /rules/replay": `{"id":"r1","state":"running"}`, "GET /rules/replays/r1": "ill", "DELETE /rules/replays/r1": "{}",
	})
	if _, code := told(t, "replay"); code != exitIll || (*asked)[len(*asked)-1] != "DELETE /rules/replays/r1" {
		t.Errorf("exit code %d, asked %v", code, *asked)
	}
}

func TestBadFilesOfTheHubAreListed(t *testing.T) {
	r := &refusal{Status: 422}
	if err := json.Unmarshal([]byte(`{"code":"rules.bad_files","detail":"nothing was changed","errors":[{"location":"a.yaml:3:1","message":"has no id"}]}`), r); err != nil {
		t.Fatal(err)
	}
	if got := r.Error(); got != "nothing was changed (rules.bad_files)\na.yaml:3:1: has no id" {
		t.Errorf("%q", got)
	}
}
