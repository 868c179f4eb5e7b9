package rules

import (
	"slices"
	"strings"

	"dongyue/internal/event"
)

// index finds the rules that an event could concern. What it costs depends on
// how many those are and on the depth of the zone, not on how many rules there
// are.
type index struct {
	buckets map[route]*bucket
}

// route is what every watch names. kind is "" for rules of every kind, typ is
// "" on channels other than event.
type route struct {
	kind    event.Kind
	channel event.Channel
	typ     string
}

type bucket struct {
	anywhere []entry
	zones    map[string][]entry
}

// entry is a rule and which of its two watches matched.
type entry struct {
	rule      *Rule
	on, clear bool
}

func newIndex(set *Set) *index {
	x := &index{buckets: map[route]*bucket{}}
	for _, r := range set.Rules {
		x.add(r.On, entry{rule: r, on: true, clear: r.Clear != nil && !r.Clear.Own})
		if r.Clear != nil && r.Clear.Own {
			x.add(r.Clear.Watch, entry{rule: r, clear: true})
		}
	}
	return x
}

func (x *index) add(w Watch, e entry) {
	kinds, types := w.Kinds, w.Types
	if len(kinds) == 0 {
		kinds = []event.Kind{""}
	}
	if w.Channel != event.Happening {
		types = []string{""}
	}
	for _, k := range kinds {
		for _, t := range types {
			key := route{k, w.Channel, t}
			b := x.buckets[key]
			if b == nil {
				b = &bucket{}
				x.buckets[key] = b
			}
			b.add(w.Zones, e)
		}
	}
}

func (b *bucket) add(zones []string, e entry) {
	if len(zones) == 0 || slices.Contains(zones, "") {
		b.anywhere = merge(b.anywhere, e)
		return
	}
	if b.zones == nil {
		b.zones = map[string][]entry{}
	}
	for _, z := range zones {
		b.zones[z] = merge(b.zones[z], e)
	}
}

// merge adds a rule to a list; a rule that is there already watches the same
// event in two ways. Rules come in their order, so only the last can be equal.
func merge(es []entry, e entry) []entry {
	if n := len(es); n > 0 && es[n-1].rule == e.rule {
		es[n-1].on = es[n-1].on || e.on
		es[n-1].clear = es[n-1].clear || e.clear
		return es
	}
	return append(es, e)
}

// find appends the rules that an event could concern to out, in their order.
func (x *index) find(ev *event.Event, out []entry) []entry {
	typ := ev.Type
	if ev.Channel != event.Happening {
		typ = ""
	}
	lists := 0
	for _, kind := range [2]event.Kind{ev.Kind, ""} {
		b := x.buckets[route{kind, ev.Channel, typ}]
		if b == nil {
			continue
		}
		if len(b.anywhere) > 0 {
			out = append(out, b.anywhere...)
			lists++
		}
		if b.zones == nil {
			continue
		}
		for z := ev.Zone; z != ""; z = parent(z) {
			if es := b.zones[z]; len(es) > 0 {
				out = append(out, es...)
				lists++
			}
		}
	}
	if lists > 1 {
		slices.SortFunc(out, func(a, b entry) int { return a.rule.order - b.rule.order })
	}
	return out
}

func parent(zone string) string {
	if i := strings.LastIndexByte(zone, '/'); i >= 0 {
		return zone[:i]
	}
	return ""
}
