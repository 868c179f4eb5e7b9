package access

import (
	"context"
	"sync"
	"time"
)

// Run tells what is to be told, keeps the lists of the doors, watches the cars of guests,
// and forgets in time. It ends with ctx.
func (x *Access) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { x.keepLists(ctx) })
	wg.Go(func() { x.keepStretching(ctx) })
	wg.Go(func() { x.keepCars(ctx) })
	tick := time.NewTicker(10 * time.Minute)
	defer tick.Stop()
	for {
		if err := x.flush(ctx); err != nil && ctx.Err() == nil {
			x.log.ErrorContext(ctx, "doors' reports not told", "err", err)
		}
		if err := x.Forget(ctx, now()); err != nil && ctx.Err() == nil {
			x.log.ErrorContext(ctx, "old records not forgotten", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-x.told:
		case <-tick.C:
		}
	}
}
