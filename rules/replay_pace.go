package rules

import (
	"context"
	"runtime"
	"time"
)

// pace lets live work go first. While there is any, the goroutines of a replay
// take turns, so that together they have one core's share at most; and between
// two turns each goes to the end of the scheduler's queue.
type pace struct {
	busy func() bool
	turn chan struct{} // held by the one whose turn it is
}

// breather is given to live work after each turn while there is any; a turn takes
// less than a millisecond.
const breather = 200 * time.Microsecond

// enter waits for the turn; leave ends it.
func (p *pace) enter(ctx context.Context) (leave func()) {
	if p.busy == nil {
		return func() {}
	}
	if !p.busy() {
		return runtime.Gosched
	}
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return func() {}
	}
	return func() {
		<-p.turn
		time.Sleep(breather)
	}
}
