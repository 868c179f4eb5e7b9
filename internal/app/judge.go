package app

import (
	"context"
	"database/sql"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"dongyue/internal/alarm"
	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
	"dongyue/rules"
)

// judge joins rules and alarms: what the engine concludes from events, the alarms
// that come of it, the engine's state and the journal's checkpoint are one
// transaction. Whoever calls the engine has begun its transaction before; the
// database has one writer, so calls never overlap until the commit is known.
type judge struct {
	db     *db.DB
	engine *rules.Engine
	states *rules.Store
	alarms *alarm.Alarms
	feed   *web.Feed
	log    *slog.Logger

	mu        sync.Mutex // from the first call of the engine until the commit is known
	following bool       // held by the follower; only its goroutine touches this

	memory  *memory          // the engine's windows on disk
	queue   chan event.Event // QoS 0, on its way to the engine
	dropped atomic.Uint64
	settled func() bool               // the follower has seen all of the journal
	after   func(ctx context.Context) // a commit: wake who waits for it
}

const (
	liveQueue = 8192
	tickEvery = 250 * time.Millisecond
)

// restore gives the engine the state of before the restart, up to the checkpoint.
func (j *judge) restore(ctx context.Context, checkpoint uint64) error {
	saved, err := j.states.Load(ctx)
	if err != nil {
		return err
	}
	if err := j.engine.Restore(saved); err != nil {
		return err
	}
	return j.memory.restore(ctx, checkpoint)
}

// handle is the follower's step; committed or undone must follow.
func (j *judge) handle(ctx context.Context, tx *sql.Tx, evs []event.Event) error {
	j.mu.Lock()
	j.following = true
	return j.conclude(ctx, tx, j.engine.Process(evs))
}

// committed and undone end what handle began; without it they do nothing.
func (j *judge) committed() {
	if j.following {
		j.engine.Commit()
		j.release()
	}
}

func (j *judge) undone() {
	if j.following {
		j.engine.Rollback()
		j.release()
	}
}

func (j *judge) release() {
	j.following = false
	j.mu.Unlock()
}

// conclude writes what the transitions bring about.
func (j *judge) conclude(ctx context.Context, tx *sql.Tx, trs []rules.Transition) error {
	if len(trs) > 0 {
		sigs := make([]alarm.Signal, len(trs))
		for i := range trs {
			sigs[i] = signal(&trs[i])
		}
		if _, err := j.alarms.Apply(ctx, tx, sigs); err != nil {
			return err
		}
	}
	for i := range trs {
		if s, ok := rules.Switched(&trs[i]); ok {
			if _, err := j.feed.Append(ctx, tx, "rules", s); err != nil {
				return err
			}
		}
	}
	dirty, err := j.engine.Dirty()
	if err != nil {
		return err
	}
	return j.states.Save(ctx, tx, dirty)
}

// live queues a QoS 0 event; a full queue drops it, and counts.
func (j *judge) live(ev event.Event) {
	select {
	case j.queue <- ev:
	default:
		j.dropped.Add(1)
	}
}

// run judges QoS 0 events and lets time pass, from when the engine has heard that
// the hub is listening again.
func (j *judge) run(ctx context.Context) error {
	tick, save := time.NewTicker(tickEvery), time.NewTicker(saveEvery)
	defer tick.Stop()
	defer save.Stop()
	var evs []event.Event
	var queue chan event.Event // j.queue, once it may be listened to
	for {
		evs = evs[:0]
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if queue == nil && j.memory.refused.Load() {
				// Nothing is acknowledged any more, but what comes without is judged.
				j.apart(ctx, func() []rules.Transition { return j.engine.Process([]event.Event{j.memory.start}) })
				queue = j.queue
			}
			if queue == nil && j.memory.listening() {
				queue = j.queue
			}
			if queue != nil && j.settled() {
				j.apart(ctx, func() []rules.Transition { return j.engine.Tick(now.UTC()) })
			}
			continue
		case <-save.C:
			j.remember(ctx)
			continue
		case ev := <-queue:
			evs = append(evs, ev)
		}
		for len(evs) < batchLimit && len(j.queue) > 0 {
			evs = append(evs, <-j.queue)
		}
		j.apart(ctx, func() []rules.Transition { return j.engine.Process(evs) })
	}
}

// apart judges outside the follower, in a transaction of its own.
func (j *judge) apart(ctx context.Context, f func() []rules.Transition) {
	locked, moved := false, false
	err := j.db.Tx(ctx, func(tx *sql.Tx) error {
		j.mu.Lock() // behind the transaction, as the follower does
		locked = true
		trs := f()
		moved = len(trs) > 0
		return j.conclude(ctx, tx, trs)
	})
	if locked {
		if err == nil {
			j.engine.Commit()
		} else {
			j.engine.Rollback()
		}
		j.mu.Unlock()
	}
	if err != nil && ctx.Err() == nil {
		j.log.ErrorContext(ctx, "judgement rolled back", "err", err)
	}
	if moved && err == nil {
		j.after(ctx)
	}
}
