package rules

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"dongyue/internal/event"
)

// TestResult is one case of a test file.
type TestResult struct {
	File string   `json:"file"`
	Line int      `json:"line"`
	Name string   `json:"name"`
	OK   bool     `json:"ok"`
	Want []string `json:"want,omitempty"`
	Got  []string `json:"got,omitempty"` // where it is not as wanted
}

// Test loads the rules of a folder and plays the cases of every *.test.yaml in
// it. A case sees what the rules of the file beside it do (charger.test.yaml:
// charger.yaml), in the company of all others. The problems are those of the
// rule files and the test files; with any, no case has been played.
func Test(dir fs.FS) ([]TestResult, []Problem) {
	files, problems := ReadFiles(dir)
	return files.test(problems, nil)
}

// testEpoch is @0s of every case.
func testEpoch() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

type testCase struct {
	file, rules, name string
	line              int
	steps             []testStep
	want              []string
}

// testStep is an event, or only the time that passes until it.
type testStep struct {
	at time.Duration
	ev *event.Event
}

func readCases(s *source, text []byte) []testCase {
	root := s.parse(text)
	var out []testCase
	for _, n := range root.fields("tests")["tests"].list() {
		f := n.fields("name", "given", "events", "expect")
		c := testCase{file: s.file, rules: strings.TrimSuffix(s.file, TestSuffix) + ".yaml", name: f["name"].text(), line: n.line()}
		if ps, ok := pairs(n.val); ok && len(ps) > 0 {
			c.line = ps[0].Key.GetToken().Position.Line
		}
		if c.name == "" {
			n.problem("has no name", "say what it shows")
		}
		if !f["expect"].ok() {
			n.problem("expects nothing", `write expect: ["@0s raised RULE PRIORITY"], or expect: [] for none`)
		}
		given := device(f["given"], event.Event{})
		for _, e := range f["events"].list() {
			c.steps = append(c.steps, step(e, given))
		}
		if !slices.IsSortedFunc(c.steps, func(a, b testStep) int { return int(a.at - b.at) }) {
			f["events"].problem("are not in the order of time", "sort them by at")
		}
		for _, w := range f["expect"].list() {
			c.want = append(c.want, w.text())
		}
		out = append(out, c)
	}
	return out
}

func device(n node, ev event.Event) event.Event {
	if n.ok() {
		identify(n.fields("device", "kind", "zone", "via", "part"), &ev)
	}
	return ev
}

func identify(f map[string]node, ev *event.Event) {
	for key, to := range map[string]*string{"device": &ev.Device, "zone": &ev.Zone, "via": &ev.Via, "part": &ev.Part} {
		if f[key].ok() {
			*to = f[key].text()
		}
	}
	if f["kind"].ok() {
		kind := f["kind"].text()
		if kind != "" && !slices.Contains(kinds(), kind) {
			f["kind"].problem(fmt.Sprintf("unknown kind %q", kind), suggest(kind, kinds()))
		}
		ev.Kind = event.Kind(kind)
	}
}

// step reads {at: 5s, event: smoke, data: {…}}, {at: 5s, telemetry: {…}}, or
// {at: 40s}. late: true makes the event arrive two minutes after it happened.
func step(n node, given event.Event) testStep {
	f := n.fields("at", "device", "kind", "zone", "via", "part", "event", "data", "telemetry", "state", "presence", "quarantine", "late")
	if !f["at"].ok() {
		n.problem("has no time", "begin with at: 0s")
	}
	st := testStep{at: f["at"].duration()}
	ev := given
	identify(f, &ev)
	data := says(f, &ev)
	if ev.Channel == "" {
		return st // time passes
	}
	if ev.Device == "" || ev.Kind == "" {
		n.problem("says not which device", "add given: {device: …, kind: …}")
	}
	text, err := json.Marshal(data)
	if err != nil {
		n.problem("is not JSON: "+err.Error(), "")
	}
	ev.Data, ev.ID = text, fmt.Sprintf("e%d", st.at.Milliseconds())
	ev.ReceivedAt = testEpoch().Add(st.at)
	ev.At = ev.ReceivedAt
	if f["late"].boolean() {
		ev.At, ev.Late = ev.At.Add(-2*event.LateAfter), true
	}
	st.ev = &ev
	return st
}

// says reads what the device says, of which there is one thing at a time.
func says(f map[string]node, ev *event.Event) map[string]any {
	data := map[string]any{}
	for _, ch := range []event.Channel{event.Happening, event.Telemetry, event.State, event.Presence, event.Quarantine} {
		v := f[string(ch)]
		switch {
		case !v.ok():
			continue
		case ev.Channel != "":
			v.problem(fmt.Sprintf("stands beside %s", ev.Channel), "one thing at a time: write another step")
		case ch == event.Happening:
			ev.Channel, ev.Type = ch, v.text()
			v = f["data"]
		default:
			ev.Channel, ev.Type = ch, string(ch)
		}
		if !v.ok() {
			continue
		}
		if _, ok := pairs(v.val); !ok {
			v.problem("must be a mapping (key: value)", "")
			continue
		}
		data, _ = v.plain(0).(map[string]any)
	}
	if f["data"].ok() && ev.Channel != event.Happening {
		f["data"].problem("belongs to an event", "add event: TYPE, or write telemetry: {…}")
	}
	if f["late"].ok() && ev.Channel == "" {
		f["late"].problem("belongs to what a device says", "remove it")
	}
	return data
}

func (c *testCase) play(set *Set) (TestResult, error) {
	e, err := New(Options{Set: set})
	if err != nil {
		return TestResult{}, err
	}
	var got []string
	for _, st := range c.steps {
		trs := e.Tick(testEpoch().Add(st.at))
		if st.ev != nil {
			trs = append(trs, e.Process([]event.Event{*st.ev})...)
		}
		for i := range trs {
			if r, _ := set.Rule(trs[i].Rule); r.File == c.rules {
				got = append(got, Lines(&trs[i], testEpoch())...)
			}
		}
	}
	r := TestResult{File: c.file, Line: c.line, Name: c.name, Want: c.want, OK: len(got) == len(c.want)}
	for i := 0; r.OK && i < len(got); i++ {
		r.OK = got[i] == c.want[i] || strings.HasPrefix(got[i], c.want[i]+" ")
	}
	if !r.OK {
		r.Got = got
	}
	return r, nil
}

// Lines writes a transition as test files expect it, one line for itself and
// one for each action; a test may leave off the end of a line:
//
//	@10s raised charger.over_temperature critical charger-b-1/7
//	@10s command cut charger-b-1 {"part":"7"}
//	@10s broadcast east/shed-b
//	@10s work_order high
func Lines(tr *Transition, from time.Time) []string {
	at := "@" + tr.At.Sub(from).String()
	what := "returned"
	switch {
	case tr.Repeat:
		what = "repeated"
	case tr.Raised:
		what = "raised"
	}
	subject := tr.Device
	if tr.Part != "" {
		subject += "/" + tr.Part
	}
	line := strings.Join([]string{at, what, tr.Rule, string(tr.Priority), subject}, " ")
	if tr.Late {
		line += " late"
	}
	out := []string{line}
	if tr.Repeat {
		return out // its actions are for an alarm that has been closed
	}
	for _, a := range tr.Actions {
		switch a.Type {
		case CommandAction:
			args, _ := json.Marshal(a.Args)
			out = append(out, strings.Join([]string{at, a.Type, a.Command, a.Device, string(args)}, " "))
		case ReactAction:
			where := a.Device
			if part, _ := a.Args["part"].(string); part != "" {
				where += "/" + part
			}
			out = append(out, strings.Join([]string{at, a.Type, a.Command, where}, " "))
		case BroadcastAction:
			out = append(out, strings.Join([]string{at, a.Type, strings.Join(a.Zones, ",")}, " "))
		case WorkOrderAction:
			out = append(out, strings.Join([]string{at, a.Type, string(a.Priority)}, " "))
		}
	}
	return out
}
