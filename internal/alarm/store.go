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
	acked_at, acked_by, returned_at, closed_at, closed_by, close_reason, assignee, assignee_id, incident,
	drill, life_safety, cause, place, causes, via, rule_version, realarm_ms, realarm_at, shelve_kind, shelved_until, shelved_by,
	shelve_reason, suppressed_by, policy, escalation, told_at, quiet_at, spot, leads, led`

// intoAlarm is where alarms are written.
const intoAlarm = "alarm(" + columns + ", prio_rank)"

// changeAlarm writes the columns that change after an alarm was opened.
const changeAlarm = `UPDATE alarm SET seq = ?, state = ?, active = ?, latched = ?, life_safety = ?, late = ?, times = ?, last_at = ?, acked_at = ?, acked_by = ?,
	returned_at = ?, closed_at = ?, closed_by = ?, close_reason = ?, assignee = ?, assignee_id = ?, incident = ?, rule_version = ?,
	realarm_at = ?, shelve_kind = ?, shelved_until = ?, shelved_by = ?, shelve_reason = ?, suppressed_by = ?, escalation = ?, told_at = ?,
	quiet_at = ?, leads = ?, led = ? WHERE id = ?`

// putAlarms writes alarms: those that are there each by itself, since little of them
// changes, then those that are new in rows. That is the order in which what was
// closed makes room for what began after it.
func (b *batch) putAlarms(ctx context.Context) error {
	var fresh [][]any
	for _, al := range b.dirty {
		if b.stored[al] {
			if err := b.change(ctx, al); err != nil {
				return fmt.Errorf("write alarm %s: %w", al.ID, err)
			}
			continue
		}
		r, err := row(al)
		if err != nil {
			return err
		}
		fresh, b.stored[al] = append(fresh, r), true
	}
	return insert(ctx, b.tx, intoAlarm, fresh, "")
}

func (b *batch) change(ctx context.Context, al *Alarm) error {
	escalation, err := json.Marshal(al.Escalation)
	if err != nil {
		return err
	}
	_, err = b.tx.ExecContext(ctx, changeAlarm, al.Seq, string(al.State), al.Active, al.Latched, al.LifeSafety, al.Late, al.Count, al.LastAt.UnixMilli(), millis(al.AckedAt), al.AckedBy,
		millis(al.ReturnedAt), millis(al.ClosedAt), al.ClosedBy, al.CloseReason, al.Assignee, al.AssigneeID, al.Incident, al.RuleVersion,
		millis(al.ReAlarmAt), al.ShelveKind, millis(al.ShelvedUntil), al.ShelvedBy, al.ShelveReason, al.SuppressedBy, string(escalation), millis(al.ToldAt),
		millis(al.QuietAt), al.Leads, al.Led, al.ID)
	if err != nil || !b.heard[al] {
		return err
	}
	evidence, err := json.Marshal(al.Evidence)
	if err != nil {
		return err
	}
	_, err = b.tx.ExecContext(ctx, changeEvidence, string(evidence), al.ID)
	return err
}

// changeEvidence writes the event that raised an alarm last.
const changeEvidence = "UPDATE alarm SET evidence = ? WHERE id = ?"

// row is an alarm in the order of columns.
func row(al *Alarm) ([]any, error) {
	var text [4]string
	for i, v := range []any{al.Cameras, al.Evidence, al.Causes, al.Escalation} {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("encode alarm %s: %w", al.ID, err)
		}
		text[i] = string(b)
	}
	return []any{
		al.ID, al.Seq, al.Rule, al.Device, al.Part, al.Zone, al.DeviceName, string(al.Kind), string(al.Priority), string(al.State),
		al.Title.ZH, al.Title.EN, al.Active, al.Latched, al.Silent, al.Measured, al.Late, al.Procedure, text[0],
		text[1], al.Count, al.RaisedAt.UnixMilli(), al.LastAt.UnixMilli(), millis(al.AckedAt), al.AckedBy,
		millis(al.ReturnedAt), millis(al.ClosedAt), al.ClosedBy, al.CloseReason, al.Assignee, al.AssigneeID, al.Incident,
		al.Drill, al.LifeSafety, al.Cause, al.Place, text[2], al.Via, al.RuleVersion, al.ReAlarm.Milliseconds(), millis(al.ReAlarmAt),
		al.ShelveKind, millis(al.ShelvedUntil), al.ShelvedBy, al.ShelveReason, al.SuppressedBy, al.Policy, text[3],
		millis(al.ToldAt), millis(al.QuietAt), al.Spot, al.Leads, al.Led, al.Priority.Rank(),
	}, nil
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
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
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
	var text [4]string
	var raised, last, realarm int64
	var acked, returned, closed, again, shelved, told, quiet sql.NullInt64
	err = rows.Scan(&al.ID, &al.Seq, &al.Rule, &al.Device, &al.Part, &al.Zone, &al.DeviceName, &al.Kind, &al.Priority, &al.State,
		&al.Title.ZH, &al.Title.EN, &al.Active, &al.Latched, &al.Silent, &al.Measured, &al.Late, &al.Procedure, &text[0],
		&text[1], &al.Count, &raised, &last, &acked, &al.AckedBy, &returned, &closed, &al.ClosedBy, &al.CloseReason,
		&al.Assignee, &al.AssigneeID, &al.Incident, &al.Drill, &al.LifeSafety, &al.Cause, &al.Place, &text[2], &al.Via, &al.RuleVersion,
		&realarm, &again, &al.ShelveKind, &shelved, &al.ShelvedBy, &al.ShelveReason, &al.SuppressedBy, &al.Policy, &text[3],
		&told, &quiet, &al.Spot, &al.Leads, &al.Led)
	if err != nil {
		return al, err
	}
	al.RaisedAt, al.LastAt = time.UnixMilli(raised).UTC(), time.UnixMilli(last).UTC()
	al.AckedAt, al.ReturnedAt, al.ClosedAt = moment(acked), moment(returned), moment(closed)
	al.ReAlarm, al.ReAlarmAt, al.ShelvedUntil = time.Duration(realarm)*time.Millisecond, moment(again), moment(shelved)
	al.ToldAt, al.QuietAt = moment(told), moment(quiet)
	if al.SuppressedBy != "" && al.ClosedAt == nil {
		al.Off = al.State
	}
	for i, v := range []any{&al.Cameras, &al.Evidence, &al.Causes, &al.Escalation} {
		if text[i] == "null" {
			continue
		}
		if err := json.Unmarshal([]byte(text[i]), v); err != nil {
			return al, fmt.Errorf("alarm %s: %w", al.ID, err)
		}
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
