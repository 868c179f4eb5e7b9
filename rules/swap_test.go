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
