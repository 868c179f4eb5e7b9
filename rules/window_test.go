package rules

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
)

// one is a rule with a condition, on telemetry of chargers.
func one(when string) string { return strings.Replace(hot, "data.t >= 70", "'"+when+"'", 1) }

func TestWindowFunctions(t *testing.T) {
	for _, c := range []struct {
		when     string
		readings []string // second:value
		want     []string
	}{
		{`avg("t", "10s") > 5.0`, []string{"0:9", "4:9"}, nil}, // not half full
		{`avg("t", "10s") > 5.0`, []string{"0:4", "5:7"}, []string{"@5s raised hot high c1/7"}},
		{`avg("t", "10s") > 5.0`, []string{"0:4", "5:7", "11:1"}, []string{"@5s raised hot high c1/7", "@11s returned hot high c1/7"}},
		{`max("t", "10s") >= 9.0`, []string{"0:9", "6:1", "12:1"}, []string{"@6s raised hot high c1/7", "@12s returned hot high c1/7"}},
		{`min("t", "10s") > 3.0`, []string{"0:1", "6:5", "12:5", "13:3"}, []string{"@12s raised hot high c1/7", "@13s returned hot high c1/7"}},
		{`rate("t", "10s") > 2.0`, []string{"0:10", "5:20", "10:21"}, []string{"@10s raised hot high c1/7"}[:0]},
		{`rate("t", "10s") > 2.0`, []string{"0:10", "5:21", "9:22"}, []string{"@5s raised hot high c1/7", "@9s returned hot high c1/7"}},
		{`rate("t", "10s") > 2.0`, []string{"0:100", "5:15"}, []string{"@5s raised hot high c1/7"}}, // it began again at 0
		{`rise("t", "10s") > 5.0`, []string{"0:1", "6:2"}, []string{"@6s raised hot high c1/7"}},
		{`count("10s") >= 3`, []string{"0:1", "1:1", "2:1", "13:1"}, []string{"@2s raised hot high c1/7", "@13s returned hot high c1/7"}},
	} {
		e := mustNew(t, one(c.when))
		var got []Transition
		for _, r := range c.readings {
			var at, v float64
			if _, err := fmt.Sscanf(r, "%f:%f", &at, &v); err != nil {
				t.Fatal(err)
			}
			got = append(got, e.Process([]event.Event{reading(at, "7", fmt.Sprintf(`{"t":%v}`, v))})...)
		}
		t.Run(c.when, func(t *testing.T) { want(t, got, c.want...) })
	}
}

// A window is kept for the route, whatever filters and conditions say, so rules
// that ask for the same see the same.
func TestWindowsAreKeptForTheRoute(t *testing.T) {
	e := mustNew(t, strings.Replace(one(`data.go == true && avg("t", "10s") > 5.0`), "channel: telemetry", `channel: telemetry, where: 'part != "8"'`, 1))
	want(t, e.Process([]event.Event{reading(0, "7", `{"t":9}`), reading(5, "7", `{"t":9}`), reading(6, "7", `{"go":true}`)}), "@6s raised hot high c1/7")
	if p := e.records["c1"].parts; len(p) != 1 || len(p[0].series) != 1 {
		t.Errorf("%d parts", len(p))
	}
	e.Process([]event.Event{reading(7, "8", `{"t":9}`)})
	if p := e.records["c1"].parts; len(p) != 2 {
		t.Errorf("%d parts", len(p))
	}
	// Late values have been overtaken.
	late := reading(8, "7", `{"t":-1000}`)
	late.Late, late.At = true, late.At.Add(-2*time.Minute)
	want(t, e.Process([]event.Event{late, reading(9, "7", `{"go":true}`)}))
}

// count is of what `on` describes, filter and all, of one part.
func TestCountIsOfTheWatch(t *testing.T) {
	e := mustNew(t, `
rules:
  - id: chatters
    title: {zh: a, en: a}
    on: {kind: door, type: [opened, closed], where: data.night == true}
    when: count("1m") >= 3
    clear: {when: count("1m") < 2}
    priority: low
`)
	door := func(s float64, typ, data string) event.Event {
		ev := happening(s, typ, "", data)
		ev.Kind = event.Door
		return ev
	}
	want(t, e.Process([]event.Event{door(0, "opened", `{"night":true}`), door(1, "closed", `{"night":true}`), door(2, "opened", `{"night":false}`)}))
	want(t, e.Process([]event.Event{door(3, "closed", `{"night":true}`)}), "@3s raised chatters low c1")
	want(t, e.Process([]event.Event{door(100, "opened", `{"night":true}`)}), "@1m40s returned chatters low c1")
}

func TestWindowProblems(t *testing.T) {
	for when, problem := range map[string]string{
		`when: 'avg("t", "10s") > 1.0'`:          "avg is of measurements, which an event has none of",
		`clear: {when: 'max("t", "10s") > 1.0'}`: "max is of measurements",
		`when: 'count("0s") > 1'`:                "count wants a span of 1s to 24h",
		`when: 'min("a b", "10s") > 1.0'`:        "min wants a metric and a span",
		`when: 'data.t + 1 > 3'`:                 "write it with a decimal point",
		`when: 'size([1,2,3,4,5,6,7,8,9,10,11,12,13].map(a, [1,2,3,4,5,6,7,8,9,10,11,12,13].map(b, [1,2,3,4,5,6,7,8,9,10,11,12,13].map(c, a + b + c)))) > 1'`: "steps, more than the 2000",
	} {
		_, problems := Check("r.yaml", []byte("rules:\n  - id: a\n    title: {zh: a, en: a}\n    on: {type: x}\n    priority: low\n    "+when+"\n"), nil)
		if len(problems) != 1 || !strings.Contains(problems[0].String(), problem) {
			t.Errorf("%s: %v", when, problems)
		}
	}
	_, problems := Check("r.yaml", []byte("rules:\n  - id: a\n    title: {zh: a, en: a}\n    on: {type: x, where: 'count(\"10s\") > 1'}\n    priority: low\n"), nil)
	if len(problems) != 1 || !strings.Contains(problems[0].String(), "where can't count") {
		t.Errorf("%v", problems)
	}
}

func TestWindowsAreSavedOnlyWhenCommitted(t *testing.T) {
	e := mustNew(t, one(`avg("t", "10s") > 5.0`))
	e.Process([]event.Event{reading(0, "7", `{"t":9}`)})
	var b bytes.Buffer
	if err := e.SaveWindows(&b); err == nil {
		t.Error("saved between an event and its commit")
	}
	e.Commit()
	if err := e.SaveWindows(&b); err != nil {
		t.Fatal(err)
	}
	for cut := range b.Len() {
		if _, err := mustNew(t, one("data.t > 1")).LoadWindows(bytes.NewReader(b.Bytes()[:cut])); err == nil {
			t.Fatalf("took %d bytes of %d", cut, b.Len())
		}
	}
	// What the rules of now do not ask for is left out.
	other := mustNew(t, one(`avg("t", "20s") > 5.0`))
	if _, err := other.LoadWindows(&b); err != nil || len(other.records) != 0 {
		t.Error(err, len(other.records))
	}
}

// Any bytes are refused or taken, and what has been taken can be judged with.
func FuzzWindows(f *testing.F) {
	text := one(`avg("t", "10s") > 5.0 && count("1m") > 1`) + "  - {id: silent, title: {zh: a, en: a}, on: {kind: charger, channel: telemetry}, absent: 5s, priority: low}\n" +
		"  - {id: many, title: {zh: a, en: a}, on: {kind: charger, channel: telemetry}, when: data.t > 5, quorum: {share_pct: 50, by: court}, priority: low}\n"
	e := mustNew(f, text)
	e.Process([]event.Event{reading(0, "7", `{"t":9}`), reading(1, "7", `{"t":9}`)})
	e.Commit()
	var b bytes.Buffer
	if err := e.SaveWindows(&b); err != nil {
		f.Fatal(err)
	}
	body := b.Bytes()[len(windowsMagic) : b.Len()-4]
	f.Add(body)
	f.Add(body[:len(body)/2])
	set := mustLoad(f, text)
	f.Fuzz(func(t *testing.T, body []byte) {
		m := unpackMemory(body)
		if m == nil {
			return
		}
		e, err := New(Options{Set: set})
		if err != nil {
			t.Fatal(err)
		}
		e.recall(m)
		e.reset()
		e.Process([]event.Event{reading(2, "7", `{"t":9}`)})
		e.Tick(testEpoch().Add(time.Hour))
	})
}
