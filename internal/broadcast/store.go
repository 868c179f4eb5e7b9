package broadcast

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

// list reads broadcasts with their nodes.
func list(ctx context.Context, q querier, where string, args ...any) ([]Broadcast, error) {
	all, err := heads(ctx, q, where, args...)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if err := nodes(ctx, q, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func heads(ctx context.Context, q querier, where string, args ...any) ([]Broadcast, error) {
	rows, err := q.QueryContext(ctx, `
		SELECT seq, id, zones, text, url, priority, mode, repeat, volume_pct, actor, ref, at, deadline FROM broadcasts `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read broadcasts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Broadcast
	for rows.Next() {
		var bc Broadcast
		var zones string
		var at, deadline int64
		err := rows.Scan(&bc.seq, &bc.ID, &zones, &bc.Text, &bc.URL, &bc.Priority, &bc.Mode, &bc.Repeat, &bc.VolumePct, &bc.Actor, &bc.Ref, &at, &deadline)
		if err != nil {
			return nil, fmt.Errorf("read broadcasts: %w", err)
		}
		if err := json.Unmarshal([]byte(zones), &bc.Zones); err != nil {
			return nil, fmt.Errorf("read broadcast %s: %w", bc.ID, err)
		}
		bc.At, bc.deadline = ms(time.UnixMilli(at)), time.UnixMilli(deadline)
		all = append(all, bc)
	}
	return all, rows.Err()
}

func nodes(ctx context.Context, q querier, bc *Broadcast) error {
	rows, err := q.QueryContext(ctx, `SELECT device, state, at, error, command FROM broadcast_nodes WHERE broadcast = ? ORDER BY device`, bc.ID)
	if err != nil {
		return fmt.Errorf("read broadcast %s: %w", bc.ID, err)
	}
	defer func() { _ = rows.Close() }()
	bc.Nodes = []NodeOf{}
	for rows.Next() {
		var n NodeOf
		var at int64
		if err := rows.Scan(&n.Device, &n.State, &at, &n.Error, &n.command); err != nil {
			return fmt.Errorf("read broadcast %s: %w", bc.ID, err)
		}
		n.At = ms(time.UnixMilli(at))
		bc.Nodes = append(bc.Nodes, n)
	}
	bc.count()
	return rows.Err()
}

func first(ctx context.Context, q querier, where string, args ...any) (Broadcast, error) {
	all, err := list(ctx, q, where, args...)
	if err != nil {
		return Broadcast{}, err
	}
	if len(all) == 0 {
		return Broadcast{}, sql.ErrNoRows
	}
	return all[0], nil
}

func byID(ctx context.Context, q querier, id string) (Broadcast, error) {
	return first(ctx, q, `WHERE id = ?`, id)
}

func byKey(ctx context.Context, q querier, actor, key string) (Broadcast, error) {
	if key == "" {
		return Broadcast{}, sql.ErrNoRows
	}
	return first(ctx, q, `WHERE actor = ? AND idem_key = ?`, actor, key)
}

func insert(ctx context.Context, tx *sql.Tx, bc *Broadcast, key string) error {
	zones, err := json.Marshal(bc.Zones)
	if err != nil {
		return fmt.Errorf("encode broadcast %s: %w", bc.ID, err)
	}
	at := bc.deadline.Add(-startWithin)
	open := bc.Failed < len(bc.Nodes)
	_, err = tx.ExecContext(ctx, `
		INSERT INTO broadcasts(id, zones, text, url, priority, mode, repeat, volume_pct, actor, ref, idem_key, at, deadline, open)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		bc.ID, string(zones), bc.Text, bc.URL, bc.Priority, bc.Mode, bc.Repeat, bc.VolumePct, bc.Actor, bc.Ref,
		sql.NullString{String: key, Valid: key != ""}, at.UnixMilli(), bc.deadline.UnixMilli(), open)
	if err != nil {
		return fmt.Errorf("store broadcast %s: %w", bc.ID, err)
	}
	for i := range bc.Nodes {
		n := &bc.Nodes[i]
		_, err := tx.ExecContext(ctx, `INSERT INTO broadcast_nodes(broadcast, device, state, at, error, command) VALUES (?, ?, ?, ?, ?, '')`,
			bc.ID, n.Device, string(n.State), at.UnixMilli(), n.Error)
		if err != nil {
			return fmt.Errorf("store broadcast %s: %w", bc.ID, err)
		}
	}
	return nil
}

func saveNode(ctx context.Context, tx *sql.Tx, id string, n *NodeOf, at time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE broadcast_nodes SET state = ?, at = ?, error = ? WHERE broadcast = ? AND device = ?`,
		string(n.State), at.UnixMilli(), n.Error, id, n.Device)
	if err != nil {
		return fmt.Errorf("broadcast %s: %w", id, err)
	}
	return nil
}

func closeRow(ctx context.Context, tx *sql.Tx, id string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE broadcasts SET open = 0 WHERE id = ?`, id); err != nil {
		return fmt.Errorf("broadcast %s: %w", id, err)
	}
	return nil
}

// ms writes a time as protocol.md has it.
func ms(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
