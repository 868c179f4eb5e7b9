package journal

import (
	"sync"

	"dongyue/internal/event"
)

// item is one event on its way to the disk.
type item struct {
	e    event.Event
	done func(seq uint64, dup bool, err error)
}

// queue holds what waits for the committer. It is bounded: who appends to a
// full queue waits, which slows the device that sends and loses nothing.
type queue struct {
	mu    sync.Mutex
	work  *sync.Cond // something is queued, or the end has come
	space *sync.Cond // the committer took some, or the end has come
	items []item
	end   bool
}

func (q *queue) init() { q.work, q.space = sync.NewCond(&q.mu), sync.NewCond(&q.mu) }

// put reports false when the queue has been closed.
func (q *queue) put(it *item) bool {
	q.mu.Lock()
	for len(q.items) >= maxGroup && !q.end {
		q.space.Wait()
	}
	if q.end {
		q.mu.Unlock()
		return false
	}
	q.items = append(q.items, *it)
	first := len(q.items) == 1
	q.mu.Unlock()
	if first {
		q.work.Signal()
	}
	return true
}

// take waits for work, hands out all of it and goes on with the empty buf; none
// means that the queue has been closed and is empty.
func (q *queue) take(buf []item) []item {
	q.mu.Lock()
	for len(q.items) == 0 && !q.end {
		q.work.Wait()
	}
	group := q.items
	q.items = buf[:0]
	q.mu.Unlock()
	q.space.Broadcast()
	return group
}

// seal refuses new items and lets the committer take what is there.
func (q *queue) seal() {
	q.mu.Lock()
	q.end = true
	q.mu.Unlock()
	q.work.Broadcast()
	q.space.Broadcast()
}

// close refuses new items and returns those that nobody will take.
func (q *queue) close() []item {
	q.seal()
	q.mu.Lock()
	defer q.mu.Unlock()
	left := q.items
	q.items = nil
	return left
}
