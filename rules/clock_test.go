package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
)

// delayed is a reading that the hub had later than it was taken, both in seconds.
func delayed(taken, had float64, data string) event.Event {
	ev := reading(taken, "7", data)
	ev.ReceivedAt = testEpoch().Add(time.Duration(had * float64(time.Second)))
	ev.Late = ev.ReceivedAt.Sub(ev.At) > event.LateAfter
	return ev
}

// What a device says of the time in which it was cut off comes all at once; it
// comes to what it would have come to in time.
func TestReadingsThatWaited(t *testing.T) {
	lasting := strings.Replace(hot, "data.t >= 70", "data.t >= 70\n    for: 10s\n    keep_firing_for: 4s", 1)
	e := mustNew(t, lasting)
	want(t, e.Process([]event.Event{ // hot for 5 s only
		delayed(0, 40, `{"t":80}`), delayed(5, 40.01, `{"t":20}`), delayed(12, 40.02, `{"t":20}`), delayed(40, 40.03, `{"t":20}`),
	}))
	want(t, e.Tick(testEpoch().Add(2*time.Minute)))

	e = mustNew(t, lasting)
	want(t, e.Process([]event.Event{ // hot for 12 s, cool for 3, hot for 1, cool
		delayed(0, 40, `{"t":80}`), delayed(11, 40.01, `{"t":80}`), delayed(12, 40.02, `{"t":20}`), delayed(15, 40.03, `{"t":80}`),
		delayed(16, 40.04, `{"t":20}`), delayed(30, 40.05, `{"t":20}`), delayed(31, 40.06, `{"t":80}`),
	}), "@10s raised hot high c1/7", "@20s returned hot high c1/7")
	// The one that began at 31 lasts until the hub has waited for its end as long as
	// anyone's, and is told of the time at which it was long enough.
	want(t, e.Tick(testEpoch().Add(50*time.Second)))
	want(t, e.Tick(testEpoch().Add(51*time.Second)), "@41s raised hot high c1/7")
}

// A clock that is slow, less than makes events late, does not shorten anything.
func TestASlowClockShortensNothing(t *testing.T) {
	const slow = 50
	e := mustNew(t, strings.Replace(hot, "data.t >= 70", "data.t >= 70\n    for: 30s\n    keep_firing_for: 20s", 1))
	say := func(s float64, data string) []Transition {
		return e.Process([]event.Event{delayed(s-slow, s, data)})
	}
	want(t, say(100, `{"t":80}`))
	want(t, say(110, `{"t":80}`))
	e = restart(t, e, strings.Replace(hot, "data.t >= 70", "data.t >= 70\n    for: 30s\n    keep_firing_for: 20s", 1))
	want(t, say(129, `{"t":80}`))
	want(t, say(131, `{"t":80}`), "@1m20s raised hot high c1/7")
	want(t, say(140, `{"t":10}`))
	want(t, say(150, `{"t":80}`)) // within 20 s it is the same
	want(t, say(160, `{"t":10}`))
	want(t, say(179, `{"t":10}`))
	want(t, say(181, `{"t":10}`), "@2m10s returned hot high c1/7")
}

// The deadline of what is done about it runs from when the hub knew, also where the
// event's own time is long past.
func TestAnActionHasItsTimeAlsoAfterASlowClock(t *testing.T) {
	e := mustNew(t, `
rules:
  - id: held
    title: {zh: a, en: a}
    on: {kind: charger, type: held}
    clear: {type: closed}
    for: 1m
    priority: low
    actions: [{command: cut, ttl: 30s}]
`)
	held := happening(0, "held", "", `{}`)
	held.ReceivedAt = held.At.Add(50 * time.Second)
	want(t, e.Process([]event.Event{held}))
	trs := e.Tick(testEpoch().Add(111 * time.Second))
	want(t, trs, "@1m0s raised held low c1", "@1m0s command cut c1 {}")
	if got := trs[0].Actions[0].Deadline.Sub(testEpoch()); got != 140*time.Second {
		t.Errorf("deadline @%s", got)
	}
}

// What has left the window counts no more, also where nothing has come since.
func TestAWindowEndsAtTheEvent(t *testing.T) {
	for _, c := range []struct {
		when     string
		readings []string
		want     []string
	}{
		{`data.go == true && max("t", "10s") > 5.0`, []string{`0 {"t":9}`, `3 {"t":1}`, `9 {"t":1}`, `12 {"go":true}`}, nil},
		{`data.go == true && avg("t", "10s") < 2.0`, []string{`0 {"t":9}`, `3 {"t":1}`, `9 {"t":1}`, `12 {"go":true}`}, []string{"@12s raised hot high c1/7"}},
		{`data.go == true && rate("t", "10s") > 0.9`, []string{`0 {"t":0}`, `3 {"t":9}`, `9 {"t":9}`, `12 {"go":true}`}, nil},
		{`data.go == true && min("t", "10s") > 0.0`, []string{`0 {"t":9}`, `6 {"t":9}`, `11 {"go":true}`}, nil}, // one reading is no window
	} {
		e := mustNew(t, one(c.when))
		var got []Transition
		for _, r := range c.readings {
			var at float64
			var data string
			if _, err := fmt.Sscanf(r, "%f %s", &at, &data); err != nil {
				t.Fatal(err)
			}
			got = append(got, e.Process([]event.Event{reading(at, "7", data)})...)
		}
		t.Run(c.when, func(t *testing.T) { want(t, got, c.want...) })
	}
}

// A count of few is exact to the event, however long the span.
func TestACountOfFewIsExact(t *testing.T) {
	e := mustNew(t, one(`count("10m") >= 5`))
	for s := range 5 { // 0 … 4 s: closer than a hundredth of the span
		e.Process([]event.Event{reading(float64(s), "7", `{"t":1}`)})
	}
	want(t, e.Process([]event.Event{reading(600.5, "7", `{"t":1}`)})) // 1, 2, 3, 4 and this one
	want(t, e.Process([]event.Event{reading(601.5, "7", `{"t":1}`)})) // without 1
	want(t, e.Process([]event.Event{reading(603.5, "7", `{"t":1}`)}), "@10m3.5s returned hot high c1/7")
}

// Whether a hub that was begun anew has forgotten what has been silent for long, or
// one that has run all the time has not yet, is the same to what comes late.
func TestForgettingChangesNoAnswer(t *testing.T) {
	text := strings.Replace(ruleNamed("often", `count("10s") >= 3`), "channel: telemetry", "type: wet", 1)
	wet := func(s float64) event.Event { return happening(s, "wet", "", `{}`) }
	before := []event.Event{wet(0), wet(0.1), wet(0.2)}
	e := mustNew(t, text)
	want(t, e.Process(before), "@200ms raised often low c1")
	e.Commit()
	again := restart(t, e, text)
	again.Observe(before)
	for _, e := range []*Engine{e, again} {
		e.Tick(testEpoch().Add(21 * time.Second))
		e.Commit()
		late := wet(-9)
		late.ReceivedAt, late.Late = testEpoch().Add(21*time.Second), true
		want(t, e.Process([]event.Event{late}), "@200ms returned often low c1 late")
	}
}

// What would have lasted long enough while the hub was away waits for what the
// devices have kept meanwhile; without a word it runs out all the same.
func TestWhatLastsIsNotCountedWhileTheHubIsAway(t *testing.T) {
	text := strings.Replace(hot, "data.t >= 70", "data.t >= 70\n    for: 20s", 1)
	back := func(from, to float64) event.Event {
		ev := reading(to, "", fmt.Sprintf(`{"online":true,"away_since":%q}`, testEpoch().Add(time.Duration(from)*time.Second).Format(time.RFC3339)))
		ev.Device, ev.Kind, ev.Channel = event.HubDevice, event.Hub, event.Presence
		return ev
	}
	begin := func() *Engine {
		e := mustNew(t, text)
		want(t, e.Process([]event.Event{reading(0, "7", `{"t":80}`)}))
		e = restart(t, e, text)
		want(t, e.Process([]event.Event{back(5, 50)}))
		dirty, err := e.Dirty()
		if err != nil || len(dirty) != 1 {
			t.Errorf("what was put off is not kept: %v %v", dirty, err)
		}
		e.Commit()
		return e
	}
	want(t, begin().Process([]event.Event{delayed(12, 51, `{"t":20}`)}))
	e := begin()
	want(t, e.Process([]event.Event{delayed(12, 51, `{"t":80}`), delayed(25, 51.1, `{"t":80}`)}), "@20s raised hot high c1/7")
	e = begin()
	want(t, e.Tick(testEpoch().Add(59*time.Second)))
	want(t, e.Tick(testEpoch().Add(60*time.Second)), "@20s raised hot high c1/7")
	e = mustNew(t, text) // a short stop puts nothing off that has long to go
	want(t, e.Process([]event.Event{reading(0, "7", `{"t":80}`), back(1, 3)}))
	want(t, e.Tick(testEpoch().Add(20*time.Second)), "@20s raised hot high c1/7")
}
