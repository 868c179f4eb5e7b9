package alarm

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

const incidentColumns = `id, seq, cause, spot, root, root_rank, rule, device, device_name, zone, zone_name_zh, zone_name_en, title_zh, title_en, proc_card, cameras,
	priority, prio_rank, state, life_safety, silent, drill, tally, raised_at, last_at, told_at, acked_at, acked_by, closed_at, merged_into,
	assignee, assignee_id`

const intoIncident = "incident(" + incidentColumns + ")"

const incidentUpdated = `ON CONFLICT(id) DO UPDATE SET seq = excluded.seq, cause = excluded.cause, spot = excluded.spot, root = excluded.root,
	root_rank = excluded.root_rank, rule = excluded.rule, device = excluded.device, device_name = excluded.device_name,
	zone = excluded.zone, zone_name_zh = excluded.zone_name_zh, zone_name_en = excluded.zone_name_en, title_zh = excluded.title_zh, title_en = excluded.title_en,
	proc_card = excluded.proc_card, cameras = excluded.cameras, priority = excluded.priority, prio_rank = excluded.prio_rank,
	state = excluded.state, life_safety = excluded.life_safety, silent = excluded.silent, tally = excluded.tally,
	raised_at = excluded.raised_at, last_at = excluded.last_at, told_at = excluded.told_at, acked_at = excluded.acked_at, acked_by = excluded.acked_by,
	closed_at = excluded.closed_at, merged_into = excluded.merged_into, assignee = excluded.assignee, assignee_id = excluded.assignee_id`

func (b *batch) putIncidents(ctx context.Context) error {
	rows := make([][]any, len(b.touched))
	for i, x := range b.touched {
		var text [3]string
		for n, v := range []any{x.rank, x.Cameras, x.tally} {
			t, err := json.Marshal(v)
			if err != nil {
				return fmt.Errorf("encode incident %s: %w", x.ID, err)
			}
			text[n] = string(t)
		}
		rows[i] = []any{
			x.ID, x.Seq, x.Cause, x.spot, x.Root, text[0], x.Rule, x.Device, x.DeviceName, x.Zone, x.ZoneName.ZH, x.ZoneName.EN, x.Title.ZH, x.Title.EN,
			x.Procedure, text[1], string(x.Priority), x.Priority.Rank(), string(x.State), x.LifeSafety, x.Silent, x.Drill, text[2],
			x.RaisedAt.UnixMilli(), x.LastAt.UnixMilli(), millis(x.ToldAt), millis(x.AckedAt), x.AckedBy, millis(x.ClosedAt), x.MergedInto,
			x.Assignee, x.AssigneeID,
		}
	}
	return insert(ctx, b.tx, intoIncident, rows, incidentUpdated)
}

func manyIncidents(ctx context.Context, q querier, where string, args ...any) ([]*Incident, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+incidentColumns+" FROM incident WHERE "+where, args...) //nolint:gosec // where is ours
	if err != nil {
		return nil, fmt.Errorf("read incidents: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []*Incident
	for rows.Next() {
		x, err := scanIncident(rows)
		if err != nil {
			return nil, fmt.Errorf("read incidents: %w", err)
		}
		out = append(out, x)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read incidents: %w", err)
	}
	return out, nil
}

func scanIncident(rows *sql.Rows) (*Incident, error) {
	x := &Incident{}
	var text [3]string
	var raised, last int64
	var prio int
	var told, acked, closed sql.NullInt64
	err := rows.Scan(&x.ID, &x.Seq, &x.Cause, &x.spot, &x.Root, &text[0], &x.Rule, &x.Device, &x.DeviceName, &x.Zone, &x.ZoneName.ZH, &x.ZoneName.EN, &x.Title.ZH, &x.Title.EN,
		&x.Procedure, &text[1], &x.Priority, &prio, &x.State, &x.LifeSafety, &x.Silent, &x.Drill, &text[2],
		&raised, &last, &told, &acked, &x.AckedBy, &closed, &x.MergedInto, &x.Assignee, &x.AssigneeID)
	if err != nil {
		return nil, err
	}
	for n, v := range []any{&x.rank, &x.Cameras, &x.tally} {
		if err := json.Unmarshal([]byte(text[n]), v); err != nil {
			return nil, fmt.Errorf("incident %s: %w", x.ID, err)
		}
	}
	x.RaisedAt, x.LastAt = time.UnixMilli(raised).UTC(), time.UnixMilli(last).UTC()
	x.ToldAt, x.AckedAt, x.ClosedAt = moment(told), moment(acked), moment(closed)
	x.counts()
	return x, nil
}

// distant reads what correlation needs of an alarm that is not in hand.
func distant(rows *sql.Rows) (*Alarm, error) {
	x := &Alarm{}
	var causes string
	var last int64
	if err := rows.Scan(&x.ID, &x.Rule, &x.Device, &x.Zone, &x.Via, &causes, &last, &x.Drill, &x.Incident); err != nil {
		return nil, err
	}
	x.LastAt = time.UnixMilli(last).UTC()
	return x, json.Unmarshal([]byte(causes), &x.Causes)
}
