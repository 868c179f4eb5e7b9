package rota

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// keepPast is how long exceptions that are over are looked at: the shift before
// is still asked for.
const keepPast = 30 * 24 * time.Hour

// load reads the plan and the lists.
func (r *Rota) load(ctx context.Context) error {
	plan := Plan{Zone: r.o.Zone, Shifts: []Shift{}, Overrides: []Override{}}
	err := each(ctx, r.o.DB.Read(), "SELECT data FROM rota_shift ORDER BY place", nil, func(scan func(...any) error) error {
		var text string
		var s Shift
		if err := scan(&text); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			return err
		}
		plan.Shifts = append(plan.Shifts, s)
		return nil
	})
	if err != nil {
		return fmt.Errorf("rota: read shifts: %w", err)
	}
	since := r.now().Add(-keepPast).UnixMilli()
	err = each(ctx, r.o.DB.Read(), "SELECT id, begins, ends, leaves, comes, reason, author, at FROM rota_override WHERE ends > ? ORDER BY at, id", []any{since}, func(scan func(...any) error) error {
		var o Override
		var from, to, at int64
		if err := scan(&o.ID, &from, &to, &o.Out, &o.In, &o.Reason, &o.By, &at); err != nil {
			return err
		}
		o.From, o.To, o.At = time.UnixMilli(from).UTC(), time.UnixMilli(to).UTC(), time.UnixMilli(at).UTC()
		plan.Overrides = append(plan.Overrides, o)
		return nil
	})
	if err != nil {
		return fmt.Errorf("rota: read overrides: %w", err)
	}
	lists := map[string][]string{}
	err = each(ctx, r.o.DB.Read(), "SELECT name, account FROM rota_list ORDER BY name, place", nil, func(scan func(...any) error) error {
		var name, account string
		err := scan(&name, &account)
		lists[name] = append(lists[name], account)
		return err
	})
	if err != nil {
		return fmt.Errorf("rota: read lists: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.plan, r.lists = plan, lists
	return nil
}

func each(ctx context.Context, d *sql.DB, query string, args []any, do func(scan func(...any) error) error) error {
	rows, err := d.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := do(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func storeShifts(ctx context.Context, tx *sql.Tx, shifts []Shift) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM rota_shift"); err != nil {
		return err
	}
	for i, s := range shifts {
		b, err := json.Marshal(s)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO rota_shift(place, data) VALUES (?, ?)", i, string(b)); err != nil {
			return err
		}
	}
	return nil
}

func storeOverride(ctx context.Context, tx *sql.Tx, o *Override) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO rota_override(id, begins, ends, leaves, comes, reason, author, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		o.ID, o.From.UnixMilli(), o.To.UnixMilli(), o.Out, o.In, o.Reason, o.By, o.At.UnixMilli())
	return err
}

func storeList(ctx context.Context, tx *sql.Tx, name string, people []string) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM rota_list WHERE name = ?", name); err != nil {
		return err
	}
	for i, id := range people {
		if _, err := tx.ExecContext(ctx, "INSERT INTO rota_list(name, place, account) VALUES (?, ?, ?)", name, i, id); err != nil {
			return err
		}
	}
	return nil
}
