package rules

import (
	"encoding/json"
	"maps"
	"regexp"
	"strconv"
	"time"

	"dongyue/internal/event"
)

// script is what a device says that is to set off a rule: values that stay, and
// values that rise or fall towards what is wanted, as those of a battery that
// heats up.
type script struct {
	data  map[string]any
	slope map[string]float64 // per minute
	times int                // how often it says so
	was   map[string]any     // what it said before; nil: nothing
}

// scripts are what could set a rule off, to be tried in turn: what was given, or
// nothing at all, or what the conditions ask for.
func (r *Rule) scripts(given map[string]any) []script {
	if given != nil {
		return []script{{data: given, times: 1}}
	}
	asked := script{data: map[string]any{}, slope: map[string]float64{}, times: 1}
	asked.read(r.Where)
	asked.read(r.When)
	asked.differ(r.When)
	return []script{asked, {data: map[string]any{}, times: 1}}
}

// The forms of conditions that a script can be made from: a member of the data
// beside a literal, a text that is to begin, end or contain something, a change,
// and a window function beside a number.
const (
	comparing  = `data(?:\.(\w+)|\["(\w+)"\])\s*(>=|<=|==|!=|>|<)\s*("[^"]*"|'[^']*'|-?[0-9.]+|true|false)`
	textTest   = `data(?:\.(\w+)|\["(\w+)"\])\.(startsWith|endsWith|contains)\(\s*["']([^"']*)["']\s*\)`
	changeTest = `changed\(\s*["']([\w.-]+)["']\s*\)`
	windowTest = `(rise|rate|avg|min|max|count)\(\s*"?([\w.]*)"?[^)]*\)\s*(>=|<=|==|>|<)\s*(-?[0-9.]+)`
)

func (s *script) read(expr string) {
	for _, m := range regexp.MustCompile(textTest).FindAllStringSubmatch(expr, -1) {
		name := m[1] + m[2]
		had, _ := s.data[name].(string)
		switch m[3] {
		case "startsWith":
			s.data[name] = m[4] + had
		default:
			s.data[name] = had + " " + m[4]
			if m[3] == "endsWith" && had == "" {
				s.data[name] = m[4]
			}
		}
	}
	for _, m := range regexp.MustCompile(comparing).FindAllStringSubmatch(expr, -1) {
		s.want(m[1]+m[2], m[3], m[4])
	}
	for _, m := range regexp.MustCompile(windowTest).FindAllStringSubmatch(expr, -1) {
		s.window(m[1], m[2], m[3], m[4])
	}
}

// differ has the device say something else first, where a change is asked for.
func (s *script) differ(expr string) {
	for _, m := range regexp.MustCompile(changeTest).FindAllStringSubmatch(expr, -1) {
		if s.was == nil {
			s.was = maps.Clone(s.data)
		}
		switch v := s.data[m[1]].(type) {
		case nil:
			s.data[m[1]], s.was[m[1]] = true, false
		case bool:
			s.was[m[1]] = !v
		case float64:
			s.was[m[1]] = v + 1
		default:
			s.was[m[1]] = nil
		}
	}
}

// want makes a value that fulfils a comparison.
func (s *script) want(name, op, literal string) {
	if text, err := strconv.Unquote(`"` + trimQuotes(literal) + `"`); err == nil && (literal[0] == '"' || literal[0] == '\'') {
		if op == "==" {
			s.data[name] = text
		}
		return
	}
	if literal == "true" || literal == "false" {
		s.data[name] = (literal == "true") == (op == "==")
		return
	}
	x, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return
	}
	had, known := s.data[name].(float64)
	x = beyond(op, x)
	switch {
	case !known,
		(op == ">" || op == ">=") && x > had,
		(op == "<" || op == "<=") && x < had,
		op == "==":
		s.data[name] = x
	}
}

func trimQuotes(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') {
		return s[1 : len(s)-1]
	}
	return s
}

// beyond is a number for which the comparison with x holds.
func beyond(op string, x float64) float64 {
	switch op {
	case ">":
		return x + max(1, x/100)
	case "<":
		return x - max(1, x/100)
	case "!=":
		return x + 1
	}
	return x
}

func (s *script) window(function, name, op, number string) {
	x, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return
	}
	x = beyond(op, x)
	switch function {
	case "count":
		s.times = max(s.times, int(x))
		return
	case "rise":
		s.slope[name] = x * 1.5
	case "rate":
		s.slope[name] = x * 90 // per second, with room
	default: // avg, min, max of what stays is what stays
		s.want(name, op, number)
		return
	}
	if _, known := s.data[name]; name != "" && !known {
		s.data[name] = 100.0
	}
}

// Times of a made-up scene.
const (
	sceneRamp = 3 * time.Minute // how long values move towards what is wanted
	sceneStep = 5 * time.Second // between two reports

	sceneCrowded = 24 // reports of each of many devices, about, while the rule waits
)

// scene is what the device says, and the crowd just before it so that it is the
// one to complete their group, and until when time passes behind it. The last word
// comes at the time of the exercise, less what the rule waits for.
func (r *Rule) scene(q Rehearsal, s script, crowd []string) (evs []event.Event, until time.Time) {
	until = q.At
	hold, step := r.hold(), sceneStep
	if crowd != nil {
		step = max(step, hold/sceneCrowded)
	}
	begin, end := until.Add(-hold), until
	if r.Absent > 0 {
		end = begin // and then nothing
	}
	say := func(at time.Time, data map[string]any) {
		for _, device := range crowd {
			other := q
			other.Device = device
			evs = append(evs, r.says(other, at.Add(-time.Millisecond), len(evs), data))
		}
		evs = append(evs, r.says(q, at, len(evs), data))
	}
	if s.was != nil { // said once: a second time it would be no change
		say(begin.Add(-sceneStep), s.was)
		say(begin, s.data)
		return evs, until
	}
	if r.On.Channel == event.Telemetry {
		for back := sceneRamp; back > 0; back -= sceneStep {
			if at := begin.Add(-back); len(s.slope) > 0 {
				say(at, s.before(back))
			}
		}
		for at := begin; !at.After(end); at = at.Add(step) {
			say(at, s.before(begin.Sub(at)))
		}
		return evs, until
	}
	for i := range s.times {
		say(begin.Add(time.Duration(i)*time.Millisecond), s.data)
	}
	return evs, until
}

// hold is how long before the time of an exercise the rule's condition begins.
func (r *Rule) hold() time.Duration {
	slack := 2 * sceneStep
	if r.Quorum != nil && r.momentary() {
		slack = min(slack, r.Keep/2) // they count for no longer
	}
	return max(r.For, r.Absent) + slack
}

// before is the data as it was some time before it is as wanted; a negative time
// is behind that, where what moves moves on.
func (s *script) before(back time.Duration) map[string]any {
	out := maps.Clone(s.data)
	for name, perMinute := range s.slope {
		if x, ok := out[name].(float64); ok {
			out[name] = x - perMinute*back.Minutes()
		}
	}
	return out
}

// says is one message of the device.
func (r *Rule) says(q Rehearsal, at time.Time, n int, data map[string]any) event.Event {
	b, err := json.Marshal(data)
	if err != nil {
		b = []byte("{}")
	}
	typ := string(r.On.Channel)
	if r.On.Channel == event.Happening && len(r.On.Types) > 0 {
		typ = r.On.Types[0]
	}
	return event.Event{
		ID: "drill-" + strconv.Itoa(n), Device: q.Device, Kind: q.Kind, Zone: q.Zone, Via: q.Via, Channel: r.On.Channel, Type: typ, Part: q.Part,
		At: at, ReceivedAt: at, Data: b,
	}
}
