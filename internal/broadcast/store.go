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
		SELECT seq, id, zones, text, url, priority, mode, repeat, volume_pct, actor, ref, at, deadline, open,
			live, recording, program, length_ms, interrupted, at_night, until, stopped_at, stopped_by, judged, two_way FROM broadcasts `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read broadcasts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Broadcast
	for rows.Next() {
		var b Broadcast
		var zones string
		var at, deadline, until, stopped int64
		err := rows.Scan(&b.seq, &b.ID, &zones, &b.Text, &b.URL, &b.Priority, &b.Mode, &b.Repeat, &b.VolumePct, &b.Actor, &b.Ref, &at, &deadline, &b.Open,
			&b.mic, &b.Recording, &b.program, &b.LengthMS, &b.Interrupted, &b.AtNight, &until, &stopped, &b.StoppedBy, &b.judged, &b.TwoWay)
		if err != nil {
			return nil, fmt.Errorf("read broadcasts: %w", err)
		}
		if err := json.Unmarshal([]byte(zones), &b.Zones); err != nil {
			return nil, fmt.Errorf("read broadcast %s: %w", b.ID, err)
		}
		b.At, b.deadline, b.until, b.stopped = ms(time.UnixMilli(at)), time.UnixMilli(deadline), time.UnixMilli(until), time.UnixMilli(stopped)
		b.Live = b.mic != ""
		if stopped != 0 {
			b.StoppedAt = ms(b.stopped)
		}
		all = append(all, b)
	}
	return all, rows.Err()
}

const nodeColumns = `device, state, at, error, command, position, turn, path, tell, told, due, began, level_db`

func scanNode(rows *sql.Rows, n *NodeOf, more ...any) error {
	var at, told, due, began int64
	err := rows.Scan(append([]any{
		&n.Device, &n.State, &at, &n.Error, &n.command, &n.PositionMS, &n.turn, &n.Path, &n.tell, &told, &due, &began, &n.LevelDB,
	}, more...)...)
	if err != nil {
		return err
	}
	n.at, n.told, n.due, n.began = time.UnixMilli(at), moment(told), moment(due), moment(began)
	n.At = ms(n.at)
	if began != 0 {
		n.BeganAt = ms(n.began)
	}
	return nil
}

func nodes(ctx context.Context, q querier, b *Broadcast) error {
	rows, err := q.QueryContext(ctx, `SELECT `+nodeColumns+` FROM broadcast_nodes WHERE broadcast = ? ORDER BY device`, b.ID)
	if err != nil {
		return fmt.Errorf("read broadcast %s: %w", b.ID, err)
	}
	defer func() { _ = rows.Close() }()
	b.Nodes = []NodeOf{}
	for rows.Next() {
		var n NodeOf
		if err := scanNode(rows, &n); err != nil {
			return fmt.Errorf("read broadcast %s: %w", b.ID, err)
		}
		b.Nodes = append(b.Nodes, n)
	}
	b.count()
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

func insert(ctx context.Context, tx *sql.Tx, b *Broadcast, key string) error {
	zones, err := json.Marshal(b.Zones)
	if err != nil {
		return fmt.Errorf("encode broadcast %s: %w", b.ID, err)
	}
	at := b.deadline.Add(-startWithin)
	b.Open = !b.ended()
	r, err := tx.ExecContext(ctx, `
		INSERT INTO broadcasts(id, zones, text, url, priority, mode, repeat, volume_pct, actor, ref, idem_key, at, deadline, open,
			live, recording, program, length_ms, interrupted, at_night, until, two_way, judged)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`,
		b.ID, string(zones), b.Text, b.URL, b.Priority, b.Mode, b.Repeat, b.VolumePct, b.Actor, b.Ref,
		sql.NullString{String: key, Valid: key != ""}, at.UnixMilli(), b.deadline.UnixMilli(), b.Open,
		b.mic, b.Recording, b.program, b.LengthMS, b.Interrupted, b.AtNight, b.until.UnixMilli(), b.TwoWay)
	if err != nil {
		return fmt.Errorf("store broadcast %s: %w", b.ID, err)
	}
	if b.seq, err = r.LastInsertId(); err != nil {
		return fmt.Errorf("store broadcast %s: %w", b.ID, err)
	}
	for i := range b.Nodes {
		n := &b.Nodes[i]
		_, err := tx.ExecContext(ctx, `INSERT INTO broadcast_nodes(broadcast, device, state, at, error, command) VALUES (?, ?, ?, ?, ?, '')`,
			b.ID, n.Device, string(n.State), at.UnixMilli(), n.Error)
		if err != nil {
			return fmt.Errorf("store broadcast %s: %w", b.ID, err)
		}
	}
	return nil
}

// saveNode writes all of a node.
func saveNode(ctx context.Context, tx *sql.Tx, id string, n *NodeOf) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE broadcast_nodes SET state = ?, at = ?, error = ?, command = ?, position = ?, turn = ?, path = ?, tell = ?, told = ?, due = ?, began = ?, level_db = ?
		WHERE broadcast = ? AND device = ?`,
		string(n.State), n.at.UnixMilli(), n.Error, n.command, n.PositionMS, n.turn, n.Path, n.tell, stamp(n.told), stamp(n.due), stamp(n.began), n.LevelDB,
		id, n.Device)
	if err != nil {
		return fmt.Errorf("broadcast %s: %w", id, err)
	}
	return nil
}

func set(ctx context.Context, tx *sql.Tx, id, what string, args ...any) error {
	if _, err := tx.ExecContext(ctx, `UPDATE broadcasts SET `+what+` WHERE id = ?`, append(args, id)...); err != nil { //nolint:gosec // G202: what is a constant of the caller
		return fmt.Errorf("broadcast %s: %w", id, err)
	}
	return nil
}

// ms writes a time as protocol.md has it.
func ms(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// moment and stamp turn the zero time into 0 and back.
func moment(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n)
}

func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Find is a broadcast with what became of it.
func (b *Broadcasts) Find(ctx context.Context, id string) (Broadcast, error) {
	return byID(ctx, b.db.Read(), id)
}
