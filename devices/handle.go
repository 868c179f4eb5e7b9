package devices

import (
	"context"
	"database/sql"
	"time"

	"dongyue/internal/event"
)

// batch is one call of Handle.
type batch struct {
	row  map[*record]struct{} // twin rows to write
	vals map[*record]struct{} // value rows to write
	show map[*record]struct{} // whose presence or health changed
}

func newBatch() *batch {
	return &batch{row: map[*record]struct{}{}, vals: map[*record]struct{}{}, show: map[*record]struct{}{}}
}

// Handle takes committed events into twins and commands, writing in the caller's
// transaction. Events come in the journal's order; after a rollback the same
// ones may come again and have no second effect.
func (r *Registry) Handle(ctx context.Context, tx *sql.Tx, evs []event.Event) error {
	r.handling.Lock()
	defer r.handling.Unlock()
	r.settle(evs)
	b := newBatch()
	for i := range evs {
		e := &evs[i]
		rec := r.find(e.Device)
		if rec == nil || e.Kind == event.Hub || e.Kind == event.Camera {
			continue // deleted since, or no device
		}
		if e.Channel == event.Reply {
			if err := r.reply(ctx, tx, e); err != nil {
				return err
			}
		}
		r.take(b, rec, e)
	}
	if err := r.writeTwins(ctx, tx, b.row, b.vals); err != nil {
		return err
	}
	for rec := range b.show {
		rec.mu.Lock()
		rec.toShow = false
		d := rec.d.clone()
		rec.mu.Unlock()
		if err := r.feedDevice(ctx, tx, d); err != nil {
			return err
		}
	}
	return nil
}

// Live takes telemetry that is not journaled (QoS 0) into the twin.
func (r *Registry) Live(e event.Event) {
	rec := r.find(e.Device)
	if rec == nil || e.Channel != event.Telemetry {
		return
	}
	b := newBatch()
	r.take(b, rec, &e)
	if len(b.show) > 0 { // its health changed; Run writes the entry
		r.look(rec)
	}
}

// settle finds out whether the transaction of the last Handle was rolled back:
// then its events come again, and what can't be worked out twice is put back.
func (r *Registry) settle(evs []event.Event) {
	if len(evs) > 0 && evs[0].Seq > 0 && evs[0].Seq <= r.handled {
		for rec, s := range r.undo {
			rec.restore(s)
			r.later(rec, 0)
		}
	}
	clear(r.undo)
	if n := len(evs); n > 0 && evs[n-1].Seq > 0 {
		r.handled = evs[n-1].Seq // also when Handle fails: then they come again
	}
}

// take works one event into its device.
func (r *Registry) take(b *batch, rec *record, e *event.Event) {
	d := r.doc()
	defer r.docs.Put(d)
	data, err := d.parse(e.Data)
	if err != nil {
		data = Fields{} // journaled by an older hub; presence and numbers still count
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if e.Seq > 0 { // so from Handle, which owns the undo
		if _, ok := r.undo[rec]; !ok {
			r.undo[rec] = rec.save()
		}
	}
	was := rec.d.Health
	show := false
	own := e.Channel == event.Presence && data.OptText("by", 64) == byHub // nothing came from the device
	if e.Channel != event.Quarantine && !own && e.ReceivedAt.After(rec.d.LastSeen) {
		rec.d.LastSeen = e.ReceivedAt
	}
	switch e.Channel {
	case event.Presence:
		show = r.present(rec, e, data)
		b.row[rec] = struct{}{}
	case event.State:
		if at := stamp(e); !at.Before(rec.d.StateAt) {
			rec.d.State, rec.d.StateAt, rec.freshState = e.Data, at, true
			if in := rec.d.synced(); in != rec.d.InSync {
				rec.d.InSync, show = in, true
			}
			b.row[rec] = struct{}{}
		}
	case event.Telemetry:
		if _, known := rec.d.Values[e.Part]; known || len(rec.d.Values) < maxParts {
			rec.measure(e.Part, stamp(e), data)
			b.vals[rec] = struct{}{}
		}
	case event.Happening:
		past := rec.past(e.Boot)
		e.Reused = rec.count(e.Boot, e.BootSeq, e.At) || past
		b.row[rec] = struct{}{}
	case event.Quarantine:
		rec.d.Quarantined++
		b.row[rec] = struct{}{}
	case event.Reply, event.Command, event.Config:
	}
	if k := r.kinds[rec.kind]; k != nil && !e.Late && e.Channel != event.Quarantine {
		rec.d.Health = k.Health(was, e, data)
	}
	if rec.d.Health != was {
		b.row[rec] = struct{}{}
		show = true
	}
	if show {
		b.show[rec] = struct{}{}
		rec.toShow = true // until it has been; Handle does at once
	}
	r.warm(rec)
}

// stamp is the time that orders values: a clock that runs ahead must not hide
// what comes after it was put right.
func stamp(e *event.Event) time.Time {
	if e.At.After(e.ReceivedAt) {
		return e.ReceivedAt
	}
	return e.At
}
