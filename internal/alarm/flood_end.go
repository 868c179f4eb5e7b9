package alarm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// operators are those on duty.
func (a *Alarms) operators(ctx context.Context) int {
	if a.o.Operators == nil {
		return 1
	}
	return max(a.o.Operators(ctx), 1)
}

// floodTimer ends the flood as soon as the calls of ten minutes are few enough.
func (a *Alarms) floodTimer() timer {
	return timer{name: "end of flood", next: a.floodDue, fire: a.endFlood}
}

func (a *Alarms) floodDue(ctx context.Context) (due time.Time, err error) {
	var open int
	r := a.o.DB.Read()
	if err := r.QueryRowContext(ctx, "SELECT count(*) FROM alarm_flood WHERE ended_at IS NULL").Scan(&open); err != nil || open == 0 {
		return due, err
	}
	// The call whose leaving the window makes the rest too few.
	var at int64
	err = r.QueryRowContext(ctx, "SELECT at FROM annunciation ORDER BY at DESC LIMIT 1 OFFSET ?", floodEnd*a.operators(ctx)-1).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return a.now(), nil
	}
	return time.UnixMilli(at).UTC().Add(floodWindow), err
}

func (a *Alarms) endFlood(ctx context.Context, tx *sql.Tx, now time.Time) error {
	g, err := readGauge(ctx, tx, now)
	operators := a.operators(ctx)
	if err != nil || !g.over(operators) {
		return err
	}
	g.flood.EndedAt = &now
	if err := g.put(ctx, tx); err != nil {
		return err
	}
	c := FloodChange{Flood: g.view(operators), Change: FloodEnds}
	err = tx.QueryRowContext(ctx, `SELECT count(DISTINCT i.id) FROM annunciation n JOIN incident i ON i.id = n.incident
		WHERE n.at >= ? AND n.held = 1 AND i.closed_at IS NULL AND i.state = ?`, g.flood.BeganAt.UnixMilli(), string(UnackedActive)).Scan(&c.Waiting)
	if err != nil {
		return fmt.Errorf("count what was held back: %w", err)
	}
	c.Annunciate = c.Waiting > 0
	_, err = a.o.Feed.Append(ctx, tx, "flood", c)
	return err
}

// Flood reads the state and the last floods.
func (a *Alarms) Flood(ctx context.Context, limit int) (Flood, error) {
	g, err := readGauge(ctx, a.o.DB.Read(), a.now())
	if err != nil {
		return Flood{}, fmt.Errorf("alarm: %w", err)
	}
	f := g.view(a.operators(ctx))
	if f.History, err = floods(ctx, a.o.DB.Read(), "1 = 1 ORDER BY id DESC LIMIT ?", limit); err != nil {
		return f, fmt.Errorf("alarm: read floods: %w", err)
	}
	return f, nil
}

func floods(ctx context.Context, q querier, where string, args ...any) ([]FloodSpan, error) {
	rows, err := q.QueryContext(ctx, "SELECT began_at, ended_at, peak, annunciations, held FROM alarm_flood WHERE "+where, args...) //nolint:gosec // where is ours
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := []FloodSpan{}
	for rows.Next() {
		var f FloodSpan
		var began int64
		var ended sql.NullInt64
		if err := rows.Scan(&began, &ended, &f.Peak, &f.Annunciations, &f.Held); err != nil {
			return nil, err
		}
		f.BeganAt, f.EndedAt = time.UnixMilli(began).UTC(), moment(ended)
		out = append(out, f)
	}
	return out, rows.Err()
}
