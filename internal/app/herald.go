package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"dongyue/internal/alarm"
	"dongyue/internal/event"
	"dongyue/internal/official"
	"dongyue/internal/web"
)

const heraldName = "herald"

// herald tells the authorities of the hub's own life-safety alarms, and of their end. It
// goes on where it was before a restart; what it tells twice, the outbox takes once.
func (a *App) herald(ctx context.Context) error {
	if !a.o.Config.Official.Alarms {
		return nil
	}
	seq := a.feed.Last()
	err := a.db.Read().QueryRowContext(ctx, "SELECT seq FROM checkpoint WHERE name = ?", heraldName).Scan(&seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("herald: %w", err)
	}
	err = a.feed.Follow(ctx, seq, func(e web.Entry) error {
		if e.Topic != "alarm" {
			return nil
		}
		var c alarm.Change
		if json.Unmarshal(e.Data, &c) != nil || !c.LifeSafety || c.Drill || c.Change != alarm.Raise && c.Change != alarm.Close {
			return nil //nolint:nilerr // what is no alarm of this form is nobody's news
		}
		if err := a.official.Publish(ctx, a.outward(ctx, &c)); err != nil {
			return err
		}
		return a.db.Tx(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO checkpoint(name, seq) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET seq = excluded.seq", heraldName, e.Seq)
			return err
		})
	})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// outward is an alarm as the authorities are told of it: what and where, and nothing of
// people.
func (a *App) outward(ctx context.Context, c *alarm.Change) official.Alarm {
	x := official.Alarm{
		ID: c.ID, TitleZH: c.Title.ZH, TitleEN: c.Title.EN, Zone: c.Zone, Critical: c.Priority == event.Critical, Category: "Safety",
		At: c.RaisedAt, Over: c.Change == alarm.Close,
	}
	if c.Cause == "fire" {
		x.Category = "Fire"
	}
	for _, z := range a.devices.Zones(ctx) {
		if event.Within(c.Zone, z.ID) && z.ID != "" && z.Shape[2] > 0 && (x.Shape[2] == 0 || z.Shape[2]*z.Shape[3] < x.Shape[2]*x.Shape[3]) {
			x.Zone, x.Shape = z.Name.ZH, z.Shape
		}
	}
	return x
}
