package muster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// querier is a transaction or the readers.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func heads(ctx context.Context, q querier, where string, args ...any) ([]Muster, error) {
	rows, err := q.QueryContext(ctx, "SELECT seq, id, area, reason, drill, actor, by_name, began_at, ended_at, ended_by FROM musters "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read musters: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Muster
	for rows.Next() {
		x := Muster{Flats: []Flat{}, People: []Entry{}}
		var began, ended int64
		if err := rows.Scan(&x.seq, &x.ID, &x.Area, &x.Reason, &x.Drill, &x.Actor, &x.By, &began, &ended, &x.EndedBy); err != nil {
			return nil, fmt.Errorf("read musters: %w", err)
		}
		x.BeganAt, x.EndedAt = time.UnixMilli(began).UTC(), moment(ended)
		all = append(all, x)
	}
	return all, rows.Err()
}

func entries(ctx context.Context, q querier, id string) ([]Entry, error) {
	rows, err := q.QueryContext(ctx, `SELECT person, name, unit, flat, basis, essential, seen_at, seen_door, state, marked_at, marked_by, note
		FROM muster_people WHERE muster = ? ORDER BY unit, flat, name, person`, id)
	if err != nil {
		return nil, fmt.Errorf("read muster %s: %w", id, err)
	}
	defer func() { _ = rows.Close() }()
	es := []Entry{}
	for rows.Next() {
		var e Entry
		var seen, marked int64
		if err := rows.Scan(&e.Person, &e.Name, &e.Unit, &e.Flat, &e.Basis, &e.Essential, &seen, &e.SeenDoor, &e.State, &marked, &e.MarkedBy, &e.Note); err != nil {
			return nil, fmt.Errorf("read muster %s: %w", id, err)
		}
		e.SeenAt, e.MarkedAt = moment(seen), moment(marked)
		es = append(es, e)
	}
	return es, rows.Err()
}

func insert(ctx context.Context, tx *sql.Tx, x *Muster, key string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO musters(id, area, reason, drill, actor, by_name, began_at, idem_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		x.ID, x.Area, x.Reason, x.Drill, x.Actor, x.By, x.BeganAt.UnixMilli(), sql.NullString{String: key, Valid: key != ""})
	if err != nil {
		return fmt.Errorf("store muster: %w", err)
	}
	for i := range x.People {
		e := &x.People[i]
		seen := int64(0)
		if e.SeenAt != nil {
			seen = e.SeenAt.UnixMilli()
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO muster_people(muster, person, name, unit, flat, basis, essential, seen_at, seen_door) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			x.ID, e.Person, e.Name, e.Unit, e.Flat, e.Basis, e.Essential, seen, e.SeenDoor)
		if err != nil {
			return fmt.Errorf("store muster: %w", err)
		}
	}
	return nil
}

// mark writes what was found out; fresh is false when something later is known.
func mark(ctx context.Context, tx *sql.Tx, id, by string, k Mark) (fresh bool, err error) {
	switch k.State {
	case "", Safe, Missing, Away:
	default:
		return false, fmt.Errorf("%w: state: safe, missing, away or empty", ErrInvalid)
	}
	if len(k.Note) > maxText {
		return false, fmt.Errorf("%w: note: at most %d bytes", ErrInvalid, maxText)
	}
	var before int64
	err = tx.QueryRowContext(ctx, "SELECT marked_at FROM muster_people WHERE muster = ? AND person = ?", id, k.Person).Scan(&before)
	if errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("%w: person %.100q is not on the list", ErrInvalid, k.Person)
	}
	if err != nil {
		return false, fmt.Errorf("mark in %s: %w", id, err)
	}
	if before > k.At.UnixMilli() {
		return false, nil
	}
	_, err = tx.ExecContext(ctx, "UPDATE muster_people SET state = ?, marked_at = ?, marked_by = ?, note = ? WHERE muster = ? AND person = ?",
		k.State, k.At.UnixMilli(), by, k.Note, id, k.Person)
	if err != nil {
		return false, fmt.Errorf("mark in %s: %w", id, err)
	}
	return true, nil
}

// byKey finds what the same request made before; "" for nothing.
func byKey(ctx context.Context, tx *sql.Tx, actor, key string) (id string, err error) {
	if key == "" {
		return "", nil
	}
	err = tx.QueryRowContext(ctx, "SELECT id FROM musters WHERE actor = ? AND idem_key = ?", actor, key).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

func endedAt(ctx context.Context, tx *sql.Tx, id string) (ms int64, err error) {
	err = tx.QueryRowContext(ctx, "SELECT ended_at FROM musters WHERE id = ?", id).Scan(&ms)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("%w: %.100q", ErrNotFound, id)
	}
	return ms, err
}

// Forget takes away the names that are kept no longer.
func (m *Musters) Forget(ctx context.Context, t time.Time) error {
	var old int
	err := m.db.Read().QueryRowContext(ctx, "SELECT count(*) FROM muster_people WHERE muster IN (SELECT id FROM musters WHERE ended_at > 0 AND ended_at < ?)",
		t.Add(-keepNames).UnixMilli()).Scan(&old)
	if err != nil || old == 0 { // it is asked every minute, and seldom there is anything
		return err
	}
	return m.db.Tx(ctx, func(tx *sql.Tx) error { return prune(ctx, tx, t.Add(-keepNames)) })
}

// ForgetPerson takes a person out of the lists of musters that have ended; that somebody
// was on them stays. One that goes on needs everybody: its list is for saving lives.
func (m *Musters) ForgetPerson(ctx context.Context, tx *sql.Tx, person string) error {
	_, err := tx.ExecContext(ctx, `UPDATE muster_people SET person = 'x-' || lower(hex(randomblob(8))), name = '-', unit = '', flat = '', seen_at = 0, seen_door = '', note = ''
		WHERE person = ? AND muster IN (SELECT id FROM musters WHERE ended_at > 0)`, person)
	if err != nil {
		return fmt.Errorf("forget %s in musters: %w", person, err)
	}
	return nil
}

// prune forgets the people of musters that ended long ago; that there was one, and
// why, stays.
func prune(ctx context.Context, tx *sql.Tx, before time.Time) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM muster_people WHERE muster IN (SELECT id FROM musters WHERE ended_at > 0 AND ended_at < ?)", before.UnixMilli())
	if err != nil {
		return fmt.Errorf("forget old musters: %w", err)
	}
	return nil
}

func moment(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}
