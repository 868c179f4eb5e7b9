package agent

import "sync"

// Bounds of what a device keeps while nobody listens.
const (
	maxQueued = 1000 // events and replies; the oldest go first, which leaves a gap in seq that the hub notices
	maxLossy  = 64   // telemetry; the oldest go first, uncounted: it is the lossy class
)

type message struct {
	n       uint64 // of the queue, so that an acknowledgement finds its own message
	topic   string
	payload []byte
	retain  bool
}

// outbox holds what a device has to say. Events and replies stay until the
// broker has acknowledged them; of presence and state only the newest counts;
// telemetry is sent once or not at all.
type outbox struct {
	mu              sync.Mutex
	queue           []message
	lossy           []message
	presence, state message
	newPresence     bool
	newState        bool
	first           bool // the state of a new connection goes before the queue
	added           uint64
	lost            int // dropped from the queue
	wake            chan struct{}
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

func (o *outbox) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) add(m message) {
	o.mu.Lock()
	if len(o.queue) == maxQueued {
		// Index 0 may be in flight and must stay for its acknowledgement.
		o.queue = append(o.queue[:1], o.queue[2:]...)
		o.lost++
	}
	o.added++
	m.n = o.added
	o.queue = append(o.queue, m)
	o.mu.Unlock()
	o.nudge()
}

func (o *outbox) addLossy(m message) {
	o.mu.Lock()
	if len(o.lossy) == maxLossy {
		o.lossy = o.lossy[1:]
	}
	o.lossy = append(o.lossy, m)
	o.mu.Unlock()
	o.nudge()
}

func (o *outbox) setPresence(m message) {
	o.mu.Lock()
	o.presence, o.newPresence = m, true
	o.mu.Unlock()
	o.nudge()
}

func (o *outbox) setState(m message) {
	o.mu.Lock()
	o.state, o.newState = m, true
	o.mu.Unlock()
	o.nudge()
}

// begin prepares for a new connection: presence and state are said again, and
// telemetry of the time without one is of no use.
func (o *outbox) begin() {
	o.mu.Lock()
	o.newPresence, o.newState, o.first = true, true, true
	o.lossy = nil
	o.mu.Unlock()
}

// clear forgets everything, as a device does that has lost its power.
func (o *outbox) clear() {
	o.mu.Lock()
	o.queue, o.lossy = nil, nil
	o.mu.Unlock()
}

// next is the message to be sent with QoS 1, in the order presence, state of a
// new connection, queue, later states. A message of the queue stays in it.
func (o *outbox) next() (m message, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.newPresence && o.presence.topic != "":
		o.newPresence = false
		return o.presence, true
	case o.newState && o.state.topic != "" && (o.first || len(o.queue) == 0):
		o.newState, o.first = false, false
		return o.state, true
	case len(o.queue) > 0:
		return o.queue[0], true
	}
	return message{}, false
}

// acked takes an acknowledged message out of the queue.
func (o *outbox) acked(m message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if m.n != 0 && len(o.queue) > 0 && o.queue[0].n == m.n {
		o.queue[0] = message{}
		o.queue = o.queue[1:]
	}
}

// takeLossy returns the waiting telemetry.
func (o *outbox) takeLossy() []message {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.lossy
	o.lossy = nil
	return l
}

// waiting is how many events and replies are not acknowledged yet.
func (o *outbox) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue)
}
