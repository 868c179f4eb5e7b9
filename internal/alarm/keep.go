package alarm

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"time"
)

// keepFor is how long a closed alarm is kept, with all that belongs to it.
const keepFor = 3 * 365 * 24 * time.Hour

// prunedAtOnce keeps a transaction short; whoever calls does so again.
const prunedAtOnce = 200

// Prune drops alarms that were closed too long ago, each with its journal and its
// actions, and incidents none of whose alarms is left. It returns how many alarms
// went; there may be more.
func (a *Alarms) Prune(ctx context.Context) (int, error) {
	before := a.now().Add(-cmp.Or(a.o.Keep, keepFor)).UnixMilli()
	due, err := earliest(ctx, a.o.DB.Read(), "SELECT min(closed_at) FROM alarm WHERE closed_at IS NOT NULL")
	if err != nil {
		return 0, fmt.Errorf("alarm: look for old alarms: %w", err)
	}
	if due.IsZero() || due.UnixMilli() >= before {
		return 0, nil
	}
	n := 0
	err = a.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		ids, err := texts(ctx, tx, "SELECT id FROM alarm WHERE closed_at < ? ORDER BY closed_at LIMIT ?", before, prunedAtOnce)
		if err != nil || len(ids) == 0 {
			return err
		}
		n = len(ids)
		in := " IN (" + marks(len(ids)) + ")"
		for _, q := range []string{"DELETE FROM alarm_outbox WHERE alarm" + in, "DELETE FROM alarm_journal WHERE alarm" + in, "DELETE FROM alarm WHERE id" + in} {
			if _, err := tx.ExecContext(ctx, q, ids...); err != nil {
				return err
			}
		}
		return pruneRest(ctx, tx, before)
	})
	if err != nil {
		return 0, fmt.Errorf("alarm: drop old alarms: %w", err)
	}
	return n, nil
}

// pruneRest drops what is older than any alarm that is kept.
func pruneRest(ctx context.Context, tx *sql.Tx, before int64) error {
	ids, err := texts(ctx, tx, `SELECT id FROM incident i WHERE closed_at < ? AND NOT EXISTS (SELECT 1 FROM alarm WHERE incident = i.id) ORDER BY id LIMIT ?`, before, prunedAtOnce)
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		in := " IN (" + marks(len(ids)) + ")"
		for _, q := range []string{"DELETE FROM incident_journal WHERE incident" + in, "DELETE FROM incident WHERE id" + in} {
			if _, err := tx.ExecContext(ctx, q, ids...); err != nil {
				return err
			}
		}
	}
	for _, q := range []string{
		"DELETE FROM annunciation WHERE at < ?", "DELETE FROM alarm_flood WHERE ended_at < ?", "DELETE FROM out_of_service WHERE ended_at < ?",
		"DELETE FROM bad_actor WHERE last_at < ?",
	} {
		if _, err := tx.ExecContext(ctx, q, before); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM alarm_day WHERE day < ?", before/86_400_000)
	return err
}

func texts(ctx context.Context, q querier, query string, args ...any) ([]any, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []any
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
