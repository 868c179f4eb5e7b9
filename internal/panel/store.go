package panel

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// querier is a transaction or the readers.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func notices(ctx context.Context, q querier, where string, args ...any) ([]Notice, error) {
	rows, err := q.QueryContext(ctx, `SELECT seq, id, ref, zones, text, colour, rank, exercise, author, released_by, at, until, ended_at FROM panel_notices `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read panel notices: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := []Notice{}
	for rows.Next() {
		var n Notice
		var zones string
		var at, until, ended int64
		if err := rows.Scan(&n.seq, &n.ID, &n.Ref, &zones, &n.Text, &n.Colour, &n.Rank, &n.Exercise, &n.Author, &n.ReleasedBy, &at, &until, &ended); err != nil {
			return nil, fmt.Errorf("read panel notices: %w", err)
		}
		if err := json.Unmarshal([]byte(zones), &n.Zones); err != nil {
			return nil, fmt.Errorf("read panel notice %s: %w", n.ID, err)
		}
		n.At, n.Until, n.Ended = time.UnixMilli(at).UTC(), time.UnixMilli(until).UTC(), ended != 0
		all = append(all, n)
	}
	return all, rows.Err()
}

// open are the notices that may still be shown.
func (r *Room) open(ctx context.Context, q querier) ([]Notice, error) {
	return notices(ctx, q, `WHERE ended_at = 0 AND until > ? ORDER BY seq`, r.now().UnixMilli())
}

func insert(ctx context.Context, tx *sql.Tx, n *Notice) error {
	zones, err := json.Marshal(n.Zones)
	if err != nil {
		return fmt.Errorf("encode panel notice %s: %w", n.ID, err)
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO panel_notices(id, ref, zones, text, colour, rank, exercise, author, released_by, at, until, ended_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`,
		n.ID, n.Ref, string(zones), n.Text, n.Colour, n.Rank, n.Exercise, n.Author, n.ReleasedBy, n.At.UnixMilli(), n.Until.UnixMilli())
	if err != nil {
		return fmt.Errorf("store panel notice %s: %w", n.ID, err)
	}
	n.seq, err = res.LastInsertId()
	return err
}

// change writes a change with its record and its entry in the feed.
func (r *Room) change(ctx context.Context, actor, action string, n *Notice, write func(tx *sql.Tx) error) error {
	err := r.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		if err := write(tx); err != nil {
			return err
		}
		if actor != "" {
			if err := r.o.Audit.Audit(ctx, tx, actor, action, n.ID, map[string]any{"zones": n.Zones, "text": n.Text}); err != nil {
				return err
			}
		}
		_, err := r.o.Feed.Append(ctx, tx, "panel", n)
		return err
	})
	if err != nil {
		return err
	}
	r.wake()
	return r.o.Feed.Committed(ctx)
}
