package alarm

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

const columns = `id, seq, rule, device, part, zone, device_name, kind, priority, state, title_zh, title_en,
	active, latched, silent, measured, late, proc_card, cameras, evidence, times, raised_at, last_at,
	acked_at, acked_by, returned_at, closed_at, closed_by, close_reason, assignee, assignee_id, incident`

// store writes an alarm's change, its journal line and its entry in the feed.
func (a *Alarms) store(ctx context.Context, tx *sql.Tx, al *Alarm, e JournalEntry) (*Change, error) {
	c := &Change{Change: e.What}
	_, err := a.o.Feed.AppendNumbered(ctx, tx, "alarm", func(seq uint64) any {
		al.Seq = seq
		c.Alarm = *al
		return c
	})
	if err != nil {
		return nil, err
	}
	if err := put(ctx, tx, al); err != nil {
		return nil, err
	}
	if e.What == Repeat {
		return c, nil // counted; a line for each would bury the others
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO alarm_journal(alarm, at, actor, name, what, note) VALUES (?, ?, ?, ?, ?, ?)",
		al.ID, e.At.UnixMilli(), e.ActorID, e.Actor, e.What, e.Text)
	if err != nil {
		return nil, fmt.Errorf("write journal of %s: %w", al.ID, err)
	}
	return c, nil
}

func put(ctx context.Context, tx *sql.Tx, al *Alarm) error {
	cameras, err := json.Marshal(al.Cameras)
	if err != nil {
		return fmt.Errorf("encode cameras of %s: %w", al.ID, err)
	}
	evidence, err := json.Marshal(al.Evidence)
	if err != nil {
		return fmt.Errorf("encode evidence of %s: %w", al.ID, err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO alarm(`+columns+`, prio_rank)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT(id) DO UPDATE SET seq = excluded.seq, state = excluded.state, active = excluded.active,
			late = excluded.late, evidence = excluded.evidence, times = excluded.times, last_at = excluded.last_at,
			acked_at = excluded.acked_at, acked_by = excluded.acked_by, returned_at = excluded.returned_at,
			closed_at = excluded.closed_at, closed_by = excluded.closed_by, close_reason = excluded.close_reason,
			assignee = excluded.assignee, assignee_id = excluded.assignee_id, incident = excluded.incident`,
		al.ID, al.Seq, al.Rule, al.Device, al.Part, al.Zone, al.DeviceName, string(al.Kind), string(al.Priority), string(al.State),
		al.Title.ZH, al.Title.EN, al.Active, al.Latched, al.Silent, al.Measured, al.Late, al.Procedure, string(cameras),
		string(evidence), al.Count, al.RaisedAt.UnixMilli(), al.LastAt.UnixMilli(), millis(al.AckedAt), al.AckedBy,
		millis(al.ReturnedAt), millis(al.ClosedAt), al.ClosedBy, al.CloseReason, al.Assignee, al.AssigneeID, al.Incident,
		al.Priority.Rank())
	if err != nil {
		return fmt.Errorf("write alarm %s: %w", al.ID, err)
	}
	return nil
}

func millis(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UnixMilli()
}

// querier is a transaction or the readers' side.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// one reads the alarm that matches; sql.ErrNoRows when there is none.
func one(ctx context.Context, q querier, where string, args ...any) (*Alarm, error) {
	all, err := many(ctx, q, where+" LIMIT 1", args...)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, sql.ErrNoRows
	}
	return &all[0], nil
}

func many(ctx context.Context, q querier, where string, args ...any) ([]Alarm, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+columns+" FROM alarm WHERE "+where, args...) //nolint:gosec // where is ours
	if err != nil {
		return nil, fmt.Errorf("read alarms: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Alarm
	for rows.Next() {
		al, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read alarms: %w", err)
		}
		out = append(out, al)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read alarms: %w", err)
	}
	return out, nil
}

func scan(rows *sql.Rows) (al Alarm, err error) {
	var cameras, evidence string
	var raised, last int64
	var acked, returned, closed sql.NullInt64
	err = rows.Scan(&al.ID, &al.Seq, &al.Rule, &al.Device, &al.Part, &al.Zone, &al.DeviceName, &al.Kind, &al.Priority, &al.State,
		&al.Title.ZH, &al.Title.EN, &al.Active, &al.Latched, &al.Silent, &al.Measured, &al.Late, &al.Procedure, &cameras,
		&evidence, &al.Count, &raised, &last, &acked, &al.AckedBy, &returned, &closed, &al.ClosedBy, &al.CloseReason,
		&al.Assignee, &al.AssigneeID, &al.Incident)
	if err != nil {
		return al, err
	}
	al.RaisedAt, al.LastAt = time.UnixMilli(raised).UTC(), time.UnixMilli(last).UTC()
	al.AckedAt, al.ReturnedAt, al.ClosedAt = moment(acked), moment(returned), moment(closed)
	if err := json.Unmarshal([]byte(cameras), &al.Cameras); err != nil {
		return al, fmt.Errorf("cameras of %s: %w", al.ID, err)
	}
	if err := json.Unmarshal([]byte(evidence), &al.Evidence); err != nil {
		return al, fmt.Errorf("evidence of %s: %w", al.ID, err)
	}
	return al, nil
}

func moment(n sql.NullInt64) *time.Time {
	if !n.Valid {
		return nil
	}
	t := time.UnixMilli(n.Int64).UTC()
	return &t
}

func journal(ctx context.Context, q querier, id string) ([]JournalEntry, error) {
	rows, err := q.QueryContext(ctx, "SELECT at, actor, name, what, note FROM alarm_journal WHERE alarm = ? ORDER BY id", id)
	if err != nil {
		return nil, fmt.Errorf("read journal of %s: %w", id, err)
	}
	defer func() { _ = rows.Close() }()
	var out []JournalEntry
	for rows.Next() {
		var e JournalEntry
		var at int64
		if err := rows.Scan(&at, &e.ActorID, &e.Actor, &e.What, &e.Text); err != nil {
			return nil, fmt.Errorf("read journal of %s: %w", id, err)
		}
		e.At = time.UnixMilli(at).UTC()
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read journal of %s: %w", id, err)
	}
	return out, nil
}
