package streams

import (
	"context"
	"sync"
	"time"
)

// Output is where a reader's packets go, such as one viewer's SRTP. Both methods
// are called by the goroutine of Reader.Run only and must not wait for the viewer.
type Output interface {
	// Packet sends one RTP packet; marker is set on the last one of a frame.
	Packet(seq uint16, ts uint32, marker bool, payload []byte) error
	// Report sends an RTCP sender report (RFC 3550, 6.4.1): ts is the RTP time at at.
	Report(at time.Time, ts, packets, octets uint32) error
}

const (
	// replayRate is the pace of a replay: fast enough for any picture, slow
	// enough that a browser's socket of 208 KiB does not overflow. Bytes a second.
	replayRate = 10e6
	// reportEvery is the time between sender reports.
	reportEvery = time.Second
	// refreshEvery keeps a viewer from asking for replay upon replay.
	refreshEvery = 300 * time.Millisecond
	// resendsPerSecond bounds what a viewer's NACKs can cost.
	resendsPerSecond = 800
)

// Reader sends a stream to one viewer. It begins with the cached key frame and
// runs up to now, paced, each packet stamped with the time of sending; then it
// follows live. The same replay answers a request for a key frame. A reader that
// can't keep up goes on at the newest key frame; it never holds up the stream.
//
// Sequence numbers are contiguous whatever happens, so a viewer sees no loss
// that is none.
type Reader struct {
	from *Stream
	out  Output
	ask  chan struct{} // replay, please
	nack chan []uint16

	seq    uint16
	last   uint32 // newest timestamp sent
	lastAt time.Time
	live   bool // has caught up once
	sent   history
	budget int // resends left in this second

	mu    sync.Mutex
	stats ReaderStats
	turn  time.Time // when the last replay ended
}

// ReaderStats counts what a reader did.
type ReaderStats struct {
	Frames, Packets, Octets, Replays, Resent, Skipped uint64
}

// NewReader returns a reader whose sequence numbers begin at seq; keep seq below
// 2^15 (RFC 3711, 3.3.1).
func NewReader(from *Stream, out Output, seq uint16) *Reader {
	return &Reader{from: from, out: out, seq: seq & 0x7fff, ask: make(chan struct{}, 1), nack: make(chan []uint16, 32)}
}

// Refresh answers a PLI or FIR (RFC 4585, 6.3.1; RFC 5104, 4.3.1) from the cache.
func (r *Reader) Refresh() {
	r.mu.Lock()
	soon := time.Since(r.turn) < refreshEvery
	r.mu.Unlock()
	if soon {
		return // the replay that has just ended is the answer
	}
	select {
	case r.ask <- struct{}{}:
	default: // one is waiting already
	}
}

// Resend answers a NACK (RFC 4585, 6.2.1). A packet that is no longer kept is
// answered by a replay, since browsers wait seconds before they ask for one.
func (r *Reader) Resend(seqs []uint16) {
	select {
	case r.nack <- seqs:
	default: // the viewer asks again
	}
}

// Stats returns the counters; any goroutine may ask.
func (r *Reader) Stats() ReaderStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// Run sends until ctx ends, the output fails or the stream is gone. Start it when
// the viewer can receive; nothing is sent twice to one that can't yet.
func (r *Reader) Run(ctx context.Context) error {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	var at uint64
	behind, needKey := true, true
	pace := pacer{rate: replayRate}
	r.budget = resendsPerSecond
	for {
		fs, first, wake, err := r.from.from(at)
		if err != nil {
			return err
		}
		if wake != nil {
			if behind && at > 0 { // at 0 nothing has come yet
				behind = false
				r.caughtUp()
			}
			again, err := r.rest(ctx, wake, tick.C)
			if err != nil {
				return err
			}
			if again {
				at, behind, needKey = 0, true, true
			}
			continue
		}
		if first > at && at > 0 {
			needKey = true
			r.count(func(s *ReaderStats) { s.Skipped += first - at })
		}
		at = first
		for _, f := range fs {
			at++
			if needKey && !f.Key {
				continue
			}
			needKey = false
			if err := r.send(ctx, f, behind, &pace); err != nil {
				return err
			}
		}
	}
}

// rest waits for frames and does what else there is to do; again asks for a replay.
func (r *Reader) rest(ctx context.Context, wake <-chan struct{}, tick <-chan time.Time) (again bool, err error) {
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-wake:
			return false, nil
		case <-r.ask:
			return true, nil
		case seqs := <-r.nack:
			gone, err := r.resend(seqs)
			if gone || err != nil {
				return gone, err
			}
		case now := <-tick:
			r.budget = resendsPerSecond
			if err := r.report(now); err != nil {
				return false, err
			}
		}
	}
}

func (r *Reader) caughtUp() {
	select { // the replay has answered what was asked during it
	case <-r.ask:
	default:
	}
	r.live = true
	r.mu.Lock()
	r.turn = time.Now()
	r.stats.Replays++
	r.mu.Unlock()
}

// send writes a frame. Behind live its timestamp is the time of sending, so that
// the viewer sees neither jitter nor backlog; live it is the camera's.
func (r *Reader) send(ctx context.Context, f *Frame, behind bool, pace *pacer) error {
	ts := f.TS
	if behind {
		ts = r.from.clock()
	}
	if !r.lastAt.IsZero() && int32(ts-r.last) <= 0 { //nolint:gosec // modulo 2^32 is meant
		ts = r.last + 1 // equal ones would be one frame, older ones be dropped
	}
	now := time.Now()
	r.last, r.lastAt = ts, now
	r.sent.add(sentFrame{seq: r.seq, ts: ts, f: f, at: now})
	for i, b := range f.Payloads {
		if err := r.out.Packet(r.seq, ts, i == len(f.Payloads)-1, b); err != nil {
			return err
		}
		r.seq++
		if behind {
			if err := pace.wait(ctx, len(b)+12); err != nil {
				return err
			}
		}
	}
	r.count(func(s *ReaderStats) {
		s.Frames++
		s.Packets += uint64(len(f.Payloads))
		s.Octets += uint64(f.Bytes) //nolint:gosec // not negative
	})
	return nil
}

// resend sends what was lost; gone tells that some of it is no longer kept.
func (r *Reader) resend(seqs []uint16) (gone bool, err error) {
	for _, seq := range seqs {
		if r.budget == 0 {
			return false, nil
		}
		s, ok := r.sent.find(seq)
		if !ok {
			if int16(r.seq-seq) > 0 { //nolint:gosec // modulo 2^16 is meant
				gone = true
			}
			continue
		}
		r.budget--
		i := int(seq - s.seq)
		if err := r.out.Packet(seq, s.ts, i == len(s.f.Payloads)-1, s.f.Payloads[i]); err != nil {
			return false, err
		}
		r.count(func(s *ReaderStats) { s.Resent++ })
	}
	return gone, nil
}

// report sends a sender report, but none before the first replay has ended.
func (r *Reader) report(now time.Time) error {
	if !r.live || r.lastAt.IsZero() {
		return nil
	}
	s := r.Stats()
	return r.out.Report(now, r.last+ticks(now.Sub(r.lastAt)), uint32(s.Packets), uint32(s.Octets)) //nolint:gosec // modulo 2^32 is meant
}

func (r *Reader) count(f func(*ReaderStats)) {
	r.mu.Lock()
	f(&r.stats)
	r.mu.Unlock()
}

// pacer keeps a rate, with bursts of 2 ms at most.
type pacer struct {
	rate float64 // bytes a second
	next time.Time
}

func (p *pacer) wait(ctx context.Context, n int) error {
	now := time.Now()
	if low := now.Add(-2 * time.Millisecond); p.next.Before(low) {
		p.next = low
	}
	p.next = p.next.Add(time.Duration(float64(n) / p.rate * 1e9))
	d := p.next.Sub(now)
	if d < 500*time.Microsecond { // timers are coarse
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
