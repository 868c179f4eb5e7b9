package rules

import (
	"fmt"
	"slices"
	"strings"

	"dongyue/internal/event"
)

// Now explains how a rule stands for a device: what raised it, or the first thing
// that is in the way.
func (c Case) Now(st Standing) Explanation {
	if c.Event == nil {
		c.Event = st.Event
	}
	x := c.begin()
	if st.Group != nil {
		x.out.Group = st.Group.Device
	}
	if st.Disabled != "" {
		x.add(Reason{What: "disabled", Text: say("规则已停用:%s", "the rule is switched off: %s", st.Disabled)})
	}
	if c.Kind != "" { // a group is of no kind
		x.place()
	}
	x.evidence()
	x.conditions()
	x.cleared()
	x.silent(st.Silence, st.Phase)
	x.quorum(st.Group, st.Phase)
	x.stands(st)
	x.unheard(st)
	x.out.Raised = st.Phase == Firing || st.Phase == Ending
	switch first, blocked := x.blocked(); {
	case x.out.Raised:
		x.out.Conclusion = say("它正在报警(自 %s 的事件起)", "it is raised (by the event of %s)", at(st.At))
	case blocked:
		x.out.Conclusion = first.Text
	default:
		x.out.Conclusion = x.because()
	}
	return x.out
}

// cleared judges a newer event that the rule takes for the end.
func (x *explaining) cleared() {
	ev, c := x.Cleared, x.Rule.Clear
	if ev == nil || c == nil {
		return
	}
	outcome := yes
	if c.When != "" {
		if d, err := dissect(c.When, ev, x.window); err == nil {
			outcome = d.outcome
		}
	}
	if outcome == yes {
		x.add(Reason{
			What: "clear", Expr: "", Seq: ev.Seq, At: moment(ev.At),
			Text: say("其后的事件 %s(%s)使其恢复", "a newer event, %s of %s, ends it", ev.Type, at(ev.At)),
		})
	}
}

// silent adds how a rule with absent waits.
func (x *explaining) silent(s *Silence, phase string) {
	if s == nil {
		return
	}
	r := Reason{What: "absent", OK: phase != ""}
	switch {
	case s.Heard.IsZero():
		r.Text = say("还没有听到过 %s,从第一次听到起计时", "no %s has been heard yet; the time runs from the first", watched(x.Rule.On))
	case phase != "":
		r.Text, r.At = say("自 %s 起没有动静,超过 %s", "silent since %s, for more than %s", at(s.Heard), x.Rule.Absent), moment(s.Heard)
	default:
		r.Text, r.At = say("最近一次动静在 %s,若再无动静将于 %s 报警", "the last sign of life was at %s; without another it is raised at %s", at(s.Heard), at(s.Due)), moment(s.Due)
	}
	x.add(r)
}

// quorum adds how many of the group hold.
func (x *explaining) quorum(g *GroupStanding, phase string) {
	q := x.Rule.Quorum
	switch {
	case q == nil:
	case g == nil:
		x.add(Reason{What: "quorum", Text: say("这台设备不属于任何一组(%s)", "the device belongs to no group (by %s)", q.By)})
	default:
		text := say("%[1]s 中有 %[2]d 台设备满足条件,须 %[3]s", "the condition holds for %[2]d devices of %[1]s; it takes %[3]s", g.Device, g.Holding, q.needs())
		x.add(Reason{What: "quorum", OK: phase == Firing || q.reached(g.Holding, g.Heard), Text: text})
	}
}

// needs is how many it takes.
func (q *Quorum) needs() string {
	switch {
	case q.Of > 0 && q.SharePct > 0:
		return fmt.Sprintf("%d, %d %%", q.Of, q.SharePct)
	case q.Of > 0:
		return fmt.Sprint(q.Of)
	}
	return fmt.Sprintf("%d %%", q.SharePct)
}

// stands adds what the engine knows beyond the event.
func (x *explaining) stands(st Standing) {
	r := x.Rule
	if len(r.DependsOn) > 0 && len(st.Silenced) == 0 {
		x.add(Reason{What: "silenced", OK: true, Text: say("没有被 %s 静默", "it is not silenced by %s", strings.Join(r.DependsOn, ", "))})
	}
	for _, s := range st.Silenced {
		subject := s.Device
		if s.Part != "" {
			subject += "/" + s.Part
		}
		x.add(Reason{
			What: "silenced", OK: st.Phase == Firing || st.Phase == Ending,
			Text: say("%s 正在 %s 上报警,本规则因此静默", "%s is raised for %s, which silences this rule", s.Rule, subject),
		})
	}
	switch st.Phase {
	case Pending:
		if !st.Deadline.IsZero() {
			x.add(Reason{What: "for", At: moment(st.Deadline), Text: say("条件成立,须持续 %s,将于 %s 报警", "the condition holds; it must for %s, and will be raised at %s", r.For, at(st.Deadline))})
		}
	case Firing:
		x.add(Reason{What: "firing", OK: true, At: moment(st.At), Text: say("正在报警", "it is raised")})
	case Ending:
		x.add(Reason{What: "keep", OK: true, At: moment(st.Deadline), Text: say("条件已不成立,再保持到 %s", "the condition is over; it is kept until %s", at(st.Deadline))})
	}
}

// unheard is for an event that meets everything while the engine knows of nothing.
func (x *explaining) unheard(st Standing) {
	ev := x.Event
	if _, blocked := x.blocked(); blocked || st.Phase != "" || ev == nil || x.Rule.momentary() {
		return
	}
	if heard(ev).Before(x.Since) {
		x.add(Reason{What: "rule", At: moment(x.Since), Text: say("此事件早于现行规则生效(%s)", "the event came before the rules in force were (%s)", at(x.Since))})
		return
	}
	x.add(Reason{What: "over", Text: say("引擎此后又听到了别的,现在没有什么事", "the engine has heard otherwise since, so nothing is the matter now")})
}

// Watches reports whether a rule looks at an event, but for its conditions.
func (w *Watch) Watches(ev *event.Event) bool {
	return ev.Channel == w.Channel && (w.Channel != event.Happening || slices.Contains(w.Types, ev.Type)) &&
		(len(w.Kinds) == 0 || slices.Contains(w.Kinds, ev.Kind)) &&
		(len(w.Zones) == 0 || slices.ContainsFunc(w.Zones, func(z string) bool { return event.Within(ev.Zone, z) }))
}
