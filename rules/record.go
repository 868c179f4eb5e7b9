package rules

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"dongyue/internal/event"
)

// record is what the engine has of one device; there is none while there is
// nothing.
type record struct {
	device   string
	subjects []*subject // by rule, then part
	parts    []*part    // by name
}

// part is what the engine has of a part of a device, "" for the device itself.
type part struct {
	name    string
	series  []*series // by window
	watches []*watch  // by rule
}

// keep returns the record of the event's device, which is made where there was
// none.
func (e *Engine) keep(ev *event.Event) *record {
	if e.record == nil {
		e.record = e.recordOf(ev.Device)
	}
	return e.record
}

func (e *Engine) recordOf(device string) *record {
	r := e.records[device]
	if r == nil {
		r = &record{device: strings.Clone(device)}
		e.records[r.device] = r
	}
	return r
}

func (r *record) part(name string) *part {
	if r == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(r.parts, name, func(p *part, name string) int { return strings.Compare(p.name, name) })
	if !ok {
		return nil
	}
	return r.parts[i]
}

func (r *record) keep(name string) *part {
	i, ok := slices.BinarySearchFunc(r.parts, name, func(p *part, name string) int { return strings.Compare(p.name, name) })
	if !ok {
		r.parts = slices.Insert(r.parts, i, &part{name: strings.Clone(name)})
	}
	return r.parts[i]
}

func (p *part) find(window int32) *series {
	if p == nil {
		return nil
	}
	if i, ok := slices.BinarySearchFunc(p.series, window, byWindow); ok {
		return p.series[i]
	}
	return nil
}

func (p *part) keep(window int32) *series {
	i, ok := slices.BinarySearchFunc(p.series, window, byWindow)
	if !ok {
		p.series = slices.Insert(p.series, i, &series{window: window})
	}
	return p.series[i]
}

func byWindow(s *series, w int32) int { return cmp.Compare(s.window, w) }

// forgetEvery is how often what has nothing more to say is let go.
const forgetEvery = time.Hour

// forget drops the windows of what has fallen silent, the watches that have ended
// and the records that have become empty. It changes no answer: such windows have
// none already, and begin anew with the next event.
func (e *Engine) forget() {
	if e.clock.Sub(e.swept) < forgetEvery {
		return
	}
	e.swept = e.clock
	for device, r := range e.records {
		for _, p := range r.parts {
			p.series = slices.DeleteFunc(p.series, func(s *series) bool {
				return s.stale(&e.set.conditions.windows[s.window], e.clock.UnixNano())
			})
			p.watches = slices.DeleteFunc(p.watches, func(w *watch) bool { return !w.on && w.queued.IsZero() })
		}
		r.parts = slices.DeleteFunc(r.parts, func(p *part) bool { return len(p.series) == 0 && len(p.watches) == 0 })
		if len(r.parts) == 0 && len(r.subjects) == 0 {
			delete(e.records, device)
		}
	}
}

// stale reports whether a series has no say any more, by the hub's clock: whether
// it has been forgotten or not must be all the same, also to what comes late.
func (s *series) stale(w *windowDef, now int64) bool {
	ps := s.live()
	return len(ps) == 0 || now-ps[len(ps)-1].at > 2*int64(w.span)
}

// subjectsOf are all subjects of a rule, by device and part.
func (e *Engine) subjectsOf(rule *Rule) []*subject {
	var out []*subject
	for _, r := range e.records {
		out = append(out, r.of(rule)...)
	}
	slices.SortFunc(out, func(a, b *subject) int {
		return cmp.Or(strings.Compare(a.device, b.device), index01(a.group)-index01(b.group), strings.Compare(a.part, b.part))
	})
	return out
}
