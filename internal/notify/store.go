package notify

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

const columns = `d.id, d.letter, m.alarm, d.account, d.name, d.channel, d.address, d.state, m.subject_zh, m.subject_en, m.body_zh, m.body_en,
	m.priority, m.life_safety, d.attempts, m.created_at, d.due_at, d.ended_at, d.problem, d.message, m.cluster, d.language, m.deadline`

// deliveries reads those that match, each with what its message says.
func (n *Notify) deliveries(ctx context.Context, where string, args ...any) ([]Delivery, error) {
	rows, err := n.o.DB.Read().QueryContext(ctx, "SELECT "+columns+" FROM notify_delivery d JOIN notify_message m ON m.id = d.message WHERE "+where, args...) //nolint:gosec // where is ours
	if err != nil {
		return nil, fmt.Errorf("notify: read deliveries: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Delivery
	for rows.Next() {
		var d Delivery
		var created, due, deadline int64
		var ended sql.NullInt64
		err := rows.Scan(&d.ID, &d.Letter, &d.Alarm, &d.Account, &d.Name, &d.Channel, &d.Address, &d.State, &d.Subject.ZH, &d.Subject.EN, &d.body.ZH, &d.body.EN,
			&d.Priority, &d.LifeSafety, &d.Attempts, &created, &due, &ended, &d.Problem, &d.message, &d.cluster, &d.language, &deadline)
		if err != nil {
			return nil, fmt.Errorf("notify: read deliveries: %w", err)
		}
		d.CreatedAt, d.DueAt, d.deadline = at(created), at(due), at(deadline)
		if ended.Valid {
			d.EndedAt = new(at(ended.Int64))
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// keepFor is how long it can be looked up who was told what.
const keepFor = 365 * 24 * time.Hour

// Prune forgets messages of which nobody asks any more.
func (n *Notify) Prune(ctx context.Context) error {
	before := n.now().Add(-keepFor).UnixMilli()
	err := n.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM notify_delivery WHERE message IN (SELECT id FROM notify_message WHERE created_at < ? LIMIT 1000)`, before)
		if err == nil {
			_, err = tx.ExecContext(ctx, `DELETE FROM notify_message WHERE created_at < ? AND id NOT IN (SELECT message FROM notify_delivery)`, before)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("notify: prune: %w", err)
	}
	return nil
}

// clip keeps what a receiver answers short enough for a table.
func clip(s string) string {
	const most = 300
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
