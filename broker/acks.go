package broker

import "sync"

// slot is one message that waits for the disk.
type slot struct {
	kind    byte // of the acknowledgement; 0: none is due
	id      uint16
	deliver *delivery
	done    bool
	err     error
}

// acks keeps acknowledgements in the order in which the messages came (MQTT 5,
// 4.6), whatever the order in which the Sink tells of them.
type acks struct {
	mu       sync.Mutex
	room     *sync.Cond
	queue    []*slot
	settling bool
	closed   bool
}

func (a *acks) init() { a.room = sync.NewCond(&a.mu) }

// add waits for a free place: a client that has too many messages on the way is
// not read from. It reports false when the connection is ending.
func (a *acks) add(s *slot) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.queue) >= inFlight && !a.closed {
		a.room.Wait()
	}
	if a.closed {
		return false
	}
	a.queue = append(a.queue, s)
	return true
}

// close lets nobody wait any more; what is in the queue is still settled.
func (a *acks) close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.room.Broadcast()
}

// force adds at the end of a connection, when nobody waits any more.
func (a *acks) force(s *slot) {
	a.mu.Lock()
	a.queue = append(a.queue, s)
	a.mu.Unlock()
}

// settle notes the fate of a message and hands out, in order, all whose turn has
// come. One goroutine at a time does so; the others leave theirs to it.
func (a *acks) settle(s *slot, err error, out func(*slot)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.done {
		return // a second call of done
	}
	s.done, s.err = true, err
	if a.settling {
		return
	}
	a.settling = true
	for len(a.queue) > 0 && a.queue[0].done {
		head := a.queue[0]
		a.queue[0] = nil
		a.queue = a.queue[1:]
		a.mu.Unlock()
		out(head)
		a.mu.Lock()
	}
	if len(a.queue) == 0 {
		a.queue = nil
	}
	a.settling = false
	a.room.Broadcast()
}
