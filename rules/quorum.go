package rules

import (
	"slices"
	"strings"
	"time"

	"dongyue/internal/event"
)

// Quorum makes a rule one about groups of devices: its condition must hold for so
// many of one group. Both Of and SharePct given, both must be reached.
type Quorum struct {
	Of         int   // devices; 0: only the share counts
	SharePct   int   // of the devices of the group that have ever been heard; 0: only the number counts
	By         Place // Community, Court, Building, Unit: the zone; ByVia: what they hang on
	ClearBelow int   // it returns when fewer than this hold; 0: half of Of, or of the share
}

// ByVia groups devices by what they hang on, at each step of the way: those of a
// switch, and those of the feeder that the switch hangs on.
const ByVia Place = "via"

// zonePrefix marks the device of a transition that is about a zone.
const zonePrefix = "zone:"

func (q *Quorum) reached(n, heard int) bool {
	return n > 0 && n >= q.Of && n*100 >= q.SharePct*heard
}

// over leaves room between raising and returning.
func (q *Quorum) over(n, heard int) bool {
	switch {
	case q.ClearBelow > 0:
		return n < q.ClearBelow
	case q.Of > 0:
		return 2*n < q.Of
	}
	return n == 0 || 2*n*100 < q.SharePct*heard
}

// groupKey is one group of a rule; id is a zone, or what the devices hang on.
type groupKey struct {
	rule *Rule
	id   string
}

// group counts the devices of one group.
type group struct {
	heard   map[string]struct{}
	holding map[string]int // by device: parts for which the condition holds
}

// groups appends those that a device belongs to, outermost first.
func (q *Quorum) groups(zone, via string, out []string) []string {
	if q.By == ByVia {
		for via != "" {
			step, rest, _ := strings.Cut(via, "/")
			out, via = append(out, step), rest
		}
		return out
	}
	end := 0
	for range q.depth() {
		if end >= len(zone) {
			return out // it stands in no zone of this level
		}
		if end > 0 {
			end++
		}
		if i := strings.IndexByte(zone[end:], '/'); i >= 0 {
			end += i
		} else {
			end = len(zone)
		}
	}
	return append(out, zone[:end])
}

// depth of the zones that are the groups.
func (q *Quorum) depth() int {
	switch q.By {
	case Court:
		return 1
	case Building:
		return 2
	case Unit:
		return 3
	default:
		return 0
	}
}

// groupKey is the group that a subject stands for.
func (s *subject) groupKey() groupKey {
	return groupKey{s.rule, strings.TrimPrefix(s.device, s.rule.Quorum.prefix())}
}

func (q *Quorum) prefix() string {
	if q.By == ByVia {
		return ""
	}
	return zonePrefix
}

func (e *Engine) group(k groupKey) *group {
	g := e.groups[k]
	if g == nil {
		g = &group{heard: map[string]struct{}{}, holding: map[string]int{}}
		e.groups[k] = g
	}
	return g
}

// hear notes a device as one of its groups.
func (e *Engine) hear(r *Rule, ev *event.Event) {
	if r.Quorum.SharePct == 0 {
		return
	}
	e.ids = r.Quorum.groups(ev.Zone, ev.Via, e.ids[:0])
	for _, id := range e.ids {
		k := groupKey{r, id}
		g := e.group(k)
		if _, known := g.heard[ev.Device]; !known {
			g.heard[strings.Clone(ev.Device)] = struct{}{}
			e.undo.heard = append(e.undo.heard, heardNew{k, ev.Device})
			e.moved = append(e.moved, k)
		}
	}
}

// enlist counts a member in its groups, or no longer.
func (e *Engine) enlist(s *subject, zone, via string, n int) {
	e.ids = s.rule.Quorum.groups(zone, via, e.ids[:0])
	for _, id := range e.ids {
		k := groupKey{s.rule, id}
		g := e.group(k)
		if g.holding[s.device] += n; g.holding[s.device] == 0 {
			delete(g.holding, s.device)
		}
		e.moved = append(e.moved, k)
	}
}

// assemble looks at the groups whose members have changed; ev completed them.
func (e *Engine) assemble(at time.Time, ev *event.Event) {
	for i := 0; i < len(e.moved); i++ {
		e.weighGroup(e.moved[i], at, ev)
	}
	e.moved = e.moved[:0]
}

// subject is the group's own.
func (k groupKey) subject() subjectKey {
	return subjectKey{rule: k.rule, device: k.rule.Quorum.prefix() + k.id, group: true}
}

func (e *Engine) weighGroup(k groupKey, at time.Time, ev *event.Event) {
	g, q := e.group(k), k.rule.Quorum
	n, heard := len(g.holding), len(g.heard)
	key := k.subject()
	s := e.subject(key)
	switch {
	case s == nil && q.reached(n, heard):
		e.touch(key)
		s = &subject{rule: k.rule, device: strings.Clone(key.device), group: true, phase: phasePending, at: at, ev: *ev, note: e.common(k, ev)}
		e.insert(s)
		e.fire(s, at)
	case s == nil:
	case s.phase == phasePending && !q.reached(n, heard):
		e.touch(key)
		e.drop(s)
	case s.phase == phaseFiring && q.over(n, heard):
		e.touch(key)
		if at.Before(s.at) {
			at = s.at
		}
		e.end(s, ev, at)
	case s.phase == phaseSettling && q.reached(n, heard):
		e.touch(key)
		s.note = e.common(k, ev)
		e.again(s, ev, at)
	}
}

// common is the zone around all that holds, for a group that is no zone itself.
func (e *Engine) common(k groupKey, ev *event.Event) string {
	if k.rule.Quorum.By != ByVia {
		return ""
	}
	zone := ev.Zone
	for device := range e.groups[k].holding {
		for _, s := range e.records[device].of(k.rule) {
			for s.member() && !event.Within(s.ev.Zone, zone) {
				zone = parent(zone)
			}
		}
	}
	return zone
}

// members are the devices that hold, in order.
func (g *group) members() []string {
	out := make([]string, 0, len(g.holding))
	for d := range g.holding {
		out = append(out, d)
	}
	slices.Sort(out)
	return out
}
