package streams

import "time"

// change is another stream that a reader is to go on with.
type change struct {
	to   *Stream
	era  uint64      // of to, when it was asked for
	hold bool        // not before the other one has a key frame
	take func() bool // asked right before; false: it is no longer wanted
}

// Switch lets the reader go on with another stream: in the same sequence numbers
// and on the same clock, so the viewer sees one stream that shows something else.
// It begins with the other's cached key frame, by the rules of a replay. With hold
// the present stream flows until that key frame is there.
//
// take is called by the goroutine of Run when it comes to that; where it answers
// false the reader stays with what it has. A later Switch replaces an earlier one
// that has not come to pass. A nil stream shows nothing.
func (r *Reader) Switch(to *Stream, hold bool, take func() bool) {
	if to == nil {
		to, hold = NewStream(), false // one that never has a picture
	}
	r.next.Store(&change{to, to.coding(), hold, take})
	r.nudge()
}

// Stay takes back a Switch that has not come to pass.
func (r *Reader) Stay() { r.next.Store(nil) }

// Share lets several readers send their replays at one pace. Call it before Run.
func (r *Reader) Share(p *Pace) { r.pace = p }

func (r *Reader) nudge() {
	select {
	case r.asked <- struct{}{}:
	default:
	}
}

// due tells whether it is time to change.
func (c *change) due() bool {
	if c == nil || !c.hold {
		return c != nil
	}
	f, _, err := c.to.key()
	return f != nil || err != nil
}

// turn changes the stream if it is time to; Run then begins at its key frame.
func (r *Reader) turn() bool {
	c := r.next.Load()
	if !c.due() {
		return false
	}
	taken := c.take()
	r.next.CompareAndSwap(c, nil)
	if !taken {
		return false
	}
	if !r.lastAt.IsZero() { // the viewer's clock goes on
		r.base = r.last + ticks(time.Since(r.lastAt)) - c.to.clock()
	}
	r.from, r.era, r.begun = c.to, c.era, false
	r.mu.Lock()
	r.shows = Showing{}
	r.mu.Unlock()
	return true
}

// ready closes when the stream that is to come may have its key frame.
func (r *Reader) ready() <-chan struct{} {
	c := r.next.Load()
	if c == nil {
		return nil
	}
	if f, wake, err := c.to.key(); c.hold && f == nil && err == nil {
		return wake
	}
	now := make(chan struct{})
	close(now)
	return now
}

// Showing is how far a reader is with its present stream. The timestamps are those
// that the viewer gets, so that it can tell the pictures of before from those of
// after a change, and a replay from live.
type Showing struct {
	Begun, Live     bool
	BegunTS, LiveTS uint32 // of the first frame, and of the one from which on it is live
}

// Showing tells how far the reader is; any goroutine may ask.
func (r *Reader) Showing() Showing {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.shows
}

// showing notes a frame.
func (r *Reader) showing(ts uint32, behind bool) {
	if r.begun {
		return
	}
	r.begun = true
	r.mu.Lock()
	r.shows.Begun, r.shows.BegunTS = true, ts
	if !behind {
		r.shows.Live, r.shows.LiveTS = true, ts
	}
	r.mu.Unlock()
}
