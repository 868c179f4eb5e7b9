package notify

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

// lane is a channel with what is on its way: how many at once, how many in a
// minute, and whether it works at all.
type lane struct {
	Traits
	channel Channel
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]

	mu      sync.Mutex
	busy    int         // letters that are being sent
	recent  []time.Time // when the last letters left, for the pace; oldest first
	resting time.Time   // the receiver wants nothing before
	problem string      // of the last attempt; "": it worked
	lastOK  time.Time
}

const (
	atOnce     = 4 // letters a channel sends at a time, the last place for life safety
	tripAfter  = 5 // failures in a row, and the channel is taken for dead
	tryAgainIn = 30 * time.Second
	sendWithin = 10 * time.Second
)

func newLane(c Channel) *lane {
	l := &lane{Traits: c.Traits(), channel: c}
	if l.Timeout <= 0 {
		l.Timeout = sendWithin
	}
	l.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: l.Type, MaxRequests: 1, Timeout: tryAgainIn,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
		// A refusal, or a wish to go slower, shows that somebody is there.
		IsSuccessful: func(err error) bool {
			var slow *SlowDown
			return err == nil || errors.Is(err, ErrRefused) || errors.As(err, &slow)
		},
	})
	return l
}

// leave gives the place back and notes how it went.
func (l *lane) leave(now time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy--
	if err == nil {
		l.problem, l.lastOK = "", now
		return
	}
	l.problem = err.Error()
	var slow *SlowDown
	if errors.As(err, &slow) && slow.For > 0 {
		l.resting = now.Add(slow.For)
	}
}

// Err tells which channels do not work; nil when all do, as far as was tried.
func (n *Notify) Err() error {
	var errs []error
	for _, t := range types() {
		l := n.lanes[t]
		if l == nil || l.breaker.State() == gobreaker.StateClosed {
			continue
		}
		l.mu.Lock()
		errs = append(errs, fmt.Errorf("%s: %s", t, l.problem)) //nolint:err113 // for a person to read
		l.mu.Unlock()
	}
	return errors.Join(errs...)
}
