package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"dongyue/internal/health"
)

// buildHealth comes first, for the registry of metrics; its conditions are added
// when the rooms are there.
func (a *App) buildHealth(context.Context) (err error) {
	a.health, err = health.New(health.Options{Version: a.o.Version, OpenOnLoopback: true, Log: a.log})
	if err != nil {
		return err
	}
	a.health.Hold("starting")
	a.reg = a.health.Registerer()
	return nil
}

// lag is how far a follower may be behind before somebody should look.
const lag = 50_000

func (a *App) addConditions(context.Context) error {
	for _, c := range []prometheus.Collector{a.series.Collector(), a.book.Collector(), a.access.Collector()} {
		if err := a.reg.Register(c); err != nil {
			return err
		}
	}
	a.health.Add("journal", func(context.Context) error { return a.journal.Err() })
	a.health.Add("database", func(ctx context.Context) error {
		var one int
		return a.db.Read().QueryRowContext(ctx, "SELECT 1").Scan(&one)
	})
	a.health.Warn("series", func(context.Context) error { return a.series.Err() })
	a.health.Warn("rules", func(context.Context) error { return errors.Join(a.book.Err(), a.engine.Err()) })
	a.health.Warn("series copy", func(context.Context) error { return a.series.CopyErr() })
	if a.clips != nil {
		a.health.Warn("clips", func(context.Context) error { return a.clips.Err() })
	}
	a.health.Warn("notify", func(context.Context) error { return a.notify.Err() })
	for _, f := range []*follower{a.hub, a.telling} {
		a.health.Warn("follower "+f.name, func(context.Context) error { return f.ill(a.journal.Last()) })
	}
	return nil
}

var errLag = errors.New("is far behind the journal")

// ill says whether the follower is far behind, or has set events aside.
func (f *follower) ill(last uint64) error {
	if at := f.seq.Load(); last > at+lag {
		return fmt.Errorf("%w: %d events", errLag, last-at)
	}
	if n := f.skipped.Load(); n > 0 {
		return fmt.Errorf("%d events could not be worked and were set aside; the log says which", n)
	}
	return nil
}
