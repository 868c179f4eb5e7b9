package journal

import (
	"sync"

	"dongyue/internal/event"
)

// Bounds of what is kept in memory for followers that keep up; those that lag
// read the file.
const (
	tailEvents = 4096
	tailBytes  = 8 << 20
)

// tail is the newest part of the journal, and the bell for new events.
type tail struct {
	mu     sync.Mutex
	last   uint64
	events []event.Event // numbered without gaps, the newest is last
	bytes  int
	bell   chan struct{} // closed at the next commit
}

func (t *tail) init(last uint64) { t.last, t.bell = last, make(chan struct{}) }

func (t *tail) lastSeq() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

func (t *tail) add(es []event.Event) {
	if len(es) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range es {
		t.bytes += len(es[i].Data)
	}
	t.events = append(t.events, es...)
	cut := 0
	for len(t.events)-cut > tailEvents || t.bytes > tailBytes && cut < len(t.events) {
		t.bytes -= len(t.events[cut].Data)
		cut++
	}
	if cut > 0 { // a fresh slice: followers may still hold parts of the old one
		t.events = append(make([]event.Event, 0, len(t.events)-cut+maxGroup), t.events[cut:]...)
	}
	t.last = es[len(es)-1].Seq
	close(t.bell)
	t.bell = make(chan struct{})
}

// after returns events behind seq when they are in memory. Else, with no events,
// a bell means that there are none yet, and no bell that the file has them.
func (t *tail) after(seq uint64, limit int) ([]event.Event, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if seq >= t.last {
		return nil, t.bell
	}
	if len(t.events) == 0 || t.events[0].Seq > seq+1 {
		return nil, nil
	}
	i := int(seq + 1 - t.events[0].Seq)
	n := min(len(t.events), i+limit)
	return t.events[i:n:n], nil
}
