package rules

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dongyue/internal/event"
)

func mustLoad(t testing.TB, text string) *Set {
	t.Helper()
	set, problems := Check("rules.yaml", []byte(text), nil)
	for _, p := range problems {
		t.Error(p)
	}
	if set == nil {
		t.FailNow()
	}
	return set
}

func mustNew(t testing.TB, text string) *Engine {
	t.Helper()
	e, err := New(Options{Set: mustLoad(t, text)})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// reading is telemetry of charger c1, so many seconds after the epoch.
func reading(s float64, part, data string) event.Event {
	at := testEpoch().Add(time.Duration(s * float64(time.Second)))
	return event.Event{
		ID: fmt.Sprintf("r%v", s), Device: "c1", Kind: event.Charger, Zone: "east/b01/s1", Part: part,
		Channel: event.Telemetry, Type: "telemetry", At: at, ReceivedAt: at, Data: json.RawMessage(data),
	}
}

func happening(s float64, typ, part, data string) event.Event {
	ev := reading(s, part, data)
	ev.Channel, ev.Type = event.Happening, typ
	return ev
}

func lines(trs []Transition) []string {
	out := []string{}
	for i := range trs {
		out = append(out, Lines(&trs[i], testEpoch())...)
	}
	return out
}

func want(t *testing.T, trs []Transition, expected ...string) {
	t.Helper()
	if expected == nil {
		expected = []string{}
	}
	if d := cmp.Diff(expected, lines(trs)); d != "" {
		t.Errorf("transitions (-want +got):\n%s", d)
	}
}

const hot = `
rules:
  - id: hot
    title: {zh: "{name}[ {part} 号口]", en: "{name}[ port {part}] {data.t}"}
    on: {kind: charger, channel: telemetry}
    when: data.t >= 70
    priority: high
`

func TestEngineTellsOnlyWhatItKnows(t *testing.T) {
	e := mustNew(t, hot)
	for _, data := range []string{`{"other":1}`, `{"t":"71"}`, `{}`, `null`, `[1]`, `{"t":null}`, `not json`, ``} {
		want(t, e.Process([]event.Event{reading(1, "7", data)}))
	}
	want(t, e.Process([]event.Event{reading(2, "7", `{"t":70}`)}), "@2s raised hot high c1/7")
	// Neither a missing metric nor one of the wrong type ends it.
	for _, data := range []string{`{"other":1}`, `{"t":"cold"}`, `{}`} {
		want(t, e.Process([]event.Event{reading(3, "7", data)}))
	}
	want(t, e.Process([]event.Event{reading(4, "8", `{"t":20}`), reading(5, "7", `{"t":69.9}`)}), "@5s returned hot high c1/7")
	if st := e.Status()[0]; st.Errors != 3 || st.LastError == "" || st.Raised != 1 {
		t.Errorf("status %+v", st.Stats)
	}
}

func TestTransitionCarriesWhatTheAlarmNeeds(t *testing.T) {
	e := mustNew(t, `
rules:
  - id: hot
    title: {zh: "{name}[ {part} 号口] {data.t}", en: "{name}[ port {part}][ of {data.user}] at {data.t}"}
    on: {kind: charger, channel: telemetry}
    when: data.t >= 70
    priority: critical
    life_safety: true
    realarm: 2m
    incident: {cause: fire, place: unit}
    escalation: night
    procedure: charger_thermal
    show: {cameras: nearest(3)}
    actions:
      - command: cut
        args: {part: "{part}", why: ["{rule}", 5], none: "{data.user}"}
        ttl: 5s
      - broadcast: {zones: ["{zone}", "{parent}"], text: {zh: "{name}", en: "{data.t}"}, priority: 5}
      - work_order: {title: {zh: 查, en: "look at {device}"}, priority: medium}
      - clip: {after: 1m}
      - notify: {to: [on_duty, "user:u7"]}
`)
	ev := reading(2, "7", `{"t":82.456}`)
	ev.ReceivedAt, ev.Via = ev.At.Add(time.Second), "feeder-e"
	trs := e.Process([]event.Event{ev})
	if len(trs) != 1 {
		t.Fatal(lines(trs))
	}
	want := Transition{
		Rule: "hot", Device: "c1", Part: "7", Zone: "east/b01/s1", Kind: event.Charger, Raised: true, At: ev.At,
		Priority: event.Critical, Title: event.Text{ZH: "{name} 7 号口 82.46", EN: "{name} port 7 at 82.46"},
		Latch: true, LifeSafety: true, ReAlarm: 2 * time.Minute, Incident: Incident{Cause: "fire", Place: Unit}, Escalation: "night", Via: "feeder-e",
		Version: trs[0].Version, Measured: true, Procedure: "charger_thermal", Cameras: Cameras{3}, Evidence: ev,
		Actions: []Action{
			{Type: "command", Device: "c1", Command: "cut", Args: map[string]any{"part": "7", "why": []any{"hot", 5.0}}, Deadline: ev.ReceivedAt.Add(5 * time.Second)},
			{Type: "broadcast", Zones: []string{"east/b01/s1", "east/b01"}, Text: event.Text{ZH: "{name}", EN: "82.46"}, Level: 5, Deadline: ev.ReceivedAt.Add(broadcastTTL)},
			{Type: "work_order", Text: event.Text{ZH: "查", EN: "look at c1"}, Priority: event.Medium},
			{Type: "clip", Before: 10 * time.Second, After: time.Minute, Deadline: ev.ReceivedAt.Add(clipTTL)},
			{Type: "notify", To: []string{"on_duty", "user:u7"}, Deadline: ev.ReceivedAt.Add(notifyTTL)},
		},
	}
	if d := cmp.Diff(want, trs[0]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if len(trs[0].Version) != 12 {
		t.Errorf("version %q", trs[0].Version)
	}
}

func TestVersionIsOfWhatIsWritten(t *testing.T) {
	version := func(body string) string {
		t.Helper()
		set, problems := Check("x.yaml", []byte("rules:\n  - id: hot\n    title: {zh: 热, en: hot}\n    on: {kind: charger, channel: telemetry}\n    priority: low\n"+body), nil)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return set.Rules[0].Version
	}
	first := version("    when: data.t >= 70\n")
	if version("    # why\n    when: data.t >= 70\n") != first {
		t.Error("a comment makes another version")
	}
	if version("    when: data.t >= 71\n") == first || version("    when: data.t >= 70\n    latch: true\n") == first {
		t.Error("another rule has the same version")
	}
}

func TestLateEventsNeverAct(t *testing.T) {
	e := mustNew(t, hot+`    actions: [{command: cut, args: {part: "{part}"}}]
`)
	late := func(s float64, data string) event.Event {
		ev := reading(s, "7", data)
		ev.Late, ev.ReceivedAt = true, testEpoch().Add(time.Hour)
		return ev
	}
	want(t, e.Process([]event.Event{late(10, `{"t":80}`)}), "@10s raised hot high c1/7 late")
	// An older late reading does not overrule a newer; a newer does.
	want(t, e.Process([]event.Event{late(5, `{"t":20}`)}))
	// The first that is in time is the one that acts, once.
	want(t, e.Process([]event.Event{reading(3601, "7", `{"t":81}`), reading(3602, "7", `{"t":82}`)}),
		"@1h0m1s raised hot high c1/7", `@1h0m1s command cut c1 {"part":"7"}`)
	// From now on nothing late counts.
	want(t, e.Process([]event.Event{late(3599, `{"t":20}`)}))
	want(t, e.Process([]event.Event{reading(3603, "7", `{"t":20}`)}), "@1h0m3s returned hot high c1/7")
}

func TestDeviceClocks(t *testing.T) {
	e := mustNew(t, strings.Replace(hot, "priority", "for: 10s\n    priority", 1))
	ev := reading(0, "7", `{"t":80}`)
	ev.At = ev.At.Add(24 * time.Hour) // a clock that runs ahead
	want(t, e.Process([]event.Event{ev}))
	want(t, e.Tick(testEpoch().Add(9*time.Second)))
	want(t, e.Tick(testEpoch().Add(10*time.Second)), "@10s raised hot high c1/7")
}

func TestForAndKeepFiringFor(t *testing.T) {
	text := strings.Replace(hot, "priority", "for: 10s\n    keep_firing_for: 20s\n    clear: {when: data.t < 55}\n    priority", 1)
	for _, c := range []struct {
		name   string
		events []string // second:temperature
		want   []string
	}{
		{"a blip", []string{"0:80", "9:60", "30:20"}, nil},
		{"long enough, by a timer", []string{"0:80", "60:80"}, []string{"@10s raised hot high c1/7"}},
		{"just long enough", []string{"0:80", "10:20", "60:20"}, []string{"@10s raised hot high c1/7", "@30s returned hot high c1/7"}},
		{"hysteresis keeps it", []string{"0:80", "20:60", "100:60"}, []string{"@10s raised hot high c1/7"}},
		{"cool, but not for long", []string{"0:80", "20:20", "30:60", "70:20", "80:80", "200:20", "300:20"}, []string{"@10s raised hot high c1/7", "@3m40s returned hot high c1/7"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := mustNew(t, text)
			var got []Transition
			for _, s := range c.events {
				var at, temp float64
				if _, err := fmt.Sscanf(s, "%f:%f", &at, &temp); err != nil {
					t.Fatal(err)
				}
				got = append(got, e.Process([]event.Event{reading(at, "7", fmt.Sprintf(`{"t":%v}`, temp))})...)
			}
			want(t, got, c.want...)
		})
	}
}

func TestDependsOnSilences(t *testing.T) {
	e := mustNew(t, `
rules:
  - id: a.flicker
    title: {zh: 闪, en: flickers}
    on: {kind: charger, channel: telemetry}
    when: data.flicker == true
    priority: low
    depends_on: [z.dead]
  - id: z.dead
    title: {zh: 断, en: dead}
    on: {kind: charger, channel: presence}
    when: data.online == false
    priority: high
`)
	presence := func(s float64, data string) event.Event {
		ev := reading(s, "", data)
		ev.Channel, ev.Type = event.Presence, "presence"
		return ev
	}
	want(t, e.Process([]event.Event{presence(0, `{"online":false}`)}), "@0s raised z.dead high c1")
	want(t, e.Process([]event.Event{reading(1, "1", `{"flicker":true}`), reading(1, "2", `{"flicker":true}`), reading(2, "2", `{"flicker":false}`)}))
	want(t, e.Process([]event.Event{presence(5, `{"online":true}`)}), "@5s returned z.dead high c1", "@5s raised a.flicker low c1/1")
}

func TestZonesAndKinds(t *testing.T) {
	e := mustNew(t, `
rules:
  - {id: anywhere, title: {zh: a, en: a}, on: {type: [smoke, gas]}, priority: low}
  - {id: east, title: {zh: a, en: a}, on: {type: smoke, zone: [east, west/b02]}, priority: low}
  - {id: door, title: {zh: a, en: a}, on: {kind: [door, sensor], type: smoke}, priority: low}
  - {id: shed, title: {zh: a, en: a}, on: {kind: charger, type: smoke, zone: east/b01/s1, where: device.startsWith("c")}, priority: low}
`)
	for _, c := range []struct{ zone, typ, want string }{
		{"east/b01/s1", "smoke", "anywhere east shed"},
		{"east", "smoke", "anywhere east"},
		{"eastern", "smoke", "anywhere"},
		{"west/b02/u1", "smoke", "anywhere east"},
		{"west/b01", "smoke", "anywhere"},
		{"", "gas", "anywhere"},
		{"east/b01/s1", "water", ""},
	} {
		ev := happening(0, c.typ, c.zone, `{}`) // the part keeps the subjects apart
		ev.Zone = c.zone
		var ids []string
		for _, tr := range e.Process([]event.Event{ev}) {
			ids = append(ids, tr.Rule)
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s in %q: %s, want %s", c.typ, c.zone, got, c.want)
		}
	}
}

// An event of the whole device clears every part of it.
func TestClearWithoutPart(t *testing.T) {
	e := mustNew(t, `
rules:
  - id: fault
    title: {zh: a, en: a}
    on: {kind: charger, type: fault}
    clear: {type: well}
    priority: low
`)
	want(t, e.Process([]event.Event{happening(0, "fault", "2", `{}`), happening(0, "fault", "1", `{}`), happening(1, "well", "3", `{}`)}),
		"@0s raised fault low c1/2", "@0s raised fault low c1/1")
	want(t, e.Process([]event.Event{happening(2, "well", "", `{}`)}), "@2s returned fault low c1/1", "@2s returned fault low c1/2")
}

func TestRise(t *testing.T) {
	e := mustNew(t, `
rules:
  - id: rise
    title: {zh: a, en: a}
    on: {kind: charger, channel: telemetry}
    when: rise("t", "2m") >= 5
    priority: low
`)
	feed := func(from, to float64, perMinute, start float64) []Transition {
		var out []Transition
		for s := from; s <= to; s += 10 {
			out = append(out, e.Process([]event.Event{reading(s, "1", fmt.Sprintf(`{"t":%v}`, start+perMinute*(s-from)/60))})...)
		}
		return out
	}
	want(t, feed(0, 300, 4.9, 20))
	want(t, feed(310, 600, 6, 44.5), "@6m20s raised rise low c1/1") // when the new slope outweighs the old
	// Other metrics do not move it, and one that has fallen silent has no slope.
	want(t, e.Process([]event.Event{reading(605, "1", `{"p":1}`), reading(1500, "1", `{"p":1}`), reading(1501, "1", `{"t":90}`)}))
	if n := len(e.records["c1"].parts[0].series); n != 1 {
		t.Errorf("%d series", n)
	}
	e.Tick(testEpoch().Add(5 * time.Hour))
	e.Commit()
	if n := len(e.records["c1"].parts); n != 0 {
		t.Errorf("windows of %d parts left after hours of silence", n)
	}
}

func TestSeriesKeepsFew(t *testing.T) {
	s, w := series{}, windowDef{fn: riseFn, span: 2 * time.Minute}
	for i := range 100_000 {
		s.observe(&w, testEpoch().Add(time.Duration(i)*10*time.Millisecond).UnixNano(), float64(i)*0.01)
	}
	if n := len(s.live()); n > pointsPerWindow+5 || cap(s.points) > 4*pointsPerWindow {
		t.Errorf("%d points, room for %d", n, cap(s.points))
	}
	if m, ok := s.value(&w, testEpoch().Add(1000*time.Second).UnixNano()); !ok || m < 59.99 || m > 60.01 {
		t.Errorf("slope %v %v", m, ok)
	}
}

// An expression that a device can make expensive is cut off, and the rule goes
// on with the next event.
func TestCostLimit(t *testing.T) {
	e := mustNew(t, `
rules:
  - id: greedy
    title: {zh: a, en: a}
    on: {kind: charger, channel: telemetry}
    when: data.list.exists(x, data.list.exists(y, data.list.exists(z, x + y + z == 1.5)))
    priority: low
`)
	list := "[" + strings.TrimSuffix(strings.Repeat("1,", 300), ",") + "]"
	begin := time.Now()
	want(t, e.Process([]event.Event{reading(0, "", `{"list":`+list+`}`)}))
	t.Logf("cut off after %s", time.Since(begin))
	if st := e.Status()[0]; st.OverBudget != 1 {
		t.Errorf("status %+v", st.Stats)
	}
	want(t, e.Process([]event.Event{reading(1, "", `{"list":[0.5]}`)}), "@1s raised greedy low c1")
}

func TestNothingMatchesCostsNothing(t *testing.T) {
	e := mustNew(t, hot)
	evs := []event.Event{happening(1, "unplugged", "7", `{}`)}
	if n := testing.AllocsPerRun(100, func() { e.Process(evs) }); n != 0 {
		t.Errorf("%v allocations for an event that no rule watches", n)
	}
}

// What an event of the whole device says to its parts does not hang on how many
// rules there are: whether the rule is found for it or not.
func TestTheDeviceSpeaksForItsPartsHoweverManyRules(t *testing.T) {
	text := `
rules:
  - id: wet
    title: {zh: a, en: a}
    on: {kind: charger, type: [wet, dry]}
    when: data.t >= 3
    clear: {type: [dry, wet], when: "type == 'dry'"}
    for: 5s
    priority: low
`
	for _, more := range []int{0, 20} {
		all := text
		for i := range more {
			all += fmt.Sprintf("  - {id: more%d, title: {zh: a, en: a}, on: {kind: charger, type: [wet, dry]}, when: data.u >= %d, priority: low}\n", i, i)
		}
		e := mustNew(t, all)
		want(t, e.Process([]event.Event{happening(0, "wet", "1", `{"t":3}`), happening(1, "wet", "", `{"t":1}`)}))
		want(t, e.Tick(testEpoch().Add(time.Minute)))
	}
}
