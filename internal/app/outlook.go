package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

// outlook tells programs about alarms over MQTT: every change on one topic, the
// alarm's JSON with `change`. It goes on where it was before a restart.
type outlook struct {
	db   *db.DB
	feed *web.Feed
	mqtt *mqttPort
	log  *slog.Logger
}

const (
	alarmTopic  = "dy/v1/hub/alarm"
	outlookName = "outlook"
)

func (o *outlook) run(ctx context.Context) error {
	seq := o.feed.Last()
	err := o.db.Read().QueryRowContext(ctx, "SELECT seq FROM checkpoint WHERE name = ?", outlookName).Scan(&seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("outlook: %w", err)
	}
	saved := time.Time{}
	err = o.feed.Follow(ctx, seq, func(e web.Entry) error {
		if e.Topic != "alarm" {
			return nil
		}
		if text, ok := outside(e.Data); ok {
			if err := o.mqtt.Publish(alarmTopic, text, 1, false, 0); err != nil {
				o.log.WarnContext(ctx, "alarm not published", "err", err)
			}
		}
		if time.Since(saved) < time.Second {
			return nil // after a crash the last second is told again
		}
		saved = time.Now()
		return o.save(ctx, e.Seq)
	})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (o *outlook) save(ctx context.Context, seq uint64) error {
	return o.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO checkpoint(name, seq) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET seq = excluded.seq", outlookName, seq)
		return err
	})
}

// outside is an alarm as programs get it: without the raw event, which they have
// from the journal. A drill stays in the house.
func outside(data json.RawMessage) (text []byte, ok bool) {
	var m map[string]json.RawMessage
	if json.Unmarshal(data, &m) != nil {
		return data, true
	}
	if string(m["drill"]) == "true" {
		return nil, false
	}
	delete(m, "evidence")
	text, err := json.Marshal(m)
	if err != nil {
		return data, true
	}
	return text, true
}
