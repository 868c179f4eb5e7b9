package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dongyue/internal/event"
)

// Explanation says why a rule was raised for a device and part, or why not.
type Explanation struct {
	Rule       string       `json:"rule"`
	Title      event.Text   `json:"title" doc:"of the rule, with its placeholders"`
	File       string       `json:"file"`
	Line       int          `json:"line"`
	Version    string       `json:"rule_version" doc:"of the rule by which it is explained: that which raised the alarm, as far as it is known"`
	Current    string       `json:"current_version" doc:"of the rule in force; empty: it is gone"`
	Device     string       `json:"device"`
	Part       string       `json:"part"`
	Group      string       `json:"group,omitempty" doc:"of a rule with a quorum: by which its alarm goes, zone:east/b01"`
	Raised     bool         `json:"raised"`
	Conclusion event.Text   `json:"conclusion" doc:"in one sentence: what raised it, or the first thing in the way"`
	Why        []Reason     `json:"why" doc:"step by step, in the order of judgement"`
	Event      *event.Event `json:"event" doc:"the event that was judged; null: none has come"`
}

// Reason is one step of a judgement.
type Reason struct {
	What  string     `json:"what" doc:"rule, disabled, kind, zone, event, late, where, when, absent, quorum, clear, silenced, for, firing, keep, latch, alarm"`
	OK    bool       `json:"ok" doc:"it does not stand in the way"`
	Text  event.Text `json:"text"`
	Expr  string     `json:"expr,omitempty" doc:"the part of the condition"`
	Value string     `json:"value,omitempty" doc:"what it read: data.temp_c = 58.2"`
	At    *time.Time `json:"at,omitempty"`
	Seq   uint64     `json:"seq,omitempty" doc:"of an event in the journal"`
}

// Case is what is to be explained.
type Case struct {
	Rule    *Rule     // by which it is explained
	Then    string    // version that raised the alarm; "": Rule's
	Current *Rule     // in force; nil: there is none of this id
	Since   time.Time // the set in force has been
	Device  string
	Part    string
	Kind    event.Kind
	Zone    string
	Event   *event.Event  // the evidence, or the newest that the rule watches; nil: none
	Cleared *event.Event  // newer than Event, and watched by the rule's clear; nil: none
	Past    []event.Event // of the device before Event, oldest first, as far back as windows reach
}

// say writes both languages with the same values.
func say(zh, en string, args ...any) event.Text {
	return event.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}
}

const stamp = "2006-01-02 15:04:05.000Z"

func at(t time.Time) string { return t.UTC().Format(stamp) }

func moment(t time.Time) *time.Time {
	t = t.UTC()
	return &t
}

// explaining gathers the steps.
type explaining struct {
	Case
	out Explanation
}

func (c Case) begin() *explaining {
	x := &explaining{Case: c}
	r := c.Rule
	x.out = Explanation{Rule: r.ID, Title: r.Title, File: r.File, Line: r.Line, Version: r.Version, Device: c.Device, Part: c.Part, Event: c.Event}
	text := say("规则 %s,见 %s 第 %d 行,版本 %s", "rule %s, in %s line %d, version %s", r.ID, r.File, r.Line, r.Version)
	if c.Current != nil {
		x.out.Current = c.Current.Version
	}
	switch {
	case c.Then != "" && c.Then != r.Version:
		text = say("报警时的规则版本 %s 已无存档,以下按版本 %s(%s 第 %d 行)解释", "the alarm was raised by version %s, which is not kept any more; explained by version %s (%s line %d)", c.Then, r.Version, r.File, r.Line)
	case c.Current == nil:
		text = say("规则 %s 当时的版本 %s;现已删除", "rule %s as it was then, version %s; it has been removed since", r.ID, r.Version)
	case c.Current.Version != r.Version:
		text = say("规则 %s 当时的版本 %s;现在是版本 %s", "rule %s as it was then, version %s; now it is version %s", r.ID, r.Version, c.Current.Version)
	}
	x.add(Reason{What: "rule", OK: true, Text: text})
	return x
}

func (x *explaining) add(r Reason) { x.out.Why = append(x.out.Why, r) }

// blocked is the first thing in the way. Clauses have an Expr; the whole decides.
func (x *explaining) blocked() (Reason, bool) {
	i := slices.IndexFunc(x.out.Why, func(r Reason) bool { return !r.OK && r.Expr == "" })
	if i < 0 {
		return Reason{}, false
	}
	return x.out.Why[i], true
}

// place judges what the index routes by: kind and zone.
func (x *explaining) place() {
	on := x.Rule.On
	kinds := make([]string, 0, len(on.Kinds))
	for _, k := range on.Kinds {
		kinds = append(kinds, string(k))
	}
	switch {
	case len(kinds) == 0:
		x.add(Reason{What: "kind", OK: true, Text: say("它看所有种类的设备", "it watches devices of every kind")})
	case slices.Contains(on.Kinds, x.Kind):
		x.add(Reason{What: "kind", OK: true, Text: say("设备种类 %s 在其所看之列", "it watches devices of kind %s", x.Kind)})
	default:
		x.add(Reason{What: "kind", Text: say("它看 %s,这台设备是 %s", "it watches %s, this device is a %s", strings.Join(kinds, ", "), x.Kind)})
	}
	inside := slices.ContainsFunc(on.Zones, func(z string) bool { return event.Within(x.Zone, z) })
	switch {
	case len(on.Zones) == 0:
		x.add(Reason{What: "zone", OK: true, Text: say("它看所有区域", "it watches every zone")})
	case inside:
		x.add(Reason{What: "zone", OK: true, Text: say("区域 %s 在其所看之内", "zone %s lies in what it watches", x.Zone)})
	default:
		x.add(Reason{What: "zone", Text: say("它看 %s,这台设备在 %s", "it watches %s, this device is in %q", strings.Join(on.Zones, ", "), x.Zone)})
	}
}

// watched is what `on` describes, in words.
func watched(w Watch) string {
	if w.Channel == event.Happening {
		return strings.Join(w.Types, ", ")
	}
	return string(w.Channel)
}

// evidence judges the event as such.
func (x *explaining) evidence() {
	ev := x.Event
	if ev == nil {
		x.add(Reason{What: "event", Text: say("日志中没有这台设备的 %s", "the journal has no %s of this device", watched(x.Rule.On))})
		return
	}
	text := say("事件 %s,发生于 %s,收到于 %s", "%s, happened %s, received %s", ev.Type, at(ev.At), at(heard(ev)))
	x.add(Reason{What: "event", OK: true, Text: text, At: moment(ev.At), Seq: ev.Seq})
	if ev.Late {
		late := heard(ev).Sub(ev.At).Round(time.Second)
		x.add(Reason{What: "late", OK: true, Text: say("迟到 %s:只显示,不触发动作", "it came %s late: it is shown and acts on nothing", late), At: moment(ev.At), Seq: ev.Seq})
	}
}

// conditions judges where and when, clause by clause.
func (x *explaining) conditions() {
	if x.Event == nil {
		return
	}
	if x.Rule.Where != "" {
		x.expression("where", x.Rule.Where, x.Event)
	}
	if x.Rule.Absent > 0 {
		return
	}
	if x.Rule.When == "" {
		x.add(Reason{What: "when", OK: true, Text: say("每个这样的事件都报警", "every such event is one")})
		return
	}
	x.expression("when", x.Rule.When, x.Event)
}

// expression adds a line for each clause and one for the whole, which alone decides.
func (x *explaining) expression(what, expr string, ev *event.Event) {
	d, err := dissect(expr, ev, x.window)
	if err != nil {
		x.add(Reason{What: what, Text: say("%s", "%s", err.Error())})
		return
	}
	var first clause // that has no answer
	for _, a := range d.clauses {
		if a.outcome == unknown && first.expr == "" {
			first = a
		}
		x.add(Reason{What: what, OK: a.outcome == yes, Text: clauseText(a), Expr: a.expr, Value: a.values})
	}
	whole := Reason{What: what, OK: d.outcome == yes}
	switch d.outcome {
	case yes:
		whole.Text = say("条件成立", "the condition holds")
	case no:
		whole.Text = say("条件不成立:%s", "the condition does not hold: %s", summary(d, expr))
	case unknown:
		whole.Text = say("条件无从判断,不作改变:%s(%s)", "the condition has no answer, so nothing changes: %s (%s)", first.expr, first.missing)
	}
	x.add(whole)
}

func clauseText(a clause) event.Text {
	text := a.expr
	if a.values != "" {
		text += " → " + a.values
	}
	switch a.outcome {
	case yes:
		return say("%s:是", "%s: yes", text)
	case no:
		return say("%s:否", "%s: no", text)
	case unknown:
	}
	return say("%s:无从判断(%s)", "%s: no answer (%s)", text, a.missing)
}

// summary names what was read where the condition does not hold.
func summary(d *dissected, expr string) string {
	var read []string
	for _, a := range d.clauses {
		if a.values != "" && !slices.Contains(read, a.values) {
			read = append(read, a.values)
		}
	}
	if len(read) == 0 {
		return clipped(expr)
	}
	return clipped(expr) + " → " + strings.Join(read, "; ")
}

// Raised explains an alarm by the event that raised it.
func (c Case) Raised() Explanation {
	x := c.begin()
	if ev := c.Event; ev != nil {
		x.Kind, x.Zone = ev.Kind, ev.Zone
	}
	x.place()
	x.evidence()
	x.conditions()
	r := c.Rule
	if r.Absent > 0 {
		x.add(Reason{What: "absent", OK: true, Text: say("此后 %s 没有动静", "nothing came for %s after it", r.Absent)})
	}
	if r.Quorum != nil {
		x.add(Reason{What: "quorum", OK: true, Text: say("它使同组满足条件的设备达到 %s", "with it the condition held for %s of the group", r.Quorum.needs())})
	}
	if r.For > 0 {
		x.add(Reason{What: "for", OK: true, Text: say("它持续了 %s", "it held for %s", r.For)})
	}
	if len(r.DependsOn) > 0 {
		x.add(Reason{What: "silenced", OK: true, Text: say("当时没有被 %s 静默", "it was not silenced by %s then", strings.Join(r.DependsOn, ", "))})
	}
	if r.Latch {
		x.add(Reason{What: "latch", OK: true, Text: say("锁定:由人关闭之前一直保留", "it latches: it stays until a person closes it")})
	}
	x.out.Raised = true
	x.out.Conclusion = x.because()
	return x.out
}

// because names what raised it.
func (x *explaining) because() event.Text {
	ev := x.Event
	if ev == nil {
		return say("由规则 %s 报警", "raised by rule %s", x.Rule.ID)
	}
	what := ev.Type
	if x.Rule.When != "" {
		what = clipped(x.Rule.When)
		if d, err := dissect(x.Rule.When, ev, x.window); err == nil {
			what = summary(d, x.Rule.When)
		}
	}
	return say("%s 的事件满足规则 %s:%s", "the event of %s meets rule %s: %s", at(ev.At), x.Rule.ID, what)
}
