package rules

import (
	"fmt"
	"testing"
	"time"

	"dongyue/internal/event"
)

const silent = `
rules:
  - id: silent
    title: {zh: "{part}", en: "{name} {part} {data.t}"}
    on: {kind: charger, channel: telemetry, where: data.charging == true}
    absent: 30s
    priority: high
`

func TestAbsence(t *testing.T) {
	e := mustNew(t, silent)
	want(t, e.Process([]event.Event{reading(0, "1", `{"charging":true,"t":5}`), reading(0, "2", `{"charging":true}`), reading(5, "3", `{"charging":false}`), reading(10, "2", `{"charging":true}`)}))
	// Once, with the last that was heard as evidence; a charger that has ended is
	// not missed, and a reading that says nothing of it is no sign.
	want(t, e.Process([]event.Event{reading(20, "2", `{"charging":false}`), reading(25, "1", `{"t":1}`)}))
	trs := e.Tick(testEpoch().Add(5 * time.Minute))
	want(t, trs, "@30s raised silent high c1/1")
	if trs[0].Title.EN != "{name} 1 5" || !trs[0].Measured {
		t.Errorf("%+v", trs[0])
	}
	want(t, e.Process([]event.Event{reading(400, "1", `{"charging":true}`)}), "@6m40s returned silent high c1/1")
	want(t, e.Tick(testEpoch().Add(431*time.Second)), "@7m10s raised silent high c1/1")
	want(t, e.Process([]event.Event{reading(440, "1", `{"charging":false}`)}), "@7m20s returned silent high c1/1")
	want(t, e.Tick(testEpoch().Add(time.Hour)))
	if n := len(e.timers); n != 0 {
		t.Errorf("%d timers left", n)
	}
}

// Silence is counted by the hub's clock: a device whose clock is slow is not
// silent, and what comes late says nothing of now.
func TestAbsenceByTheHubsClock(t *testing.T) {
	e := mustNew(t, silent)
	slow := func(s, behind float64) event.Event {
		ev := reading(s, "1", `{"charging":true}`)
		ev.At = ev.At.Add(-time.Duration(behind) * time.Second)
		ev.Late = behind > 60
		return ev
	}
	want(t, e.Process([]event.Event{slow(0, 50), slow(29, 50), slow(58, 50), slow(80, 100)}))
	want(t, e.Tick(testEpoch().Add(87*time.Second)))
	want(t, e.Process([]event.Event{slow(90, 100)}), "@1m28s raised silent high c1/1")
}

func hubEvent(s, away float64) event.Event {
	at := testEpoch().Add(time.Duration(s) * time.Second)
	return event.Event{
		ID: "hub", Device: event.HubDevice, Kind: event.Hub, Channel: event.Presence, At: at, ReceivedAt: at,
		Data: fmt.Appendf(nil, `{"online":true,"away_since":%q}`, testEpoch().Add(time.Duration(away)*time.Second).Format(time.RFC3339)),
	}
}

// While the hub was away it could not hear anybody.
func TestAbsenceWhileTheHubWasAway(t *testing.T) {
	e := mustNew(t, silent)
	want(t, e.Process([]event.Event{reading(0, "1", `{"charging":true}`), reading(50, "2", `{"charging":true}`)}), "@30s raised silent high c1/1")
	want(t, e.Process([]event.Event{hubEvent(1000, 60)}))
	want(t, e.Tick(testEpoch().Add(1029*time.Second)))
	want(t, e.Tick(testEpoch().Add(1031*time.Second)), "@17m10s raised silent high c1/2")
	// What was due before the hub stopped is told all the same.
	e = mustNew(t, silent)
	want(t, e.Process([]event.Event{reading(0, "1", `{"charging":true}`)}))
	want(t, e.Process([]event.Event{hubEvent(1000, 40)}), "@30s raised silent high c1/1")
}

// The hub's own events concern no rule of devices.
func TestHubIsNoDevice(t *testing.T) {
	e := mustNew(t, `
rules:
  - {id: back, title: {zh: a, en: a}, on: {channel: presence}, when: data.online == true, priority: low}
`)
	want(t, e.Process([]event.Event{hubEvent(10, 0)}))
}

func BenchmarkAbsence(b *testing.B) {
	e := mustNew(b, silent)
	evs := make([]event.Event, 1000)
	for i := range evs {
		evs[i] = reading(float64(i)/1000, fmt.Sprint(i%20), `{"charging":true}`)
		evs[i].Device = fmt.Sprintf("c%d", i/20)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.Process(evs)
		e.Commit()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(evs)), "ns/event")
}
