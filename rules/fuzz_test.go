package rules

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"dongyue/internal/event"
)

// shippedTexts adds the files that ship, rules or tests, as seeds.
func shippedTexts(f *testing.F, tests bool) {
	entries, err := os.ReadDir("../configs/rules")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".yaml") && strings.HasSuffix(e.Name(), TestSuffix) == tests {
			text, err := os.ReadFile("../configs/rules/" + e.Name())
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
}

// A test file from anywhere gives cases or problems, and its cases can be played.
func FuzzTestFile(f *testing.F) {
	shippedTexts(f, true)
	f.Add([]byte("tests: [{name: a, expect: []}]"))
	f.Add([]byte("tests: [{name: a, given: {device: d, kind: k}, events: [{at: 1s, event: e, data: 1}, {at: 0s}], expect: [x]}]"))
	set, problems := Load(os.DirFS("../configs/rules"))
	if len(problems) > 0 {
		f.Fatal(problems)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := &source{file: "charger" + TestSuffix}
		cases := readCases(s, text)
		if len(s.problems) > 0 {
			return
		}
		for _, c := range cases {
			if c.name == "" {
				t.Error("a case without a name is no problem")
			}
			if _, err := c.play(set); err != nil {
				t.Error(err)
			}
		}
	})
}

// What the loader takes, an editor with the schema takes too.
func FuzzSchema(f *testing.F) {
	shippedTexts(f, false)
	f.Add([]byte(fullRule))
	s := ruleValidator(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		if set, _ := Check("fuzz.yaml", text, nil); set == nil {
			return
		}
		v, err := value(text)
		if err != nil {
			return // YAML that only one of the two libraries' readers takes
		}
		if err := s.Validate(v); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	})
}

// fullRule has every key.
const fullRule = `
rules:
  - id: a.b
    title: {zh: "{name}[ {part}]", en: "{name}"}
    on: {kind: [charger], channel: telemetry, zone: [east, west/b01], where: part == "7"}
    when: data.t > 1.5 && rise("t", "1m") > 2
    for: 1m30s
    keep_firing_for: 1.5h
    clear: {when: data.t < 1}
    priority: critical
    life_safety: true
    realarm: 10m
    incident: {cause: fire, place: unit}
    escalation: night
    silent: false
    procedure: smoke
    show: {cameras: nearest(2)}
    actions:
      - {command: cut, device: "{device}", args: {part: "{part}", n: [1, {x: true}]}, ttl: 10s}
      - {broadcast: {zones: "{zone}", text: {zh: a, en: b}, priority: 3}}
      - {work_order: {title: {zh: a, en: b}, priority: low}}
      - {clip: {before: 5s}}
      - {notify: {to: [on_duty, "user:u7"]}}
  - id: c
    title: {zh: a, en: b}
    on: {type: smoke}
    clear: {type: [smoke, x], when: data.active == false}
    depends_on: d
    latch: false
    show: {cameras: 3}
    priority: low
  - id: d
    title: {zh: a, en: b}
    on: {kind: sensor, channel: presence}
    absent: 30s
    settle: 1m
    depends_on: [{rule: e, scope: via}, {rule: a.b, scope: zone}]
    priority: low
  - id: e
    title: {zh: a, en: b}
    on: {kind: lamp, channel: telemetry}
    when: avg("t", "10m") > 1 && min("t", "10m") < 2 && max("t", "1h") > 3 && rate("e", "1m") > 0 && count("5m") >= 3
    quorum: {of: 3, share_pct: 30, by: via, clear_below: 2}
    priority: low
`

func TestFullRuleIsTakenByBoth(t *testing.T) {
	set := mustLoad(t, fullRule)
	v, err := value([]byte(fullRule))
	if err != nil {
		t.Fatal(err)
	}
	if err := ruleValidator(t).Validate(v); err != nil {
		t.Error(err)
	}
	e, err := New(Options{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	ev := reading(0, "7", `{"t":2}`)
	if trs := e.Process([]event.Event{ev}); len(trs) != 0 {
		t.Error(lines(trs))
	}
	misspelt := bytes.Replace([]byte(fullRule), []byte("keep_firing_for"), []byte("keep_firing"), 1)
	if v, err = value(misspelt); err != nil {
		t.Fatal(err)
	}
	if ruleValidator(t).Validate(v) == nil {
		t.Error("the schema lets a misspelt key pass")
	}
}
