package notify

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Send takes a notification in the caller's transaction: it is stored, shown on
// the recipients' screens, and put on its way by the other channels that they
// have. fresh is false when its key is known: then nothing is done. After the
// commit call Committed, and tell the feed.
func (n *Notify) Send(ctx context.Context, tx *sql.Tx, m Notification) (fresh bool, err error) {
	return n.send(ctx, tx, m, nil)
}

// send is Send; only limits the ways to those given, nil does not.
func (n *Notify) send(ctx context.Context, tx *sql.Tx, m Notification, only []Contact) (fresh bool, err error) {
	if err := m.check(); err != nil {
		return false, err
	}
	now := n.now()
	if m.Deadline.IsZero() {
		m.Deadline = now.Add(lifetime)
	}
	id := "m-" + strings.ToLower(rand.Text()[:16])
	res, err := tx.ExecContext(ctx, `INSERT INTO notify_message(id, key, subject_zh, subject_en, body_zh, body_en, priority, life_safety, alarm, cluster, created_at, deadline)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(key) DO NOTHING`,
		id, m.Key, m.Subject.ZH, m.Subject.EN, m.Body.ZH, m.Body.EN, m.Priority, m.LifeSafety, m.Alarm, m.Cluster, now.UnixMilli(), m.Deadline.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("notify: store %s: %w", m.Key, err)
	}
	if added, err := res.RowsAffected(); err != nil || added == 0 {
		return false, err
	}
	told := map[string]bool{}
	for _, to := range m.To {
		if told[to.Account] {
			continue
		}
		told[to.Account] = true
		if err := n.address(ctx, tx, id, &m, to, only, now); err != nil {
			return false, fmt.Errorf("notify: %s to %s: %w", m.Key, to.Account, err)
		}
	}
	return true, nil
}

// address makes the deliveries to one person.
func (n *Notify) address(ctx context.Context, tx *sql.Tx, id string, m *Notification, to Recipient, only []Contact, now time.Time) error {
	c, err := contacts(ctx, tx, to.Account)
	if err != nil {
		return err
	}
	if only != nil {
		c.Channels = only
	}
	if c.Language == "" {
		c.Language = n.o.Language
	}
	if err := n.show(ctx, tx, id, m, to, c.Language, now); err != nil {
		return err
	}
	for _, a := range c.Channels {
		if a.Type == Desk || m.Inside {
			continue // the desk has had it
		}
		d := Delivery{
			Account: to.Account, Name: to.Name, Channel: a.Type, Address: a.Address, State: Waiting, Alarm: m.Alarm,
			Subject: m.Subject, Priority: m.Priority, LifeSafety: m.LifeSafety, CreatedAt: now, DueAt: now.Add(n.patience(m)),
			message: id, cluster: m.Cluster, language: c.Language,
		}
		if err := n.join(ctx, tx, &d); err != nil {
			return err
		}
		if n.lanes[a.Type] == nil {
			d.State, d.EndedAt, d.Problem = Failed, &now, "this channel is not set up: see `notify` in the configuration"
		}
		fresh, err := insert(ctx, tx, &d)
		if err == nil && fresh && d.State == Failed {
			err = n.settled(ctx, tx, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// patience is how long a message waits for others of its cluster. Nobody's life
// hangs on a shorter list of messages.
func (n *Notify) patience(m *Notification) time.Duration {
	const critical = 2 * time.Second // enough for what one cause sets off at once
	switch {
	case m.LifeSafety || m.Cluster == "":
		return 0
	case m.Priority.Rank() == 1:
		return min(n.o.Wait, critical)
	}
	return n.o.Wait
}

// join lets a delivery leave with the letter of its cluster that waits already:
// the first message begins the wait, not the last.
func (n *Notify) join(ctx context.Context, tx *sql.Tx, d *Delivery) error {
	l := n.lanes[d.Channel]
	if l == nil || d.LifeSafety || d.cluster == "" {
		return nil
	}
	var first sql.NullInt64
	err := tx.QueryRowContext(ctx, `SELECT min(d.due_at) FROM notify_delivery d JOIN notify_message m ON m.id = d.message
		WHERE d.state = 'waiting' AND d.letter = '' AND d.channel = ? AND d.language = ? AND (? OR d.account = ? AND d.address = ?)
		AND m.cluster = ? AND NOT m.life_safety`, d.Channel, d.language, l.Shared, d.Account, d.Address, d.cluster).Scan(&first)
	if err != nil {
		return fmt.Errorf("look for its cluster: %w", err)
	}
	if first.Valid && at(first.Int64).Before(d.DueAt) {
		d.DueAt = at(first.Int64)
	}
	return nil
}

// insert stores a delivery; one person is told a message once by a channel.
func insert(ctx context.Context, tx *sql.Tx, d *Delivery) (fresh bool, err error) {
	var ended any
	if d.EndedAt != nil {
		ended = d.EndedAt.UnixMilli()
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO notify_delivery(message, account, name, language, channel, address, urgency, state, due_at, ended_at, problem)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		d.message, d.Account, d.Name, d.language, d.Channel, d.Address, urgency(d.LifeSafety, d.Priority), d.State, d.DueAt.UnixMilli(), ended, d.Problem)
	if err != nil {
		return false, fmt.Errorf("store delivery: %w", err)
	}
	added, err := res.RowsAffected()
	return added > 0, err
}

func (n *Notify) settled(ctx context.Context, tx *sql.Tx, d Delivery) error {
	n.meter.result(d.Channel, d.State)
	if n.o.Settled == nil {
		return nil
	}
	return n.o.Settled(ctx, tx, d)
}
