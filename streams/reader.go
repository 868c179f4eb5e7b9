package streams

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Output is where a reader's packets go, such as one viewer's SRTP. Both methods
// are called by the goroutine of Reader.Run only and must not wait for the viewer.
type Output interface {
	// Send sends RTP packets of one frame that follow one another; number is the
	// first one's sequence number with its rollovers (RFC 3711, 3.3.1). end tells that
	// the last one is the frame's, which has the marker. A packet may come again, as
	// it was. ErrBusy says that some were lost on this machine already.
	Send(number uint64, ts uint32, payloads [][]byte, end bool) error
	// Report sends an RTCP sender report (RFC 3550, 6.4.1): ts is the RTP time at at.
	Report(at time.Time, ts, packets, octets uint32) error
}

const (
	// replayRate is the pace of a replay: fast enough for any picture, slow
	// enough that a browser's socket of 208 KiB does not overflow. Bytes a second.
	replayRate = 10e6
	// replayStep is how many packets a replay sends at once: 1.9 ms at that pace.
	replayStep = 16
	// liveStep is how many packets of a live frame go out at once, and liveRate the
	// pace of more: no frame of usual size is held up, and a key frame of a megabyte
	// does not overflow that socket. Bytes a second.
	liveStep = 64
	liveRate = 50e6
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
	from  *Stream // what it shows now; Run's, after it has begun
	out   Output
	pace  *Pace
	ask   chan struct{} // replay, please
	nack  chan []uint16
	next  atomic.Pointer[change]
	asked chan struct{} // there is a change to think about

	born   time.Time
	era    uint64 // of the stream, when it was chosen
	number uint64 // of the next packet, with rollovers
	base   uint32 // from the stream's clock to the viewer's
	last   uint32 // newest timestamp sent
	lastAt time.Time
	live   bool // has caught up once
	begun  bool // has sent something of this stream
	sent   history
	budget int // resends left in this second

	mu    sync.Mutex
	stats ReaderStats
	ended time.Time // when the last replay ended
	shows Showing
}

// ReaderStats counts what a reader did.
type ReaderStats struct {
	Frames, Packets, Octets, Replays, Resent, Skipped, Dropped uint64
}

// NewReader returns a reader whose sequence numbers begin at seq; keep seq below
// 2^15 (RFC 3711, 3.3.1).
func NewReader(from *Stream, out Output, seq uint16) *Reader {
	return &Reader{
		from: from, era: from.coding(), out: out, pace: NewPace(), born: time.Now(), number: uint64(seq & 0x7fff),
		ask: make(chan struct{}, 1), nack: make(chan []uint16, 32), asked: make(chan struct{}, 1),
	}
}

// Refresh answers a PLI or FIR (RFC 4585, 6.3.1; RFC 5104, 4.3.1) from the cache.
func (r *Reader) Refresh() {
	r.mu.Lock()
	soon := time.Since(r.ended) < refreshEvery
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
// the viewer can receive; nothing is sent twice to one that can't yet. When the
// stream is gone it may be called again, after a Switch to another.
func (r *Reader) Run(ctx context.Context) error {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	var at uint64
	behind, needKey := true, true
	r.budget = resendsPerSecond
	for {
		if r.turn() {
			at, behind, needKey = 0, true, true
		}
		fs, first, wake, err := r.from.from(at)
		if err == nil && r.from.coding() != r.era {
			err = ErrCoding
		}
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
			if r.next.Load().due() {
				break
			}
			at++
			if f.left && !behind && !needKey {
				if err := r.tail(); err != nil {
					return err
				}
			}
			if f.left || needKey && !f.Key {
				continue
			}
			needKey = false
			if err := r.send(ctx, f, behind); err != nil {
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
		case <-r.asked:
			return false, nil
		case <-r.ready():
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
	r.ended = time.Now()
	r.stats.Replays++
	if r.shows.Begun && !r.shows.Live {
		r.shows.Live, r.shows.LiveTS = true, r.last
	}
	r.mu.Unlock()
}

// send writes a frame. Behind live its timestamp is the time of sending, so that
// the viewer sees neither jitter nor backlog; live it is the camera's.
func (r *Reader) send(ctx context.Context, f *Frame, behind bool) error {
	step := liveStep
	if behind {
		step = replayStep
	}
	step = min(step, len(f.Payloads))
	if err := r.await(ctx, f, 0, step, behind); err != nil {
		return err
	}
	ts := r.base + f.TS
	if behind {
		ts = r.base + r.from.clock()
	}
	if !r.lastAt.IsZero() && int32(ts-r.last) <= 0 { //nolint:gosec // modulo 2^32 is meant
		ts = r.last + 1 // equal ones would be one frame, older ones be dropped
	}
	now := time.Now()
	r.last, r.lastAt = ts, now
	r.showing(ts, behind)
	r.sent.add(sentFrame{f: f, number: r.number, ts: ts, at: uint32(now.Sub(r.born) / time.Millisecond)}) //nolint:gosec // modulo 2^32 is meant
	for i, n := 0, step; i < len(f.Payloads); i, n = i+n, min(step, len(f.Payloads)-i-n) {
		if i > 0 {
			if err := r.await(ctx, f, i, n, behind); err != nil {
				return err
			}
		}
		if behind {
			if err := r.answer(); err != nil {
				return err
			}
		}
		if err := r.put(r.number, ts, f.Payloads[i:i+n], i+n == len(f.Payloads)); err != nil {
			return err
		}
		r.number += uint64(n) //nolint:gosec // not negative
	}
	r.count(func(s *ReaderStats) {
		s.Frames++
		s.Packets += uint64(len(f.Payloads))
		s.Octets += uint64(f.Bytes) //nolint:gosec // not negative
	})
	return nil
}

// await keeps the pace before n packets of a frame from packet i on.
func (r *Reader) await(ctx context.Context, f *Frame, i, n int, behind bool) error {
	bytes := 0
	for _, b := range f.Payloads[i : i+n] {
		bytes += len(b) + 12
	}
	if !behind {
		if i == 0 {
			return nil
		}
		return pause(ctx, time.Duration(float64(bytes)/liveRate*1e9))
	}
	rank := restRank
	if f.Key {
		rank = f.Bytes
	}
	return r.pace.wait(ctx, bytes, rank)
}

// put hands packets to the output. What is lost on this machine is as good as lost
// on the network: the viewer asks for it.
func (r *Reader) put(number uint64, ts uint32, list [][]byte, end bool) error {
	err := r.out.Send(number, ts, list, end)
	if errors.Is(err, ErrBusy) {
		r.count(func(s *ReaderStats) { s.Dropped += uint64(len(list)) })
		return nil
	}
	return err
}

// answer sends again what was lost of a replay, which a viewer can't decode before.
// What is no longer kept is answered by the replay itself.
func (r *Reader) answer() error {
	for {
		select {
		case seqs := <-r.nack:
			if _, err := r.resend(seqs); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// resend sends what was lost; gone tells that some of it is no longer kept. It all
// goes out twice, the second time behind the first: a network that has just lost
// packets loses one in ten of these too, and each time costs the viewer a round trip.
func (r *Reader) resend(seqs []uint16) (gone bool, err error) {
	for range 2 {
		for _, seq := range seqs {
			back := uint64(uint16(r.number) - seq) //nolint:gosec // modulo 2^16 is meant
			if back == 0 || back >= 1<<15 {
				continue // it was never sent
			}
			s, ok := r.sent.find(r.number - back)
			if !ok {
				gone = true
				continue
			}
			if r.budget == 0 {
				return gone, nil
			}
			r.budget--
			i := r.number - back - s.number
			if err := r.put(r.number-back, s.ts, s.f.Payloads[i:i+1], i == uint64(len(s.f.Payloads)-1)); err != nil {
				return gone, err
			}
			r.count(func(s *ReaderStats) { s.Resent++ })
		}
	}
	return gone, nil
}

// tail sends the end of the newest picture again. Where pictures are left out the next
// one is far, and who has lost that end would learn of it only then. A burst of losses
// is over when a picture that is left out comes.
func (r *Reader) tail() error {
	s, ok := r.sent.find(r.number - 1)
	if !ok {
		return nil
	}
	last := len(s.f.Payloads) - 1
	return r.put(r.number-1, s.ts, s.f.Payloads[last:], true)
}

// report sends a sender report, but none before the first replay has ended.
func (r *Reader) report(now time.Time) error {
	if !r.live || r.lastAt.IsZero() {
		return nil
	}
	s := r.Stats()
	return r.out.Report(now, r.base+r.from.rtpAt(now), uint32(s.Packets), uint32(s.Octets)) //nolint:gosec // modulo 2^32 is meant
}

func (r *Reader) count(f func(*ReaderStats)) {
	r.mu.Lock()
	f(&r.stats)
	r.mu.Unlock()
}

// pause waits for d.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
