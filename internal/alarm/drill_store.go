package alarm

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

func insertDrill(ctx context.Context, tx *sql.Tx, d *Drill) error {
	alarms, err := json.Marshal(d.Alarms)
	if err != nil {
		return fmt.Errorf("encode drill: %w", err)
	}
	actions, err := json.Marshal(d.Actions)
	if err != nil {
		return fmt.Errorf("encode drill: %w", err)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO alarm_drill(id, rule, device, part, alarms, actions, reason, actor, name, began_at, until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		d.ID, d.Rule, d.Device, d.Part, string(alarms), string(actions), d.Reason, d.ByID, d.By, d.BeganAt.UnixMilli(), d.Until.UnixMilli())
	if err != nil {
		return fmt.Errorf("write drill: %w", err)
	}
	return nil
}

func drills(ctx context.Context, q querier, where string, args ...any) ([]Drill, error) {
	rows, err := q.QueryContext(ctx, "SELECT id, rule, device, part, alarms, actions, reason, actor, name, began_at, until, ended_at, ended_by FROM alarm_drill WHERE "+where, args...) //nolint:gosec // where is ours
	if err != nil {
		return nil, fmt.Errorf("read drills: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Drill
	for rows.Next() {
		var d Drill
		var alarms, actions string
		var began, until int64
		var ended sql.NullInt64
		err := rows.Scan(&d.ID, &d.Rule, &d.Device, &d.Part, &alarms, &actions, &d.Reason, &d.ByID, &d.By, &began, &until, &ended, &d.EndedBy)
		if err = errors.Join(err, json.Unmarshal([]byte(alarms), &d.Alarms), json.Unmarshal([]byte(actions), &d.Actions)); err != nil {
			return nil, fmt.Errorf("read drills: %w", err)
		}
		d.BeganAt, d.Until, d.EndedAt = time.UnixMilli(began).UTC(), time.UnixMilli(until).UTC(), moment(ended)
		out = append(out, d)
	}
	return out, rows.Err()
}
