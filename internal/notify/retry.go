package notify

import (
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Pauses between attempts. What is about life safety is tried again soon, for as
// long as it may.
const (
	firstPause = time.Second
	longPause  = time.Minute
	lifePause  = 10 * time.Second
)

// pauseAfter is the pause behind the attempt of that number, from 1.
func pauseAfter(attempt int, lifeSafety bool, err error) time.Duration {
	var slow *SlowDown
	if errors.As(err, &slow) && slow.For > 0 {
		return slow.For
	}
	b := &backoff.ExponentialBackOff{InitialInterval: firstPause, RandomizationFactor: 0.2, Multiplier: 2, MaxInterval: longPause}
	if lifeSafety {
		b.MaxInterval = lifePause
	}
	b.Reset()
	pause := b.NextBackOff()
	for range min(attempt, 20) - 1 { // the row knows how often, the curve does not
		pause = b.NextBackOff()
	}
	return pause
}
