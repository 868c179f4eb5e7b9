package access

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"dongyue/internal/doorlist"
)

// loadLists reads which versions there were, so that none is given twice.
func (x *Access) loadLists(ctx context.Context) error {
	l := &x.lists
	l.mu.Lock()
	defer l.mu.Unlock()
	return x.each(ctx, "SELECT door, version, root, facts, issued_at, have, have_root, have_issued, old_since, fault, fault_at FROM access_lists", nil, func(rows *sql.Rows) error {
		d := &doorRights{}
		var facts []byte
		var issued, haveIssued, old, faultAt int64
		if err := rows.Scan(&d.door.ID, &d.version, &d.root, &facts, &issued, &d.have, &d.haveRoot, &haveIssued, &old, &d.fault, &faultAt); err != nil {
			return err
		}
		copy(d.facts[:], facts)
		d.issued, d.haveIssued, d.oldSince, d.faultAt = time.UnixMilli(issued).UTC(), unixMS(haveIssued), unixMS(old), unixMS(faultAt)
		l.doors[d.door.ID] = d
		return nil
	})
}

// unixMS turns stored ms into a time; 0 is the zero time.
func unixMS(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func msOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// headOf is what the head of a door's list says, but for version, time and hash.
func (x *Access) headOf(d *doorRights, t time.Time) doorlist.Head {
	x.mu.RLock()
	pol, days := x.site.doors[d.door.ID], x.site.calendar
	x.mu.RUnlock()
	h := doorlist.Head{
		Door: d.door.ID, Salt: d.salt[:], Stretch: x.stretch, CodeKey: x.CodeKey(), Rung: Controlled.String(),
		Classes: x.lists.classes, Sets: make(map[string][]doorlist.Right, len(d.sets)), FirstIn: pol != nil && pol.FirstIn,
	}
	if x.rungOf(d.door.ID) == Lockdown {
		h.Rung = Lockdown.String()
	}
	_, h.OffsetS = t.In(x.loc).Zone()
	for id, s := range d.sets {
		h.Sets[id.String()] = s.rights
	}
	from, to := t.In(x.loc).Add(-daysBehind).Format(time.DateOnly), t.In(x.loc).Add(daysAhead).Format(time.DateOnly)
	for day, kind := range days {
		if day >= from && day <= to {
			if h.Days == nil {
				h.Days = map[string]DayKind{}
			}
			h.Days[day] = kind
		}
	}
	return h
}

func factsOf(h *doorlist.Head) doorlist.Hash {
	b, err := json.Marshal(h)
	if err != nil { // numbers, text and bytes always encode
		return doorlist.Hash{}
	}
	return sha256.Sum256(b)
}

// renew adds the doors whose head no longer holds: another rung, rule or day, or too
// old.
func (x *Access) renew(fresh []*published, t time.Time) []*published {
	there := make(map[*doorRights]bool, len(fresh))
	for _, p := range fresh {
		there[p.doorRights] = true
	}
	for _, d := range x.lists.doors {
		if there[d] || d.tree == nil {
			continue
		}
		if h := x.headOf(d, t); t.Sub(d.issued) >= renewAfter || d.issued.After(t) || factsOf(&h) != d.facts {
			fresh = append(fresh, &published{doorRights: d})
		}
	}
	return fresh
}

// publish gives each a version, signs it, and writes it down before a door hears of it.
func (x *Access) publish(ctx context.Context, fresh []*published, t time.Time) error {
	if len(fresh) == 0 {
		return nil
	}
	fresh = slices.DeleteFunc(fresh, func(p *published) bool {
		err := x.sign(p, t)
		if err != nil { // too many for a door: it keeps the list that it has
			x.log.ErrorContext(ctx, "door's list not signed", "device_id", p.door.ID, "err", err)
			p.head = nil
		}
		return err != nil
	})
	err := x.db.Tx(ctx, func(tx *sql.Tx) error {
		for _, p := range fresh {
			if err := putList(ctx, tx, p.doorRights); err != nil {
				return err
			}
			if err := x.putGone(ctx, tx, p, t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		for _, p := range fresh { // made and compared anew, under versions that follow
			p.tree, p.root = nil, ""
		}
	}
	return err
}

// sign makes the next version of a door's list.
func (x *Access) sign(p *published, t time.Time) error {
	d := p.doorRights
	h := x.headOf(d, t)
	facts := factsOf(&h)
	was := change{root: d.root, issued: d.issued, keys: p.keys}
	same := p.kept && facts == d.facts && t.Sub(d.issued) < renewAfter && !d.issued.After(t)
	if !same {
		if d.current() && d.oldSince.IsZero() {
			d.oldSince = t
		}
		d.version = max(d.version, uint64(max(d.have, 0))) + 1
		d.issued = t
	}
	root := d.tree.Root()
	d.root, d.facts = hexHash(root), facts
	h.Version, h.IssuedAt, h.ExpiresAt, h.Entries, h.Root = d.version, d.issued, d.issued.Add(remember), d.tree.Len(), d.root
	var err error
	if d.head, d.sig, err = h.Sign(x.signer); err != nil {
		return err
	}
	switch {
	case d.changes == nil && d.floor == 0, p.kept: // after a start: there is nothing to make a difference of
		d.floor = d.version
	case !same:
		was.version = d.version
		d.changes = append(d.changes, was)
		d.trim()
	}
	return nil
}

// trim bounds the log of changes; who is behind it gets the whole list.
func (d *doorRights) trim() {
	n := 0
	for i, c := range slices.Backward(d.changes) {
		if n += 1 + len(c.keys); n > mostChanges {
			d.floor = c.version
			d.changes = slices.Clone(d.changes[i+1:])
			return
		}
	}
}

func putList(ctx context.Context, tx *sql.Tx, d *doorRights) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO access_lists(door, version, root, facts, issued_at, have, have_root, have_issued, old_since, fault, fault_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(door) DO UPDATE SET version = excluded.version, root = excluded.root, facts = excluded.facts,
		issued_at = excluded.issued_at, have = excluded.have, have_root = excluded.have_root, have_issued = excluded.have_issued,
		old_since = excluded.old_since, fault = excluded.fault, fault_at = excluded.fault_at`,
		d.door.ID, d.version, d.root, d.facts[:], msOf(d.issued), d.have, d.haveRoot, msOf(d.haveIssued), msOf(d.oldSince), d.fault, msOf(d.faultAt))
	if err != nil {
		return fmt.Errorf("keep list of %s: %w", d.door.ID, err)
	}
	return nil
}

// putGone remembers what was dropped or opens less until the door has confirmed it; only
// a door that keeps lists could still open for it.
func (x *Access) putGone(ctx context.Context, tx *sql.Tx, p *published, t time.Time) error {
	if p.have <= 0 {
		return nil
	}
	for _, e := range p.gone {
		if err := x.putOld(ctx, tx, p, e, false, t); err != nil {
			return err
		}
	}
	for _, e := range p.less {
		if err := x.putOld(ctx, tx, p, e, true, t); err != nil {
			return err
		}
	}
	return nil
}

// putOld remembers an entry that a door may still go by.
func (x *Access) putOld(ctx context.Context, tx *sql.Tx, p *published, e doorlist.Entry, narrowed bool, t time.Time) error {
	life := time.Duration(x.lists.classes[e.Class].ForS) * time.Second
	_, err := tx.ExecContext(ctx, `INSERT INTO access_list_gone(door, key, version, at, good_to, life, narrowed) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT(door, key) DO UPDATE SET version = excluded.version, at = excluded.at, good_to = excluded.good_to, life = excluded.life, narrowed = excluded.narrowed`,
		p.door.ID, e.Key[:], p.version, t.UnixMilli(), int64(e.To)*1000, life.Milliseconds(), narrowed)
	if err != nil {
		return fmt.Errorf("keep list of %s: %w", p.door.ID, err)
	}
	return nil
}
