package broker

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"time"

	"dongyue/internal/db"
)

//go:embed migrations/*.sql
var migrations embed.FS

// NewStore keeps sessions in the hub's database, which has room for them, a
// backup and one place to look; there are few, and they change rarely.
func NewStore(ctx context.Context, d *db.DB) (Store, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	if err := d.Migrate(ctx, "broker", dir); err != nil {
		return nil, err
	}
	return &store{db: d}, nil
}

type store struct{ db *db.DB }

// Sessions returns all that are kept.
func (s *store) Sessions(ctx context.Context) ([]Session, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT client, subscriptions, acknowledged, keep_ms, left_at FROM broker_session")
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Session
	for rows.Next() {
		var x Session
		var subs string
		var up, keep, left int64
		if err := rows.Scan(&x.Client, &subs, &up, &keep, &left); err != nil {
			return nil, fmt.Errorf("read sessions: %w", err)
		}
		if err := json.Unmarshal([]byte(subs), &x.Subscriptions); err != nil {
			return nil, fmt.Errorf("read session of %s: %w", x.Client, err)
		}
		x.Acknowledged, x.Keep = uint64(up), time.Duration(keep)*time.Millisecond //nolint:gosec // written from the same type
		if left > 0 {
			x.Left = time.UnixMilli(left)
		}
		all = append(all, x)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	return all, nil
}

// Keep writes sessions down, in one transaction.
func (s *store) Keep(ctx context.Context, all []Session) error {
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		for i := range all {
			x := &all[i]
			subs, err := json.Marshal(x.Subscriptions)
			if err != nil {
				return err
			}
			var left int64
			if !x.Left.IsZero() {
				left = x.Left.UnixMilli()
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO broker_session(client, subscriptions, acknowledged, keep_ms, left_at) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT(client) DO UPDATE SET subscriptions = excluded.subscriptions, acknowledged = excluded.acknowledged,
				keep_ms = excluded.keep_ms, left_at = excluded.left_at`,
				x.Client, string(subs), int64(x.Acknowledged), x.Keep.Milliseconds(), left); err != nil { //nolint:gosec // 63 bits are enough
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write sessions: %w", err)
	}
	return nil
}

// Forget removes a session that has ended.
func (s *store) Forget(ctx context.Context, client string) error {
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM broker_session WHERE client = ?", client)
		return err
	})
	if err != nil {
		return fmt.Errorf("forget session of %s: %w", client, err)
	}
	return nil
}
