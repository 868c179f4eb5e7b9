package access

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dongyue/internal/event"
)

// recall reads what the rules must know of an ask. It reads only what one of them
// will look at: most doors demand nothing.
func (x *Access) recall(ctx context.Context, tx *sql.Tx, a *Ask) (s State, err error) {
	if a.Door == nil {
		return s, nil
	}
	p := a.who()
	if p == nil { // reads what it would of anybody: how long the answer takes tells nobody which cards there are
		p = &Person{}
	}
	if c := a.Credential; c != nil && c.MaxUses > 0 {
		if err := optional(tx.QueryRowContext(ctx, "SELECT used FROM access_uses WHERE credential = ? AND door = ?", c.counted(), a.Door.ID).Scan(&s.Used)); err != nil {
			return s, err
		}
	}
	x.mu.RLock()
	alone, guest := p.Escort == "", p.Host != nil
	x.mu.RUnlock()
	if c := a.Credential; guest && c != nil && c.Type == "plate" {
		if s.Inside, err = carInside(ctx, tx, c, a.At); err != nil {
			return s, err
		}
	}
	if guest && a.Credential != nil && !a.Out {
		if s.Gate, err = x.gateMissed(ctx, tx, a); err != nil {
			return s, err
		}
	}
	if !alone {
		if s.Escort, err = x.lastEscort(ctx, tx, p, a.Door.ID, a.At); err != nil {
			return s, err
		}
	}
	if a.Policy == nil {
		return s, nil
	}
	if err := optional(tx.QueryRowContext(ctx, "SELECT area, at FROM access_whereabouts WHERE person = ?", p.ID).Scan(&s.Area, &s.Since)); err != nil {
		return s, err
	}
	if s.Door, err = readDoorState(ctx, tx, a.Door.ID); err != nil {
		return s, err
	}
	if s.Door.Waiting != "" && !x.waitsStill(&s.Door) {
		s.Door.Waiting, s.Door.WaitEnd, s.Door.WaitFirst, s.Door.WaitBy = "", 0, false, ""
	}
	for _, d := range a.Policy.Interlock {
		other, err := readDoorState(ctx, tx, d)
		if err != nil {
			return s, err
		}
		s.Busy = s.Busy || other.busy(a.At.UnixMilli())
	}
	return s, nil
}

// waitsStill reports whether what the one who waits has shown is good yet: it may have
// been taken away meanwhile.
func (x *Access) waitsStill(d *DoorState) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	p := x.ix.people[d.Waiting]
	switch {
	case p == nil || p.Left == 0 && d.WaitBy == "" && (p.Host == nil || p.Host.Left == 0): // the index drops nobody
		return true
	case p.Left != 0 || p.Host != nil && p.Host.Left != 0:
		return false
	}
	for _, m := range x.ix.macs[p.ID] {
		if c := x.ix.credentials[m]; c != nil && c.ID == d.WaitBy {
			return c.Revoked == 0
		}
	}
	for _, tag := range x.ix.pinTags[p.ID] {
		for _, e := range x.ix.pins[tag] {
			if e.credential.ID == d.WaitBy {
				return e.credential.Revoked == 0
			}
		}
	}
	return false
}

// lastEscort is when somebody passed here who may accompany the person.
func (x *Access) lastEscort(ctx context.Context, tx *sql.Tx, p *Person, door string, t time.Time) (int64, error) {
	rows, err := tx.QueryContext(ctx, `SELECT person, received_at FROM access_badges WHERE door = ? AND received_at BETWEEN ? AND ? AND decision = 'granted' AND person <> ''
		ORDER BY id DESC LIMIT 50`, door, t.UnixMilli()-escortWithin, t.UnixMilli()) // nobody has passed in the future: the clock was set back
	if err != nil {
		return 0, fmt.Errorf("find escort: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		var when int64
		if err := rows.Scan(&id, &when); err != nil {
			return 0, fmt.Errorf("find escort: %w", err)
		}
		x.mu.RLock()
		may := p.accompaniedBy(x.ix.people[id])
		x.mu.RUnlock()
		if may {
			return when, rows.Err()
		}
	}
	return 0, rows.Err()
}

// accompaniedBy reports whether the other may take the person along.
func (p *Person) accompaniedBy(o *Person) bool {
	switch {
	case o == nil || o == p || o.Escort != "" || o.Left != 0:
		return false
	case p.Escort == EscortStaff:
		return o.Kind == Staff
	case p.Escort == EscortHousehold:
		return p.Host == o || p.Household != "" && o.Unit == p.Unit && o.Household == p.Household
	}
	return o.ID == p.Escort
}

// keep writes down what a decision changed.
func (x *Access) keep(ctx context.Context, tx *sql.Tx, a *Ask, was, is State) error {
	if is.Used != was.Used {
		if _, err := tx.ExecContext(ctx, "INSERT INTO access_uses(credential, door, used) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET used = excluded.used",
			a.Credential.counted(), a.Door.ID, is.Used); err != nil {
			return fmt.Errorf("count use: %w", err)
		}
	}
	if is.Door != was.Door {
		if err := putDoorState(ctx, tx, a.Door.ID, is.Door); err != nil {
			return err
		}
	}
	return move(ctx, tx, is.Moved[:], a.At)
}

// move notes who is in another area. Nothing that is known of a later time is changed by
// what comes late; but what would be of the future is of before the clock was set back.
func move(ctx context.Context, tx *sql.Tx, moves []Move, t time.Time) error {
	ahead := time.Now().Add(clockTolerance).UnixMilli()
	for _, m := range moves {
		if m.Person == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO access_whereabouts(person, area, at) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET area = excluded.area, at = excluded.at WHERE excluded.at >= access_whereabouts.at OR access_whereabouts.at > ?",
			m.Person, m.Area, t.UnixMilli(), ahead); err != nil {
			return fmt.Errorf("note whereabouts: %w", err)
		}
	}
	return nil
}

func readDoorState(ctx context.Context, tx *sql.Tx, door string) (d DoorState, err error) {
	var body string
	if err := optional(tx.QueryRowContext(ctx, "SELECT body FROM access_door_state WHERE door = ?", door).Scan(&body)); err != nil || body == "" {
		return d, err
	}
	if err := json.Unmarshal([]byte(body), &d); err != nil {
		return d, fmt.Errorf("read state of door %s: %w", door, err)
	}
	return d, nil
}

func putDoorState(ctx context.Context, tx *sql.Tx, door string, d DoorState) error {
	return putBody(ctx, tx, "INSERT INTO access_door_state(door, body) VALUES (?, ?) ON CONFLICT(door) DO UPDATE SET body = excluded.body", door, d)
}

// contact follows the leaf of a door on which rules depend.
func (x *Access) contact(ctx context.Context, tx *sql.Tx, door string, open bool, t time.Time) error {
	x.mu.RLock()
	watched := x.site.watched[door]
	x.mu.RUnlock()
	if !watched {
		return nil
	}
	d, err := readDoorState(ctx, tx, door)
	if err != nil {
		return err
	}
	if !open {
		return putDoorState(ctx, tx, door, d.Closed())
	}
	d, moved := d.Opened(t.UnixMilli())
	if err := putDoorState(ctx, tx, door, d); err != nil {
		return err
	}
	return move(ctx, tx, moved[:], t)
}

// leaf corrects what is remembered of a door by what it reports of itself: a controller
// that had no power does not tell who has shut its door meanwhile.
func (x *Access) leaf(ctx context.Context, tx *sql.Tx, ev *event.Event) error {
	x.mu.RLock()
	watched := x.site.watched[ev.Device]
	x.mu.RUnlock()
	var is struct {
		Position string `json:"position"`
	}
	if !watched || json.Unmarshal(ev.Data, &is) != nil || is.Position != "open" && is.Position != "closed" {
		return nil //nolint:nilerr // devices has checked it before; what is not told changes nothing
	}
	d, err := readDoorState(ctx, tx, ev.Device)
	if err != nil || d.Open == (is.Position == "open") {
		return err
	}
	return x.contact(ctx, tx, ev.Device, !d.Open, ev.ReceivedAt)
}

// optional takes a row that is not there for one of zeros.
func optional(err error) error {
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return fmt.Errorf("access: read: %w", err)
}
