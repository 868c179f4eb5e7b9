package notify

import (
	"context"
	"time"

	"github.com/sony/gobreaker/v2"
)

// circuit holds letters back from a channel that has failed again and again: it
// is asked once in a while, by one letter. One about life safety is tried all the
// same, since the worst it can do is fail.
func (n *Notify) circuit(_ context.Context, now time.Time, es []*envelope) ([]*envelope, error) {
	trial := map[*lane]bool{}
	return each(es, func(e *envelope) {
		l := e.lane
		state := l.breaker.State()
		if state == gobreaker.StateClosed || e.lifeSafety() {
			return
		}
		if state == gobreaker.StateHalfOpen && !trial[l] && l.breaker.Counts().Requests == 0 {
			trial[l] = true
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		e.holdUntil(now.Add(circuitLook), "the channel does not work: "+l.problem)
	}), nil
}

// circuitLook is how soon a letter that was held asks again whether the channel
// works.
const circuitLook = 5 * time.Second
