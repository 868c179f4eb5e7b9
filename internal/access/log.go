package access

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Decisions in the badge log.
const (
	Granted    = "granted"
	Denied     = "denied"
	Unanswered = "unanswered" // asked, but not answered; Reason says why
)

// Who decided.
const (
	ByHub  = "hub"
	ByDoor = "door" // alone, from its own list
	ByDesk = "desk" // the operator
	ByApp  = "app"  // the resident's phone
)

// Badge is a row of the badge log.
type Badge struct {
	ID         int64     `json:"id"`
	At         time.Time `json:"at"`          // door clock
	ReceivedAt time.Time `json:"received_at"` // hub clock
	Seq        uint64    `json:"seq,omitempty"`
	Event      string    `json:"event"` // event id, or the reference of an opening
	Door       string    `json:"door"`
	DoorName   string    `json:"door_name"`
	Zone       string    `json:"zone"`
	Person     string    `json:"person,omitempty"`
	PersonName string    `json:"person_name,omitempty"`
	Unit       string    `json:"unit,omitempty"`
	Credential string    `json:"credential,omitempty"`
	Type       string    `json:"type,omitempty"` // card, pin, qr, mobile
	Last4      string    `json:"last4,omitempty"`
	Side       string    `json:"side"`
	Decision   string    `json:"decision"` // granted, denied, unanswered
	Reason     Reason    `json:"reason"`
	By         string    `json:"by"` // hub, door, desk, app
	Actor      string    `json:"actor,omitempty"`
	Note       string    `json:"note,omitempty"` // the operator's reason
	Late       bool      `json:"late"`
	// Flag is set when a door alone let in somebody whom the hub would have
	// refused, such as with a revoked card; it is the hub's reason.
	//
	// It is set, too, when the hub let somebody pass whom a rule would have
	// refused: from inside, at a door that is free, or where passback only alerts.
	Flag Reason `json:"flag,omitempty"`
	// Rung is where the door stood, when it was not controlled.
	Rung string `json:"rung,omitempty"`
}

// logBadge writes the row and tells the feed; fresh is false when it was there.
func (x *Access) logBadge(ctx context.Context, tx *sql.Tx, b *Badge) (fresh bool, err error) {
	res, err := tx.ExecContext(ctx, `INSERT INTO access_badges(at, received_at, seq, event, door, door_name, zone, person, person_name, unit,
		credential, type, last4, side, decision, reason, decided_by, actor, note, late, flag, rung)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(door, event) DO NOTHING`,
		b.At.UnixMilli(), b.ReceivedAt.UnixMilli(), b.Seq, b.Event, b.Door, b.DoorName, b.Zone, b.Person, b.PersonName, b.Unit,
		b.Credential, b.Type, b.Last4, b.Side, b.Decision, b.Reason, b.By, b.Actor, b.Note, b.Late, b.Flag, b.Rung)
	if err != nil {
		return false, fmt.Errorf("badge log: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 {
		return false, err
	}
	if b.ID, err = res.LastInsertId(); err != nil {
		return false, fmt.Errorf("badge log: %w", err)
	}
	_, err = x.feed.Append(ctx, tx, "badge", b)
	return true, err
}

// markUnanswered corrects rows whose answer did not reach the door.
func (x *Access) markUnanswered(ctx context.Context, why map[int64]Reason) error {
	var used []string
	err := x.db.Tx(ctx, func(tx *sql.Tx) error {
		for id, reason := range why {
			if _, err := tx.ExecContext(ctx, "UPDATE access_badges SET decision = ?, reason = ? WHERE id = ?", Unanswered, reason, id); err != nil {
				return fmt.Errorf("badge log: %w", err)
			}
			b, err := scanBadge(tx.QueryRowContext(ctx, "SELECT "+badgeColumns+" FROM access_badges WHERE id = ?", id))
			if err != nil {
				return fmt.Errorf("badge log: %w", err)
			}
			if err := unused(ctx, tx, &b); err != nil {
				return err
			}
			if b.Credential != "" {
				used = append(used, b.Person)
			}
			if _, err := x.feed.Append(ctx, tx, "badge", b); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, person := range used {
		x.lists.touch(person)
	}
	return x.feed.Committed(ctx)
}

// unused gives a use back: the door has not opened for it. Where it opens by its own list
// it says so, and then the use is counted.
func unused(ctx context.Context, tx *sql.Tx, b *Badge) error {
	_, err := tx.ExecContext(ctx, `UPDATE access_uses SET used = used - 1 WHERE used > 0 AND door = ?1 AND ?3 = 'in'
		AND credential = (SELECT CASE counts_as WHEN '' THEN id ELSE counts_as END FROM access_credentials WHERE id = ?2)`, b.Door, b.Credential, b.Side)
	if err != nil {
		return fmt.Errorf("give use back: %w", err)
	}
	return nil
}

const badgeColumns = `id, at, received_at, seq, event, door, door_name, zone, person, person_name, unit,
	credential, type, last4, side, decision, reason, decided_by, actor, note, late, flag, rung`

func scanBadge(row interface{ Scan(...any) error }) (b Badge, err error) {
	var at, received int64
	err = row.Scan(&b.ID, &at, &received, &b.Seq, &b.Event, &b.Door, &b.DoorName, &b.Zone, &b.Person, &b.PersonName, &b.Unit,
		&b.Credential, &b.Type, &b.Last4, &b.Side, &b.Decision, &b.Reason, &b.By, &b.Actor, &b.Note, &b.Late, &b.Flag, &b.Rung)
	b.At, b.ReceivedAt = time.UnixMilli(at).UTC(), time.UnixMilli(received).UTC()
	return b, err
}

// LastSeen is by which door each person came in last, of those that came since. Who opened
// one from the phone may have been anywhere.
func (x *Access) LastSeen(ctx context.Context, since time.Time) (map[string]Badge, error) {
	seen := map[string]Badge{}
	err := x.each(ctx, `SELECT person, door, door_name, at, max(received_at) FROM access_badges WHERE pseudonym = 0 AND received_at >= ?
		AND decision = ? AND side = 'in' AND person <> '' AND decided_by <> ? GROUP BY person`, []any{since.UnixMilli(), Granted, ByApp}, func(rows *sql.Rows) error {
		var b Badge
		var at, received int64
		err := rows.Scan(&b.Person, &b.Door, &b.DoorName, &at, &received)
		b.At, b.ReceivedAt = time.UnixMilli(at).UTC(), time.UnixMilli(received).UTC()
		seen[b.Person] = b
		return err
	})
	return seen, err
}

// BadgeFilter limits Badges; empty fields do not.
type BadgeFilter struct {
	Door, Person string
	From, To     time.Time // by arrival; To is not included
	Before       int64     // rows before this id; 0: from the newest
}

// Badges lists the log, newest first.
func (x *Access) Badges(ctx context.Context, f BadgeFilter, limit int) ([]Badge, error) {
	query, args := "SELECT "+badgeColumns+" FROM access_badges WHERE 1 = 1", []any{}
	add := func(cond string, arg any) { query, args = query+" AND "+cond, append(args, arg) }
	if f.Door != "" {
		add("door = ?", f.Door)
	}
	if f.Person != "" {
		add("person = ?", f.Person)
	}
	if !f.From.IsZero() {
		add("received_at >= ?", f.From.UnixMilli())
	}
	if !f.To.IsZero() {
		add("received_at < ?", f.To.UnixMilli())
	}
	if f.Before > 0 {
		add("id < ?", f.Before)
	}
	bs := []Badge{}
	err := x.each(ctx, query+" ORDER BY id DESC LIMIT ?", append(args, limit), func(rows *sql.Rows) error {
		b, err := scanBadge(rows)
		bs = append(bs, b)
		return err
	})
	return bs, err
}
