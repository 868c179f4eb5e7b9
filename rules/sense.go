package rules

import (
	"fmt"
	"slices"
	"time"

	"dongyue/internal/event"
)

// soonestReAlarm is how soon an alarm may be told again: the hub looks each second.
const soonestReAlarm = time.Second

// sense refuses what each field allows but all together can't mean.
func (l *loader) sense(n node, f map[string]node, r *Rule) {
	if f["on"].ok() && r.measured() && r.On.Channel != "" && r.When == "" && !f["absent"].ok() {
		n.problem("watches a channel without a condition", "add when")
	}
	if r.momentary() && r.On.Channel == event.Happening {
		if r.For > 0 {
			f["for"].problem("an event that nothing ends can't last", "add clear, or remove for")
		}
		if !f["keep_firing_for"].ok() {
			r.Keep = quiet
		} else if r.Quorum != nil && r.Keep == 0 {
			f["keep_firing_for"].problem("an event that counts for no time never comes together with others", "say how long it counts")
		}
	}
	if r.ReAlarm > 0 && r.ReAlarm < soonestReAlarm {
		f["realarm"].problem("calls again sooner than the hub looks", "at least "+soonestReAlarm.String())
	}
	senseAbsent(f, r)
	l.senseWindows(f, r)
	if r.Quorum != nil {
		for i, a := range r.Actions {
			if (a.Type == CommandAction || a.Type == ReactAction) && a.Device == "{device}" {
				f["actions"].list()[i].problem("a group of devices takes no command", "name one: device: …")
			}
		}
	}
}

func senseAbsent(f map[string]node, r *Rule) {
	if !f["absent"].ok() {
		return
	}
	if r.Absent == 0 {
		f["absent"].problem("must be longer than nothing", "such as 30s")
	}
	for _, key := range []string{"when", "for", "clear", "quorum"} {
		if f[key].ok() {
			f[key].problem("does not go with absent, which says when it begins, how long it lasts and what ends it", "remove one of them")
		}
	}
}

// senseWindows refuses windows over what is not there.
func (l *loader) senseWindows(f map[string]node, r *Rule) {
	windows := l.compiler.out.windows
	for _, w := range l.compiler.out.asks(r.where) {
		switch windows[w].fn {
		case countFn:
			f["on"].problem("where can't count what it chooses itself", "put count into when")
		case changedFn:
			f["on"].problem("where can't compare what it chooses itself", "put changed into when")
		}
	}
	expressions := map[string]condition{"on": r.where, "when": r.when}
	if r.Clear != nil {
		expressions["clear"] = r.Clear.when
	}
	for _, key := range []string{"on", "when", "clear"} {
		at, ok := expressions[key]
		if !ok {
			continue
		}
		for _, w := range l.compiler.out.asks(at) {
			d := &windows[w]
			if !d.ofWatch() && d.channel == event.Happening {
				f[key].problem(fmt.Sprintf("%s is of measurements, which an event has none of", d.fn), "watch channel: telemetry, or use count")
			}
			if d.fn == changedFn && key == "clear" && r.Clear.Own {
				f[key].problem("changed compares events that `on` watches, and here it is another", "compare with a value: data.mode == 'normal'")
			}
		}
	}
}

// counted names what a rule's count() counts.
func (r *Rule) counted() string {
	return fmt.Sprintf("%v %s %v %v %q", r.On.Kinds, r.On.Channel, r.On.Types, r.On.Zones, r.Where)
}

// counts are the windows of a rule that are of the events its `on` matches.
func (l *loader) counts(r *Rule) []int32 {
	all := l.compiler.out.asks(r.when)
	if r.Clear != nil {
		all = append(all, l.compiler.out.asks(r.Clear.when)...)
	}
	all = slices.DeleteFunc(all, func(w int32) bool { return !l.compiler.out.windows[w].ofWatch() })
	slices.Sort(all)
	return slices.Clip(slices.Compact(all))
}

// quorum reads quorum: {of: 10, share_pct: 30, by: court}.
func quorum(n node) *Quorum {
	if !n.ok() {
		return nil
	}
	f := n.fields("of", "share_pct", "by", "clear_below")
	q := &Quorum{Of: f["of"].integer(1, 100_000), SharePct: f["share_pct"].integer(1, 100), ClearBelow: f["clear_below"].integer(1, 100_000)}
	if q.Of == 0 && q.SharePct == 0 {
		n.problem("says not how many", "of: 10, share_pct: 30, or both")
	}
	if q.ClearBelow > q.Of && q.Of > 0 {
		f["clear_below"].problem("is more than it takes to raise", fmt.Sprintf("at most %d", q.Of))
	}
	known := []string{string(Community), string(Court), string(Building), string(Unit), string(ByVia)}
	switch q.By = Place(f["by"].text()); {
	case !f["by"].ok():
		n.problem("says not of which group", "by: community, court, building, unit, or via (what they hang on)")
	case !slices.Contains(known, string(q.By)):
		f["by"].problem(fmt.Sprintf("unknown group %q", q.By), suggest(string(q.By), known))
	}
	return q
}

// dependsOn reads the ids of depends_on and, where an item is {rule, scope}, for
// whom it silences; at is where each of them stands.
func dependsOn(n node) (ids []string, scopes []Scope, at []node) {
	items := []node{n}
	if n.ok() && !n.scalar() {
		items = n.list()
	}
	for _, item := range items {
		id, scope := "", SameDevice
		if item.scalar() {
			id = item.text()
		} else {
			f := item.fields("rule", "scope")
			id, item.key = f["rule"].text(), f["rule"].key // where its mistakes are told
			if item.ok() && id == "" {
				item.problem("names no rule", "depends_on: [RULE], or [{rule: RULE, scope: zone}]")
			}
			known := []string{string(SameDevice), string(SameZone), string(Upstream)}
			if scope = Scope(f["scope"].text()); !f["scope"].ok() {
				scope = SameDevice
			} else if !slices.Contains(known, string(scope)) {
				f["scope"].problem(fmt.Sprintf("unknown scope %q", scope), suggest(string(scope), known))
			}
		}
		if id != "" {
			ids, scopes, at = append(ids, id), append(scopes, scope), append(at, item)
		}
	}
	return ids, scopes, at
}
