package rules

import (
	"slices"
	"strings"

	"dongyue/internal/event"
)

// index finds the rules that an event could concern, in three steps: the route
// (kind, channel, type), the zone and those around it, and on the shelf there
// what must be so for a rule to be met. What it costs depends on how many are
// found and on the depth of the zone, not on how many rules there are.
//
// What ends a rule is not in it: the engine asks every rule that has something
// going on with the event's device.
type index struct {
	routes map[route]*floor
}

// route is what every watch names. kind is "" for rules of every kind, typ is
// "" on channels other than event.
type route struct {
	kind    event.Kind
	channel event.Channel
	typ     string
}

// floor holds the shelves of one route.
type floor struct {
	anywhere *bay
	zones    map[string]*bay
}

// bay is a shelf and the windows that have to be kept for its rules, whether
// they are found or not.
type bay struct {
	shelf
	windows []int32
}

// draft is a bay that is being filled.
type draft struct {
	volumes []volume
	windows []int32
}

type place struct {
	route
	zone string
}

// newIndex puts every rule in its place; up to few on a shelf stand there side by
// side.
func newIndex(set *Set, few int) *index {
	drafts := map[place]*draft{}
	var order []place
	at := func(w Watch, do func(*draft)) {
		for _, p := range w.places() {
			if drafts[p] == nil {
				drafts[p] = &draft{}
				order = append(order, p)
			}
			do(drafts[p])
		}
	}
	for i, r := range set.Rules {
		gates := set.gates(r)
		at(r.On, func(d *draft) {
			if n := len(d.volumes); n == 0 || d.volumes[n-1].rule != int32(i) {
				d.volumes = append(d.volumes, volume{int32(i), gates})
			}
			d.keep(set.conditions, r.where, r.when)
			if r.Clear != nil && !r.Clear.Own {
				d.keep(set.conditions, r.Clear.when)
			}
		})
		if r.Clear != nil && r.Clear.Own {
			at(r.Clear.Watch, func(d *draft) { d.keep(set.conditions, r.Clear.when) })
		}
	}
	x := &index{routes: map[route]*floor{}}
	for _, p := range order {
		x.put(p, drafts[p], few)
	}
	return x
}

// gates are what a rule needs to be of interest. One that has to hear of all that
// it watches is held back by its filter only.
func (s *Set) gates(r *Rule) []gate {
	g := s.conditions.gates(r.where, false)
	if !r.wide() {
		g = allOf(g, s.conditions.gates(r.when, false))
	}
	return g
}

// keep notes the windows of conditions.
func (d *draft) keep(c *conditions, ats ...condition) {
	for _, at := range ats {
		for _, w := range c.asks(at) {
			if !c.windows[w].ofWatch() && !slices.Contains(d.windows, w) {
				d.windows = append(d.windows, w)
			}
		}
	}
}

func (x *index) put(p place, d *draft, few int) {
	f := x.routes[p.route]
	if f == nil {
		f = &floor{}
		x.routes[p.route] = f
	}
	b := &bay{shelf: newShelf(d.volumes, few), windows: slices.Clip(d.windows)}
	if p.zone == "" {
		f.anywhere = b
		return
	}
	if f.zones == nil {
		f.zones = map[string]*bay{}
	}
	f.zones[p.zone] = b
}

// places are the shelves on which a watch stands.
func (w *Watch) places() []place {
	kinds, types, zones := w.Kinds, w.Types, w.Zones
	if len(kinds) == 0 {
		kinds = []event.Kind{""}
	}
	if w.Channel != event.Happening {
		types = []string{""}
	}
	if len(zones) == 0 || slices.Contains(zones, "") {
		zones = []string{""}
	}
	out := make([]place, 0, len(kinds)*len(types)*len(zones))
	for _, k := range kinds {
		for _, t := range types {
			for _, z := range zones {
				out = append(out, place{route{k, w.Channel, t}, z})
			}
		}
	}
	return out
}

// matches reports whether a watch is of the event.
func (w *Watch) matches(ev *event.Event) bool { return w.sort(ev) && w.covers(ev.Zone) }

// left reports whether it would be, were it not for the zone.
func (w *Watch) left(ev *event.Event) bool { return w.sort(ev) && !w.covers(ev.Zone) }

func (w *Watch) sort(ev *event.Event) bool {
	return w.Channel == ev.Channel &&
		(len(w.Kinds) == 0 || slices.Contains(w.Kinds, ev.Kind)) &&
		(w.Channel != event.Happening || slices.Contains(w.Types, ev.Type))
}

func (w *Watch) covers(zone string) bool {
	return len(w.Zones) == 0 || slices.ContainsFunc(w.Zones, func(z string) bool { return event.Within(zone, z) })
}

// bays appends those that are of the event.
func (x *index) bays(ev *event.Event, out []*bay) []*bay {
	typ := ev.Type
	if ev.Channel != event.Happening {
		typ = ""
	}
	for _, kind := range [2]event.Kind{ev.Kind, ""} {
		f := x.routes[route{kind, ev.Channel, typ}]
		if f == nil {
			continue
		}
		if f.anywhere != nil {
			out = append(out, f.anywhere)
		}
		if f.zones == nil {
			continue
		}
		for z := ev.Zone; z != ""; z = parent(z) {
			if b := f.zones[z]; b != nil {
				out = append(out, b)
			}
		}
	}
	return out
}

func parent(zone string) string {
	if i := strings.LastIndexByte(zone, '/'); i >= 0 {
		return zone[:i]
	}
	return ""
}
