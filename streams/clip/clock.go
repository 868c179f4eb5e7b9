package clip

import (
	"sync"
	"time"
)

const clockRate = 90000 // Hz, of every video clock in RTP

func ticks(d time.Duration) int64 { return d.Microseconds() * (clockRate / 1000) / 1000 }

func span(t int64) time.Duration {
	return time.Duration(t/clockRate)*time.Second + time.Duration(t%clockRate*1e9/clockRate)
}

// window is how long the quickest picture counts: long enough to see a quiet moment
// of the network, short enough to follow a camera's clock that runs 100 ppm wrong
// (6 ms a minute).
const window = 30 * time.Second

// run is pictures without a gap between them, and where they stand on the server's
// clock. A picture can't have come before it was taken, and some come without delay,
// so the least difference between arrival and camera time is the offset. The ring moves
// it while the writer reads.
type run struct {
	mu        sync.Mutex
	first     time.Time // on the server's clock, of camera time 0, by the quickest of the window before
	now       time.Time // by the quickest of this window
	nowBegan  time.Time
	hasBefore bool
}

// came takes the arrival of a picture into account.
func (r *run) came(pts int64, at time.Time) {
	zero := at.Add(-span(pts))
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.nowBegan.IsZero():
		r.now, r.nowBegan = zero, at
	case at.Sub(r.nowBegan) > window:
		r.first, r.hasBefore = r.now, true
		r.now, r.nowBegan = zero, at
	case zero.Before(r.now):
		r.now = zero
	}
}

// at is when a picture was taken, on the server's clock.
func (r *run) at(pts int64) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	zero := r.now
	if r.hasBefore && r.first.Before(zero) {
		zero = r.first
	}
	return zero.Add(span(pts))
}
