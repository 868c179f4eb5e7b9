package workorder

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"dongyue/internal/web"
)

// Proof asks what was repaired whether it works: a crew's word does not close an
// order that a meter can close.
type Proof interface {
	// Begin prepares the proof of an order that is said to be done, such as a lamp
	// that is made to burn, and says how long it may take. ok is false for an order
	// that nothing can prove; then the word is enough.
	Begin(ctx context.Context, o Order) (within time.Duration, ok bool)
	// Proven says what has shown since a time that the repair holds, or what has not.
	Proven(ctx context.Context, o Order, since time.Time) (what string, ok bool)
}

// proofEvery is how often orders under proof are looked at.
const proofEvery = 5 * time.Second

// Run settles orders under proof until ctx ends.
func (w *Orders) Run(ctx context.Context) error {
	t := time.NewTicker(proofEvery)
	defer t.Stop()
	for {
		if err := w.Check(ctx); err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "orders under proof not looked at", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// Check closes the orders whose repair has shown itself, and gives back those whose
// time for that is over.
func (w *Orders) Check(ctx context.Context) error {
	if w.proof == nil {
		return nil
	}
	os, err := w.List(ctx, Filter{State: string(Checking)}, 1000)
	if err != nil {
		return err
	}
	for _, o := range os {
		since, err := w.claimedAt(ctx, &o)
		if err != nil {
			return err
		}
		what, ok := w.proof.Proven(ctx, o, since)
		switch {
		case ok:
			err = w.settle(ctx, o.ID, Proven, what, Done)
		case o.CheckUntil != nil && !now().Before(*o.CheckUntil):
			err = w.settle(ctx, o.ID, Bounced, what, Taken)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// claimedAt is when an order was said to be done: what its meter has shown since
// counts, whatever was written into its log meanwhile.
func (w *Orders) claimedAt(ctx context.Context, o *Order) (time.Time, error) {
	var ms sql.NullInt64
	err := w.db.Read().QueryRowContext(ctx, "SELECT max(at) FROM work_log WHERE work_order = ? AND what = ?", o.ID, Claimed).Scan(&ms)
	if err != nil {
		return time.Time{}, fmt.Errorf("read claim of order %s: %w", o.ID, err)
	}
	if !ms.Valid {
		return o.UpdatedAt, nil
	}
	return at(ms.Int64), nil
}

func (w *Orders) settle(ctx context.Context, id, what, text string, to State) error {
	_, err := w.step(ctx, by{hub(), ""}, id, what, text, func(o *Order) (bool, error) {
		if o.State != Checking { // somebody was faster
			return false, nil
		}
		o.State, o.CheckUntil = to, nil
		if to == Done {
			o.DoneAt = new(now())
		}
		return true, nil
	})
	return err
}

// begin asks for a proof when the one who has the order says that it is done.
func (w *Orders) begin(ctx context.Context, who web.Principal, id string) (*time.Time, error) {
	if w.proof == nil {
		return nil, nil
	}
	o, err := w.Get(ctx, id)
	if err != nil || o.State != Taken || o.Assignee != who.ID {
		return nil, err
	}
	within, ok := w.proof.Begin(ctx, o)
	if !ok {
		return nil, nil
	}
	return new(now().Add(within)), nil
}

// Link adds a device to the order of what it hangs on, inside the caller's
// transaction: the thirteenth lamp of a feeder makes no order of its own. One that
// fails while the others are proven has to burn, too.
func (w *Orders) Link(ctx context.Context, tx *sql.Tx, on, device string) error {
	o, err := first(ctx, tx, "device = ? AND source = ? AND state <> ? ORDER BY number DESC LIMIT 1", on, FromAlarmSource, Done)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if slices.Contains(o.Devices, device) || len(o.Devices) >= maxDevices {
		return nil
	}
	o.Devices = append(o.Devices, device)
	o.UpdatedAt = now()
	if err := update(ctx, tx, o); err != nil {
		return fmt.Errorf("link %s: %w", device, err)
	}
	return w.note(ctx, tx, o, hub(), Linked, device)
}

// maxDevices bounds what one order is about.
const maxDevices = 500
