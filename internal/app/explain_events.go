package app

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"dongyue/devices"
	"dongyue/internal/event"
	"dongyue/internal/journal"
	"dongyue/internal/series"
	"dongyue/rules"
)

// lookBack is how many of a device's newest events are searched for one of a part.
const lookBack = 500

// newest is the newest event that a watch looks at, of a part where one is named;
// nil for none. Readings with QoS 0 are not in the journal; of those the twin has
// the newest.
func (x *explainer) newest(ctx context.Context, w rules.Watch, d *devices.Device, part string) (*event.Event, error) {
	kinds := w
	kinds.Kinds, kinds.Zones = nil, nil // these are explained, not searched by
	types := w.Types
	if w.Channel != event.Happening {
		types = []string{""}
	}
	var found *event.Event
	for _, typ := range types {
		evs, err := x.journal.Query(ctx, journal.Filter{Device: d.ID, Channel: w.Channel, Type: typ, Newest: true, Limit: lookBack})
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(evs, func(e event.Event) bool { return kinds.Watches(&e) && (part == "" || e.Part == part) })
		if i >= 0 && (found == nil || evs[i].Seq > found.Seq) {
			found = &evs[i]
		}
	}
	if w.Channel == event.Telemetry {
		if twin := twinReading(d, part); twin != nil && (found == nil || twin.At.After(found.At)) {
			return twin, nil
		}
	}
	return found, nil
}

// twinReading is what the twin has of a part, or of the part that was measured
// last, in the form of an event.
func twinReading(d *devices.Device, part string) *event.Event {
	var newest *event.Event
	for p, values := range d.Values {
		if part != "" && p != part || len(values) == 0 {
			continue
		}
		data, at := map[string]any{}, time.Time{}
		for metric, v := range values {
			if data[metric] = v.V; v.Text != "" {
				data[metric] = v.Text
			}
			if v.At.After(at) {
				at = v.At
			}
		}
		text, err := json.Marshal(data)
		if err != nil || newest != nil && !at.After(newest.At) {
			continue
		}
		newest = &event.Event{
			Device: d.ID, Kind: d.Kind, Zone: d.Zone, Part: p, Channel: event.Telemetry, Type: string(event.Telemetry),
			At: at, ReceivedAt: at, Data: text,
		}
	}
	return newest
}

// cleared is an event behind ev that the rule's clear looks at; nil for none.
func (x *explainer) cleared(ctx context.Context, r *rules.Rule, d *devices.Device, part string, ev *event.Event) (*event.Event, error) {
	if r.Clear == nil || !r.Clear.Own || ev == nil {
		return nil, nil
	}
	end, err := x.newest(ctx, r.Clear.Watch, d, "")
	if err != nil || end == nil || end.Seq <= ev.Seq || end.Part != "" && end.Part != part {
		return nil, err
	}
	return end, nil
}

const (
	// curveBack is how far back a curve is read at most: the longest span of a window
	// over measurements.
	curveBack = 24 * time.Hour
	// curvePoints are read of a curve at most; it gives no more than twice as many.
	curvePoints = 5000
)

// past are the events before one that the rule's windows look back on, from the
// journal; readings that came with QoS 0 from their curves.
func (x *explainer) past(ctx context.Context, r *rules.Rule, ev *event.Event) ([]event.Event, error) {
	windows := r.Windows()
	if ev == nil || len(windows) == 0 {
		return nil, nil
	}
	var span time.Duration
	for _, w := range windows {
		span = max(span, w.Span)
	}
	from := ev.At.Add(-span)
	evs, err := x.journal.Query(ctx, journal.Filter{Device: ev.Device, From: from, To: ev.At, Newest: true, Limit: 10 * lookBack})
	if err != nil {
		return nil, err
	}
	slices.Reverse(evs)
	if ev.Channel != event.Telemetry || slices.ContainsFunc(evs, func(e event.Event) bool { return e.Channel == event.Telemetry && e.Part == ev.Part }) {
		return evs, nil
	}
	for _, w := range windows {
		if w.Metric == "" {
			continue
		}
		back := min(w.Span, curveBack)
		points, _, err := x.series.Query(ctx, series.Query{Device: ev.Device, Part: ev.Part, Metric: w.Metric, From: ev.At.Add(-back), To: ev.At, Step: max(time.Second, back/curvePoints)})
		if err != nil {
			return nil, err
		}
		for _, p := range points {
			data, err := json.Marshal(map[string]float64{w.Metric: p.Avg})
			if err != nil {
				continue // no number that JSON has
			}
			e := *ev
			e.Seq, e.At, e.ReceivedAt, e.Data = 0, p.At, p.At, data
			evs = append(evs, e)
		}
	}
	slices.SortStableFunc(evs, func(a, b event.Event) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	return evs, nil
}
