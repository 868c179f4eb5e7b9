package notify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// lookAgain is how often the runner looks without being woken.
const lookAgain = time.Second

// settleWithin is how long the end of a letter may take to be written; while the hub
// runs it is tried again after as long: what is never written is never sent again.
const settleWithin = 2 * time.Second

// Run sends letters until ctx ends, and waits for those on their way; they are
// given up, and go out again after the restart.
func (n *Notify) Run(ctx context.Context) error {
	var out sync.WaitGroup
	defer out.Wait()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		if err := n.round(ctx, &out); err != nil && ctx.Err() == nil {
			n.o.Log.ErrorContext(ctx, "notifications can't be sent", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-n.wake:
		case <-tick.C:
		}
	}
}

// round takes what is due through the stages and starts what comes out.
func (n *Notify) round(ctx context.Context, out *sync.WaitGroup) error {
	now := n.now()
	es, err := n.due(ctx, now)
	if err != nil || len(es) == 0 {
		return err
	}
	going, stopped, err := n.pass(ctx, now, es)
	if err != nil {
		return err
	}
	if err := n.note(ctx, now, going, stopped); err != nil {
		for _, e := range going {
			e.lane.leave(now, err)
		}
		return err
	}
	for _, e := range going {
		out.Go(func() { n.post(ctx, e) })
	}
	return nil
}

// due reads what waits and is due, most urgent first.
func (n *Notify) due(ctx context.Context, now time.Time) ([]*envelope, error) {
	ds, err := n.deliveries(ctx, "d.state = ? AND d.due_at <= ? ORDER BY d.urgency, d.id LIMIT 2000", Waiting, now.UnixMilli())
	if err != nil {
		return nil, err
	}
	es := make([]*envelope, 0, len(ds))
	for i := range ds {
		d := &ds[i]
		e := &envelope{rows: ds[i : i+1 : i+1], lane: n.lanes[d.Channel]}
		if e.lane == nil { // set up when it was written, not any more
			e.end, e.why = Failed, "this channel is no longer set up"
		}
		es = append(es, e)
	}
	return es, nil
}

// note writes in one transaction what the round decided.
func (n *Notify) note(ctx context.Context, now time.Time, going, stopped []*envelope) error {
	err := n.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		for _, e := range stopped {
			if err := n.stop(ctx, tx, now, e); err != nil {
				return err
			}
		}
		for _, e := range going {
			for i := range e.rows {
				_, err := tx.ExecContext(ctx, "UPDATE notify_delivery SET state = ?, letter = ?, attempts = attempts + 1, started_at = ? WHERE id = ?",
					Sending, e.id(), now.UnixMilli(), e.rows[i].ID)
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("notify: note the round: %w", err)
	}
	for _, e := range going {
		id := e.id()
		for i := range e.rows {
			e.rows[i].Letter, e.rows[i].State = id, Sending
			e.rows[i].Attempts++
		}
	}
	if len(stopped) > 0 {
		n.tell(ctx)
	}
	return nil
}

// tell wakes the feed's readers after a commit. What has been written stays written
// when that fails; the next commit wakes them.
func (n *Notify) tell(ctx context.Context) {
	if err := n.o.Feed.Committed(ctx); err != nil && ctx.Err() == nil {
		n.o.Log.ErrorContext(ctx, "feed not told of notifications", "err", err)
	}
}

// stop writes that an envelope was held or has ended.
func (n *Notify) stop(ctx context.Context, tx *sql.Tx, now time.Time, e *envelope) error {
	for i := range e.rows {
		d := &e.rows[i]
		if e.end == "" {
			if _, err := tx.ExecContext(ctx, "UPDATE notify_delivery SET due_at = ?, problem = ? WHERE id = ?", e.hold.UnixMilli(), e.why, d.ID); err != nil {
				return err
			}
			continue
		}
		d.State, d.Problem, d.EndedAt = e.end, e.why, &now
		if err := n.end(ctx, tx, d); err != nil {
			return err
		}
	}
	return nil
}

// end writes a delivery's last state and tells who wants to hear of it.
func (n *Notify) end(ctx context.Context, tx *sql.Tx, d *Delivery) error {
	_, err := tx.ExecContext(ctx, "UPDATE notify_delivery SET state = ?, ended_at = ?, problem = ? WHERE id = ?", d.State, d.EndedAt.UnixMilli(), d.Problem, d.ID)
	if err != nil {
		return err
	}
	return n.settled(ctx, tx, *d)
}

// post sends one letter and writes what came of it.
func (n *Notify) post(ctx context.Context, e *envelope) {
	defer n.Committed() // a place is free
	err := e.mask(n.attempt(ctx, e))
	now := n.now()
	e.lane.leave(now, err)
	if err != nil && ctx.Err() != nil {
		return // the hub is stopping: it goes out again at the next start
	}
	for {
		werr := n.finish(ctx, now, e, err)
		if werr == nil {
			return
		}
		n.o.Log.ErrorContext(ctx, "end of a notification not written", "channel", e.lane.Type, "err", werr)
		select {
		case <-ctx.Done():
			return
		case <-time.After(settleWithin):
		}
	}
}

func (n *Notify) attempt(ctx context.Context, e *envelope) error {
	done, err := e.lane.breaker.Allow()
	switch {
	case err == nil:
	case e.lifeSafety():
		done = func(error) {} // tried in spite of it
	default:
		return fmt.Errorf("the channel does not work: %w", err) // since this moment
	}
	actx, cancel := context.WithTimeout(ctx, e.lane.Timeout)
	defer cancel()
	began := time.Now()
	err = e.lane.channel.Send(actx, e.letter())
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		done(nil) // not the channel's fault
		return err
	}
	done(err)
	n.meter.took(e.lane.Type, time.Since(began))
	return err
}

// finish writes the end of an attempt: sent, refused for good, or again later; also
// when the hub is stopping.
func (n *Notify) finish(ctx context.Context, now time.Time, e *envelope, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	state, why := Sent, ""
	if err != nil {
		state, why = Waiting, clip(err.Error())
		n.o.Log.WarnContext(ctx, "notification not delivered", "channel", e.lane.Type, "attempt", e.rows[0].Attempts, "err", err)
		if errors.Is(err, ErrRefused) {
			state = Failed
		}
	}
	pause := pauseAfter(e.rows[0].Attempts, e.lifeSafety(), err)
	terr := n.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		for i := range e.rows {
			d := &e.rows[i]
			d.State, d.Problem = state, why
			if state != Waiting {
				d.EndedAt = &now
				if err := n.end(ctx, tx, d); err != nil {
					return err
				}
				continue
			}
			due := now.Add(pause)
			if d.deadline.Before(due) {
				due = d.deadline // then it is told that it came to nothing
			}
			_, err := tx.ExecContext(ctx, "UPDATE notify_delivery SET state = ?, due_at = ?, problem = ? WHERE id = ?", Waiting, due.UnixMilli(), why, d.ID)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if terr != nil {
		return fmt.Errorf("notify: end of letter: %w", terr)
	}
	n.tell(ctx)
	return nil
}
