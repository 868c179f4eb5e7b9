package streams

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

const (
	// paceBurst is the credit that a pause earns: more at once overflows a
	// browser's socket.
	paceBurst = 2 * time.Millisecond
	// paceCoarse is what timers are not good for.
	paceCoarse = 500 * time.Microsecond
	// restRank comes behind every key frame: a frame's bytes are fewer.
	restRank = maxUnitBytes * 2
)

// Pace is the rate at which replays go out. The readers of one viewer share one,
// since their packets end in one socket: key frames first, the small ones before
// the large, then the rest in turn. So all pictures are there as soon as can be,
// before any of them has caught up.
//
// It may be used from any goroutine.
type Pace struct {
	rate float64 // bytes a second

	mu    sync.Mutex
	next  time.Time // when what was granted will be through
	queue paceQueue
	asked uint64
	timer *time.Timer
}

// NewPace returns a pace of 10 MB/s.
func NewPace() *Pace { return &Pace{rate: replayRate} }

// wait returns when n bytes may be sent, those of lower rank before others.
func (p *Pace) wait(ctx context.Context, n, rank int) error {
	p.mu.Lock()
	if len(p.queue) == 0 && p.room() {
		p.take(n)
		p.mu.Unlock()
		return nil
	}
	p.asked++
	t := &paceTurn{bytes: n, rank: rank, asked: p.asked, granted: make(chan struct{})}
	heap.Push(&p.queue, t)
	if len(p.queue) == 1 {
		p.arm()
	}
	p.mu.Unlock()
	select {
	case <-t.granted:
		return nil
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		if t.index >= 0 {
			heap.Remove(&p.queue, t.index)
		}
		return ctx.Err()
	}
}

// room tells whether something may go now. Hold p.mu, as for the others.
func (p *Pace) room() bool {
	now := time.Now()
	if low := now.Add(-paceBurst); p.next.Before(low) {
		p.next = low
	}
	return p.next.Sub(now) < paceCoarse
}

func (p *Pace) take(n int) { p.next = p.next.Add(time.Duration(float64(n) / p.rate * 1e9)) }

func (p *Pace) arm() {
	d := time.Until(p.next)
	if p.timer == nil {
		p.timer = time.AfterFunc(d, p.grant)
		return
	}
	p.timer.Reset(d)
}

// grant lets those through for whom there is room.
func (p *Pace) grant() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.queue) > 0 && p.room() {
		t, _ := heap.Pop(&p.queue).(*paceTurn)
		p.take(t.bytes)
		close(t.granted)
	}
	if len(p.queue) > 0 {
		p.arm()
	}
}

// paceTurn is one who waits.
type paceTurn struct {
	bytes, rank int
	asked       uint64 // the first come first
	granted     chan struct{}
	index       int // in the queue; -1: no longer
}

// paceQueue implements heap.Interface.
type paceQueue []*paceTurn

func (q paceQueue) Len() int { return len(q) }
func (q paceQueue) Less(i, j int) bool {
	if q[i].rank != q[j].rank {
		return q[i].rank < q[j].rank
	}
	return q[i].asked < q[j].asked
}

func (q paceQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push implements heap.Interface.
func (q *paceQueue) Push(x any) {
	t, _ := x.(*paceTurn)
	t.index = len(*q)
	*q = append(*q, t)
}

// Pop implements heap.Interface.
func (q *paceQueue) Pop() any {
	old := *q
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	t.index = -1
	return t
}
