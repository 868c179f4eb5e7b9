package streams

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Puller pulls one stream of a camera: it connects, hands every access unit to
// the sink and returns when ctx ends (nil) or the camera fails (one of the errors
// of this package, wrapped). It gives no address or password into its errors.
type Puller interface {
	Pull(ctx context.Context, from Source, to Sink) error
}

// Times of a pull.
const (
	linger        = 10 * time.Second        // after the last viewer has gone
	noSignalAfter = 2500 * time.Millisecond // without pictures; screens must tell within 3 s
	giveUpAfter   = 4 * time.Second         // without further pictures; then the connection is made anew
	firstWithin   = 8 * time.Second         // without any picture of a connection; long groups begin late
	backoffMin    = 250 * time.Millisecond
	backoffMax    = 800 * time.Millisecond // while somebody watches: back within 1.5 s of its first answer
	backoffIdle   = 5 * time.Second        // while nobody does
	backoffAuth   = 30 * time.Second       // cameras lock users out who come too often with a wrong password
	settled       = 5 * time.Second        // a connection that lived so long was a good one
	watchEvery    = 250 * time.Millisecond
)

// path is one stream of a camera: the pull while somebody wants it.
type path struct {
	from    Source
	host    *host
	stream  *Stream
	puller  Puller
	changed func() // state or codec
	failed  func(attempt int, err error)
	times   times

	mu     sync.Mutex
	refs   int // who wants it pulled
	quiet  int // of these, who does not watch: a recorder that waits for something to happen
	closed bool
	idle   *time.Timer
	cancel context.CancelFunc
	done   chan struct{} // of the newest run
	st     pathState
}

// times can be made short for tests.
type times struct {
	linger, noSignal, giveUp, firstWithin, backoffMin, backoffMax, watch time.Duration
}

func usual() times {
	return times{linger, noSignalAfter, giveUpAfter, firstWithin, backoffMin, backoffMax, watchEvery}
}

// pathState is what /why tells.
type pathState struct {
	state    State
	since    time.Time
	wanted   time.Time // since when somebody wants it
	err      error     // of the last attempt
	attempts int       // since the last good connection
	dialed   time.Time
	next     time.Time // of the next attempt
	kbps     int
	fps      int
	ingest   ingestStats
	total    uint64 // attempts ever
}

// acquire counts a viewer in, or somebody quiet, and starts the pull when it is the
// first. The pull ends with base; running counts it.
func (p *path) acquire(base context.Context, running *sync.WaitGroup, quiet bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrGone
	}
	p.refs++
	if quiet {
		p.quiet++
	}
	if p.idle != nil {
		p.idle.Stop()
		p.idle = nil
	}
	if p.cancel != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(base)
	before, done := p.done, make(chan struct{})
	p.done, p.cancel = done, cancel
	running.Go(func() {
		defer close(done)
		defer cancel()
		if before != nil {
			<-before // the last run is still hanging up
		}
		p.run(ctx)
	})
	return nil
}

// release counts a viewer out; the pull goes on for a while, for viewers who
// only turn the page.
func (p *path) release(quiet bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if quiet {
		p.quiet--
	}
	if p.refs--; p.refs > 0 || p.cancel == nil || p.closed {
		return
	}
	p.idle = time.AfterFunc(p.times.linger, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.refs == 0 && p.cancel != nil {
			p.cancel()
			p.cancel = nil
		}
	})
}

// close ends the pull and all readers.
func (p *path) close(err error) {
	p.mu.Lock()
	p.closed = true
	if p.idle != nil {
		p.idle.Stop()
	}
	if p.cancel != nil {
		p.cancel()
		p.cancel = nil
	}
	p.mu.Unlock()
	p.stream.end(err)
}

// run pulls for as long as ctx lives, again and again.
func (p *path) run(ctx context.Context) {
	p.set(func(s *pathState) {
		*s = pathState{wanted: time.Now(), total: s.total, state: s.state, since: s.since}
	})
	p.enter(Connecting)
	backoff := p.times.backoffMin
	for ctx.Err() == nil {
		began := time.Now()
		err := p.attempt(ctx)
		p.stream.cut()
		if ctx.Err() != nil {
			break
		}
		if st := p.state(); st.ingest.frames > 0 && time.Since(began) > settled {
			backoff = p.times.backoffMin
			p.set(func(s *pathState) { s.attempts = 0 })
		}
		backoff = p.pause(ctx, backoff, err)
	}
	p.stream.cut()
	p.enter(Idle)
}

// pause waits between two attempts and returns the backoff of the next time. Half
// of it is left to chance, so that cameras of one outage don't all dial at once.
func (p *path) pause(ctx context.Context, backoff time.Duration, err error) (next time.Duration) {
	backoff = min(backoff, p.longest(err))
	wait := backoff/2 + rand.N(backoff/2+1) //nolint:gosec // spreads the load, no secret
	attempt := 0
	p.set(func(s *pathState) { s.err, s.next, attempt = err, time.Now().Add(wait), s.attempts })
	p.failed(attempt, err)
	p.sleep(ctx, wait, err)
	return 2 * backoff
}

// longest is how long a pause may be now.
func (p *path) longest(err error) time.Duration {
	switch {
	case errors.Is(err, ErrAuth):
		return backoffAuth
	case p.viewers() == 0, errors.Is(err, ErrFull), errors.Is(err, ErrLimit), errors.Is(err, ErrNetwork), errors.Is(err, ErrCertificate):
		return backoffIdle
	}
	return p.times.backoffMax
}

// turn waits until the host may be dialled.
func (p *path) turn(ctx context.Context) {
	at, reason := p.host.turn(p.state().attempts > 0)
	p.set(func(s *pathState) {
		if s.err == nil {
			s.err = reason
		}
	})
	for d := time.Until(at); d > 0 && ctx.Err() == nil; d = time.Until(at) {
		p.sleep(ctx, d, reason)
	}
}

// attempt makes one connection, when it is its turn and the host has a session.
func (p *path) attempt(ctx context.Context) error {
	p.turn(ctx)
	if err := p.host.enter(); err != nil {
		p.set(func(s *pathState) { s.attempts++ })
		return err
	}
	defer p.host.leave()
	err := p.connect(ctx)
	if ctx.Err() == nil && err != nil {
		p.host.told(p, err)
	}
	return err
}

// connect makes one connection and watches it.
func (p *path) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	in := newIngest(p.stream, p.before(), p.changed, func() {
		p.host.told(p, nil)
		p.enter(Live)
	})
	p.set(func(s *pathState) {
		s.attempts++
		s.total++
		s.dialed, s.next = time.Now(), time.Time{}
	})
	var wg sync.WaitGroup
	wg.Go(func() { p.watch(ctx, in, cancel) })
	err := p.pull(ctx, in)
	if cause := context.Cause(ctx); errors.Is(cause, ErrSilent) {
		err = cause
	}
	cancel(nil)
	wg.Wait()
	p.set(func(s *pathState) { s.ingest, s.kbps, s.fps = in.stats(), 0, 0 })
	return err
}

// before is the code of what the connection to be made comes after.
func (p *path) before() string {
	if p.state().dialed.IsZero() {
		return codeFirst
	}
	if code, _ := cause(p); code != "" {
		return code
	}
	return codeFailed
}

// pull keeps a panic of the puller from ending more than this attempt.
func (p *path) pull(ctx context.Context, in *ingest) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("pull: %v", r)
		}
	}()
	return p.puller.Pull(ctx, p.from, in)
}

// watch follows one connection: states, rates, and whether it is silent.
func (p *path) watch(ctx context.Context, in *ingest, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(p.times.watch)
	defer tick.Stop()
	began := time.Now()
	mark, markAt := p.stream.counts(), began
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		got, c := in.stats(), p.stream.counts()
		p.judge(got.frames > 0)
		if d := time.Since(markAt); d > 2*time.Second {
			kbps := int(float64(c.octets-mark.octets) * 8 / 1000 / d.Seconds())
			fps := int(float64(c.frames-mark.frames)/d.Seconds() + 0.5)
			p.set(func(s *pathState) { s.kbps, s.fps = kbps, fps })
			mark, markAt = c, time.Now()
		}
		p.set(func(s *pathState) { s.ingest = got })
		quiet, most := time.Since(began), p.times.firstWithin
		if got.frames > 0 {
			quiet, most = time.Since(c.at), p.times.giveUp
		}
		if quiet > most {
			cancel(fmt.Errorf("%w for %s", ErrSilent, most))
		}
	}
}

// judge sets the state from when the last picture came; fresh tells that this
// connection has brought one.
func (p *path) judge(fresh bool) {
	st, at := p.state(), p.stream.counts().at
	quiet := time.Since(st.wanted)
	if at.After(st.wanted) {
		quiet = time.Since(at)
	}
	switch {
	case quiet > p.times.noSignal:
		if st.state != NoSignal {
			p.stream.cut()
			p.enter(NoSignal)
		}
	case fresh:
		p.enter(Live)
	}
}

// sleep waits for the next attempt and keeps the state true meanwhile. It ends
// early when somebody came to watch, for whom so long a pause is not allowed.
func (p *path) sleep(ctx context.Context, d time.Duration, err error) {
	began := time.Now()
	end := time.NewTimer(d)
	defer end.Stop()
	tick := time.NewTicker(p.times.watch)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			p.judge(false)
			return
		case <-tick.C:
			p.judge(false)
			if time.Since(began) > p.longest(err) {
				return
			}
		}
	}
}

func (p *path) enter(to State) {
	p.mu.Lock()
	same := p.st.state == to
	if !same {
		p.st.state, p.st.since = to, time.Now()
	}
	if to == Live { // of an outage too short to be told
		p.st.err = nil
	}
	p.mu.Unlock()
	if !same {
		p.changed()
	}
}

func (p *path) set(f func(*pathState)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.st)
}

func (p *path) state() pathState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.st
}

func (p *path) viewers() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refs - p.quiet
}
