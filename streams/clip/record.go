package clip

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"dongyue/streams"
)

// Request asks for a clip.
type Request struct {
	Key      string // the same key is the same clip, also after a crash
	Camera   string
	From, To time.Time     // by the server's clock
	Before   time.Duration // of this, before the moment that matters: as much is kept in memory from now on
	Alarm    string        // id, "" for none
	Reason   string
	By       string // account id, or hub
}

// HubActor is who asks for what no person asked for.
const HubActor = "hub"

// check completes a request and reports what is wrong with it.
func (q *Request) check(now time.Time) error {
	if q.Key == "" || q.Camera == "" {
		return errors.New("clips: a clip needs a key and a camera")
	}
	q.From, q.To = q.From.UTC().Truncate(time.Millisecond), q.To.UTC().Truncate(time.Millisecond)
	if d := q.To.Sub(q.From); d <= 0 || d > maxLength || q.To.Sub(now) > maxLength {
		return ErrLength
	}
	return nil
}

// Record begins a clip, or finds the one that was begun with the same key. It does
// not wait for the clip's end.
func (r *Recorder) Record(ctx context.Context, q Request) (Clip, error) {
	now := time.Now()
	if err := q.check(now); err != nil {
		return Clip{}, err
	}
	select {
	case <-r.ready:
	default:
		return Clip{}, ErrNotRunning
	}
	lock := r.lockOf(q.Key)
	lock.Lock()
	defer lock.Unlock()
	if c, err := one(ctx, r.o.DB.Read(), "WHERE key = ?", q.Key); !errors.Is(err, ErrUnknown) {
		return c, err
	}
	a, err := r.armedCamera(q.Camera)
	if err != nil {
		return Clip{}, err
	}
	r.widen(q.Before)
	c := &clip{from: q.From, to: q.To, storing: make(chan struct{})}
	if !a.ring.covers(c, now) {
		return Clip{}, ErrPast
	}
	v, err := r.o.Streams.Get(q.Camera)
	if err != nil {
		return Clip{}, fmt.Errorf("%w: %q", ErrNoCamera, q.Camera)
	}
	c.row = Clip{
		ID: newID(q.Key, q.From), Camera: q.Camera, CameraName: v.Name, Zone: v.Zone, Alarm: q.Alarm, Reason: q.Reason, By: q.By,
		State: Recording, WantedFrom: q.From, WantedTo: q.To, BeganAt: now.UTC().Truncate(time.Millisecond), Gaps: []Gap{},
	}
	if err := r.enter(c); err != nil {
		return Clip{}, err
	}
	// The ring comes first: the pictures must not grow old while the row is stored. On a
	// disk that is full the clip may end before it is.
	defer close(c.storing)
	a.ring.add(c)
	if err := r.begin(ctx, q.Key, &c.row); err != nil {
		c.void = true
		a.ring.drop(c)
		r.exit(c)
		return Clip{}, err
	}
	r.metrics.begun.Add(1)
	return c.row, nil
}

// lockOf keeps requests with the same key behind each other.
func (r *Recorder) lockOf(key string) *sync.Mutex {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	return &r.locks[h.Sum32()%uint32(len(r.locks))]
}

// armedCamera finds the writer of a camera.
func (r *Recorder) armedCamera(camera string) (*armed, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch a := r.armed[camera]; {
	case r.base == nil:
		return nil, ErrNotRunning
	case a != nil:
		return a, nil
	}
	if !r.o.Streams.Known(camera) {
		return nil, fmt.Errorf("%w: %q", ErrNoCamera, camera)
	}
	return nil, ErrNotRunning // it is about to be armed
}

// widen has the rings keep more of the past from now on where clips want more than
// was thought.
func (r *Recorder) widen(before time.Duration) {
	before = min(before, maxBefore)
	r.mu.Lock()
	wider := before > r.keep
	if wider {
		r.keep = before
	}
	r.mu.Unlock()
	if wider {
		r.share()
	}
}

// enter counts a clip that is being recorded.
func (r *Recorder) enter(c *clip) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.active) >= maxClips {
		return ErrBusy
	}
	r.active[c.row.ID] = c
	return nil
}

func (r *Recorder) exit(c *clip) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.active[c.row.ID] == c {
		delete(r.active, c.row.ID)
	}
}

// begin stores the clip and tells the feed.
func (r *Recorder) begin(ctx context.Context, key string, row *Clip) error {
	err := r.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		if err := insert(ctx, tx, key, row); err != nil {
			return err
		}
		_, err := r.o.Feed.Append(ctx, tx, topic, Change{*row, "begin"})
		return err
	})
	if err != nil {
		return err
	}
	if err := r.o.Feed.Committed(ctx); err != nil { // the clip has begun all the same
		r.log.WarnContext(ctx, "feed not told", "err", err)
	}
	return nil
}

// topic of the feed.
const topic = "clip"

// covers tells whether a clip can still show anything: it goes on, or pictures of its
// time are in memory.
func (r *ring) covers(c *clip, now time.Time) bool {
	if c.to.After(now) {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.entry(c.from)
	return i < len(r.frags) && r.frags[i].start().Before(c.to)
}

// takeUp goes on with clips of the run before. Its caller holds the recorder's lock,
// so that no other clip comes first.
func (a *armed) takeUp(before *past, clips []*clip) {
	a.before = before
	for _, c := range clips {
		a.ring.add(c)
	}
}

// drop takes a clip out that is not to be recorded after all.
func (r *ring) drop(c *clip) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, x := range r.clips {
		if x == c {
			r.clips = append(r.clips[:i:i], r.clips[i+1:]...)
			return
		}
	}
}

// quality is the name of the stream that is recorded of a camera.
func (r *Recorder) quality(camera string) streams.Quality {
	if v, err := r.o.Streams.Get(camera); err == nil && v.Sub == nil {
		return streams.Main
	}
	return r.o.Quality
}
