package alarm

import (
	"context"
	"database/sql"
	"errors"
)

// What a journal says of messages to people.
const (
	NotifySent   = "notify_sent"
	NotifyFailed = "notify_failed"
)

// Note writes a line of the hub's into the journal of an alarm, in the caller's
// transaction; an alarm that is gone needs none. Call Committed after the commit.
func (a *Alarms) Note(ctx context.Context, tx *sql.Tx, alarm, what, text string) error {
	b := a.batch(tx, actor{hub, hub})
	al, err := b.byID(ctx, alarm)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	b.remark(al, what, text)
	_, err = b.flush(ctx)
	return err
}
