package broadcast

import (
	"context"
	"database/sql"
	"time"
)

// Run gives what is decided and not told, fails the nodes that do not begin or end in
// time, and carries out the schedules. It returns nil when ctx ends.
func (b *Broadcasts) Run(ctx context.Context) error {
	defer b.hush()
	b.started = time.Now()
	if err := b.afterRestart(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.wake:
		case <-timer.C:
		}
		rest, err := b.round(ctx)
		if err != nil && ctx.Err() == nil {
			b.log.ErrorContext(ctx, "broadcast: sweep", "err", err)
			rest = time.Second
		}
		timer.Reset(rest)
	}
}

// round does all that is due and says when to look again.
func (b *Broadcasts) round(ctx context.Context) (time.Duration, error) {
	if err := b.give(ctx); err != nil {
		return 0, err
	}
	rest, err := b.sweep(ctx, time.Now())
	if err != nil {
		return 0, err
	}
	next, err := b.onSchedule(ctx, time.Now())
	if err != nil {
		return 0, err
	}
	return max(min(rest, next), time.Millisecond), nil
}

// afterRestart stops what can't go on: a microphone does not survive the hub.
func (b *Broadcasts) afterRestart(ctx context.Context) error {
	open, err := heads(ctx, b.db.Read(), `WHERE open = 1 AND live <> '' AND stopped_at = 0`)
	if err != nil {
		return err
	}
	for i := range open {
		if _, err := b.Stop(ctx, open[i].ID, "hub"); err != nil {
			return err
		}
	}
	return nil
}

// toLookAt are the broadcasts of which something may still become.
const toLookAt = `WHERE open = 1 OR judged = 0 ORDER BY seq`

// sweep looks at the open broadcasts and says when to look again.
func (b *Broadcasts) sweep(ctx context.Context, now time.Time) (time.Duration, error) {
	rest := time.Minute
	open, err := list(ctx, b.db.Read(), toLookAt)
	if err != nil {
		return 0, err
	}
	for i := range open {
		bc := &open[i]
		if err := b.judged(ctx, bc, now); err != nil {
			return 0, err
		}
		if !bc.judged {
			rest = min(rest, max(min(bc.deadline.Sub(now), askAgain), 100*time.Millisecond)+time.Millisecond)
		}
		if bc.StoppedAt == "" && bc.Open && b.muted(bc.Priority, bc.AtNight, now) {
			if _, err := b.Stop(ctx, bc.ID, "night"); err != nil {
				return 0, err
			}
			continue
		}
		if bc.Open && bc.Priority >= Operator {
			rest = min(rest, b.o.Night.begins(now.In(b.o.Location))+time.Millisecond)
		}
		for j := range bc.Nodes {
			n := &bc.Nodes[j]
			due, why := b.dueOf(bc, n)
			if why == "" {
				continue
			}
			if due.After(now) {
				rest = min(rest, due.Sub(now)+time.Millisecond)
				continue
			}
			if err := b.fail(ctx, bc.ID, n, why, now); err != nil {
				return 0, err
			}
		}
	}
	return rest, nil
}

// dueOf says when a node that stays as it is fails, and why; "" for one that has ended.
func (b *Broadcasts) dueOf(bc *Broadcast, n *NodeOf) (time.Time, string) {
	switch n.State {
	case Done, Failed, Overridden:
		return time.Time{}, ""
	case Playing:
		if bc.StoppedAt != "" {
			return latest(bc.stopped, n.at).Add(startWithin), whyNoEnd
		}
		return n.at.Add(max(endWithin, 2*time.Duration(bc.LengthMS)*time.Millisecond)), whyNoEnd
	case Paused:
		return n.at.Add(patience(bc.Priority)), whyStale
	case Queued, Accepted, Buffered:
	}
	if n.due.IsZero() {
		return bc.until, whyStale
	}
	// One that only fetches may be slow and is not told twice; it says itself that it got nothing.
	node, _ := b.speakers.Get(context.Background(), n.Device)
	if !n.told.IsZero() && node.RTP != "" && b.after(bc, n.Path, node) != "" {
		return n.told.Add(pathWithin), whyNoAnswer
	}
	return b.grace(n.due), whyNoAnswer
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// grace is a deadline of a beginning: a hub that was away meanwhile first hears what
// happened.
func (b *Broadcasts) grace(due time.Time) time.Time {
	if begin := due.Add(-startWithin); b.started.After(begin) {
		return b.started.Add(startWithin)
	}
	return due
}

// fail ends a node that was silent, unless it spoke in between.
func (b *Broadcasts) fail(ctx context.Context, id string, n *NodeOf, why string, now time.Time) error {
	return b.change(ctx, func(tx *sql.Tx, changed changes) error {
		is, err := one(ctx, tx, id, n.Device)
		if err != nil || is.State != n.State || is.turn != n.turn {
			return err
		}
		if why == whyStale {
			is.State, is.Error, is.at, is.tell = Overridden, why, now, ""
			changed[id] = true
			return saveNode(ctx, tx, id, &is)
		}
		return b.move(ctx, tx, id, n.Device, answer{to: Failed, why: why, at: now, position: -1}, changed)
	})
}

// askAgain is how often those are asked who want to wait with the result.
const askAgain = time.Second

// enough is the share of the loudspeakers that must begin in time.
const enough = 0.98

// judged decides once whether enough loudspeakers began in time.
func (b *Broadcasts) judged(ctx context.Context, bc *Broadcast, now time.Time) error {
	if bc.judged {
		return nil
	}
	deadline := b.grace(bc.deadline)
	heard, undecided := 0, 0
	for i := range bc.Nodes {
		switch n := &bc.Nodes[i]; {
		case !n.began.IsZero() && !n.began.After(deadline):
			heard++
		case n.Error == whyNight || n.State == Overridden || n.State == Paused || n.State == Queued && n.due.IsZero():
			heard++ // something more urgent is heard there, or nobody wants it any more
		case !n.State.over():
			undecided++
		}
	}
	if undecided > 0 && now.Before(deadline) {
		return nil
	}
	// Told first: after a crash it is told again rather than never.
	heardEnough := float64(heard) >= enough*float64(bc.Targets)
	if !heardEnough && b.o.Trouble != nil && bc.StoppedAt == "" {
		b.o.Trouble(ctx, *bc)
	}
	if b.o.Settled != nil && !b.o.Settled(ctx, *bc) && heardEnough && now.Before(deadline) {
		return nil
	}
	bc.judged = true
	return b.db.Tx(ctx, func(tx *sql.Tx) error { return set(ctx, tx, bc.ID, `judged = 1`) })
}
