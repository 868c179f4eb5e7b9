package doors

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"dongyue/internal/event"
)

// querier is a transaction or the readers.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func each(ctx context.Context, q querier, query string, f func(*sql.Rows) error, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

const causeColumns = "SELECT seq, id, kind, rung, areas, plan, drill, source, actor, by_name, reason, began_at, until, ended_at, ended_by FROM doors_causes "

func listCauses(ctx context.Context, q querier, where string, args ...any) ([]*Cause, error) {
	var all []*Cause
	err := each(ctx, q, causeColumns+where, func(rows *sql.Rows) error {
		var c Cause
		var areas string
		var began, until, ended int64
		err := rows.Scan(&c.seq, &c.ID, &c.Kind, &c.rung, &areas, &c.Plan, &c.Drill, &c.Source, &c.Actor, &c.By, &c.Reason, &began, &until, &ended, &c.EndedBy)
		if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(areas), &c.Areas); err != nil {
			return fmt.Errorf("areas of %s: %w", c.ID, err)
		}
		c.Rung, c.BeganAt, c.Until, c.EndedAt = c.rung.String(), time.UnixMilli(began).UTC(), moment(until), moment(ended)
		all = append(all, &c)
		return nil
	}, args...)
	if err != nil {
		return nil, fmt.Errorf("read causes: %w", err)
	}
	return all, nil
}

func moment(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}

func millis(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return t.UnixMilli()
}

// insertCause stores a cause; fresh is false when it was there.
func insertCause(ctx context.Context, tx *sql.Tx, c *Cause, key string) (fresh bool, err error) {
	areas, err := json.Marshal(c.Areas)
	if err != nil {
		return false, fmt.Errorf("cause %s: %w", c.ID, err)
	}
	r, err := tx.ExecContext(ctx, `INSERT INTO doors_causes(id, kind, rung, areas, plan, drill, source, actor, by_name, reason, began_at, until, idem_key)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO NOTHING`,
		c.ID, c.Kind, int(c.rung), string(areas), c.Plan, c.Drill, c.Source, c.Actor, c.By, c.Reason, c.BeganAt.UnixMilli(), millis(c.Until),
		sql.NullString{String: key, Valid: key != ""})
	if err != nil {
		return false, fmt.Errorf("store cause %s: %w", c.ID, err)
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// endCause ends one that stands; fresh is false when it had ended.
func endCause(ctx context.Context, tx *sql.Tx, id, by string, at time.Time) (fresh bool, err error) {
	r, err := tx.ExecContext(ctx, "UPDATE doors_causes SET ended_at = ?, ended_by = ? WHERE id = ? AND ended_at = 0", at.UnixMilli(), by, id)
	if err != nil {
		return false, fmt.Errorf("end cause %s: %w", id, err)
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// Proof is what became of a cause at one door.
type Proof struct {
	Door  string    `json:"door"`
	State string    `json:"state" enum:"sent,confirmed,failed,offline,would"`
	At    time.Time `json:"at" doc:"of the last change"`
	Error string    `json:"error"`
}

// The states of a proof. Confirmed is what the door itself reports of its rung and
// its lock, never that it answered.
const (
	Sent      = "sent"
	Confirmed = "confirmed"
	Failed    = "failed"
	Offline   = "offline"
	Would     = "would" // a drill: it would have been commanded
)

func saveProof(ctx context.Context, tx *sql.Tx, cause string, p Proof) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO doors_proofs(cause, door, state, at, error) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT(cause, door) DO UPDATE SET state = excluded.state, at = excluded.at, error = excluded.error`,
		cause, p.Door, p.State, p.At.UnixMilli(), p.Error)
	if err != nil {
		return fmt.Errorf("proof of %s at %s: %w", cause, p.Door, err)
	}
	return nil
}

func listProofs(ctx context.Context, q querier, cause string) ([]Proof, error) {
	all := []Proof{}
	err := each(ctx, q, "SELECT door, state, at, error FROM doors_proofs WHERE cause = ? ORDER BY door", func(rows *sql.Rows) error {
		var p Proof
		var at int64
		err := rows.Scan(&p.Door, &p.State, &at, &p.Error)
		p.At = time.UnixMilli(at).UTC()
		all = append(all, p)
		return err
	}, cause)
	if err != nil {
		return nil, fmt.Errorf("read proofs of %s: %w", cause, err)
	}
	return all, nil
}

func saveState(ctx context.Context, tx *sql.Tx, door string, s *State) error {
	b, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("state of %s: %w", door, err)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO doors_states(door, state) VALUES (?, ?) ON CONFLICT(door) DO UPDATE SET state = excluded.state", door, string(b))
	if err != nil {
		return fmt.Errorf("state of %s: %w", door, err)
	}
	return nil
}

// newCause makes one that begins now.
func newCause(id, kind string, r event.Rung, areas []string, actor, reason string) *Cause {
	return &Cause{ID: id, Kind: kind, Rung: r.String(), Areas: areas, Actor: actor, Reason: reason, BeganAt: now(), rung: r}
}

// Confirmed tells how many of the doors that a cause is about have reported that
// they stand as it wants.
func (d *Doors) Confirmed(ctx context.Context, cause string) (confirmed, of int, err error) {
	all, err := listProofs(ctx, d.db.Read(), cause)
	for i := range all {
		if all[i].State == Confirmed {
			confirmed++
		}
	}
	return confirmed, len(all), err
}
