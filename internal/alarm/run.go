package alarm

import (
	"context"
	"sync"
	"time"
)

// Carry carries out one action and says what came of it. It may be called again
// with the same task after a crash, or when it returned ErrRetry.
type Carry func(ctx context.Context, t Task) (result string, err error)

const (
	atOnce    = 16 // actions in the works: a slow broadcast does not hold up a cut
	lookAgain = time.Second
)

// Run carries out actions from the outbox and fires timers until ctx ends, and
// waits for what is in the works.
func (a *Alarms) Run(ctx context.Context, carry Carry) error {
	free := make(chan struct{}, atOnce)
	for range atOnce {
		free <- struct{}{}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { a.keepTime(ctx) })
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		tasks, err := a.Pending(ctx, len(free))
		if err != nil && ctx.Err() == nil {
			a.o.Log.ErrorContext(ctx, "actions can't be read", "err", err)
		}
		for _, t := range tasks {
			<-free // never waits: only this goroutine takes
			wg.Go(func() {
				a.carry(ctx, t, carry)
				free <- struct{}{}
				a.nudge()
			})
		}
		if len(tasks) > 0 && len(free) > 0 {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
			return nil
		case <-a.wake:
		case <-tick.C:
		}
	}
}

func (a *Alarms) nudge() {
	for _, c := range []chan struct{}{a.wake, a.ring} {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// settleWithin is how long the end of an action may take to be written; while the hub
// runs it is tried again after as long: what is never given back is never carried out.
const settleWithin = 2 * time.Second

func (a *Alarms) carry(ctx context.Context, t Task, carry Carry) {
	result, err := carry(ctx, t)
	if err != nil && ctx.Err() != nil {
		return // the hub is stopping: it is taken up again at the next start
	}
	log := a.o.Log.With("alarm", t.Alarm, "action", t.Action.String())
	if err != nil {
		log.WarnContext(ctx, "action not carried out", "err", err)
	}
	for {
		werr := a.end(ctx, t, result, err)
		if werr == nil {
			return
		}
		log.ErrorContext(ctx, "end of action not written", "err", werr)
		select {
		case <-ctx.Done():
			return
		case <-time.After(settleWithin):
		}
	}
}

// end writes what came of an action, also when the hub is stopping.
func (a *Alarms) end(ctx context.Context, t Task, result string, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	if err != nil {
		return a.Fail(ctx, t, err)
	}
	return a.Complete(ctx, t, result)
}
