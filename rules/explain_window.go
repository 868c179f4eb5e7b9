package rules

import (
	"encoding/json"
	"slices"
	"time"

	"dongyue/internal/event"
)

// WindowAsk is a window that a rule looks at.
type WindowAsk struct {
	Func, Metric string // Metric is empty for count
	Span         time.Duration
}

// Windows are those that a rule looks at, so that a Case's Past can have what they
// need.
func (r *Rule) Windows() []WindowAsk {
	var out []WindowAsk
	exprs := []string{r.Where, r.When}
	if r.Clear != nil {
		exprs = append(exprs, r.Clear.When)
	}
	note := func(fn, metric string, span time.Duration) (float64, bool) {
		if w := (WindowAsk{fn, metric, span}); !slices.Contains(out, w) {
			out = append(out, w)
		}
		return 0, true
	}
	for _, expr := range exprs {
		if expr != "" {
			_, _ = dissect(expr, &event.Event{}, note) // every window is asked, whatever comes of it
		}
	}
	return out
}

// window works out from the past what a window had to say at the event, as the
// engine does while it goes by.
func (x *explaining) window(fn, metric string, span time.Duration) (float64, bool) {
	if x.Event == nil {
		return 0, false
	}
	w, s := &windowDef{fn: fn, metric: metric, span: span}, &series{}
	until := happened(x.Event)
	past := slices.DeleteFunc(slices.Clone(x.Past), func(ev event.Event) bool { return ev.Seq > 0 && ev.Seq == x.Event.Seq })
	for _, ev := range append(past, *x.Event) {
		at := happened(&ev)
		if ev.Part != x.Event.Part || at.Before(until.Add(-span)) {
			continue
		}
		if fn == changedFn {
			if v, ok := valueOf(&ev, metric); ok && !ev.Late && x.counts(&ev) {
				s.compare(at.UnixNano(), v)
			}
			continue
		}
		if fn == countFn {
			if !ev.Late && x.counts(&ev) {
				s.observe(w, at.UnixNano(), 1)
			}
			continue
		}
		if v, ok := numberOf(&ev, metric); ok && !ev.Late && ev.Channel == x.Event.Channel {
			s.observe(w, at.UnixNano(), v)
		}
	}
	return s.value(w, until.UnixNano())
}

// counts reports whether count() counts an event: one that the rule's `on` matches,
// its where too.
func (x *explaining) counts(ev *event.Event) bool {
	if !x.Rule.On.Watches(ev) {
		return false
	}
	if x.Rule.Where == "" {
		return true
	}
	d, err := dissect(x.Rule.Where, ev, func(string, string, time.Duration) (float64, bool) { return 0, false })
	return err == nil && d.outcome == yes
}

// valueOf is what an event holds, as changed compares it.
func valueOf(ev *event.Event, metric string) (p point, ok bool) {
	c := &conditions{paths: newPaths()}
	at := c.paths.member(dataItself, metric)
	v := newView(c, nil)
	v.begin(ev)
	return v.at(at).compared()
}

func numberOf(ev *event.Event, metric string) (float64, bool) {
	var data map[string]any
	if json.Unmarshal(ev.Data, &data) != nil {
		return 0, false
	}
	v, ok := data[metric].(float64)
	return v, ok
}
