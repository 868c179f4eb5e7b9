package rules

import (
	"testing"
	"time"

	"dongyue/internal/event"
)

// What a cause keeps down keeps down its own consequences.
func TestSilenceGoesOn(t *testing.T) {
	e := mustNew(t, `
rules:
  - {id: a.power, title: {zh: a, en: a}, on: {channel: presence}, when: data.a == true, priority: low}
  - {id: b.switch, title: {zh: a, en: a}, on: {channel: presence}, when: data.b == true, priority: low, depends_on: [a.power]}
  - {id: c.camera, title: {zh: a, en: a}, on: {channel: presence}, when: data.c == true, priority: low, depends_on: [b.switch]}
`)
	say := func(s float64, data string) event.Event {
		ev := reading(s, "", data)
		ev.Channel = event.Presence
		return ev
	}
	want(t, process(e, say(0, `{"a":true,"b":true,"c":true}`)), "@0s raised a.power low c1")
	want(t, process(e, say(1, `{"a":false}`)), "@1s returned a.power low c1", "@1s raised b.switch low c1")
	want(t, process(e, say(2, `{"a":true,"b":false,"c":true}`)), "@2s raised a.power low c1", "@2s returned b.switch low c1", "@2s raised c.camera low c1")
	// What ends while it is kept down lets go too.
	want(t, process(e, say(3, `{"b":true,"c":false}`)), "@3s returned c.camera low c1")
	want(t, process(e, say(4, `{"c":true}`)))
	want(t, process(e, say(5, `{"b":false}`)), "@5s raised c.camera low c1")
}

// A device of no zone does not silence the whole community.
func TestNoZoneIsNotEveryZone(t *testing.T) {
	e := mustNew(t, `
rules:
  - {id: a, title: {zh: a, en: a}, on: {type: dead}, priority: low}
  - {id: b, title: {zh: a, en: a}, on: {type: faint}, priority: low, depends_on: [{rule: a, scope: zone}]}
`)
	at := func(s float64, typ, device, zone string) event.Event {
		ev := happening(s, typ, "", `{}`)
		ev.Device, ev.Zone = device, zone
		return ev
	}
	want(t, process(e, at(0, "dead", "x", ""), at(1, "faint", "y", "east")), "@0s raised a low x", "@1s raised b low y")
	want(t, process(e, at(2, "dead", "z", "west"), at(3, "faint", "v", "west/b01"), at(3, "faint", "w", "western")), "@2s raised a low z", "@3s raised b low w")
	want(t, e.Tick(testEpoch().Add(61*time.Second)))
}

// While the cause settles, what comes back and goes again stays silent; a cause
// that begins again is told again.
func TestSettling(t *testing.T) {
	e := mustNew(t, `
rules:
  - {id: a, title: {zh: a, en: a}, on: {channel: presence}, when: data.a == true, for: 2s, settle: 10s, priority: low}
  - {id: b, title: {zh: a, en: a}, on: {channel: presence}, when: data.b == true, priority: low, depends_on: [a]}
`)
	say := func(s float64, data string) event.Event {
		ev := reading(s, "", data)
		ev.Channel = event.Presence
		return ev
	}
	want(t, process(e, say(0, `{"a":true}`), say(3, `{"b":true}`), say(5, `{"a":false,"b":false}`)), "@2s raised a low c1", "@5s returned a low c1")
	want(t, process(e, say(6, `{"b":true}`), say(7, `{"b":false}`), say(8, `{"a":true,"b":true}`)))
	// It fires again: what is silent stays so. Its end begins the settling anew.
	want(t, process(e, say(16, `{"a":false}`)), "@10s raised a low c1", "@16s returned a low c1")
	// One that does not last is none, and what has settled by then is told.
	want(t, process(e, say(25.5, `{"a":true}`), say(27, `{"a":false}`)), "@27s raised b low c1")
	if st := e.Status(); st[0].Firing != 0 || st[0].Pending != 0 {
		t.Errorf("%+v", st[0].Stats)
	}
}
