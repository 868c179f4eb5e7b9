package rules

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
)

// A rule that is narrowed past what fires never hears of its end: it ends with the
// swap, and so after a restart with other files.
func TestNarrowedRuleLetsGo(t *testing.T) {
	text := func(on string) string {
		return strings.Replace(hot, "channel: telemetry", on, 1) +
			"  - {id: silent, title: {zh: a, en: a}, on: {" + strings.Replace(on, "data.t", "data.u", 1) + "}, absent: 1h, priority: low}\n"
	}
	wide := text("channel: telemetry")
	for what, narrow := range map[string]string{
		"by a filter":       text("channel: telemetry, where: 'device != \"c1\"'"),
		"by what it says":   text("channel: telemetry, where: data.t < 10"),
		"by zone":           text("channel: telemetry, zone: west"),
		"to other messages": text("channel: state"),
	} {
		t.Run(what, func(t *testing.T) {
			begin := func() *Engine {
				e := mustNew(t, wide)
				want(t, e.Process([]event.Event{reading(0, "7", `{"t":80,"u":80}`)}), "@0s raised hot high c1/7")
				e.Commit()
				return e
			}
			e := begin()
			want(t, e.Swap(mustLoad(t, narrow)), "@0s returned hot high c1/7")
			dirty, err := e.Dirty()
			if err != nil || len(dirty) != 1 || dirty[0].Data != nil {
				t.Errorf("its row stays: %+v %v", dirty, err)
			}
			e.Commit()
			want(t, e.Tick(testEpoch().Add(2*time.Hour))) // nor is its silence of interest
			if what == "by a filter" {
				e = begin()
				want(t, e.Swap(mustLoad(t, text("channel: telemetry, where: 'device != \"c2\"'"))))
			}

			e = begin()
			var file bytes.Buffer
			if err := e.SaveWindows(&file); err != nil {
				t.Fatal(err)
			}
			e = restart(t, e, narrow)
			if _, err := e.LoadWindows(&file); err != nil {
				t.Fatal(err)
			}
			want(t, e.Process(nil), "@0s returned hot  c1/7") // the alarm knows its priority
			want(t, e.Tick(testEpoch().Add(2*time.Hour)))
		})
	}
}

// A device that is moved out of a rule's zone takes with it what fires there, and
// is not silent because it speaks elsewhere.
func TestADeviceMovesOutOfTheZone(t *testing.T) {
	text := strings.Replace(hot, "channel: telemetry", "channel: telemetry, zone: east", 1) +
		"  - {id: silent, title: {zh: a, en: a}, on: {kind: charger, channel: telemetry, zone: east}, absent: 1m, priority: low}\n"
	moved := func(s float64, data string) event.Event {
		ev := reading(s, "7", data)
		ev.Zone = "west/b01"
		return ev
	}
	e := mustNew(t, text)
	want(t, e.Process([]event.Event{reading(0, "7", `{"t":80}`)}), "@0s raised hot high c1/7")
	late := moved(10, `{"t":80}`)
	late.At, late.Late = late.At.Add(-2*time.Minute), true
	want(t, e.Process([]event.Event{late}))
	want(t, e.Process([]event.Event{moved(20, `{"t":80}`)}), "@20s returned hot high c1/7")
	want(t, e.Tick(testEpoch().Add(time.Hour)))
	want(t, e.Process([]event.Event{reading(4000, "7", `{"t":80}`)}), "@1h6m40s raised hot high c1/7")
	again := mustNew(t, text) // and where it is only observed
	again.Observe([]event.Event{reading(0, "7", `{"t":8}`), moved(20, `{"t":8}`)})
	want(t, again.Tick(testEpoch().Add(time.Hour)))
}
