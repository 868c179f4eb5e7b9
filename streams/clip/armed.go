package clip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"dongyue/streams"
)

// backlog is how much a camera's writer may be behind the camera, in bytes. A disk
// that is slower for long ends the clips of this camera, not the hub.
const backlog = 48 << 20

// look is how often a writer with clips looks at the time: cameras that fall silent
// call nobody.
const look = 100 * time.Millisecond

// rest is how often one without does, to close its file.
const rest = 5 * time.Second

// armed is a camera whose newest pictures are kept, and the writer of its clips.
type armed struct {
	r      *Recorder
	camera string
	lease  *streams.Lease
	untap  func()
	ring   ring
	wake   chan struct{}
	cancel context.CancelCauseFunc
	done   chan struct{}

	tape bool // the open reel belongs to a recording; the writer's own
	live live

	session *session // the writer's own
	before  *past    // of the last run of the hub; the first session goes on with it
}

// ahead is where on a session's clock its first picture stands (ticks): decoding times
// lie before those of pictures, and a file has none below 0. It is enough for 16
// B-frames and leading pictures of a camera that sends 5 a second.
const ahead = 8 * clockRate

// session is one time line of reels. Clips that overlap lie on the same one.
type session struct {
	encoder
	name  string
	reels int
	reel  *reel
}

// past is the end of a session of the last run.
type past struct {
	name  string
	reels int
	seq   uint32
	end   int64     // on its clock
	at    time.Time // the same moment
	head  params
}

func (r *Recorder) arm(ctx context.Context, camera string, lease *streams.Lease) *armed {
	ctx, cancel := context.WithCancelCause(ctx)
	a := &armed{r: r, camera: camera, lease: lease, wake: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{})}
	a.ring.wake = func() {
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
	a.ring.setLimits(r.limits())
	a.live.first = true
	a.ring.tape.on = r.wanted(camera)
	a.ring.setSound(r.loud(camera))
	pictures, sounds := lease.Tap(a.ring.put), lease.TapSound(a.ring.hear)
	a.untap = func() {
		pictures()
		sounds()
	}
	r.running.Go(func() {
		defer close(a.done)
		a.run(ctx)
	})
	return a
}

// disarm ends the writer and lets the camera go. Clips that are recorded end.
func (a *armed) disarm() {
	a.untap()
	a.lease.Close()
	a.ring.flush(time.Now(), true)
	a.ring.endAll(problemGone)
	a.cancel(errGone)
	<-a.done
}

// run writes what clips want until ctx ends, and then what has come until then.
func (a *armed) run(ctx context.Context) {
	every := rest
	tick := time.NewTicker(every)
	defer tick.Stop()
	for last := false; !last; {
		select {
		case <-ctx.Done():
		case <-a.wake:
		case <-tick.C:
		}
		last = ctx.Err() != nil
		a.ring.flush(time.Now(), last)
		a.work()
		clips, session := a.ring.busy()
		if !session {
			a.leave()
		}
		next := rest
		if clips {
			next = look
		}
		if next != every {
			every = next
			tick.Reset(every)
		}
	}
	a.leave()
	if on, _ := a.ring.taping(); on {
		a.stopped(a.why(ctx))
	}
}

// why is the reason for which the writer ends.
func (a *armed) why(ctx context.Context) string {
	if errors.Is(context.Cause(ctx), errGone) {
		return problemGone
	}
	return codeStopped
}

// broke notes that the recording can't be written.
func (a *armed) broke(problem string) {
	if a.tape {
		a.stopped(problem)
	}
}

// work writes what is due and hands over clips that have ended.
func (a *armed) work() {
	a.follow()
	fs, waiting := a.ring.due()
	if waiting > backlog {
		a.r.wrote(a.camera, 0, 0, errSlow)
		a.ring.fail(problemSlow)
		a.broke(problemSlow)
	} else if len(fs) > 0 {
		began := time.Now()
		n, err := a.write(fs)
		a.r.wrote(a.camera, len(fs), n, err)
		a.r.metrics.took(time.Since(began))
		if err != nil {
			a.ring.fail(problemOf(err))
			a.broke(problemOf(err))
			if err := a.closeReel(); err != nil { // the next clip tries another file
				a.r.wrote(a.camera, 0, 0, err)
			}
		}
	}
	a.follow()
	for _, c := range a.ring.over() {
		c.silence = cmp.Or(c.silence, c.problem, a.lease.Cause(), codePause)
		a.r.ended <- c // it has room for all clips that are recorded
	}
}

var (
	errSlow  = errors.New("the disk is slower than the camera")
	errCodec = errors.New("the camera's pictures can't be put into a file")
	errGone  = errors.New("the camera is gone")
)

func problemOf(err error) string {
	switch {
	case outOfSpace(err):
		return problemFull
	case errors.Is(err, errCodec):
		return problemCodec
	}
	return problemDisk
}

// write encodes fragments and puts them on disk, in one piece as far as one reel goes.
func (a *armed) write(fs []*fragment) (n int64, err error) {
	// The pictures are a camera's own bytes; whatever they do to the library costs
	// the clips of this camera only.
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("%w: %v", errCodec, x)
		}
	}()
	for len(fs) > 0 {
		if err := a.ready(fs[0]); err != nil {
			return n, err
		}
		batch := a.session.params.batch(fs[:min(len(fs), 32)])
		ps, data := make([]*piece, len(batch)), make([][]byte, len(batch))
		for i, f := range batch {
			a.r.turn(func() { ps[i], data[i], err = a.session.encode(f) })
			if err != nil {
				return n, fmt.Errorf("%w: %w", errCodec, err)
			}
			n += ps[i].size
		}
		if err := a.session.reel.append(ps, data); err != nil {
			return n, err
		}
		a.ring.save(batch, ps)
		if a.tape {
			a.taped(ps)
		}
		fs = fs[len(batch):]
	}
	return n, nil
}

// ready opens the session and the reel that the next fragments go into.
func (a *armed) ready(f *fragment) error {
	now := time.Now()
	dir := filepath.Join(a.r.o.Dir, a.camera)
	if a.session != nil && a.session.params.h265() != f.frames[0].H265 {
		a.leave()
	}
	if a.session == nil {
		s, err := a.open(f, now)
		if err != nil {
			return err
		}
		a.session = s
	}
	if free, err := (*a.r.free.Load())(a.r.o.Dir); err == nil && free < reserve {
		return errFull
	}
	s := a.session
	fresh := s.params.learn(f) // another header, so another file
	if s.reel != nil && !s.reel.spent(now) && !fresh {
		return nil
	}
	if err := a.closeReel(); err != nil {
		return err
	}
	head, err := s.params.head()
	if err != nil {
		return fmt.Errorf("%w: %w", errCodec, err)
	}
	name := reelName(s.name, s.reels)
	s.reels++
	if a.tape {
		if err := a.began(name, now); err != nil {
			return err
		}
	}
	if s.reel, err = newReel(dir, name, head, now); err != nil && a.tape {
		a.ended(name, 0)
	}
	return err
}

// open begins a time line, or goes on with that of the run before.
func (a *armed) open(f *fragment, now time.Time) (*session, error) {
	s := &session{name: now.UTC().Format(sessionForm)}
	first := a.ring.oldest(f)
	s.zero, s.n0 = first.pts-ahead, first.n
	if p := a.before; p != nil {
		a.before = nil
		s.name, s.reels, s.params = p.name, p.reels, p.head
		s.zero = first.pts - p.end - max(ticks(first.start().Sub(p.at)), 1)
		s.n0 -= uint64(p.seq)
		return s, nil
	}
	for _, n := range f.frames {
		if n.Key {
			s.params.find(n.Frame)
			if a.ring.loud() {
				s.params.know(a.lease.Sound())
			}
			return s, nil
		}
	}
	return nil, fmt.Errorf("%w: a clip that does not begin with a key frame", errCodec)
}

func (a *armed) closeReel() error {
	s := a.session
	if s == nil || s.reel == nil {
		return nil
	}
	if a.tape {
		a.ended(s.reel.name, s.reel.size)
	}
	err := s.reel.f.Close()
	s.reel = nil
	if err != nil {
		return fmt.Errorf("close reel: %w", err)
	}
	return nil
}

// leave ends the session.
func (a *armed) leave() {
	if err := a.closeReel(); err != nil {
		a.r.wrote(a.camera, 0, 0, err)
	}
	a.session = nil
}
