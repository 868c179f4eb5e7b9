package alarm

import (
	"cmp"
	"context"
	"slices"
	"time"

	"dongyue/internal/event"
)

// reason is why an incident annunciates, and for which of its alarms; "" when it
// does not. It does when it is new, or nothing of it was in sight; when its
// priority rises; when an alarm of life safety joins or comes back; when one is
// told again by its timer and nothing was heard for that time, or is no longer put
// aside: forty smokes are told again together. One that came back otherwise
// is heard when nothing was heard of the incident for some time. A member that
// joins a known incident is not.
func (i *Incident) reason(now time.Time, together time.Duration) (*Alarm, string) {
	if len(i.calls) == 0 || i.ClosedAt != nil || i.tally.highest() == len(i.tally.Prio) {
		return nil, ""
	}
	best := slices.MinFunc(i.calls, func(x, y call) int { return rankOf(x.alarm).compare(rankOf(y.alarm)) })
	switch {
	case !i.was.visible && best.reason == CallAgain:
		return best.alarm, CallNew
	case !i.was.visible:
		return best.alarm, best.reason
	case i.tally.highest() < i.was.highest:
		return best.alarm, CallPriority
	}
	for _, c := range i.calls {
		switch c.reason {
		case CallNew, CallAgain:
			if c.alarm.LifeSafety {
				return c.alarm, CallSafety
			}
			if c.reason == CallAgain && (i.ToldAt == nil || now.Sub(*i.ToldAt) > together) {
				return c.alarm, CallAgain
			}
		case CallReAlarm:
			if i.ToldAt == nil || now.Sub(*i.ToldAt) >= c.alarm.axes().every(c.alarm.ReAlarm) {
				return c.alarm, c.reason
			}
		default:
			return c.alarm, c.reason
		}
	}
	return nil, ""
}

// ring is an incident that annunciates.
type ring struct {
	incident *Incident
	alarm    *Alarm
	reason   string
	held     bool // by a flood: it is shown and makes no sound
}

// grave annunciates also in a flood.
func (r *ring) grave() bool { return r.incident.LifeSafety || r.incident.Priority.Rank() <= 2 }

// finish brings the incidents up to date once the alarms are written, and calls
// the operators.
func (b *batch) finish(ctx context.Context) (*FloodChange, error) {
	var rings []ring
	for _, inc := range b.touched {
		if err := b.complete(ctx, inc); err != nil {
			return nil, err
		}
		if al, why := inc.reason(b.now, b.a.o.Together); why != "" {
			rings = append(rings, ring{incident: inc, alarm: al, reason: why})
		}
	}
	if len(rings) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(rings, func(x, y ring) int {
		return cmp.Compare(x.incident.Priority.Rank(), y.incident.Priority.Rank())
	})
	return b.annunciate(ctx, rings)
}

// complete finds the root and sums up.
func (b *batch) complete(ctx context.Context, inc *Incident) error {
	if err := b.reroot(ctx, inc); err != nil {
		return err
	}
	inc.sum(b.now, b.by)
	if inc.ZoneName.ZH == "" {
		inc.ZoneName = b.a.zoneName(ctx, inc.Zone)
	}
	return nil
}

// zoneName is how people call a zone.
func (a *Alarms) zoneName(ctx context.Context, zone string) event.Text {
	if a.o.Zone != nil {
		if t := a.o.Zone(ctx, zone); t.ZH != "" {
			return t
		}
	}
	return event.Text{ZH: zone, EN: zone}
}

// annunciate calls the operators. In a flood only what is grave makes a sound. A
// drill sounds like the real thing and counts for nothing.
func (b *batch) annunciate(ctx context.Context, rings []ring) (*FloodChange, error) {
	operators := b.a.operators(ctx)
	gauge, err := readGauge(ctx, b.tx, b.now)
	if err != nil {
		return nil, err
	}
	var change *FloodChange
	for i := range rings {
		r := &rings[i]
		if !r.incident.Drill {
			began := gauge.add(b.now, operators)
			r.held = gauge.flood != nil && !r.grave()
			gauge.note(r.held)
			if began {
				change = &FloodChange{Change: FloodBegins}
			}
		}
		b.sound(r)
	}
	b.rings, b.gauge, b.operators = rings, gauge, operators
	if change != nil {
		change.Flood = gauge.view(operators)
	}
	return change, nil
}

// sound marks what the feed says.
func (b *batch) sound(r *ring) {
	text := r.reason
	r.incident.ToldAt = &b.now
	if r.held {
		text += ": held back by the flood"
	} else {
		r.incident.rang = r.reason
		for _, t := range slices.Backward(b.told) {
			if t.live == r.alarm {
				t.change.Annunciate = true
				break
			}
		}
	}
	b.notes = append(b.notes, note{r.incident, JournalEntry{At: b.now, Actor: hub, ActorID: hub, What: Annunciated, Text: text}})
}

const intoRings = "annunciation(at, incident, alarm, reason, prio, operators, held)"

func (b *batch) putRings(ctx context.Context) error {
	rings := slices.DeleteFunc(b.rings, func(r ring) bool { return r.incident.Drill })
	rows := make([][]any, len(rings))
	for i, r := range rings {
		rows[i] = []any{b.now.UnixMilli(), r.incident.ID, r.alarm.ID, r.reason, r.incident.Priority.Rank(), b.operators, r.held}
	}
	if err := insert(ctx, b.tx, intoRings, rows, ""); err != nil {
		return err
	}
	if b.gauge != nil {
		return b.gauge.put(ctx, b.tx)
	}
	return nil
}
