package lighting

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// keepOverrides is how long one that has ended is kept, so that a ref that comes
// again is known.
const keepOverrides = 24 * time.Hour

// load reads all that the room knows.
func (l *Lighting) load(ctx context.Context) error {
	read := l.o.DB.Read()
	plan, version := shipped(), uint64(0)
	var text string
	err := read.QueryRowContext(ctx, "SELECT version, data FROM lighting_plan").Scan(&version, &text)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return fmt.Errorf("lighting: read plan: %w", err)
	default:
		plan = Plan{}
		if err := json.Unmarshal([]byte(text), &plan); err != nil {
			return fmt.Errorf("lighting: read plan: %w", err)
		}
	}
	var overrides []Override
	err = each(ctx, read, "SELECT id, cause, target, pct, begins, ends, reason, author, ref FROM lighting_override WHERE ends > ? ORDER BY begins, id", []any{l.now().UnixMilli()}, func(scan func(...any) error) error {
		var o Override
		var from, until int64
		if err := scan(&o.ID, &o.Cause, &o.Target, &o.Pct, &from, &until, &o.Reason, &o.By, &o.Ref); err != nil {
			return err
		}
		o.From, o.Until = time.UnixMilli(from).UTC(), time.UnixMilli(until).UTC()
		overrides = append(overrides, o)
		return nil
	})
	if err != nil {
		return fmt.Errorf("lighting: read overrides: %w", err)
	}
	faults := map[faultKey]bool{}
	err = each(ctx, read, "SELECT lamp, type FROM lighting_fault", nil, func(scan func(...any) error) error {
		var k faultKey
		err := scan(&k.lamp, &k.typ)
		faults[k] = true
		return err
	})
	if err != nil {
		return fmt.Errorf("lighting: read faults: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plan, l.version, l.overrides, l.faults, l.curves = plan, version, overrides, faults, nil
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

// prune drops overrides that ended long ago.
func (l *Lighting) prune(ctx context.Context) error {
	return l.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM lighting_override WHERE ends < ?", l.now().Add(-keepOverrides).UnixMilli())
		return err
	})
}

func (l *Lighting) storeFault(ctx context.Context, k faultKey, on bool) error {
	return l.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		if on {
			_, err := tx.ExecContext(ctx, "INSERT INTO lighting_fault(lamp, type, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", k.lamp, k.typ, l.now().UnixMilli())
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM lighting_fault WHERE lamp = ? AND type = ?", k.lamp, k.typ)
		return err
	})
}
