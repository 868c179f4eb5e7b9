package journal

import (
	"cmp"
	"slices"
	"sync"

	"dongyue/internal/event"
)

// Bounds of what is kept in memory for followers that keep up; those that lag
// read the segments.
const (
	tailEvents = 16384
	tailBytes  = 8 << 20
)

// tail is the newest part of the journal, and the bell for new events.
type tail struct {
	mu     sync.Mutex
	last   uint64
	groups [][]event.Event // as they were committed: numbered without gaps, the newest is last
	events int
	bytes  int
	bell   chan struct{} // closed at the next commit
}

func (t *tail) init(last uint64) { t.last, t.bell = last, make(chan struct{}) }

func (t *tail) lastSeq() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

func bytesOf(es []event.Event) (n int) {
	for i := range es {
		n += len(es[i].Data)
	}
	return n
}

// add takes a group over; nobody may change it afterwards.
func (t *tail) add(es []event.Event) {
	if len(es) == 0 {
		return
	}
	n := bytesOf(es)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.groups = append(t.groups, es)
	t.events += len(es)
	t.bytes += n
	cut := 0
	for t.events > tailEvents || t.bytes > tailBytes && cut < len(t.groups) {
		t.events -= len(t.groups[cut])
		t.bytes -= bytesOf(t.groups[cut])
		t.groups[cut] = nil
		cut++
	}
	t.groups = t.groups[cut:]
	t.last = es[len(es)-1].Seq
	close(t.bell)
	t.bell = make(chan struct{})
}

// after returns events behind seq when they are in memory, at most limit. Else,
// with no events, a bell means that there are none yet, and no bell that the
// segments have them.
func (t *tail) after(seq uint64, limit int) ([]event.Event, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if seq >= t.last {
		return nil, t.bell
	}
	if len(t.groups) == 0 || t.groups[0][0].Seq > seq+1 {
		return nil, nil
	}
	i, found := slices.BinarySearchFunc(t.groups, seq+1, func(g []event.Event, seq uint64) int { return cmp.Compare(g[0].Seq, seq) })
	if !found {
		i--
	}
	g := t.groups[i][seq+1-t.groups[i][0].Seq:]
	if len(g) >= limit || i+1 == len(t.groups) {
		n := min(len(g), limit)
		return g[:n:n], nil
	}
	es := make([]event.Event, 0, min(limit, int(t.last-seq))) // a follower that is behind gets one large batch
	for es = append(es, g...); len(es) < limit && i+1 < len(t.groups); {
		i++
		es = append(es, t.groups[i][:min(limit-len(es), len(t.groups[i]))]...)
	}
	return es, nil
}

// oldestBefore is the number in front of what is in memory.
func (t *tail) oldestBefore() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.groups) == 0 {
		return t.last
	}
	return t.groups[0][0].Seq - 1
}
