package app

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"time"

	"dongyue/configs"
	"dongyue/rules"
)

// openBook reads the rules of the folder that the configuration names, or those in
// the binary.
func (a *App) openBook(ctx context.Context, store *rules.Store) error {
	dir := a.o.Config.Rules.Dir
	book, problems := rules.OpenBook(rules.BookOptions{
		Dir: dir, Builtin: configs.Rules(), DB: a.db, Store: store, Feed: a.feed, Audit: a.identity, Log: a.log,
		Swap: func(ctx context.Context, set *rules.Set) (time.Duration, error) { return a.judge.swap(ctx, set) },
	})
	if len(problems) > 0 {
		if dir == "" {
			dir = "rules"
		}
		errs := make([]error, len(problems))
		for i, p := range problems {
			errs[i] = errors.New(filepath.Join(dir, p.String()))
		}
		return ConfigError{errors.Join(errs...)}
	}
	a.book = book
	return book.Begin(ctx)
}

// buildReplays makes what judges the journal again.
func (a *App) buildReplays() (err error) {
	l := &liveWork{last: a.journal.Last, handled: func() uint64 { return a.hub.seq.Load() }, queued: func() int { return len(a.judge.queue) }}
	a.replays, err = rules.NewReplays(rules.ReplaysOptions{Source: a.journal, Live: a.engine.Set, Busy: l.busy, Log: a.log})
	return err
}

// liveWork says whether the hub has something better to do than to replay: events
// wait to be judged, or come in at more than a trickle.
type liveWork struct {
	last    func() uint64 // of the journal
	handled func() uint64 // of the hub's follower
	queued  func() int    // of QoS 0

	mu   sync.Mutex
	at   time.Time
	seq  uint64
	many bool
}

const (
	rateEvery = 100 * time.Millisecond
	trickle   = 5 // events in that time, 50 a second
)

func (l *liveWork) busy() bool {
	last := l.last()
	if last > l.handled() || l.queued() > 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.at) >= rateEvery {
		l.many = last-l.seq > trickle
		l.at, l.seq = now, last
	}
	return l.many
}

// reload reads the rules again whenever somebody asks for it from outside.
func (a *App) reload(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.o.Reload: // of a nil channel nothing comes
			r, err := a.book.Reload(ctx, hubActor)
			if err != nil {
				a.log.WarnContext(ctx, "rules not reloaded", "err", err)
				continue
			}
			a.log.InfoContext(ctx, "rules read again", "changed", r.Changed, "version", r.Version, "rules", r.Rules)
		}
	}
}

// swap goes on with another set of rules, between two events: the state moves over,
// and what fired by a rule that is gone returns in the same transaction. With an
// error the old set goes on as if nothing had been.
func (j *judge) swap(ctx context.Context, set *rules.Set) (still time.Duration, err error) {
	var began time.Time
	moved := false
	err = j.db.Tx(ctx, func(tx *sql.Tx) error {
		j.mu.Lock() // behind the transaction, as the follower does
		began = time.Now()
		trs := j.engine.Swap(set)
		moved = len(trs) > 0
		return j.conclude(ctx, tx, trs)
	})
	if began.IsZero() { // not even begun
		return 0, err
	}
	if err == nil {
		j.engine.Commit()
	} else {
		j.engine.Rollback()
	}
	still = time.Since(began)
	j.mu.Unlock()
	if moved && err == nil {
		j.after(ctx)
	}
	return still, err
}
