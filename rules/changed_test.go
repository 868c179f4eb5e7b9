package rules

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
)

// state is a report of a door that many seconds after the epoch.
func state(s float64, data string) event.Event {
	ev := reading(s, "", data)
	ev.Kind, ev.Channel, ev.Type = event.Door, event.State, string(event.State)
	return ev
}

func changing(when string) string {
	return "rules:\n  - id: turned\n    title: {zh: a, en: a}\n    on: {kind: door, channel: state}\n    when: '" + when + "'\n    priority: low\n"
}

// changed is of a value beside the one before it: the first is none, what is missing
// says nothing, and kinds of values are never the same.
func TestChanged(t *testing.T) {
	for _, c := range []struct {
		when string
		said []string
		want []string
	}{
		{`changed("mode")`, []string{`{"mode":"normal"}`, `{"mode":"normal"}`}, nil},
		{`changed("mode")`, []string{`{"mode":"normal"}`, `{"mode":"lockdown"}`, `{"mode":"lockdown"}`}, []string{"@1s raised turned low c1", "@2s returned turned low c1"}},
		{`changed("mode")`, []string{`{"mode":"normal"}`, `{"battery":1}`, `{"mode":"lockdown"}`, `{"battery":2}`}, []string{"@2s raised turned low c1"}},
		{`changed("mode") && data.mode == "lockdown"`, []string{`{"mode":"normal"}`, `{"mode":"lockdown"}`, `{"mode":"normal"}`}, []string{"@1s raised turned low c1", "@2s returned turned low c1"}},
		{`changed("relay")`, []string{`{"relay":true}`, `{"relay":false}`, `{"relay":true}`, `{"relay":true}`}, []string{"@1s raised turned low c1", "@3s returned turned low c1"}},
		{`changed("n")`, []string{`{"n":1}`, `{"n":1.0}`, `{"n":"1"}`}, []string{"@2s raised turned low c1"}},
		{`changed("n")`, []string{`{"n":0}`, `{"n":false}`}, []string{"@1s raised turned low c1"}},
		{`changed("n")`, []string{`{"n":null}`, `{"n":null}`, `{"n":0}`}, []string{"@2s raised turned low c1"}},
		{`changed("n")`, []string{`{"n":[1]}`, `{"n":[2]}`, `{"n":{"a":1}}`}, nil},
		{`!changed("mode") && data.mode == "lockdown"`, []string{`{"mode":"lockdown"}`, `{"mode":"lockdown"}`}, []string{"@1s raised turned low c1"}},
		{`changed("a") || changed("b")`, []string{`{"a":1,"b":1}`, `{"a":1,"b":2}`, `{"a":1,"b":2}`}, []string{"@1s raised turned low c1", "@2s returned turned low c1"}},
		{`data.list.exists(x, x == 1.0) && changed("mode")`, []string{`{"list":[1],"mode":"a"}`, `{"list":[1],"mode":"b"}`}, []string{"@1s raised turned low c1"}},
	} {
		e := mustNew(t, changing(c.when))
		var got []Transition
		for i, data := range c.said {
			got = append(got, e.Process([]event.Event{state(float64(i), data)})...)
		}
		t.Run(c.when, func(t *testing.T) { want(t, got, c.want...) })
	}
}

// Every device and part changes for itself; what is late or overtaken is not looked
// at, and of equal times the order of arrival counts.
func TestChangedIsInTheOrderOfTime(t *testing.T) {
	e := mustNew(t, changing(`changed("mode")`))
	other := state(1, `{"mode":"b"}`)
	other.Device = "c2"
	part := state(1, `{"mode":"b"}`)
	part.Part = "2"
	want(t, e.Process([]event.Event{state(0, `{"mode":"a"}`), other, part}))
	late := state(2, `{"mode":"b"}`)
	late.At, late.Late = late.At.Add(-2*time.Minute), true
	overtaken := state(2, `{"mode":"b"}`)
	overtaken.At = overtaken.At.Add(-5 * time.Second)
	want(t, e.Process([]event.Event{late, overtaken, state(3, `{"mode":"a"}`)}))
	want(t, e.Process([]event.Event{state(3, `{"mode":"b"}`)}), "@3s raised turned low c1")
}

// A restart, a rollback and a swap in the midst change nothing; nor does a day of
// silence. What was said a month ago is forgotten.
func TestChangedGoesOn(t *testing.T) {
	text := changing(`changed("mode")`)
	e := mustNew(t, text)
	e.Process([]event.Event{state(0, `{"mode":"a"}`)})
	e.Commit()
	e.Process([]event.Event{state(1, `{"mode":"b"}`)})
	e.Rollback()
	want(t, e.Process([]event.Event{state(1, `{"mode":"a"}`)}))
	e.Commit()
	var file bytes.Buffer
	if err := e.SaveWindows(&file); err != nil {
		t.Fatal(err)
	}
	e = restart(t, e, text)
	if _, err := e.LoadWindows(&file); err != nil {
		t.Fatal(err)
	}
	const day = 24 * 60 * 60
	e.Tick(testEpoch().Add(20 * time.Hour))
	e.Commit()
	want(t, e.Process([]event.Event{state(day, `{"mode":"b"}`)}), "@24h0m0s raised turned low c1")
	want(t, e.Swap(mustLoad(t, text+"  - {id: other, title: {zh: a, en: a}, on: {kind: door, channel: state}, when: data.n > 1, priority: low}\n")))
	e.Commit()
	want(t, e.Process([]event.Event{state(day+1, `{"mode":"b"}`)}), "@24h0m1s returned turned low c1")
	want(t, e.Process([]event.Event{state(32*day, `{"mode":"a"}`)}))
	again := mustNew(t, text) // what was judged after the windows were saved is observed
	again.Observe([]event.Event{state(0, `{"mode":"a"}`)})
	want(t, again.Process([]event.Event{state(1, `{"mode":"b"}`)}), "@1s raised turned low c1")
}

// Of events changed compares those that `on` matches, filter and all.
func TestChangedOfEvents(t *testing.T) {
	e := mustNew(t, `
rules:
  - id: link
    title: {zh: a, en: a}
    on: {kind: charger, type: [link, uplink], where: data.real == true}
    when: changed("to") && data.to == 'backup'
    keep_firing_for: 1m
    priority: low
`)
	say := func(s float64, typ, data string) []Transition {
		return e.Process([]event.Event{happening(s, typ, "", data)})
	}
	want(t, say(0, "link", `{"to":"main","real":true}`))
	want(t, say(1, "link", `{"to":"backup","real":false}`))
	want(t, say(2, "other", `{"to":"backup","real":true}`))
	want(t, say(3, "uplink", `{"to":"backup","real":true}`), "@3s raised link low c1")
	want(t, say(4, "link", `{"to":"backup","real":true}`))
}

func TestChangedProblems(t *testing.T) {
	for when, problem := range map[string]string{
		`when: 'changed(mode)'`:                                   "changed wants a member of data in quotes",
		`when: 'changed("a b")'`:                                  "changed wants a member of data in quotes",
		`when: 'changed("mode") > 1'`:                             "no matching overload",
		`when: 'changed("mode", "5m")'`:                           "undeclared reference",
		`when: data.x, clear: {type: y, when: 'changed("mode")'}`: "here it is another",
		`on: {type: y, where: 'changed("mode")'}`:                 "where can't compare",
	} {
		text := "rules: [{id: a, title: {zh: a, en: a}, priority: low, " + when
		if !strings.Contains(when, "on:") {
			text += ", on: {type: x}"
		}
		_, problems := Check("r.yaml", []byte(text+"}]"), nil)
		if len(problems) != 1 || !strings.Contains(problems[0].String(), problem) {
			t.Errorf("%s: %v", when, problems)
		}
	}
}

// It is explained by what was said before, and a drill makes up both.
func TestChangedIsExplainedAndExercised(t *testing.T) {
	e := mustNew(t, changing(`changed("mode") && data.mode == "lockdown"`))
	before, ev := state(0, `{"mode":"normal"}`), state(5, `{"mode":"lockdown"}`)
	before.Seq, ev.Seq = 1, 2
	e.Process([]event.Event{before, ev})
	c := caseOf(t, e, "turned", &ev)
	c.Past = []event.Event{before, ev} // the journal has the event itself, too
	x := c.Raised()
	if why := fmt.Sprintf("%+v", x.Why); strings.Contains(why, "does not know") || !strings.Contains(why, `changed("mode") = true`) {
		t.Errorf("%s", why)
	}
	if got := e.Set().Rules[0].Windows(); len(got) != 1 || got[0].Func != "changed" || got[0].Metric != "mode" {
		t.Errorf("%+v", got)
	}
	for _, when := range []string{`changed("mode") && data.mode == "lockdown"`, `changed("relay")`, `changed("n") && data.n > 3`, `data.on == false && changed("on")`} {
		trs, err := Rehearse(mustLoad(t, changing(when)), Rehearsal{Rule: "turned", Device: "c1", Kind: event.Door, Zone: "east", At: testEpoch()})
		if err != nil || len(trs) != 1 {
			t.Errorf("%s: %v %v", when, trs, err)
		}
	}
}
