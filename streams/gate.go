package streams

import (
	"context"
	"net/url"
	"sync"
	"time"
)

// dialEvery is the least time between two attempts to come back to one host: a
// recorder with 64 channels must not be dialled by all of them at once when it
// starts. First attempts are not held up.
const dialEvery = 50 * time.Millisecond

// gates spaces out attempts, one host apart from the other.
type gates struct {
	mu   sync.Mutex
	next map[string]time.Time // when the next attempt may begin
}

// of returns the gate of an address.
func (g *gates) of(u URL) func(context.Context) {
	host := ""
	if p, err := url.Parse(string(u)); err == nil {
		host = p.Host
	}
	return func(ctx context.Context) { g.pass(ctx, host) }
}

func (g *gates) pass(ctx context.Context, host string) {
	now := time.Now()
	g.mu.Lock()
	at := g.next[host]
	if at.Before(now) {
		at = now
	}
	if len(g.next) >= maxGates { // hosts of cameras that are long forgotten
		for h, t := range g.next {
			if t.Before(now) {
				delete(g.next, h)
			}
		}
	}
	g.next[host] = at.Add(dialEvery)
	g.mu.Unlock()
	if at.Equal(now) {
		return
	}
	t := time.NewTimer(at.Sub(now))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// maxGates is when passed gates are forgotten.
const maxGates = 4096
