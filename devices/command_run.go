package devices

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dongyue/internal/event"
)

// doneLate is the error of a command that expired here and was done there.
const doneLate = "the device answered done after the deadline"

// reply takes a device's answer into its command, in the journal's transaction.
// Answers to nothing, to another device's command, or against the order are
// passed over: they are in the journal.
func (r *Registry) reply(ctx context.Context, tx *sql.Tx, e *event.Event) error {
	var a struct {
		Status Status          `json:"status"`
		Error  string          `json:"error"`
		Data   json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(e.Data, &a); err != nil {
		return nil //nolint:nilerr // journaled by an older hub
	}
	c, err := byID(ctx, tx, e.ID)
	if errors.Is(err, sql.ErrNoRows) || err == nil && c.Device != e.Device {
		return nil
	}
	if err != nil {
		return err
	}
	if c.Status == Expired && a.Status == Done && c.Error != doneLate {
		// The door has opened all the same: that must stand in the audit.
		c.Error = doneLate
		c.UpdatedAt = e.ReceivedAt
		return r.saveCommand(ctx, tx, &c)
	}
	from := c.Status
	if from == Queued && !c.SentAt.IsZero() {
		from = Sent // before the hub was restarted
	}
	if !next(from, a.Status) || from == Queued || a.Status == Queued {
		return nil
	}
	c.Status, c.Error, c.UpdatedAt = a.Status, a.Error, e.ReceivedAt
	if len(a.Data) > 0 && string(a.Data) != "null" {
		c.Data = a.Data
	}
	return r.saveCommand(ctx, tx, &c)
}

// move brings a command to another status, if it may still go there.
func (r *Registry) move(ctx context.Context, c *Command, to Status, why string) error {
	err := r.db.Tx(ctx, func(tx *sql.Tx) error {
		now, err := byID(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		if next(now.Status, to) {
			now.Status, now.Error, now.UpdatedAt = to, why, time.Now().UTC().Truncate(time.Millisecond)
			if err := r.saveCommand(ctx, tx, &now); err != nil {
				return err
			}
		}
		*c = now
		return nil
	})
	if err != nil {
		return err
	}
	return r.feed.Committed(ctx)
}

// takeUp puts commands back into the queue that the hub had sent when it stopped
// and that nobody has answered: the broker keeps what is on its way in memory, so
// they may never have arrived. They go out again under the same id, by which a
// device knows what it has carried out.
func (r *Registry) takeUp(ctx context.Context) error {
	err := r.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE device_commands SET status = ? WHERE status = ? AND expires_at > ?", Queued, Sent, time.Now().UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("devices: take up commands: %w", err)
	}
	return nil
}

// sendWaiting sends the commands that waited for devices which have come. Each
// is claimed in a transaction before it is published, so none is sent twice.
func (r *Registry) sendWaiting(ctx context.Context, arrived map[*record]struct{}) error {
	if len(arrived) == 0 {
		return nil
	}
	err := r.sendQueued(ctx, arrived)
	if err != nil {
		r.hotMu.Lock()
		for rec := range arrived {
			r.moved[rec] = struct{}{} // the next round tries again
		}
		r.hotMu.Unlock()
	}
	return err
}

func (r *Registry) sendQueued(ctx context.Context, arrived map[*record]struct{}) error {
	waiting, err := listCommands(ctx, r.db.Read(), `WHERE status = ? ORDER BY seq`, string(Queued))
	if err != nil {
		return err
	}
	refused := map[*record]bool{} // what stands behind must not overtake
	for i := range waiting {
		c := &waiting[i]
		rec := r.find(c.Device)
		if _, ok := arrived[rec]; !ok || refused[rec] || !r.pub.Connected(c.Device) || !time.Now().Before(c.ExpiresAt) {
			continue
		}
		back, err := r.sendOne(ctx, rec, c)
		if err != nil {
			return err
		}
		refused[rec] = back
	}
	return nil
}

// sendOne sends a waiting command and reports whether the broker gave it back.
func (r *Registry) sendOne(ctx context.Context, rec *record, c *Command) (back bool, err error) {
	rec.send.Lock()
	defer rec.send.Unlock()
	if err := r.claim(ctx, c); err != nil || c.Status != Sent {
		return false, err
	}
	sent, err := r.deliver(ctx, rec, *c)
	return sent.Status == Queued, err
}

// claim marks a waiting command as sent, unless somebody was faster.
func (r *Registry) claim(ctx context.Context, c *Command) error {
	err := r.db.Tx(ctx, func(tx *sql.Tx) error {
		now, err := byID(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		*c = now
		if now.Status != Queued {
			c.Status = Failed // not ours
			return nil
		}
		c.Status, c.UpdatedAt = Sent, time.Now().UTC().Truncate(time.Millisecond)
		c.SentAt = c.UpdatedAt
		return r.saveCommand(ctx, tx, c)
	})
	if err != nil {
		return err
	}
	return r.feed.Committed(ctx)
}

// expire ends the commands whose time is over: those without an answer at their
// deadline, those at work some time later.
func (r *Registry) expire(ctx context.Context, now time.Time) error {
	const over = `WHERE status IN (?, ?) AND expires_at <= ? OR status = ? AND expires_at <= ? ORDER BY seq LIMIT 500`
	args := []any{string(Queued), string(Sent), toMS(now), string(Accepted), toMS(now.Add(-finishWithin))}
	list, err := listCommands(ctx, r.db.Read(), over, args...)
	if err != nil || len(list) == 0 {
		return err
	}
	err = r.db.Tx(ctx, func(tx *sql.Tx) error {
		for i := range list {
			c, err := byID(ctx, tx, list[i].ID)
			if err != nil {
				return err
			}
			if !next(c.Status, Expired) {
				continue // answered in between
			}
			c.Error = why(c.Status)
			c.Status, c.UpdatedAt = Expired, now.UTC().Truncate(time.Millisecond)
			if err := r.saveCommand(ctx, tx, &c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.feed.Committed(ctx)
}

// why says in the audit how a command came to expire.
func why(was Status) string {
	switch was {
	case Queued:
		return "the device was not connected before the deadline"
	case Accepted:
		return "the device accepted it and never said that it was done"
	case Sent, Done, Failed, Expired:
	}
	return ""
}

// untilDeadline is how long Run may sleep before the next command expires.
func (r *Registry) untilDeadline(ctx context.Context) time.Duration {
	const idle = time.Minute
	var at sql.NullInt64
	err := r.db.Read().QueryRowContext(ctx, `
		SELECT min(CASE status WHEN 'accepted' THEN expires_at + ? ELSE expires_at END)
		FROM device_commands WHERE status IN ('queued', 'sent', 'accepted')`, finishWithin.Milliseconds()).Scan(&at)
	if err != nil {
		return time.Second
	}
	if !at.Valid {
		return idle
	}
	// A millisecond more, because the table's times are cut to it.
	return min(idle, max(time.Until(fromMS(at.Int64))+time.Millisecond, time.Millisecond))
}

// saveCommand writes what changes of a command and shows it.
func (r *Registry) saveCommand(ctx context.Context, tx *sql.Tx, c *Command) error {
	_, err := tx.ExecContext(ctx, `UPDATE device_commands SET status = ?, error = ?, data = ?, sent_at = ?, updated_at = ? WHERE id = ?`,
		string(c.Status), c.Error, string(c.Data), toMS(c.SentAt), toMS(c.UpdatedAt), c.ID)
	if err != nil {
		return fmt.Errorf("command %s: %w", c.ID, err)
	}
	return r.feedCommand(ctx, tx, c)
}
