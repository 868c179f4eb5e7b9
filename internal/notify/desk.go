package notify

import (
	"context"
	"database/sql"
	"time"

	"dongyue/internal/event"
)

// onScreen is a notification as the recipient's screens get it, topic notify.
type onScreen struct {
	ID         string         `json:"id"`
	Alarm      string         `json:"alarm"`
	Priority   event.Priority `json:"priority"`
	LifeSafety bool           `json:"life_safety"`
	Subject    event.Text     `json:"subject"`
	Body       event.Text     `json:"body"`
	At         time.Time      `json:"at"`
}

// show puts a message on the screens of one account, in the transaction of the
// message itself: what is stored has been shown.
func (n *Notify) show(ctx context.Context, tx *sql.Tx, id string, m *Notification, to Recipient, l Language, now time.Time) error {
	_, err := n.o.Feed.AppendTo(ctx, tx, "notify", to.Account, onScreen{
		ID: id, Alarm: m.Alarm, Priority: m.Priority, LifeSafety: m.LifeSafety, Subject: m.Subject, Body: m.Body, At: now,
	})
	if err != nil {
		return err
	}
	n.meter.result(Desk, Sent)
	_, err = insert(ctx, tx, &Delivery{
		Account: to.Account, Name: to.Name, Channel: Desk, State: Sent, Priority: m.Priority, LifeSafety: m.LifeSafety,
		DueAt: now, EndedAt: &now, message: id, language: l,
	})
	return err
}
