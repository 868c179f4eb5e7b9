package clip

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"dongyue/streams"
)

const (
	// longest is what a fragment lasts at most, and so what a sudden end of the
	// process costs, with a quarter of a second for writing it.
	longest = 750 * time.Millisecond
	// shortest keeps cameras that send key frames only from making a fragment of each.
	shortest = 250 * time.Millisecond
	// pause without pictures is a gap, whether the camera says why or not.
	pause = time.Second
	// slack is how much longer than asked for pictures are kept: an alarm is judged,
	// committed and taken up in this time.
	slack = 5 * time.Second
)

// picture is a frame on the camera's clock without wrap-around.
type picture struct {
	*streams.Frame
	pts int64
}

// fragment is up to 750 ms of a camera's pictures, in decoding order.
type fragment struct {
	n      uint64
	run    *run
	key    bool   // begins with a key frame
	gap    string // code of why pictures are missing before it
	pts    int64  // of its first picture
	since  int64  // all pictures of times before this one lie in front of it
	end    int64  // highest time in it, and one picture more
	next   int64  // time of the picture behind it, 0 where that is not known
	frames []picture
	sound  streams.Sound // how its sound is coded
	sounds []*streams.SoundFrame
	bytes  int
	closed bool
	wanted bool   // by a clip, once at least
	stored *piece // where it lies on disk; nil before
}

func (f *fragment) start() time.Time { return f.run.at(f.pts) }
func (f *fragment) until() time.Time { return f.run.at(f.end) }

// ring is the newest pictures of a camera, and the clips that want them.
type ring struct {
	keep time.Duration // at least so much, and the group of pictures it lies in
	most int           // bytes
	wake func()        // there is something to write

	mu    sync.Mutex
	frags []*fragment // the oldest first; the last one may be open
	n     uint64      // of the next fragment
	bytes int         // of the frames in frags
	clips []*clip
	tape  wish

	ts      uint32 // of the newest picture
	pts     int64
	high    int64 // highest time so far
	settled int64 // all pictures before this time have come
	step    int64 // usual time between pictures
	reorder bool  // the camera sends B-frames
	hevc    bool  // its pictures are H.265
	heard   heardSounds
	at      time.Time // when the newest picture came
}

// put takes a picture. It runs in the camera's goroutine.
func (r *ring) put(f *streams.Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.H265 != r.hevc {
		r.turn(f.H265)
	}
	p := picture{f, r.unwrap(f)}
	gap := f.After
	if gap == "" && r.n > 0 && p.pts-r.high > ticks(pause) {
		gap = codePause
	}
	r.order(p.pts, gap != "")
	open := r.open()
	var now *run
	if open == nil || gap != "" {
		now = &run{}
	} else {
		now = open.run
	}
	now.came(p.pts, f.At)
	ended := r.end(now)
	if open == nil || open.closed || gap != "" || ended || r.full(open, &p) {
		r.close(p.pts, gap)
		r.begin(&p, now, gap)
		open = r.open()
	}
	open.frames = append(open.frames, p)
	open.bytes += f.Bytes
	open.end = max(open.end, p.pts+r.step)
	r.bytes += f.Bytes
	r.evict()
}

// turn begins anew with another coding: one file holds one, so clips end with what
// they have, and later ones can't begin before it.
func (r *ring) turn(hevc bool) {
	r.hevc = hevc
	if r.n == 0 {
		return // it is the first picture
	}
	r.close(0, "")
	for _, c := range r.clips {
		if !c.ended {
			c.ended, c.problem = true, problemGone
		}
	}
	r.forget(len(r.frags))
	r.wake()
}

// unwrap puts a picture's time of 32 bits onto the long clock. Over a gap the hub's
// clock says how often it went round (once in 13 hours).
func (r *ring) unwrap(f *streams.Frame) int64 {
	if r.n == 0 {
		r.ts, r.at, r.pts = f.TS, f.At, 0
		r.high, r.settled, r.step = r.pts, r.pts, clockRate/25
		return r.pts
	}
	step := int64(int32(f.TS - r.ts)) //nolint:gosec // modulo 2^32 is meant
	if f.After != "" {
		const round = 1 << 32
		step += (ticks(f.At.Sub(r.at)) - step + round/2) / round * round
	}
	r.ts, r.at = f.TS, f.At
	r.pts += step
	return r.pts
}

// order follows which pictures are still to come. Where the camera reorders, those
// before the last but one of the highest times are there.
func (r *ring) order(pts int64, fresh bool) {
	switch {
	case pts < r.high:
		r.reorder = true
		return
	case pts > r.high && pts-r.high < clockRate && !fresh && !r.reorder:
		r.step = pts - r.high
	}
	r.settled = pts
	if r.reorder && !fresh {
		r.settled = r.high
	}
	r.high = pts
}

func (r *ring) open() *fragment {
	if len(r.frags) == 0 {
		return nil
	}
	return r.frags[len(r.frags)-1]
}

// full tells whether a picture begins a new fragment.
func (r *ring) full(open *fragment, p *picture) bool {
	d := p.pts - open.pts
	if p.Key && (!open.key || d >= ticks(shortest)) {
		return true
	}
	return d >= ticks(longest)
}

// close ends the open fragment. next is the time of the picture behind it, 0 for not
// known yet.
func (r *ring) close(next int64, gap string) {
	f := r.open()
	if f == nil || f.closed {
		return
	}
	f.closed = true
	r.bytes += r.heard.give(f, next)
	if gap == "" && !r.reorder {
		f.next = next
	}
	if f.wanted {
		r.wake()
	}
}

// begin opens a fragment and gives it to the clips.
func (r *ring) begin(p *picture, now *run, gap string) {
	f := &fragment{n: r.n, run: now, key: p.Key, gap: gap, pts: p.pts, since: r.settled, end: p.pts, frames: make([]picture, 0, 24)}
	r.n++
	r.frags = append(r.frags, f)
	for _, c := range r.clips {
		if !c.ended && (f.key || c.fresh) {
			c.take(f)
		}
	}
	r.tape.take(f, p.At)
}

// end ends the clips whose last picture has come.
func (r *ring) end(now *run) (some bool) {
	for _, c := range r.clips {
		if !c.ended && !now.at(r.settled).Before(c.to) {
			c.ended, some = true, true
		}
	}
	if some {
		r.wake()
	}
	return some
}

// evict forgets what is older than has to be kept: whole groups of pictures, unless
// they take too much memory.
func (r *ring) evict() {
	old, n := r.high-ticks(r.keep), 0
	for i, f := range r.frags {
		if f.pts > old {
			break
		}
		if f.key {
			n = i
		}
	}
	r.forget(n)
	for r.bytes > r.most && len(r.frags) > 1 {
		r.forget(1)
	}
}

func (r *ring) forget(n int) {
	for _, f := range r.frags[:n] {
		if f.frames != nil {
			r.bytes -= f.bytes
		}
	}
	clear(r.frags[:n])
	r.frags = r.frags[n:]
}

// add gives a clip the pictures that are there already, from the key frame before
// the moment from which it shows something.
func (r *ring) add(c *clip) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clips = append(r.clips, c)
	fresh := false
	for _, f := range r.frags[r.entry(c.from):] {
		if fresh && !f.run.at(f.since).Before(c.to) {
			c.ended = true
			break
		}
		if fresh = fresh || f.key; fresh {
			c.take(f)
		}
	}
	r.wake()
}

// entry is the place of the fragment to begin with in order to show a moment.
func (r *ring) entry(from time.Time) int {
	at, key := 0, 0
	for i, f := range r.frags {
		if f.start().After(from) {
			break
		}
		at = i
		if f.key {
			key = i
		}
	}
	if at == len(r.frags) {
		return at
	}
	// A moment in a gap is shown by what comes behind the gap.
	last, until := at+1 == len(r.frags), r.frags[at].until()
	if !last && r.frags[at+1].gap != "" && !until.After(from) || last && from.Sub(until) > pause {
		return at + 1
	}
	return key
}

// flush closes the open fragment where it has lasted long enough that waiting for
// its next picture would risk it, and ends clips whose time is over although no
// picture came.
func (r *ring) flush(now time.Time, all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.clips {
		if !c.ended && now.Sub(c.to) > patience {
			c.ended = true
			all = true
		}
	}
	if f := r.open(); f != nil && !f.closed && f.wanted && (all || now.Sub(f.frames[0].At) > longest) {
		r.close(0, "")
	}
}

// patience is how long the last pictures of a clip are waited for.
const patience = 1500 * time.Millisecond

// due is what is to be written, in order, and how much of it there is.
func (r *ring) due() (fs []*fragment, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := map[uint64]bool{}
	add := func(list []*fragment) {
		for _, f := range list {
			if f.closed && f.stored == nil && !seen[f.n] {
				seen[f.n] = true
				fs = append(fs, f)
				bytes += f.bytes
			}
		}
	}
	for _, c := range r.clips {
		c.advance()
		add(c.frags[c.done:])
	}
	add(r.tape.wait)
	slices.SortFunc(fs, func(a, b *fragment) int { return cmp.Compare(a.n, b.n) })
	return fs, bytes
}

// save notes where fragments lie; their pictures are let go.
func (r *ring) save(fs []*fragment, ps []*piece) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, f := range fs {
		f.stored, f.frames, f.sounds = ps[i], nil, nil
		if len(r.frags) > 0 && f.n >= r.frags[0].n {
			r.bytes -= f.bytes
		}
	}
	r.tape.stored()
}

// over takes the clips out that have ended and lie on disk as a whole.
func (r *ring) over() (done []*clip) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clips = slices.DeleteFunc(r.clips, func(c *clip) bool {
		c.advance()
		if !c.ended || c.done < len(c.frags) {
			return false
		}
		done = append(done, c)
		return true
	})
	return done
}

// fail ends all clips with what they have on disk.
func (r *ring) fail(problem string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.clips {
		c.ended = true
		if c.problem == "" {
			c.problem = problem
		}
		c.advance()
		c.frags = c.frags[:c.done]
	}
	r.tape.fail(problem, time.Now())
}

// busy tells whether the writer is needed, and whether its session must go on: as
// long as a fragment of it could become part of another clip.
func (r *ring) busy() (clips, session bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	clips = len(r.clips) > 0 || r.tape.on || len(r.tape.wait) > 0
	return clips, clips || slices.ContainsFunc(r.frags, func(f *fragment) bool { return f.stored != nil })
}

// oldest is where a time line begins that a fragment is the first of: a later clip
// may want what lies before it.
func (r *ring) oldest(f *fragment) *fragment {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.frags) > 0 && r.frags[0].n < f.n {
		return r.frags[0]
	}
	return f
}

// endAll ends the clips with the pictures that they have.
func (r *ring) endAll(problem string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.clips {
		if !c.ended {
			c.ended, c.problem = true, problem
		}
	}
}

// setLimits says how much of the past is kept, and in how many bytes at most.
func (r *ring) setLimits(keep time.Duration, most int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keep, r.most = keep, most
}

// keptBytes is the memory that the ring takes.
func (r *ring) keptBytes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bytes
}
