package doors

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"dongyue/internal/event"
)

// Plan is a lockdown that was thought of before it is needed.
type Plan struct {
	ID    string     `json:"id"`
	Name  event.Text `json:"name"`
	Areas []string   `json:"areas"`
	Rung  string     `json:"rung" enum:"manual_override,maintenance,lockdown,fire_release"`
}

// Plans lists them by id.
func (d *Doors) Plans(ctx context.Context) ([]Plan, error) {
	all := []Plan{}
	err := each(ctx, d.db.Read(), "SELECT id, name_zh, name_en, areas, rung FROM doors_plans ORDER BY id", func(rows *sql.Rows) error {
		var p Plan
		var areas string
		var r event.Rung
		if err := rows.Scan(&p.ID, &p.Name.ZH, &p.Name.EN, &areas, &r); err != nil {
			return err
		}
		p.Rung = r.String()
		all = append(all, p)
		return json.Unmarshal([]byte(areas), &all[len(all)-1].Areas)
	})
	if err != nil {
		return nil, fmt.Errorf("read lockdown plans: %w", err)
	}
	return all, nil
}

// PutPlan makes or changes a plan. One that stands is not touched: it is what it
// was when it began.
func (d *Doors) PutPlan(ctx context.Context, actor string, p Plan) error {
	d.stand(ctx, now())
	r, ok := event.ParseRung(p.Rung)
	switch {
	case !event.ValidDevice(p.ID):
		return fmt.Errorf("%w: id: 1 to 63 lower-case letters, digits and -", ErrInvalid)
	case strings.TrimSpace(p.Name.ZH) == "" || strings.TrimSpace(p.Name.EN) == "":
		return fmt.Errorf("%w: name: write it in zh and en", ErrInvalid)
	case !ok || r == event.Controlled || r == event.ScheduleFree || p.Rung == "free":
		return fmt.Errorf("%w: rung: manual_override, maintenance, lockdown or fire_release", ErrInvalid)
	}
	if err := d.checkAreas(p.Areas); err != nil {
		return err
	}
	areas, err := json.Marshal(p.Areas)
	if err != nil {
		return fmt.Errorf("plan %s: %w", p.ID, err)
	}
	return d.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO doors_plans(id, name_zh, name_en, areas, rung) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT(id) DO UPDATE SET name_zh = excluded.name_zh, name_en = excluded.name_en, areas = excluded.areas, rung = excluded.rung`,
			p.ID, p.Name.ZH, p.Name.EN, string(areas), int(r))
		if err != nil {
			return fmt.Errorf("plan %s: %w", p.ID, err)
		}
		return d.o.Audit.Audit(ctx, tx, actor, "lockdown_plan.changed", p.ID, p)
	})
}

// DropPlan removes a plan.
func (d *Doors) DropPlan(ctx context.Context, actor, id string) error {
	return d.db.Tx(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, "DELETE FROM doors_plans WHERE id = ?", id)
		if err != nil {
			return fmt.Errorf("plan %s: %w", id, err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return fmt.Errorf("%w: plan %.63q", ErrNotFound, id)
		}
		return d.o.Audit.Audit(ctx, tx, actor, "lockdown_plan.removed", id, nil)
	})
}

// plan finds one.
func (d *Doors) plan(ctx context.Context, id string) (Plan, error) {
	all, err := d.Plans(ctx)
	if err != nil {
		return Plan{}, err
	}
	for _, p := range all {
		if p.ID == id {
			return p, nil
		}
	}
	return Plan{}, fmt.Errorf("%w: plan %.63q; GET /api/v1/lockdown-plans lists them", ErrNotFound, id)
}

// SetHours gives a door hours in which it is free; an empty schedule takes them
// away.
func (d *Doors) SetHours(ctx context.Context, actor, door string, h Hours) error {
	d.stand(ctx, now())
	if _, ok := d.known(door); !ok {
		return fmt.Errorf("%w: door %.63q", ErrNotFound, door)
	}
	if h.Schedule = strings.TrimSpace(h.Schedule); h.Schedule != "" {
		when, err := d.o.Schedule(h.Schedule)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		h.when = when
	}
	err := d.db.Tx(ctx, func(tx *sql.Tx) error {
		q, args := "DELETE FROM doors_hours WHERE door = ?", []any{door}
		if h.when != nil {
			q = `INSERT INTO doors_hours(door, schedule, first_in) VALUES (?, ?, ?)
				ON CONFLICT(door) DO UPDATE SET schedule = excluded.schedule, first_in = excluded.first_in`
			args = append(args, h.Schedule, h.FirstIn)
		}
		if _, err := tx.ExecContext(ctx, q, args...); err != nil {
			return fmt.Errorf("hours of %s: %w", door, err)
		}
		return d.o.Audit.Audit(ctx, tx, actor, "door.hours", door, h)
	})
	if err != nil {
		return err
	}
	d.mu.Lock()
	if h.when == nil {
		delete(d.hours, door)
	} else {
		d.hours[door] = h
	}
	d.mu.Unlock()
	d.nudge()
	return nil
}
