package rules

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"dongyue/internal/event"
)

// Every mistake of a file is told, each with its place.
func TestLoadTellsAllProblems(t *testing.T) {
	_, problems := Load(fstest.MapFS{
		"a.yaml": {Data: []byte(`rules:
  - id: charger.hot
    title: {zh: 热, en: "hot {nmae}"}
    on: {kind: chrager, channel: telemetry}
    wehn: data.t > 1
    priority: hihg
  - id: Bad Id
    title: {zh: 热}
    on: {type: smoke, chanel: event}
    when: data.t >
    for: ten
    priority: low
    priority: low
  - id: charger.hot
    title: {zh: 热, en: hot}
    on: {type: smoke}
    priority: low
    for: 10s
    show: {cameras: nearest(200)}
    depends_on: [charger.hott, charger.hot]
    actions:
      - {command: cut, broadcast: {}}
      - {command: cut, args: {part: "{prat}"}, ttl: -1s}
      - {broadcast: {priority: 9}}
      - {work_order: {title: {zh: 修, en: repair}}, device: x}
`)},
		"b.yaml":      {Data: []byte("rules:\n  - id: b\n   x: 1\n")},
		"c.yaml":      {Data: []byte("# nothing\n")},
		"d.yaml":      {Data: []byte("rules:\n  - {id: d, title: {zh: a, en: a}, on: {channel: telemetry}, priority: low}\n")},
		"e.yaml":      {Data: []byte("rules:\n  - {id: e1, title: {zh: a, en: a}, on: {type: x}, priority: low, depends_on: [e2]}\n  - {id: e2, title: {zh: a, en: a}, on: {type: x}, priority: low, depends_on: [e1]}\n  - {id: e3, title: {zh: a, en: a}, on: {type: x}, priority: low, latch: true, depends_on: [e1]}\n")},
		"f.test.yaml": {Data: []byte("not: looked at")},
	})
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	want := []string{
		`a.yaml:2:7: rules[0]: watches a channel without a condition; add when`,
		`a.yaml:3:5: rules[0].title: unknown placeholder {nmae}; did you mean "name"?`,
		`a.yaml:4:16: rules[0].on.kind: unknown kind "chrager"; did you mean "charger"?`,
		`a.yaml:5:5: rules[0]: unknown key "wehn"; did you mean "when"?`,
		`a.yaml:6:15: rules[0].priority: unknown priority "hihg"; did you mean "high"?`,
	}
	if d := cmp.Diff(want, got[:min(len(want), len(got))]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{
		`a.yaml:7:9: rules[1].id: "Bad Id" is not an id`,
		`a.yaml:8:5: rules[1].title: needs zh and en`,
		`unknown key "chanel"; did you mean "channel"?`,
		`a.yaml:10:`,
		`a.yaml:11:10: rules[1].for: must be a duration`,
		`a.yaml:13:5: rules[1].priority: is here twice; the first is on line 12`,
		`rule "charger.hot" is there already; the first is in a.yaml, line 2`,
		`rules[2].show.cameras: "nearest(200)" is no choice of cameras`,
		`rules[2].actions[0]: is not one action`,
		`unknown placeholder {prat}; did you mean "part"?`,
		`rules[2].actions[1].ttl: must be a duration`,
		`rules[2].actions[2].broadcast: has no zones`,
		`rules[2].actions[2].broadcast: has no text`,
		`rules[2].actions[2].broadcast.priority: must be a whole number from 1 to 6`,
		`rules[2].actions[3].device: belongs to a command`,
		`rules[2].actions[3].work_order: has no priority`,
		`rules[2].for: an event that nothing ends can't last`,
		`b.yaml:`,
		`c.yaml:0:0: has no rules`,
		`d.yaml:2:`,
		`watches a channel without a condition`,
		`depends on itself in a circle`,
		`a rule that latches is never silenced by another`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("not told: %s", want)
		}
	}
	if strings.Contains(all, "f.test.yaml") {
		t.Error("a test file was read as rules")
	}
	if t.Failed() {
		t.Log("\n" + all)
	}
}

func TestExpressionProblems(t *testing.T) {
	for _, c := range []struct{ when, want string }{
		{`data.t > `, "Syntax error"},
		{`data.t`, ""}, // of unknown type: seen when it runs
		{`data.t + 1`, "is int, not a condition"},
		{`"text"`, "is string, not a condition"},
		{`device.size() > zone`, "no matching overload"},
		{`tempc > 3`, "undeclared reference"},
		{`rise("t", "forever") > 1`, "rise wants a metric and a span"},
		{`rise(device, "2m") > 1`, "rise wants a metric and a span"},
		{strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100), "recursion"},
		{strings.Repeat("true && ", 300) + "true", "longer than"},
	} {
		_, problems := Check("rules.yaml", []byte(`rules: [{id: a, title: {zh: a, en: a}, on: {type: x}, priority: low, when: '`+strings.ReplaceAll(c.when, "'", "''")+`'}]`), nil)
		switch {
		case c.want == "" && len(problems) > 0:
			t.Errorf("%.40s: %v", c.when, problems)
		case c.want != "" && (len(problems) != 1 || !strings.Contains(problems[0].String(), c.want)):
			t.Errorf("%.40s: %v, want %s", c.when, problems, c.want)
		}
	}
	// The column is that of the mistake, not of the expression.
	_, problems := Check("rules.yaml", []byte("rules:\n  - id: a\n    title: {zh: a, en: a}\n    on: {type: x}\n    priority: low\n    when: data.t > 3 && nothing > 4\n"), nil)
	if len(problems) != 1 || problems[0].Line != 6 || problems[0].Col != 25 {
		t.Errorf("%v", problems)
	}
}

func TestCheckBesideASet(t *testing.T) {
	text := []byte("rules: [{id: a, title: {zh: a, en: a}, on: {type: x}, priority: low, depends_on: [hot]}]")
	if _, problems := Check("a.yaml", text, nil); len(problems) != 1 {
		t.Error(problems)
	}
	if _, problems := Check("a.yaml", text, mustLoad(t, hot)); len(problems) != 0 {
		t.Error(problems)
	}
}

func TestTestFiles(t *testing.T) {
	dir := fstest.MapFS{
		"hot.yaml": {Data: []byte(hot)},
		"hot.test.yaml": {Data: []byte(`tests:
  - name: right
    given: {device: c1, kind: charger}
    events: [{at: 0s, part: "7", telemetry: {t: 71}}, {at: 1s, part: "7", telemetry: {t: 1}}]
    expect: ["@0s raised hot", "@1s returned hot high c1/7"]
  - name: wrong
    events: [{at: 0s, device: c1, kind: charger, telemetry: {t: 71}}]
    expect: ["@0s raised hotter"]
  - name: too little
    events: [{at: 0s, device: c1, kind: charger, telemetry: {t: 71}}]
    expect: []
`)},
	}
	results, problems := Test(dir)
	if len(problems) > 0 || len(results) != 3 || !results[0].OK || results[1].OK || results[2].OK || results[1].Line != 6 {
		t.Fatalf("%+v %v", results, problems)
	}
	if d := cmp.Diff([]string{"@0s raised hot high c1"}, results[1].Got); d != "" {
		t.Error(d)
	}
	dir["hot.test.yaml"].Data = []byte("tests: [{events: [{at: 5s, telemetry: {t: 1}}, {at: 0s}], expct: []}]")
	_, problems = Test(dir)
	if len(problems) != 5 { // name, device, order, key, expect
		t.Errorf("%v", problems)
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"when", "for", "latch", "keep_firing_for"}
	for got, want := range map[string]string{
		"wehn": `did you mean "when"?`, "keepfiringfor": `did you mean "keep_firing_for"?`,
		"colour": "known are when, for, latch, keep_firing_for", "": "known are when, for, latch, keep_firing_for",
	} {
		if s := suggest(got, known); s != want {
			t.Errorf("%q: %s", got, s)
		}
	}
}

// A rule file from anywhere must give rules or problems, in time, and what it
// gives must be usable.
func FuzzLoad(f *testing.F) {
	entries, err := os.ReadDir("../configs/rules")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		if text, err := os.ReadFile("../configs/rules/" + e.Name()); err == nil {
			f.Add(text)
		}
	}
	f.Add([]byte("rules: &a [*a]"))
	f.Add([]byte("rules: [{<<: {id: x}}]"))
	f.Add([]byte("? [a]\n: b"))
	f.Add([]byte("rules: [{id: a, title: {zh: '[{part}', en: a}, on: {type: [x, x]}, priority: low}]"))
	ev := happening(1, "smoke", "7", `{"active":true,"temp_c":82}`)
	f.Fuzz(func(t *testing.T, text []byte) {
		set, problems := Check("fuzz.yaml", text, nil)
		if (set == nil) == (len(problems) == 0) {
			t.Fatalf("set %v with %d problems", set, len(problems))
		}
		readCases(&source{file: "fuzz.test.yaml"}, text)
		if set == nil {
			return
		}
		e, err := New(Options{Set: set})
		if err != nil {
			t.Fatal(err)
		}
		e.Process([]event.Event{ev, reading(2, "7", `{"temp_c":82}`)})
		e.Tick(testEpoch().Add(longest))
	})
}

// Every mistake of an expression is told where it stands, also in a text over
// several lines, and that of depends_on at the name that is wrong.
func TestPlacesOfMistakes(t *testing.T) {
	rule := func(rest string) string {
		return "rules:\n  - id: a\n    title: {zh: a, en: a}\n    on: {type: x}\n    priority: low\n" + rest
	}
	for _, c := range []struct {
		what, text string
		want       []string
	}{
		{"two in one line", rule("    when: nothing > 4 || nobody < 3\n"), []string{
			"f.yaml:6:11: rules[0].when: undeclared reference to 'nothing'", "f.yaml:6:26: rules[0].when: undeclared reference to 'nobody'",
		}},
		{"in quotes", rule("    when: \"nothing > 4 || nobody < 3\"\n"), []string{"f.yaml:6:12: ", "f.yaml:6:27: "}},
		{"a block as it stands", rule("    when: |\n      data.t > 3 &&\n        nothing > 4\n"), []string{"f.yaml:8:9: "}},
		{"a folded block", rule("    when: >-\n      data.t > 3 &&\n      nothing > 4 &&\n      nobody > 4\n"), []string{"f.yaml:8:7: ", "f.yaml:9:7: "}},
		{"a name that is not there", rule("    depends_on: [b]\n"), []string{`f.yaml:6:18: rules[0].depends_on[0]: there is no rule "b"`}},
		{"a scope that can't be", rule("    depends_on:\n      - b\n      - rule: c\n        scope: zone\n") +
			"  - id: b\n    title: {zh: a, en: a}\n    on: {type: x}\n    priority: low\n    depends_on:\n      - a\n", []string{
			`f.yaml:8:9: rules[0].depends_on[1]: there is no rule "c"`, `f.yaml:15:9: rules[1].depends_on[0]: rule "a" depends on itself in a circle`,
		}},
		{"itself", rule("    depends_on: a\n"), []string{`f.yaml:6:17: rules[0].depends_on: rule "a" depends on itself in a circle`}},
	} {
		_, problems := Check("f.yaml", []byte(c.text), nil)
		if len(problems) != len(c.want) {
			t.Errorf("%s: %v", c.what, problems)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(problems[i].String(), want) {
				t.Errorf("%s: %s, want %s", c.what, problems[i], want)
			}
		}
	}
}

// A case that can't show anything is a mistake: it would hold whatever the rules do.
func TestProblemsOfCases(t *testing.T) {
	beside := Files{"hot.yaml": hot}
	for _, c := range []struct{ events, want string }{
		{"{at: 0s, device: x, kind: chargr, telemetry: {t: 1}}", `tests[0].events[0].kind: unknown kind "chargr"; did you mean "charger"?`},
		{"{at: 0s, device: x, kind: charger, telemetry: 7}", "tests[0].events[0].telemetry: must be a mapping"},
		{"{at: 0s, device: x, kind: charger, event: opened, data: [1]}", "tests[0].events[0].data: must be a mapping"},
		{"{at: 0s, device: x, kind: charger, event: opened, telemetry: {t: 1}}", "tests[0].events[0].telemetry: stands beside event"},
		{"{at: 0s, device: x, kind: charger, data: {t: 1}}", "tests[0].events[0].data: belongs to an event"},
		{"{at: 0s, device: x, kind: charger, telemetry: {t: 1}, data: {t: 1}}", "tests[0].events[0].data: belongs to an event"},
		{"{at: 0s, late: true}", "tests[0].events[0].late: belongs to what a device says"},
	} {
		_, problems := beside.With(Files{"hot.test.yaml": "tests: [{name: a, expect: [], events: [" + c.events + "]}]"}).Test(nil)
		if len(problems) != 1 || !strings.Contains(problems[0].String(), c.want) || problems[0].Line == 0 || problems[0].Col == 0 {
			t.Errorf("%s: %v", c.events, problems)
		}
	}
	_, problems := beside.With(Files{"cold.test.yaml": "tests: [{name: a, expect: [], events: [{at: 1s}]}]"}).Test(nil)
	if len(problems) != 1 || !strings.Contains(problems[0].String(), "cold.test.yaml:0:0: there are no rules beside it: cold.yaml") {
		t.Errorf("%v", problems)
	}
}

func TestProblemsOfBounds(t *testing.T) {
	for rest, want := range map[string]string{
		"on: {type: x}, realarm: 1ms":           "f.yaml:1:79: rules[0].realarm: calls again sooner than the hub looks; at least 1s",
		"on: {type: x, zone: /east}":            `rules[0].on.zone: "/east" is no zone`,
		"on: {type: x, zone: [east, west/]}":    `rules[0].on.zone: "west/" is no zone`,
		"on: {type: x, zone: east//b01}":        `rules[0].on.zone: "east//b01" is no zone`,
		"on: {type: x}, realarm: 1s":            "",
		"on: {type: x, zone: [east/b01, west]}": "",
	} {
		_, problems := Check("f.yaml", []byte("rules: [{id: a, title: {zh: a, en: a}, priority: low, "+rest+"}]"), nil)
		if (want == "") != (len(problems) == 0) || want != "" && !strings.Contains(problems[0].String(), want) {
			t.Errorf("%s: %v", rest, problems)
		}
	}
}
