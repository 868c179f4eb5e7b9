package alarm

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Task is an action to carry out. Key is the same in every attempt, also after
// a crash: who carries it out uses it as idempotency key.
type Task struct {
	ID       int64
	Key      string
	Alarm    string
	Action   Action
	Attempts int // before this one
}

// ErrRetry asks, wrapped in what a Carry returns, for another attempt before the
// deadline. Any other error is final.
var ErrRetry = errors.New("try again")

// Pending takes up to limit tasks that are due, life safety first, then commands to
// devices, then by priority; each is the caller's until Complete or Fail. What has passed its deadline expires instead: an actuation
// that a crash held up is never carried out late.
func (a *Alarms) Pending(ctx context.Context, limit int) ([]Task, error) {
	now := a.now()
	var waiting int
	err := a.o.DB.Read().QueryRowContext(ctx, "SELECT count(*) FROM alarm_outbox WHERE state = 'pending' AND (due_at <= ? OR deadline < ?)",
		now.UnixMilli(), now.UnixMilli()).Scan(&waiting)
	if err != nil {
		return nil, fmt.Errorf("alarm: look for actions: %w", err)
	}
	if waiting == 0 {
		return nil, nil
	}
	var tasks []Task
	var expired int
	err = a.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		late, err := taskRows(ctx, tx, "deadline < ? ORDER BY urgency, id", now.UnixMilli())
		if err != nil {
			return err
		}
		expired = len(late)
		for _, t := range late {
			if err := a.finish(ctx, tx, t, "expired", ActionExpired, "its deadline had passed", now); err != nil {
				return err
			}
		}
		if tasks, err = taskRows(ctx, tx, "due_at <= ? ORDER BY urgency, id LIMIT ?", now.UnixMilli(), limit); err != nil {
			return err
		}
		for _, t := range tasks {
			if _, err := tx.ExecContext(ctx, "UPDATE alarm_outbox SET state = 'claimed', attempts = attempts + 1 WHERE id = ?", t.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("alarm: take actions: %w", err)
	}
	if expired > 0 {
		return tasks, a.o.Feed.Committed(ctx)
	}
	return tasks, nil
}

// Complete ends a task that has been carried out; result is for the journal.
func (a *Alarms) Complete(ctx context.Context, t Task, result string) error {
	return a.settle(ctx, t, "done", ActionDone, result)
}

// Fail ends a task that could not be carried out, or gives it back when reason
// wraps ErrRetry.
func (a *Alarms) Fail(ctx context.Context, t Task, reason error) error {
	if !errors.Is(reason, ErrRetry) {
		return a.settle(ctx, t, "failed", ActionFailed, reason.Error())
	}
	due := a.now().Add(min(time.Second<<min(t.Attempts, 6), time.Minute)).UnixMilli()
	err := a.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE alarm_outbox SET state = 'pending', due_at = ?, result = ? WHERE id = ? AND state = 'claimed'",
			due, reason.Error(), t.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("alarm: give back action %d: %w", t.ID, err)
	}
	return nil
}

func (a *Alarms) settle(ctx context.Context, t Task, state, what, result string) error {
	err := a.o.DB.Tx(ctx, func(tx *sql.Tx) error { return a.finish(ctx, tx, t, state, what, result, a.now()) })
	if err != nil {
		return fmt.Errorf("alarm: end action %d: %w", t.ID, err)
	}
	return a.o.Feed.Committed(ctx)
}

// finish ends a task once; a second call finds it ended and does nothing.
func (a *Alarms) finish(ctx context.Context, tx *sql.Tx, t Task, state, what, result string, now time.Time) error {
	res, err := tx.ExecContext(ctx, "UPDATE alarm_outbox SET state = ?, ended_at = ?, result = ? WHERE id = ? AND state IN ('pending', 'claimed')",
		state, now.UnixMilli(), result, t.ID)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	b := a.batch(tx, actor{hub, hub})
	b.now = now
	al, err := b.byID(ctx, t.Alarm)
	if err != nil {
		return err
	}
	text := t.Action.String()
	if result != "" {
		text += ": " + result
	}
	b.remark(al, what, text)
	if what == ActionDone {
		if err := b.autoTick(ctx, al, t.Action, t.Action.Type); err != nil {
			return err
		}
	}
	_, err = b.flush(ctx)
	return err
}

// String names an action for the journal.
func (a Action) String() string {
	switch {
	case a.Command != "":
		args, _ := json.Marshal(a.Args) // of JSON values only
		if len(a.Args) == 0 {
			args = nil
		}
		return fmt.Sprintf("%s %s %s%s", a.Type, a.Device, a.Command, args)
	case len(a.Zones) > 0:
		return fmt.Sprintf("%s %v", a.Type, a.Zones)
	}
	return a.Type
}

func taskRows(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]Task, error) {
	rows, err := tx.QueryContext(ctx, "SELECT id, alarm, action, attempts FROM alarm_outbox WHERE state = 'pending' AND "+where, args...) //nolint:gosec // where is ours
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []Task
	for rows.Next() {
		var t Task
		var text string
		if err := rows.Scan(&t.ID, &t.Alarm, &text, &t.Attempts); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(text), &t.Action); err != nil {
			return nil, fmt.Errorf("action %d: %w", t.ID, err)
		}
		t.Key = fmt.Sprintf("%s.%d", t.Alarm, t.ID)
		out = append(out, t)
	}
	return out, rows.Err()
}
