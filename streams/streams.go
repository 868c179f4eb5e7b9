package streams

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options of New.
type Options struct {
	DB       *db.DB
	Feed     *web.Feed
	Puller   Puller // how cameras are reached: streams/rtsp
	Log      *slog.Logger
	Metrics  prometheus.Registerer // nil: none
	LeaveOff time.Duration         // how long a pull goes on without viewers; 0: 10 s

	Networks        Networks // where cameras may be; nil: private ones
	SessionsPerHost int      // with one host, that is one recorder; 0: any number
	Finder          Finder   // asks cameras for their addresses; nil: none are asked
}

// Streams is the room of the cameras.
type Streams struct {
	db     *db.DB
	feed   *web.Feed
	puller Puller
	finder Finder
	log    *slog.Logger
	times  times

	mu      sync.Mutex
	cameras map[string]*camera
	hosts   hosts
	nets    Networks
	steady  map[string][]*Lease // of cameras that are always on
	dirty   map[string]struct{} // cameras whose state the feed does not tell yet
	wake    chan struct{}
	base    context.Context //nolint:containedctx // of Run: the pulls are its goroutines, and start on demand
	pulls   sync.WaitGroup
	ready   chan struct{} // closed when Run has begun
	running sync.Once
	jpegs   *jpegs
}

// camera is one camera with its streams.
type camera struct {
	Camera
	main, sub *path // sub is nil where there is none
}

// New opens the room on the hub's database. It starts nothing.
func New(o Options) (*Streams, error) {
	if o.DB == nil || o.Feed == nil || o.Puller == nil {
		return nil, errors.New("streams: database, feed and puller are needed")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Networks == nil {
		var err error
		if o.Networks, err = ParseNetworks(PrivateNetworks()); err != nil {
			return nil, fmt.Errorf("streams: %w", err)
		}
	}
	s := &Streams{
		db: o.DB, feed: o.Feed, puller: o.Puller, log: o.Log, times: usual(),
		cameras: map[string]*camera{}, dirty: map[string]struct{}{}, wake: make(chan struct{}, 1), ready: make(chan struct{}),
		hosts: hosts{limit: o.SessionsPerHost, all: map[string]*host{}}, nets: o.Networks, finder: o.Finder, steady: map[string][]*Lease{},
		jpegs: newJPEGs(),
	}
	s.times.linger = cmp.Or(o.LeaveOff, linger)
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("streams: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.db.Migrate(ctx, "streams", dir); err != nil {
		return nil, err
	}
	all, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		s.add(c)
	}
	if o.Metrics != nil {
		if err := o.Metrics.Register(&collector{s}); err != nil {
			return nil, fmt.Errorf("streams: %w", err)
		}
	}
	return s, nil
}

// Ready closes when Run has begun.
func (s *Streams) Ready() <-chan struct{} { return s.ready }

// Run pulls on demand and tells the feed about changes until ctx ends.
func (s *Streams) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	if s.base != nil {
		s.mu.Unlock()
		return errors.New("streams: is running already")
	}
	s.base = ctx
	s.mu.Unlock()
	s.running.Do(func() { close(s.ready) })
	for _, id := range s.IDs() {
		s.steadily(id)
	}
	s.tell(ctx)
	cancel()
	s.mu.Lock()
	s.base = nil
	clear(s.steady)
	for _, c := range s.cameras {
		c.hush()
	}
	s.mu.Unlock()
	s.pulls.Wait()
	return nil
}

// tell writes the states of changed cameras to the feed, many in one transaction.
func (s *Streams) tell(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		s.mu.Lock()
		ids := make([]string, 0, len(s.dirty))
		for id := range s.dirty {
			ids = append(ids, id)
		}
		clear(s.dirty)
		s.mu.Unlock()
		slices.Sort(ids)
		if err := s.publish(ctx, ids); err != nil && ctx.Err() == nil {
			s.log.Error("camera states were not told to the feed", "err", err)
		}
	}
}

func (s *Streams) publish(ctx context.Context, ids []string) error {
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			c := s.find(id)
			if c == nil {
				continue
			}
			v := c.view()
			var sub Codec
			if v.Sub != nil {
				sub = v.Sub.Codec
			}
			if err := saveCodecs(ctx, tx, id, v.Main.Codec, sub); err != nil {
				return err
			}
			if _, err := s.feed.Append(ctx, tx, "camera", v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("publish cameras: %w", err)
	}
	return s.feed.Committed(ctx)
}

func (s *Streams) changed(id string) {
	s.mu.Lock()
	s.dirty[id] = struct{}{}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// add makes the streams of a camera. Hold s.mu, or be in New.
func (s *Streams) add(c stored) {
	k := &camera{Camera: c.Camera}
	k.main = s.newPath(c.ID, Main, c.source(c.URL), c.main)
	if c.SubURL != "" {
		k.sub = s.newPath(c.ID, Sub, c.source(c.SubURL), c.sub)
	}
	s.cameras[c.ID] = k
}

func (s *Streams) newPath(id string, q Quality, from Source, known Codec) *path {
	p := &path{from: from, host: s.hosts.of(from.URL), stream: NewStream(), puller: s.puller, times: s.times, st: pathState{state: Idle, since: time.Now()}}
	p.stream.setCodec(known)
	p.changed = func() { s.changed(id) }
	p.failed = func(attempt int, err error) {
		// The first failures are news; later ones of the same outage are told ever more rarely.
		if attempt&(attempt-1) == 0 {
			s.log.Warn("camera stream failed", "camera_id", id, "stream", q, "attempt", attempt, "err", scrub(errText(err), from.URL))
		}
	}
	return p
}

func errText(err error) string {
	if err == nil {
		return "the camera ended the stream"
	}
	return err.Error()
}

func (s *Streams) find(id string) *camera {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cameras[id]
}

// hush stops timers; the pulls end with their context.
func (c *camera) hush() {
	for _, p := range []*path{c.main, c.sub} {
		if p == nil {
			continue
		}
		p.mu.Lock()
		if p.idle != nil {
			p.idle.Stop()
		}
		p.cancel = nil
		p.mu.Unlock()
	}
}

func (c *camera) close(err error) {
	c.main.close(err)
	if c.sub != nil {
		c.sub.close(err)
	}
}

// path returns the stream of a quality, the main one where there is no other.
func (c *camera) path(q Quality) *path {
	if q == Sub && c.sub != nil {
		return c.sub
	}
	return c.main
}

// Lease keeps a stream pulled. Close it.
type Lease struct {
	*Stream
	path    *path
	quality Quality
	quiet   bool // no viewer
	once    sync.Once
}

// Open counts a viewer in: the camera is pulled from now on. It does not wait.
func (s *Streams) Open(id string, q Quality) (*Lease, error) { return s.open(id, q, false) }

// Keep has the camera pulled as Open does, but counts nobody in: nobody watches.
func (s *Streams) Keep(id string, q Quality) (*Lease, error) { return s.open(id, q, true) }

func (s *Streams) open(id string, q Quality, quiet bool) (*Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.cameras[id]
	if c == nil {
		return nil, fmt.Errorf("%w: %q", ErrUnknown, id)
	}
	if s.base == nil || s.base.Err() != nil {
		return nil, ErrNotRunning
	}
	p := c.path(q)
	if err := p.acquire(s.base, &s.pulls, quiet); err != nil {
		return nil, err
	}
	l := &Lease{Stream: p.stream, path: p, quality: Main, quiet: quiet}
	if p == c.sub {
		l.quality = Sub
	}
	return l, nil
}

// Close counts the viewer out.
func (l *Lease) Close() { l.once.Do(func() { l.path.release(l.quiet) }) }

// Quality is the stream that is pulled: main where a sub stream was asked for and
// the camera has none.
func (l *Lease) Quality() Quality { return l.quality }

// Cause is the code of why no pictures come, "" when nothing is wrong.
func (l *Lease) Cause() string {
	code, _ := cause(l.path)
	return code
}

// State tells whether pictures are coming.
func (l *Lease) State() State { return l.path.state().state }

// IDs are the cameras that are known, in order.
func (s *Streams) IDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.cameras))
}

// Known reports whether there is a camera with this id.
func (s *Streams) Known(id string) bool { return s.find(id) != nil }

// RecordsSound tells whether a camera's sound is to be recorded.
func (s *Streams) RecordsSound(id string) bool {
	c := s.find(id)
	return c != nil && c.RecordSound
}
