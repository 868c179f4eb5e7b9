package rules

import (
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
)

// A hub whose clock was an hour ahead and is set right: what waits goes on waiting,
// and nothing is silent or lasting all of a sudden.
func TestTheHubsClockIsSetBack(t *testing.T) {
	text := strings.Replace(hot, "data.t >= 70", "data.t >= 70\n    for: 10s", 1) + `
  - {id: silent, title: {zh: a, en: a}, on: {kind: charger, channel: telemetry}, absent: 1m, priority: low}
  - {id: mean, title: {zh: a, en: a}, on: {kind: charger, channel: telemetry}, when: 'avg("t", "20s") > 60.0', priority: low}
`
	const hour = 3600
	seq := uint64(0)
	kept := func(s float64, data string) event.Event {
		ev := reading(s, "7", data)
		seq++
		ev.Seq = seq
		return ev
	}
	e := mustNew(t, text)
	want(t, e.Process([]event.Event{kept(hour, `{"t":20}`), kept(hour+5, `{"t":80}`)}))
	e.Commit()
	next := []event.Event{kept(8, `{"t":80}`)} // by the right clock
	want(t, e.Process(next))
	e.Rollback()
	want(t, e.Process(next))
	e.Commit()
	want(t, e.Tick(testEpoch().Add(17*time.Second))) // it had ten seconds to go
	want(t, e.Tick(testEpoch().Add(18*time.Second)), "@18s raised hot high c1/7")
	want(t, e.Process([]event.Event{reading(20, "7", `{"t":80}`)}), "@20s raised mean low c1/7")
	want(t, e.Process([]event.Event{reading(50, "7", `{"t":20}`)}), "@50s returned hot high c1/7")
	want(t, e.Tick(testEpoch().Add(109*time.Second)))
	want(t, e.Tick(testEpoch().Add(110*time.Second)), "@1m50s raised silent low c1/7")
}

// A journal that is behind what comes past it is no clock that was set back; a start
// by the right clock is.
func TestOnlyTheJournalShowsAClockSetBack(t *testing.T) {
	text := strings.Replace(hot, "data.t >= 70", "data.t >= 70\n    for: 10s", 1)
	e := mustNew(t, text)
	behind := reading(100, "8", `{"t":80}`)
	behind.Seq = 1
	want(t, e.Process([]event.Event{reading(1000, "7", `{"t":80}`), behind}))
	want(t, e.Tick(testEpoch().Add(1009*time.Second)), "@1m50s raised hot high c1/8")
	want(t, e.Tick(testEpoch().Add(1010*time.Second)), "@16m50s raised hot high c1/7")

	e = mustNew(t, text)
	want(t, e.Process([]event.Event{reading(1000, "7", `{"t":80}`)}))
	e = restart(t, e, text)
	begin := reading(20, "", `{"online":true}`)
	begin.Seq, begin.Device, begin.Kind, begin.Channel = 2, event.HubDevice, event.Hub, event.Presence
	want(t, e.Process([]event.Event{begin}))
	want(t, e.Tick(testEpoch().Add(29*time.Second)))
	want(t, e.Tick(testEpoch().Add(30*time.Second)), "@30s raised hot high c1/7")
}
