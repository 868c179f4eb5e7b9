package access

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"dongyue/internal/doorlist"
	"dongyue/internal/event"
)

// doorReport is what a door says of its list, in its state.
type doorReport struct {
	Version uint64 `json:"version"`
	Hash    string `json:"hash"`
}

// doorRefusal is the event rights_refused.
type doorRefusal struct {
	Reason string `json:"reason"`
	at     time.Time
}

// readReport takes what a door says of its list out of its state; ok is false for a
// controller that keeps none.
func readReport(state []byte) (r doorReport, ok bool) {
	var s struct {
		Rights *doorReport `json:"rights"`
	}
	if json.Unmarshal(state, &s) != nil || s.Rights == nil || len(s.Rights.Hash) > 2*len(doorlist.Hash{}) || s.Rights.Version > 1<<62 {
		return r, false
	}
	return *s.Rights, true
}

// hear notes what an event says of a list; Committed passes it on.
func (p *pending) hear(ev *event.Event) {
	switch {
	case ev.Channel == event.State:
		if r, ok := readReport(ev.Data); ok {
			p.reports = append(p.reports, said{ev.Device, &r, nil})
		}
	case ev.Channel == event.Happening && ev.Type == "rights_refused":
		r := doorRefusal{at: ev.ReceivedAt}
		if json.Unmarshal(ev.Data, &r) == nil {
			p.reports = append(p.reports, said{ev.Device, nil, &r})
		}
	case ev.Channel == event.Happening && ev.Type == "rights_wanted":
		p.reports = append(p.reports, said{ev.Device, nil, &doorRefusal{at: ev.ReceivedAt}})
	}
}

// said is one of the two, of a door.
type said struct {
	door    string
	report  *doorReport
	refusal *doorRefusal
}

func (l *lists) heard(all []said) {
	if len(all) == 0 {
		return
	}
	l.due.Lock()
	for _, s := range all {
		if s.report != nil {
			l.reports[s.door] = *s.report
		} else {
			l.refusals[s.door] = *s.refusal
		}
	}
	l.due.Unlock()
	l.poke()
}

// noteReports keeps what doors have said. The report is the only proof that a door has
// a list.
func (x *Access) noteReports(ctx context.Context, reports map[string]doorReport, refusals map[string]doorRefusal, t time.Time) error {
	var changed []*doorRights
	for id, r := range refusals {
		d := x.lists.doors[id]
		if d == nil {
			continue
		}
		d.whole = true // what it has is not what a difference was made for
		d.waiting, d.rest = false, nil
		if r.Reason == "" {
			d.next = time.Time{}
			continue
		}
		x.lists.refused++
		d.fault, d.faultAt = r.Reason[:min(len(r.Reason), maxReasonFromDoor)], r.at
		x.log.WarnContext(ctx, "door refused its list", "device_id", id, "version", d.version, "reason", d.fault)
		changed = append(changed, d)
	}
	for id, r := range reports {
		d := x.lists.doors[id]
		if d == nil || d.version == 0 {
			continue
		}
		if r.Version != d.version && t.Sub(d.sent) >= firstRetry { // it is there, and the last one has not reached it
			d.next = time.Time{}
		}
		if d.have == int64(r.Version) && d.haveRoot == r.Hash { //nolint:gosec // bounded by readReport
			continue
		}
		d.note(r, t)
		changed = append(changed, d)
	}
	if len(changed) == 0 {
		return nil
	}
	return x.db.Tx(ctx, func(tx *sql.Tx) error {
		for _, d := range changed {
			if err := putList(ctx, tx, d); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM access_list_gone WHERE door = ? AND version <= ?", d.door.ID, d.confirmed()); err != nil {
				return fmt.Errorf("keep list of %s: %w", d.door.ID, err)
			}
		}
		return nil
	})
}

// note takes a door's word for what it has.
func (d *doorRights) note(r doorReport, t time.Time) {
	d.have, d.haveRoot, d.haveIssued = int64(r.Version), r.Hash, d.issued //nolint:gosec // bounded by readReport
	d.waiting = d.waiting && r.Version < d.told
	for _, c := range d.changes {
		if c.version == r.Version+1 {
			d.haveIssued = c.issued
		}
	}
	switch {
	case d.current():
		d.oldSince, d.fault, d.faultAt, d.whole, d.wait, d.next = time.Time{}, "", time.Time{}, false, 0, time.Time{}
	case uint64(d.have) >= d.version: // from before a restore of the hub, or of another hub: ours must be newer
		d.facts, d.whole = doorlist.Hash{}, true
		fallthrough
	default:
		if d.oldSince.IsZero() {
			d.oldSince = t
		}
	}
}

// confirmed is the version that the door has for certain.
func (d *doorRights) confirmed() uint64 {
	if d.have < 0 || !d.current() && !d.knows(uint64(d.have)) {
		return 0
	}
	return uint64(d.have)
}

// knows reports whether a version is one that this hub gave, with that content.
func (d *doorRights) knows(version uint64) bool {
	i := slices.IndexFunc(d.changes, func(c change) bool { return c.version == version+1 })
	return i >= 0 && d.changes[i].root == d.haveRoot
}

// body is the difference to what the door has, where that is known and shorter, or all.
func (d *doorRights) body() *doorlist.Body {
	b := &doorlist.Body{Head: d.head, Sig: d.sig}
	if base := d.confirmed(); !d.whole && base > 0 && base >= d.floor && base < d.version {
		if keys := d.since(base); len(keys) <= d.tree.Len() {
			b.Base = base
			for _, k := range keys {
				if e, ok := d.tree.Get(k); ok {
					b.Set = append(b.Set, e)
				} else {
					b.Drop = append(b.Drop, k)
				}
			}
			return b
		}
	}
	b.Set = slices.AppendSeq(make([]doorlist.Entry, 0, d.tree.Len()), d.tree.All())
	return b
}

// since are the keys that changed after a version, sorted, each once.
func (d *doorRights) since(version uint64) (keys []doorlist.Key) {
	for _, c := range d.changes {
		if c.version > version {
			keys = append(keys, c.keys...)
		}
	}
	slices.SortFunc(keys, func(a, b doorlist.Key) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(keys)
}
