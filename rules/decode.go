package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"dongyue/internal/event"
)

// quiet is how long a momentary rule counts repeats when the file does not say.
const quiet = time.Minute

// validID reports whether an id is small letters, digits and _ in parts joined
// by dots: charger.over_temperature.
func validID(id string) bool {
	for part := range strings.SplitSeq(id, ".") {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return false
		}
	}
	return len(id) <= 100 && id[0] >= 'a' && id[0] <= 'z'
}

// rule reads one rule; what is wrong is reported and left empty.
func (l *loader) rule(n node) *Rule {
	f := n.fields("id", "title", "on", "when", "for", "keep_firing_for", "clear", "latch", "silent",
		"priority", "procedure", "show", "depends_on", "actions", "life_safety", "realarm", "incident", "escalation", "absent", "quorum", "settle")
	r := &Rule{
		ID: f["id"].text(), File: n.src.file, Line: n.line(),
		For: f["for"].duration(), Keep: f["keep_firing_for"].duration(),
		Latch: f["latch"].boolean(), Silent: f["silent"].boolean(), Procedure: f["procedure"].text(),
		Absent: f["absent"].duration(), Quorum: quorum(f["quorum"]), Settle: f["settle"].duration(), Cameras: l.show(f["show"]),
		LifeSafety: f["life_safety"].boolean(), ReAlarm: f["realarm"].duration(), Escalation: f["escalation"].word(),
		Version: n.hash(), where: none, when: none,
	}
	r.DependsOn, r.Scopes, l.depends[r] = dependsOn(f["depends_on"])
	r.Latch = r.Latch || r.LifeSafety
	if pairs, ok := pairs(n.val); ok && len(pairs) > 0 {
		r.Line = pairs[0].Key.GetToken().Position.Line
	}
	switch {
	case r.ID == "":
		n.problem("has no id", "name it by topic: charger.over_temperature")
	case !validID(r.ID):
		f["id"].problem(fmt.Sprintf("%q is not an id", r.ID), "small letters, digits and _, parts joined by dots")
		r.ID = ""
	}
	if !f["title"].ok() {
		n.problem("has no title", `write title: {zh: "…", en: "…"}`)
	}
	r.Title = f["title"].bilingual()
	r.title = l.bilingual(f["title"], r.Title)
	r.Priority = priority(n, f["priority"])
	if !f["on"].ok() {
		n.problem("has no `on`", "say what it watches: on: {kind: charger, channel: telemetry}")
	} else {
		l.on(f["on"], r)
	}
	r.Incident = incident(f["incident"], r.ID)
	r.When = f["when"].text()
	r.when = l.expression(f["when"], r.When, scope{r.On.Channel, r.counted()})
	if f["clear"].ok() {
		r.Clear = l.clear(f["clear"], r)
	}
	for _, a := range f["actions"].list() {
		r.Actions = append(r.Actions, l.action(a))
	}
	r.counts = l.counts(r)
	l.sense(n, f, r)
	return r
}

// incident reads incident: {cause: fire, place: building}. Without it the cause
// is the topic of the rule's id.
func incident(n node, id string) Incident {
	topic, _, _ := strings.Cut(id, ".")
	i := Incident{Cause: topic, Place: Building}
	f := n.fields("cause", "place")
	if f["cause"].ok() {
		i.Cause = f["cause"].word()
	}
	if f["place"].ok() {
		known := []string{string(Community), string(Court), string(Building), string(Unit), string(ThisDevice)}
		i.Place = Place(f["place"].text())
		if !slices.Contains(known, string(i.Place)) {
			f["place"].problem(fmt.Sprintf("unknown place %q", i.Place), suggest(string(i.Place), known))
		}
	}
	return i
}

func (l *loader) on(n node, r *Rule) {
	f := n.fields("kind", "channel", "type", "zone", "where")
	r.On = l.watch(n, f)
	r.Where = f["where"].text()
	r.where = l.expression(f["where"], r.Where, scope{r.On.Channel, ""})
}

func (l *loader) watch(n node, f map[string]node) Watch {
	w := Watch{Types: f["type"].texts(), Zones: outermost(f["zone"].texts()), Channel: channel(f["channel"])}
	for _, z := range w.Zones {
		if slices.Contains(strings.Split(z, "/"), "") {
			f["zone"].problem(fmt.Sprintf("%q is no zone", z), "its steps with one / between them: east/b01/u1")
		}
	}
	for _, k := range f["kind"].texts() {
		if !slices.Contains(kinds(), k) {
			f["kind"].problem(fmt.Sprintf("unknown kind %q", k), suggest(k, kinds()))
		}
		if !slices.Contains(w.Kinds, event.Kind(k)) {
			w.Kinds = append(w.Kinds, event.Kind(k))
		}
	}
	switch {
	case !f["channel"].ok() && len(w.Types) > 0:
		w.Channel = event.Happening
	case !f["channel"].ok():
		n.problem("names no type and no channel", "add type (of an event), or channel: telemetry, state, presence or quarantine")
	case w.Channel == event.Happening && len(w.Types) == 0:
		n.problem("watches every event there is", "name the types")
	case w.Channel != "" && w.Channel != event.Happening && len(w.Types) > 0:
		f["type"].problem("only events have a type", "remove it")
		w.Types = nil
	}
	return w
}

func channel(n node) event.Channel {
	known := []string{string(event.Happening), string(event.Telemetry), string(event.State), string(event.Presence), string(event.Quarantine)}
	c := n.text()
	if c != "" && !slices.Contains(known, c) {
		n.problem(fmt.Sprintf("unknown channel %q", c), suggest(c, known))
		return ""
	}
	return event.Channel(c)
}

// outermost drops zones that lie within another of the list.
func outermost(zones []string) []string {
	var out []string
	for i, z := range zones {
		if !slices.ContainsFunc(zones, func(o string) bool { return o != z && event.Within(z, o) }) && !slices.Contains(zones[:i], z) {
			out = append(out, z)
		}
	}
	return out
}

func (l *loader) clear(n node, r *Rule) *Clear {
	f := n.fields("type", "channel", "when")
	c := &Clear{When: f["when"].text(), Own: f["type"].ok() || f["channel"].ok(), when: none}
	switch {
	case c.Own:
		c.Watch = l.watch(n, f)
		c.Kinds, c.Zones = r.On.Kinds, r.On.Zones
	case c.When == "":
		n.problem("says nothing", "add when, type or channel")
	default:
		c.Watch = r.On
	}
	c.when = l.expression(f["when"], c.When, scope{c.Channel, r.counted()})
	return c
}

func priority(rule, n node) event.Priority {
	known := []string{string(event.Critical), string(event.High), string(event.Medium), string(event.Low)}
	if !n.ok() {
		rule.problem("has no priority", "critical, high, medium or low")
		return ""
	}
	p := n.text()
	if !slices.Contains(known, p) {
		n.problem(fmt.Sprintf("unknown priority %q", p), suggest(p, known))
	}
	return event.Priority(p)
}

// show reads show: {cameras: nearest(2)} or {cameras: 2}.
func (l *loader) show(n node) int {
	if !n.ok() {
		return 0
	}
	c := n.fields("cameras")["cameras"]
	s, isText := c.val.(*ast.StringNode)
	if !isText {
		return c.integer(0, 16)
	}
	digits, ok1 := strings.CutPrefix(s.Value, "nearest(")
	digits, ok2 := strings.CutSuffix(digits, ")")
	count, err := strconv.Atoi(digits)
	if !ok1 || !ok2 || err != nil || count < 0 || count > 16 {
		c.problem(fmt.Sprintf("%q is no choice of cameras", s.Value), "write nearest(2), at most nearest(16)")
		return 0
	}
	return count
}

func (l *loader) expression(n node, expr string, in scope) condition {
	if expr == "" {
		return none
	}
	at, ce := l.compiler.compile(expr, in)
	if ce == nil {
		return at
	}
	for _, m := range append([]compileError{*ce}, ce.more...) {
		line, col := n.within(m.line, m.col)
		n.src.problems = append(n.src.problems, Problem{File: n.src.file, Line: line, Col: col, Path: n.path, What: m.what})
	}
	return none
}

func (l *loader) template(n node, s string) template {
	t, err := parseTemplate(s)
	if err != nil {
		n.problem(oneLine(err.Error()), "")
	}
	return t
}

func (l *loader) bilingual(n node, t event.Text) bilingual {
	return bilingual{zh: l.template(n, t.ZH), en: l.template(n, t.EN)}
}
