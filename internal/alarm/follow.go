package alarm

import (
	"context"
	"database/sql"
	"time"
)

// move is what happened to one alarm.
type move struct {
	before *Alarm // nil: it is new
	after  *Alarm
	shown  *Alarm // how it was after the move, where another has followed; nil: as after
	what   string // as in the journal
	at     time.Time
}

// follower hears of every move inside its transaction, in order, before any of
// them is written: what it sets in after.Escalation is stored, journaled and told
// with the move itself. Rows of its own that point to alarms must bear that the
// alarm is not there yet. An error undoes the transaction.
type follower func(ctx context.Context, tx *sql.Tx, moves []move) error

// follow tells the followers.
func (a *Alarms) follow(ctx context.Context, tx *sql.Tx, moves []move) error {
	for _, f := range a.followers {
		if err := f(ctx, tx, moves); err != nil {
			return err
		}
	}
	return nil
}
