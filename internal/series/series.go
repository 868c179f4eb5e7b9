package series

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"dongyue/internal/db"
	"dongyue/internal/event"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options of a Store.
type Options struct {
	Path            string           // of the SQLite file
	Retention       time.Duration    // of single points; 0: 7 days
	RollupRetention time.Duration    // of minutes; 0: 30 days; never shorter than Retention
	Queue           int              // events that wait for the disk before Write drops; 0: 65,536
	MaxSeries       int              // device × part × metric; 0: 200,000
	Influx          *Influx          // nil: no copy
	Log             *slog.Logger     // required
	Now             func() time.Time // nil: time.Now
}

// Defaults and limits.
const (
	defaultRetention = 7 * 24 * time.Hour
	defaultRollup    = 30 * 24 * time.Hour
	defaultQueue     = 64 << 10
	defaultSeries    = 200_000

	commitEvery = 500 * time.Millisecond // what an abrupt end may lose of QoS 0
	commitAt    = 4096                   // queued events that start a commit earlier
	houseEvery  = time.Minute
)

// Stats are counts since the start, for metrics.
type Stats struct {
	Points  uint64 // written
	Dropped uint64 // events that Write dropped because the queue was full
	Refused uint64 // values that can't be kept: name, age, too many series
	Series  int    // known
	Open    int    // points in memory, on disk as arrivals only
	Queued  int    // events that wait
	Copied  uint64 // points copied to InfluxDB
	Spoiled uint64 // points that InfluxDB will never take, or that waited longer than Retention
	Behind  int64  // batches that wait to be copied
}

// Store is the telemetry store.
type Store struct {
	o   Options
	db  *db.DB
	log *slog.Logger

	retention, rollup atomic.Int64 // ns
	maxSeries         int

	queue   queue
	appends chan appendRequest
	stopped chan struct{} // closed when Run ends
	ran     atomic.Bool

	names catalog
	open  memory

	// Of the writing goroutine alone.
	next  uint64 // number of the next arrival
	fresh int64  // no block exists from this slot on

	hours atomic.Int64 // the next hour to sum, since 1970; 0: none has been

	copier *copier

	points, refused atomic.Uint64
	err             atomic.Pointer[error]
}

type appendRequest struct {
	events []event.Event
	done   chan error
}

// Open opens or makes the file and reads what is not in blocks yet. It starts
// nothing.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Path == "" || o.Log == nil {
		return nil, errors.New("series: a path and a log are required")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Queue <= 0 {
		o.Queue = defaultQueue
	}
	if o.MaxSeries <= 0 {
		o.MaxSeries = defaultSeries
	}
	s := &Store{
		o: o, log: o.Log, maxSeries: o.MaxSeries, queue: queue{limit: o.Queue, wake: make(chan struct{}, 1)},
		appends: make(chan appendRequest), stopped: make(chan struct{}), names: newCatalog(), open: newMemory(),
	}
	s.SetRetention(o.Retention, o.RollupRetention)
	if o.Influx != nil {
		c, err := newCopier(*o.Influx, s)
		if err != nil {
			return nil, err
		}
		s.copier = c
	}
	d, err := db.Open(ctx, o.Path)
	if err != nil {
		return nil, fmt.Errorf("series: %w", err)
	}
	s.db = d
	if err := s.load(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return s, nil
}

// SetRetention changes how long points and minutes are kept; it works from the
// next round of house-keeping on, within a minute.
func (s *Store) SetRetention(points, minutes time.Duration) {
	if points <= 0 {
		points = defaultRetention
	}
	if minutes <= 0 {
		minutes = defaultRollup
	}
	s.retention.Store(int64(points))
	s.rollup.Store(int64(max(points, minutes)))
}

// load migrates and reads the catalog, the cursors and the open points.
func (s *Store) load(ctx context.Context) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("series: %w", err)
	}
	if err := s.db.Migrate(ctx, "series", dir); err != nil {
		return fmt.Errorf("series: %w", err)
	}
	if err := s.names.load(ctx, s.db); err != nil {
		return err
	}
	if err := errors.Join(s.loadOpen(ctx), s.loadHours(ctx)); err != nil {
		return err
	}
	if s.copier != nil {
		return s.copier.load(ctx)
	}
	return nil
}

// Run writes until ctx ends, then writes what is queued and returns nil.
func (s *Store) Run(ctx context.Context) error {
	if s.ran.Swap(true) {
		return errors.New("series: run twice")
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { defer close(s.stopped); return s.write(ctx) })
	if s.copier != nil {
		g.Go(func() error { return s.copier.run(ctx) })
	}
	return g.Wait()
}

// Close closes the file.
func (s *Store) Close() error {
	if s.copier != nil {
		s.copier.close()
	}
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close series: %w", err)
	}
	return nil
}

// Write queues telemetry and returns at once; other events are passed over.
func (s *Store) Write(evs []event.Event) { s.queue.push(evs) }

// ErrStopped is Append's answer when nobody writes any more.
var ErrStopped = errors.New("series: stopped")

// Append writes telemetry and returns when it is on disk, for a follower of the
// journal that sets its checkpoint afterwards. Other events are passed over.
func (s *Store) Append(ctx context.Context, evs []event.Event) error {
	r := appendRequest{events: evs, done: make(chan error, 1)}
	select {
	case s.appends <- r:
	case <-s.stopped:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("append series: %w", ctx.Err())
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("append series: %w", ctx.Err())
	}
}

// Err is why the last write failed, nil when it did not; for /readyz.
func (s *Store) Err() error {
	if p := s.err.Load(); p != nil {
		return *p
	}
	return nil
}

// CopyErr is why the copy to InfluxDB does not go on, nil when it does or when
// there is none. Nothing is lost meanwhile: it is a warning, not an illness.
func (s *Store) CopyErr() error {
	if s.copier == nil {
		return nil
	}
	if p := s.copier.err.Load(); p != nil {
		return *p
	}
	return nil
}

// Stats reads the counters.
func (s *Store) Stats() Stats {
	st := Stats{
		Points: s.points.Load(), Refused: s.refused.Load(), Series: s.names.size(), Open: s.open.size(),
	}
	st.Queued, st.Dropped = s.queue.state()
	if c := s.copier; c != nil {
		st.Copied, st.Spoiled = c.copied.Load(), c.spoiled.Load()
		st.Behind = max(0, int64(c.last.Load())-int64(c.cursor.Load()))
	}
	return st
}

// queue holds events that wait for the disk.
type queue struct {
	mu      sync.Mutex
	events  []event.Event
	limit   int
	dropped uint64
	wake    chan struct{}
}

func (q *queue) push(evs []event.Event) {
	q.mu.Lock()
	for i := range evs {
		switch {
		case evs[i].Channel != event.Telemetry:
		case len(q.events) >= q.limit:
			q.dropped++
		default:
			q.events = append(q.events, evs[i])
		}
	}
	full := len(q.events) >= commitAt
	q.mu.Unlock()
	if full {
		select {
		case q.wake <- struct{}{}:
		default: // the writer knows already
		}
	}
}

func (q *queue) take() []event.Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	evs := q.events
	q.events = nil
	return evs
}

func (q *queue) state() (waiting int, dropped uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.events), q.dropped
}
