package identity

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// Limit is a number of tries that may come at once, and the time after which
// one more is allowed.
type Limit struct {
	Burst int
	Every time.Duration
}

// maxBuckets bounds the memory that strangers can make the limiter use.
const maxBuckets = 20_000

// limiter counts tries per key. A try is taken before the check, so that many at
// the same moment count too, and given back when it was good.
type limiter struct {
	limit Limit

	mu      sync.Mutex
	buckets map[string]bucket
}

type bucket struct {
	used float64 // tries, as of at; they fade by one each limit.Every
	at   time.Time
}

func newLimiter(l Limit) *limiter { return &limiter{limit: l, buckets: map[string]bucket{}} }

// take uses up one try; otherwise it says how long to wait for one.
func (l *limiter) take(key string) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := time.Now()
	b := l.faded(l.buckets[key], n)
	if over := b.used + 1 - float64(l.limit.Burst); over > 0 {
		return time.Duration(over * float64(l.limit.Every)), false
	}
	b.used++
	if _, known := l.buckets[key]; !known && len(l.buckets) >= maxBuckets {
		l.makeRoom(n)
	}
	l.buckets[key] = b
	return 0, true
}

// give returns a try.
func (l *limiter) give(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.faded(l.buckets[key], time.Now())
	if b.used--; b.used <= 0 {
		delete(l.buckets, key)
		return
	}
	l.buckets[key] = b
}

func (l *limiter) faded(b bucket, n time.Time) bucket {
	b.used = max(0, b.used-float64(n.Sub(b.at))/float64(l.limit.Every))
	b.at = n
	return b
}

// makeRoom forgets what has faded, and when that is not enough, whoever comes
// first in the map: a flood of addresses must not use up memory.
func (l *limiter) makeRoom(n time.Time) {
	for k, b := range l.buckets {
		if l.faded(b, n).used == 0 {
			delete(l.buckets, k)
		}
	}
	for k := range l.buckets {
		if len(l.buckets) < maxBuckets {
			return
		}
		delete(l.buckets, k)
	}
}

// addressKey is the address without its port; of IPv6 the /64, because whoever
// has one address there has all of them.
func addressKey(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}
