package agent

import (
	"context"
	"math/rand/v2"
	"time"
)

// Habits at the doors: of five that pass, two go out; nobody waits less than a
// quarter of the mean, so that a door is rarely asked twice at a time.
const (
	shareOut  = 0.4
	leastWait = 0.25
)

// residents come and go at their doors.
func (f *Fleet) residents(ctx context.Context) {
	r := rand.New(rand.NewPCG(f.opts.Seed, 1)) //nolint:gosec // dice
	for {
		wait := f.opts.Times.Badge.Seconds() * (leastWait + (1-leastWait)*r.ExpFloat64())
		if !sleep(ctx, time.Duration(min(wait, 600)*float64(time.Second))) {
			return
		}
		p := f.opts.People[r.IntN(len(f.opts.People))]
		d, ok := f.doors[p.Door]
		switch {
		case !ok:
		case r.Float64() < shareOut:
			d.Exit()
		default:
			d.Badge(p.Card)
		}
	}
}
