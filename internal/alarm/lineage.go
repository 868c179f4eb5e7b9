package alarm

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Lineage is an alarm and what came of it.
type Lineage struct {
	Alarm   *Alarm // with its journal
	Actions []Errand
}

// Errand is an action as the outbox has it.
type Errand struct {
	Action
	ID        int64
	State     string // pending, claimed, done, failed or expired
	CreatedAt time.Time
	EndedAt   *time.Time
	Attempts  int
	Result    string // what carried it out: a command's id …; or why not
}

// Lineage reads an alarm with its journal and its actions.
func (a *Alarms) Lineage(ctx context.Context, id string) (*Lineage, error) {
	al, err := a.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	actions, err := errands(ctx, a.o.DB.Read(), id)
	return &Lineage{al, actions}, err
}

// Latest is the newest alarm of a rule for a device and part, open or closed; nil
// when there has been none.
func (a *Alarms) Latest(ctx context.Context, rule, device, part string) (*Alarm, error) {
	al, err := one(ctx, a.o.DB.Read(), "rule = ? AND device = ? AND part = ? ORDER BY id DESC", rule, device, part)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return al, err
}

func errands(ctx context.Context, q querier, id string) (out []Errand, err error) {
	rows, err := q.QueryContext(ctx, "SELECT id, action, state, created_at, ended_at, attempts, result FROM alarm_outbox WHERE alarm = ? ORDER BY id", id)
	if err != nil {
		return nil, fmt.Errorf("read actions of %s: %w", id, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e Errand
		var text string
		var created int64
		var ended sql.NullInt64
		if err := rows.Scan(&e.ID, &text, &e.State, &created, &ended, &e.Attempts, &e.Result); err != nil {
			return nil, fmt.Errorf("read actions of %s: %w", id, err)
		}
		if err := json.Unmarshal([]byte(text), &e.Action); err != nil {
			return nil, fmt.Errorf("read actions of %s: action %d: %w", id, e.ID, err)
		}
		e.CreatedAt, e.EndedAt = time.UnixMilli(created).UTC(), moment(ended)
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read actions of %s: %w", id, err)
	}
	return out, nil
}
