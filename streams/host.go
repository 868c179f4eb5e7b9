package streams

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"
)

// Times of a host.
const (
	// dialEvery is the least time between two attempts to come back to one host: a
	// recorder with 64 channels must not be dialled by all of them at once when it
	// starts. First attempts are not held up.
	dialEvery = 50 * time.Millisecond
	holdMin   = time.Second     // after a host has said that it is full; doubles
	holdMax   = 5 * time.Second //
	holdBusy  = time.Second     // after it has told several streams that it can't now
)

// ErrLimit means that the hub itself has as many sessions with a host as it may.
var ErrLimit = errors.New("the sessions that this recorder may have with the hub are in use")

// host is what all streams of one host and port share: of a recorder these are
// many, and it has only so many sessions.
type host struct {
	limit int // sessions at one time; 0: any number

	mu       sync.Mutex
	sessions int
	next     time.Time // when the next attempt to come back may begin
	until    time.Time // nothing is dialled before
	hold     time.Duration
	reason   error // why
	refused  map[*path]struct{}
}

// hosts finds the host of an address.
type hosts struct {
	limit int
	mu    sync.Mutex
	all   map[string]*host
}

// maxHosts is when hosts without sessions are forgotten.
const maxHosts = 4096

func (h *hosts) of(u URL) *host {
	name := ""
	if p, err := url.Parse(string(u)); err == nil {
		name = p.Host
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if x := h.all[name]; x != nil {
		return x
	}
	if len(h.all) >= maxHosts {
		for k, x := range h.all {
			if x.free() {
				delete(h.all, k)
			}
		}
	}
	x := &host{limit: h.limit}
	h.all[name] = x
	return x
}

func (h *host) free() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions == 0
}

// turn says when an attempt may begin, and why not now. again is false for the
// first one of a stream.
func (h *host) turn(again bool) (at time.Time, reason error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	at = now
	if h.until.After(now) {
		at, reason = h.until, h.reason
	}
	if again || reason != nil {
		if h.next.After(at) {
			at = h.next
		}
		h.next = at.Add(dialEvery)
	}
	return at, reason
}

// enter takes a session.
func (h *host) enter() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.limit > 0 && h.sessions >= h.limit {
		return fmt.Errorf("%w: %d", ErrLimit, h.limit)
	}
	h.sessions++
	return nil
}

func (h *host) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions--
}

// told learns what became of an attempt: nil for a picture. A host that is full
// is left alone for a while by all its streams. One that is only busy may mean a
// single channel, so that counts when it says so to two.
func (h *host) told(p *path, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err == nil:
		h.hold, h.refused = 0, nil
	case errors.Is(err, ErrFull):
		h.hold = min(max(2*h.hold, holdMin), holdMax)
		h.stop(h.hold, fmt.Errorf("%w, as it has told another of its streams", ErrFull))
	case errors.Is(err, ErrNotNow):
		if h.refused == nil {
			h.refused = map[*path]struct{}{}
		}
		if h.refused[p] = struct{}{}; len(h.refused) > 1 {
			clear(h.refused)
			h.stop(holdBusy, fmt.Errorf("%w, as it has told others of its streams", ErrNotNow))
		}
	}
}

// stop holds all up for between half and all of d.
func (h *host) stop(d time.Duration, reason error) {
	h.until = time.Now().Add(d/2 + rand.N(d/2)) //nolint:gosec // spreads the load, no secret
	h.reason = reason
}
