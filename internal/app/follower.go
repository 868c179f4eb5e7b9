package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/event"
)

// source is the journal, as a follower sees it.
type source interface {
	Follow(ctx context.Context, after uint64, limit int, f func([]event.Event) error) error
	Hold(name string, checkpoint func() uint64) // what is behind it stays
}

// step is what one room does with committed events, inside the transaction.
type step struct {
	name   string
	handle func(ctx context.Context, tx *sql.Tx, evs []event.Event) error
}

// follower carries committed events through the rooms. Each batch is one
// transaction that ends with the checkpoint, so after a crash every event has had
// its effect exactly once.
type follower struct {
	name      string
	db        *db.DB
	log       *slog.Logger
	steps     []step
	before    func(ctx context.Context, evs []event.Event) error // into another store, ahead of the transaction; must bear repeats
	committed func(ctx context.Context)                          // after a commit: wake the feed, answer doors
	undone    func(ctx context.Context) error                    // after a roll-back: forget what memory learned
	skipped   atomic.Uint64                                      // events that no attempt could carry through
	seq       atomic.Uint64                                      // the checkpoint
	pace      time.Duration                                      // from one transaction to the next; a lone event is not held up
	wait      func(ctx context.Context, d time.Duration) error   // between attempts
}

const (
	batchLimit = 1024 // a follower that keeps up has a few; one that lags shares its transactions
	// batchPace is short beside what a person at a door notices, and long beside a
	// transaction: at 2,000 events a second it spares nine of ten.
	batchPace = 5 * time.Millisecond
	attempts  = 3 // for one event on its own, before it is set aside
)

func newFollower(ctx context.Context, d *db.DB, name string, log *slog.Logger) (*follower, error) {
	f := &follower{name: name, db: d, log: log, wait: pause, pace: batchPace}
	var seq uint64
	err := d.Read().QueryRowContext(ctx, "SELECT seq FROM checkpoint WHERE name = ?", name).Scan(&seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("follower %s: read checkpoint: %w", name, err)
	}
	f.seq.Store(seq)
	return f, nil
}

// run follows the journal until ctx ends.
func (f *follower) run(ctx context.Context, j source) error {
	j.Hold(f.name, f.seq.Load)
	err := j.Follow(ctx, f.seq.Load(), batchLimit, func(evs []event.Event) error {
		began := time.Now()
		// The journal gives the same slice to all who follow it, and the rooms of one note
		// on an event what those behind them read.
		if err := f.batch(ctx, slices.Clone(evs)); err != nil {
			return err
		}
		if rest := f.pace - time.Since(began); rest > 0 && len(evs) < batchLimit {
			_ = pause(ctx, rest)
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("follower %s: %w", f.name, err)
	}
	return nil
}

// batch carries events through; when that fails it takes them one by one, so
// that one bad event costs itself only.
func (f *follower) batch(ctx context.Context, evs []event.Event) error {
	err := f.once(ctx, evs)
	if err == nil || ctx.Err() != nil {
		return err
	}
	f.log.WarnContext(ctx, "batch rolled back, going on one by one", "follower", f.name, "events", len(evs), "err", err)
	for i := range evs {
		if err := f.single(ctx, evs[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (f *follower) single(ctx context.Context, ev []event.Event) error {
	for try := 1; ; try++ {
		err := f.once(ctx, ev)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if try >= attempts {
			// Only a database that can still be written shows that the event is at
			// fault and not the disk.
			if f.commit(ctx, ev, nil) == nil {
				f.skipped.Add(1)
				f.log.ErrorContext(ctx, "event set aside", "follower", f.name, "seq", ev[0].Seq, "device_id", ev[0].Device, "type", ev[0].Type, "err", err)
				return nil
			}
		}
		if err := f.wait(ctx, min(time.Duration(try)*100*time.Millisecond, 5*time.Second)); err != nil {
			return err
		}
	}
}

// once carries events through all steps.
func (f *follower) once(ctx context.Context, evs []event.Event) error {
	if f.before != nil {
		if err := f.before(ctx, evs); err != nil {
			return err
		}
	}
	return f.commit(ctx, evs, f.steps)
}

func (f *follower) commit(ctx context.Context, evs []event.Event, steps []step) error {
	last := evs[len(evs)-1].Seq
	// The driver watches a statement whose context can end with a goroutine of its
	// own. What ends here ends with the transaction.
	within := context.WithoutCancel(ctx)
	err := f.db.Tx(ctx, func(tx *sql.Tx) error {
		for _, s := range steps {
			if err := s.handle(within, tx, evs); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
		_, err := tx.ExecContext(within, "INSERT INTO checkpoint(name, seq) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET seq = excluded.seq", f.name, last)
		return err
	})
	if err != nil {
		if f.undone != nil {
			err = errors.Join(err, f.undone(ctx))
		}
		return err
	}
	f.seq.Store(last)
	if f.committed != nil {
		f.committed(ctx)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
