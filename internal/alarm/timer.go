package alarm

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// timer is work that falls due, kept in the database so that it survives a
// restart. When its next time has come, fire is called in a transaction: it does
// all that is due by now and takes it off the list in the same transaction, so
// that nothing happens twice.
type timer struct {
	name string
	// next is the earliest due time, zero when there is none. It is asked several
	// times a second and has to be cheap.
	next func(ctx context.Context) (time.Time, error)
	fire func(ctx context.Context, tx *sql.Tx, now time.Time) error
}

const (
	// betweenLooks spares the database where alarms come fast; timers are promised
	// to the second.
	betweenLooks = 100 * time.Millisecond
	// longestSleep bounds what a clock that was set forward costs.
	longestSleep = 5 * time.Second
	// roundsAtATime bounds what one timer does before the others have their turn.
	roundsAtATime = 40
)

// keepTime fires timers until ctx ends. It sleeps until the next is due, or until
// a change of an alarm may have brought one forward.
func (a *Alarms) keepTime(ctx context.Context) {
	sleep := time.NewTimer(0)
	defer sleep.Stop()
	for {
		next, err := a.look(ctx)
		if err != nil && ctx.Err() == nil {
			a.o.Log.ErrorContext(ctx, "timers of alarms", "err", err)
		}
		wait := longestSleep
		if !next.IsZero() {
			wait = min(max(next.Sub(a.o.Now()), 0), longestSleep)
		}
		sleep.Reset(betweenLooks)
		select {
		case <-ctx.Done():
			return
		case <-sleep.C:
		}
		sleep.Reset(max(wait-betweenLooks, 0))
		select {
		case <-ctx.Done():
			return
		case <-a.ring:
		case <-sleep.C:
		}
	}
}

// fireDue fires what is due now. A timer that fails does not hold up the others.
func (a *Alarms) fireDue(ctx context.Context) error {
	_, err := a.look(ctx)
	return err
}

// look is fireDue that also tells when the next timer is due; zero: none is.
func (a *Alarms) look(ctx context.Context) (next time.Time, err error) {
	for _, t := range a.timers {
		due, failed := a.fireOne(ctx, t)
		if failed != nil { // it is tried again with the next look
			if err == nil {
				err = fmt.Errorf("alarm: %s: %w", t.name, failed)
			}
			continue
		}
		if !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	return next, err
}

func (a *Alarms) fireOne(ctx context.Context, t timer) (due time.Time, err error) {
	for range roundsAtATime {
		due, err = t.next(ctx)
		if err != nil || due.IsZero() || due.After(a.now()) {
			return due, err
		}
		err = a.o.DB.Tx(ctx, func(tx *sql.Tx) error { return t.fire(ctx, tx, a.now()) })
		if err != nil {
			return due, err
		}
		if err := a.Committed(ctx); err != nil {
			return due, err
		}
	}
	return due, nil
}
