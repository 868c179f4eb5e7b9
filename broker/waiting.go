package broker

import (
	"context"
	"slices"
	"sync"
	"time"
)

// patience is how long a socket may be silent before it has to make room for
// another one.
const patience = time.Second

// waitingRoom holds the sockets that have not sent CONNECT. When it is full,
// the listener first stops accepting, which leaves honest clients of a storm in
// the kernel's queue, and then sends the oldest away. One address never gets
// more than its share.
type waitingRoom struct {
	max, perAddress int

	mu      sync.Mutex
	all     []*conn // oldest first
	since   map[*conn]time.Time
	of      map[string][]*conn
	host    map[*conn]string
	changed chan struct{} // has a value when someone has left
}

func newWaitingRoom(most, perAddress int) *waitingRoom {
	return &waitingRoom{
		max: most, perAddress: perAddress, changed: make(chan struct{}, 1),
		since: map[*conn]time.Time{}, of: map[string][]*conn{}, host: map[*conn]string{},
	}
}

// admit waits for a free place, but not longer than the patience with the
// oldest socket, which enter will send away.
func (r *waitingRoom) admit(ctx context.Context) {
	for ctx.Err() == nil {
		r.mu.Lock()
		wait := time.Duration(0)
		if len(r.all) >= r.max {
			wait = patience - time.Since(r.since[r.all[0]])
		}
		r.mu.Unlock()
		if wait <= 0 {
			return
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-r.changed:
		case <-t.C:
		}
		t.Stop()
	}
}

// enter takes a socket in and returns the one that has to go for it, if any.
func (r *waitingRoom) enter(c *conn, host string) (evicted *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if own := r.of[host]; len(own) >= r.perAddress {
		evicted = own[0]
	} else if len(r.all) >= r.max {
		evicted = r.all[0]
	}
	if evicted != nil {
		r.remove(evicted)
	}
	r.all = append(r.all, c)
	r.since[c] = time.Now()
	r.host[c] = host
	r.of[host] = append(r.of[host], c)
	return evicted
}

func (r *waitingRoom) leave(c *conn) {
	r.mu.Lock()
	r.remove(c)
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

func (r *waitingRoom) remove(c *conn) {
	host, ok := r.host[c]
	if !ok {
		return
	}
	delete(r.host, c)
	delete(r.since, c)
	is := func(x *conn) bool { return x == c }
	r.all = slices.DeleteFunc(r.all, is)
	if r.of[host] = slices.DeleteFunc(r.of[host], is); len(r.of[host]) == 0 {
		delete(r.of, host)
	}
}

// everyone lists who is waiting.
func (r *waitingRoom) everyone() []*conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}
