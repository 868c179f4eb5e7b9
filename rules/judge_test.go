package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"dongyue/internal/event"
)

// drawRules writes up to six rules with all that rules can have. Each may depend
// on those before it.
func drawRules(t *rapid.T) string {
	var b strings.Builder
	b.WriteString("rules:\n")
	var ids []drawn
	for i := range rapid.IntRange(1, 6).Draw(t, "rules") {
		d := drawRule(t, fmt.Sprintf("r%d", i), ids)
		b.WriteString(d.text)
		ids = append(ids, d)
	}
	return b.String()
}

// drawn is a rule, and for whom it can be a cause.
type drawn struct {
	id, text string
	scopes   []string
}

func drawRule(t *rapid.T, id string, before []drawn) drawn {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "    "+format+"\n", args...) }
	maybe := func(label string, one int) bool { return rapid.IntRange(0, one-1).Draw(t, label) == 0 }
	fmt.Fprintf(&b, "  - id: %s\n", id)
	line(`title: {zh: "{name}", en: "{name} {device}[ {count}]"}`)
	channel := pick(t, "channel", "telemetry", "telemetry", "presence", "wet")
	measured := channel != "wet"
	on := []string{"channel: " + channel}
	if !measured {
		on = []string{"type: [wet, dry]"}
	}
	if maybe("kind", 2) {
		on = append(on, "kind: "+pick(t, "kinds", "charger", "[charger, lamp]", "lamp"))
	}
	if maybe("zone", 3) {
		on = append(on, "zone: "+pick(t, "zones", "east", "[east/b01, west]", "east/b02"))
	}
	if maybe("where", 3) {
		on = append(on, "where: '"+pick(t, "filter", `part == "1"`, `device == "c1"`, `data.x != true`, `device in ["c1", "c2"]`, `data.t > 2`, `at.getSeconds() >= 0`)+"'")
	}
	line("on: {%s}", strings.Join(on, ", "))
	out := drawn{id: id, scopes: []string{"device", "zone", "via"}}
	absent := maybe("absent", 5)
	var when string
	if measured {
		when = pick(t, "when", "data.t >= 5", "data.t <= 2", "data.t > 3 || data.x == true", "!(data.t < 4)", "data.x == true", "data.w in [1, \"on\"]", `avg("t", "10s") > 4.0`,
			`rise("t", "10s") > 5.0`, `data.t > 2 && max("t", "10s") >= 6.0`, `min("t", "10s") > 2.0`, `rate("t", "10s") > 0.5`, `count("10s") >= 4`, `at.getSeconds() % 10 < 5`,
			`data.t >= 4 && data.w != "off"`, `changed("w")`, `changed("x") && data.x == true`, `changed("t") || data.x == true`, "has(data.x) && data.x")
	} else {
		when = pick(t, "when", "", "", `type == "wet"`, `type == "wet" && data.x != false`, `changed("w")`, `changed("x") || data.t >= 6`, `count("10s") >= 3`, `data.t >= 3`)
	}
	clearable := !absent
	switch {
	case absent:
		line("absent: %s", pick(t, "silence", "2s", "5s", "9s"))
	case when != "":
		line("when: '%s'", when)
	}
	ended := measured || when != "" || absent
	if clearable && maybe("clear", 3) {
		ended = true
		line("clear: {%s}", pick(t, "end", "when: data.t < 3", "type: [dry]", "channel: presence, when: data.x == false", `type: [dry, wet], when: "type == 'dry'"`))
	}
	if ended && !absent && maybe("for", 3) {
		line("for: %s", pick(t, "long", "1s", "3s", "6s"))
	}
	if maybe("keep", 3) {
		line("keep_firing_for: %s", pick(t, "kept", "1s", "4s"))
	}
	if !absent && maybe("quorum", 4) {
		by := pick(t, "by", "community", "court", "building", "via")
		line("quorum: {%s, by: %s}", pick(t, "many", "of: 2", "of: 3", "of: 2, share_pct: 50", "share_pct: 60", "of: 3, clear_below: 3"), by)
		out.scopes = []string{"zone"}
		if by == "via" {
			out.scopes = []string{"via"}
		}
	}
	if maybe("settle", 3) {
		line("settle: %s", pick(t, "settling", "2s", "7s"))
	}
	var causes []string
	for _, c := range before {
		if maybe("cause", 3) {
			causes = append(causes, fmt.Sprintf("{rule: %s, scope: %s}", c.id, pick(t, "scope", c.scopes...)))
		}
	}
	if len(causes) > 0 {
		line("depends_on: [%s]", strings.Join(causes, ", "))
	}
	line("priority: low")
	out.text = b.String()
	return out
}

// drawEvents makes a stream of events in the order of their arrival, some late.
func drawEvents(t *rapid.T) []event.Event {
	var evs []event.Event
	clock := testEpoch()
	for i := range rapid.IntRange(1, 70).Draw(t, "events") {
		clock = clock.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 1, 1, 2, 4, 16}).Draw(t, "step")) * 500 * time.Millisecond)
		n := rapid.IntRange(1, 4).Draw(t, "device")
		ev := event.Event{
			Seq: uint64(i + 1), ID: fmt.Sprintf("e%d", i), Device: fmt.Sprintf("c%d", n), Kind: event.Charger, Zone: []string{"east/b01", "east/b02", "west/b01/u1", ""}[n-1],
			Via: []string{"f1/s1", "f1/s2", "f1/s1", ""}[n-1], Part: pick(t, "part", "", "1", "1", "2"), ReceivedAt: clock,
			At: clock.Add(-time.Duration(rapid.SampledFrom([]int{0, 0, 0, 1, 3, 14}).Draw(t, "delay")) * 500 * time.Millisecond),
		}
		if n == 4 {
			ev.Kind = event.Lamp
		}
		switch c := pick(t, "channel", "telemetry", "telemetry", "telemetry", "presence", "wet", "dry"); c {
		case "wet", "dry":
			ev.Channel, ev.Type = event.Happening, c
		default:
			ev.Channel, ev.Type = event.Channel(c), c
		}
		if rapid.IntRange(0, 11).Draw(t, "late") == 0 {
			ev.Late, ev.At = true, ev.At.Add(-30*time.Second)
		}
		var members []string
		for _, m := range [][]string{{"t", "1", "2", "3", "4", "5", "6", "7", "7", `"hot"`}, {"x", "true", "false"}, {"w", "1", `"on"`, `"off"`}} {
			if rapid.IntRange(0, 4).Draw(t, m[0]) > 0 {
				members = append(members, fmt.Sprintf("%q:%s", m[0], pick(t, "value", m[1:]...)))
			}
		}
		ev.Data = json.RawMessage("{" + strings.Join(members, ",") + "}")
		evs = append(evs, ev)
	}
	if n := len(evs); n > 3 && rapid.IntRange(0, 3).Draw(t, "restart") == 0 {
		i := rapid.IntRange(1, n-1).Draw(t, "at")
		since, at := evs[i-1].ReceivedAt, evs[i].ReceivedAt
		data, _ := json.Marshal(map[string]any{"online": true, "away_since": since})
		evs = slices.Insert(evs, i, event.Event{ID: "hub", Device: event.HubDevice, Kind: event.Hub, Channel: event.Presence, At: at, ReceivedAt: at, Data: data})
	}
	return evs
}

// told writes transitions as the slow judge does.
func told(trs []Transition) []string {
	out := []string{}
	for i := range trs {
		tr := &trs[i]
		what, late := "returned", ""
		switch {
		case tr.Repeat:
			what = "repeated"
		case tr.Raised:
			what = "raised"
		}
		if tr.Late {
			late = " late"
		}
		out = append(out, fmt.Sprintf("@%s %s %s %s/%s by %s%s", tr.At.Sub(testEpoch()), what, tr.Rule, tr.Device, tr.Part, tr.Evidence.ID, late))
	}
	return out
}

// The engine says what the slow judge says, however its events are cut into
// batches, whatever is rolled back and judged again, and wherever it is swapped
// to the same rules or begun anew from what was saved.
func TestEngineAgainstSlowJudge(t *testing.T) {
	c, err := newCompiler()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := drawRules(rt)
		set, problems := Check("rules.yaml", []byte(text), nil)
		if len(problems) > 0 {
			rt.Fatalf("%v\n%s", problems, text)
		}
		if rapid.Bool().Draw(rt, "all looked up") {
			set.index = newIndex(set, 0)
		}
		evs := drawEvents(rt)
		slow := newSlowJudge(t, set, c)
		for _, ev := range evs {
			slow.process(ev)
		}
		end := evs[len(evs)-1].ReceivedAt.Add(time.Minute)
		slow.advance(end)

		e, err := New(Options{Set: set})
		if err != nil {
			t.Fatal(err)
		}
		p := player{rt: rt, set: set, e: e}
		p.play(evs)
		got := append(p.got, p.e.Tick(end)...)
		if d := cmp.Diff(append([]string{}, slow.out...), told(got)); d != "" {
			rt.Fatalf("%s\n%s\n(-slow +engine):\n%s", text, shownEvents(evs), d)
		}
		// All at once comes to the same, byte for byte.
		once, err := New(Options{Set: set})
		if err != nil {
			t.Fatal(err)
		}
		a, errA := json.Marshal(append(once.Process(evs), once.Tick(end)...))
		b, errB := json.Marshal(got)
		if errA != nil || errB != nil || len(got) > 0 && string(a) != string(b) {
			rt.Fatalf("%s\n%s\n(-at once +in pieces):\n%s", text, shownEvents(evs), cmp.Diff(string(a), string(b)))
		}
	})
}

// player judges events with all the interruptions that an engine meets.
type player struct {
	rt    *rapid.T
	set   *Set
	e     *Engine
	got   []Transition
	file  []byte        // of windows
	since []event.Event // judged after the file was written
}

func (p *player) play(evs []event.Event) {
	for len(evs) > 0 {
		n := min(len(evs), rapid.IntRange(1, 9).Draw(p.rt, "batch"))
		switch pick(p.rt, "interruption", "none", "none", "tick", "rollback", "swap", "save", "restart") {
		case "tick":
			if evs[0].Kind != event.Hub { // the hub was away until then
				p.got = append(p.got, p.e.Tick(evs[0].ReceivedAt)...)
			}
		case "rollback":
			p.e.Commit()
			ahead := evs[:min(len(evs), rapid.IntRange(1, 20).Draw(p.rt, "ahead"))]
			p.e.Process(ahead)
			if last := ahead[len(ahead)-1]; rapid.Bool().Draw(p.rt, "tick too") {
				p.e.Tick(last.ReceivedAt.Add(10 * time.Second))
			}
			p.e.Rollback()
		case "swap":
			p.e.Commit()
			p.got = append(p.got, p.e.Swap(p.set)...)
			p.e.Commit()
		case "save":
			p.save()
		case "restart":
			p.restart()
		}
		p.got = append(p.got, p.e.Process(evs[:n])...)
		p.e.Commit()
		p.since = append(p.since, evs[:n]...)
		evs = evs[n:]
	}
}

func (p *player) save() {
	p.e.Commit()
	var b bytes.Buffer
	if err := p.e.SaveWindows(&b); err != nil {
		p.rt.Fatal(err)
	}
	p.file, p.since = b.Bytes(), nil
}

// restart begins anew with the rows as they are, and the windows as they were
// when they were last saved.
func (p *player) restart() {
	p.e.Commit()
	rows, err := p.e.Snapshot()
	if err != nil {
		p.rt.Fatal(err)
	}
	if p.e, err = New(Options{Set: p.set}); err != nil {
		p.rt.Fatal(err)
	}
	if err := p.e.Restore(rows); err != nil {
		p.rt.Fatal(err)
	}
	if p.file != nil {
		seq, err := p.e.LoadWindows(bytes.NewReader(p.file))
		if err != nil {
			p.rt.Fatal(err)
		}
		if i := slices.IndexFunc(p.since, func(ev event.Event) bool { return ev.Seq > 0 }); i >= 0 && p.since[i].Seq <= seq {
			p.rt.Fatalf("the windows are of event %d, and those behind begin with %d", seq, p.since[i].Seq)
		}
	}
	p.e.Observe(p.since)
}

func shownEvents(evs []event.Event) string {
	var b strings.Builder
	for _, ev := range evs {
		fmt.Fprintf(&b, "%s @%s (%s) %s/%s %s %s late=%v\n", ev.ID, ev.ReceivedAt.Sub(testEpoch()), ev.ReceivedAt.Sub(ev.At), ev.Device, ev.Part, ev.Type, ev.Data, ev.Late)
	}
	return b.String()
}
