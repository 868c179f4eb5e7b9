package broker

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// patienceAtDoor is how long a socket of an address that knocks too often waits
// before it is read from; one that would have to wait longer is closed, and its
// client comes again.
const patienceAtDoor = 3 * time.Second

// admission paces what comes in when thousands come back at once: logins cost the
// most of all that devices do, and those who are in should not feel it. Beyond
// the common rate nothing is accepted, which leaves sockets in the kernel's queue
// and refuses nobody; one address beyond its own rate waits alone.
type admission struct {
	all  *rate.Limiter
	rate float64 // per address

	mu sync.Mutex
	of map[string]*rate.Limiter
	at time.Time // of the last clearing
}

func newAdmission(l Limits) *admission {
	return &admission{
		all: rate.NewLimiter(rate.Limit(l.LoginRate), burst(l.LoginRate)), rate: l.LoginsPerAddress, of: map[string]*rate.Limiter{}, at: time.Now(),
	}
}

// burst is a quarter of a second at least of what is allowed.
func burst(r float64) int { return max(1, int(r/4)) }

func (a *admission) wait(ctx context.Context) { _ = a.all.Wait(ctx) }

// delay is how long a socket of this address has to wait.
func (a *admission) delay(host string) time.Duration {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.at) > time.Minute {
		a.at = now
		for h, l := range a.of {
			if l.TokensAt(now) >= float64(l.Burst()) {
				delete(a.of, h)
			}
		}
	}
	l := a.of[host]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(a.rate), burst(a.rate))
		a.of[host] = l
	}
	r := l.ReserveN(now, 1)
	d := r.DelayFrom(now)
	if d > patienceAtDoor {
		r.CancelAt(now)
	}
	return d
}
