package clip

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dongyue/internal/db"
	"dongyue/internal/web"
	"dongyue/streams"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Auditor keeps the trace of who did what, in the transaction when there is one.
type Auditor interface {
	Audit(ctx context.Context, tx *sql.Tx, actor, action, target string, detail any) error
}

// Options of New.
type Options struct {
	DB      *db.DB
	Feed    *web.Feed
	Streams *streams.Streams
	Audit   Auditor
	Dir     string // of the clips
	Seed    []byte // of the signing key: 32 bytes that only this installation has
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: none
	Version string                // of the hub, for manifests

	Quality   streams.Quality // of what is recorded; "": the sub stream
	Before    time.Duration   // the past that is kept in memory; 0: 10 s
	After     time.Duration   // of a clip that a person asks for; 0: 30 s
	Retention time.Duration   // how long clips are kept; 0: 30 days
	MaxBytes  int64           // of all clips together; 0: 20 GB
	// Continuous recording, beside the clips.
	Continuous Continuous
	// Alarms are those at which a camera looked in a time. nil: none are told.
	Alarms func(ctx context.Context, camera string, from, to time.Time) ([]Mark, error)
	// Trouble is told, with a code, when recordings can't be written, and with "" when
	// they can again. May be nil.
	Trouble func(ctx context.Context, code string)
	// Open tells whether an alarm is still open: its clips are not deleted. nil: none is.
	Open func(ctx context.Context, alarm string) bool
}

const (
	maxBefore = 2 * time.Minute  // of the past kept in memory, whatever a clip asks for
	maxLength = 30 * time.Minute // of a clip
	maxClips  = 4096             // being recorded at one time
	// ringBytes is shared by all armed cameras; one never has more than ringMost.
	ringBytes = 512 << 20
	ringMost  = 32 << 20
)

// What Record and the readers report.
var (
	// ErrUnknown means that no clip has this id.
	ErrUnknown = errors.New("clips: no such clip")
	// ErrNotRunning means that Run has not begun, or has not taken up the clips of
	// the run before yet; try again.
	ErrNotRunning = errors.New("clips: not running")
	// ErrNoCamera means that the camera is not known.
	ErrNoCamera = errors.New("clips: no such camera")
	// ErrPast means that the pictures are no longer in memory.
	ErrPast = errors.New("clips: its pictures are no longer in memory")
	// ErrLength means that the time span is empty or too long.
	ErrLength = errors.New("clips: a clip lasts up to 30 minutes and ends within that time")
	// ErrBusy means that too many clips are being recorded.
	ErrBusy = errors.New("clips: too many are being recorded")
)

// Recorder keeps the cameras' newest pictures and makes clips of them.
type Recorder struct {
	o         Options
	log       *slog.Logger
	key       ed25519.PrivateKey
	metrics   *metrics
	free      atomic.Pointer[func(dir string) (int64, error)]
	most      atomic.Int64 // bytes of all clips together
	mostTaped atomic.Int64 // bytes of all recordings together
	contents  contents
	turns     chan struct{}
	ready     chan struct{} // closed when clips can be recorded
	ended     chan *clip
	running   sync.WaitGroup

	mu       sync.Mutex
	base     context.Context //nolint:containedctx // of Run: writers are its goroutines
	armed    map[string]*armed
	active   map[string]*clip // by id
	late     map[string][]*clip
	pasts    map[string]*past
	keep     time.Duration
	broken   error // of the last write, nil when it went well
	looks    looks
	settings map[string]Setting // of continuous recording, by camera

	trouble   string // that was told last; the watch's own
	checks    chan struct{}
	exporting atomic.Int32
	locks     [64]sync.Mutex // of requests, by their key
}

// New opens the room. It starts nothing.
func New(o Options) (*Recorder, error) {
	if o.DB == nil || o.Feed == nil || o.Streams == nil || o.Audit == nil || o.Dir == "" || len(o.Seed) != ed25519.SeedSize {
		return nil, errors.New("clips: options need DB, Feed, Streams, Audit, Dir and a Seed of 32 bytes")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Quality = cmp.Or(o.Quality, streams.Sub)
	o.Before, o.After = cmp.Or(o.Before, 10*time.Second), cmp.Or(o.After, 30*time.Second)
	o.Retention, o.MaxBytes = cmp.Or(o.Retention, 30*24*time.Hour), cmp.Or(o.MaxBytes, 20e9)
	o.Continuous.Retention, o.Continuous.MaxBytes = cmp.Or(o.Continuous.Retention, 7*24*time.Hour), cmp.Or(o.Continuous.MaxBytes, 100e9)
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("clips: %w", err)
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("clips: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := o.DB.Migrate(ctx, "clip", dir); err != nil {
		return nil, err
	}
	r := &Recorder{
		o: o, log: o.Log, key: ed25519.NewKeyFromSeed(o.Seed), metrics: &metrics{}, turns: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), ready: make(chan struct{}), ended: make(chan *clip, maxClips),
		armed: map[string]*armed{}, active: map[string]*clip{}, late: map[string][]*clip{}, pasts: map[string]*past{}, keep: o.Before, settings: map[string]Setting{}, checks: make(chan struct{}, 2),
	}
	r.free.Store(new(freeBytes))
	r.most.Store(o.MaxBytes)
	r.mostTaped.Store(o.Continuous.MaxBytes)
	if err := r.loadSettings(ctx); err != nil {
		return nil, err
	}
	if o.Metrics != nil {
		if err := o.Metrics.Register(&collector{r}); err != nil {
			return nil, fmt.Errorf("clips: %w", err)
		}
	}
	return r, nil
}

// Key is the public half of the key that signs.
func (r *Recorder) Key() ed25519.PublicKey { return r.key.Public().(ed25519.PublicKey) } //nolint:forcetypeassert // the library's promise

// Err is why the last fragment could not be written; nil when all is well.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.broken
}

// Run takes up the clips of the run before, arms the cameras and records until ctx
// ends. It runs once.
func (r *Recorder) Run(ctx context.Context) error {
	if err := r.recover(ctx); err != nil {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it is stopping
		}
		return err
	}
	inner, stop := context.WithCancel(ctx)
	defer stop()
	r.mu.Lock()
	r.base = inner
	r.mu.Unlock()
	close(r.ready)
	var wg sync.WaitGroup
	wg.Go(func() { r.finish(inner) })
	wg.Go(func() { r.prune(inner) })
	r.watch(inner)
	r.mu.Lock()
	r.base = nil
	r.mu.Unlock()
	r.running.Wait()
	wg.Wait()
	r.release()
	return nil
}

// watch arms cameras as they come and lets go of those that are gone.
func (r *Recorder) watch(ctx context.Context) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if r.muster(ctx) {
			tick.Reset(time.Second)
		}
		r.worry(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// muster compares the cameras with the armed ones; all tells that none is missing.
func (r *Recorder) muster(ctx context.Context) (all bool) {
	for _, a := range r.cameras() {
		if a.lease.Gone() != nil {
			r.mu.Lock()
			delete(r.armed, a.camera)
			r.mu.Unlock()
			a.disarm()
		}
	}
	for _, a := range r.cameras() {
		a.ring.setSound(r.loud(a.camera))
	}
	all = true
	for _, id := range r.o.Streams.IDs() {
		r.mu.Lock()
		have := r.armed[id] != nil
		r.mu.Unlock()
		if have {
			continue
		}
		lease, err := r.o.Streams.Keep(id, r.o.Quality)
		if err != nil {
			all = false // the room of the cameras has not begun, or the camera has just gone
			continue
		}
		a := r.arm(ctx, id, lease)
		r.mu.Lock()
		r.armed[id] = a
		a.takeUp(r.pasts[id], r.late[id])
		delete(r.pasts, id)
		delete(r.late, id)
		r.mu.Unlock()
	}
	r.share()
	if all {
		r.abandon()
	}
	return all
}

// abandon ends clips of the run before whose camera is not there any more.
func (r *Recorder) abandon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, clips := range r.late {
		for _, c := range clips {
			c.problem = problemGone
			r.ended <- c
		}
	}
	clear(r.late)
}

// worry tells of recordings that can't be written, and has space made for them.
func (r *Recorder) worry(ctx context.Context) {
	worst := ""
	for _, a := range r.cameras() {
		if on, problem := a.ring.taping(); on && problem != "" {
			worst = problem
			if problem == problemFull {
				if err := r.makeRoom(ctx); err != nil {
					r.log.WarnContext(ctx, "no space was made for recordings", "err", err)
				}
			}
			break
		}
	}
	if r.trouble == worst {
		return
	}
	r.trouble = worst
	r.log.WarnContext(ctx, "continuous recording", "problem", worst)
	if r.o.Trouble != nil {
		r.o.Trouble(ctx, worst)
	}
}

// cameras are the armed ones.
func (r *Recorder) cameras() (as []*armed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.armed {
		as = append(as, a)
	}
	return as
}

// share divides the memory among the rings.
func (r *Recorder) share() {
	keep, most := r.limits()
	for _, a := range r.cameras() {
		a.ring.setLimits(keep, most)
	}
}

// limits are how much of the past a ring keeps, and in how many bytes.
func (r *Recorder) limits() (keep time.Duration, most int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keep + slack, min(ringMost, ringBytes/max(1, len(r.armed)))
}

// release lets go of the cameras when Run ends.
func (r *Recorder) release() {
	for _, a := range r.cameras() {
		a.untap()
		a.lease.Close()
	}
}

// turn does a piece of work that takes the processor, when it is its turn: where
// three hundred clips begin or end at once, half of the processors stay with those
// who watch.
func (r *Recorder) turn(f func()) {
	r.turns <- struct{}{}
	defer func() { <-r.turns }()
	f()
}

// wrote takes down what a writer did. The first failure of a row is news.
func (r *Recorder) wrote(camera string, fragments int, n int64, err error) {
	r.metrics.wrote(fragments, n, err)
	if err == nil && fragments == 0 {
		return
	}
	r.mu.Lock()
	fresh := err != nil && r.broken == nil
	r.broken = err
	r.mu.Unlock()
	if fresh {
		r.log.Error("clip can't be written", "camera_id", camera, "err", err)
	}
}
