package journal

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/event"
)

//go:embed migrations/*.sql
var migrations embed.FS

// maxGroup is the most that is written at once, and the most that waits; beyond,
// Append waits.
const maxGroup = 8192

// ErrClosed is what done gets for an event that came after Run had ended or
// Close was called.
var ErrClosed = errors.New("journal is closed")

// ErrAhead is what Follow returns for a checkpoint behind which the journal has
// never been: its file has been replaced or restored.
var ErrAhead = errors.New("checkpoint is ahead of the journal")

// Options of a Journal.
type Options struct {
	// Path of the SQLite file that answers queries. The segments, which are the
	// journal, are in the folder beside it, with ".segments" for ".db". Both
	// are made when they are not there.
	Path string
	Log  *slog.Logger

	// Keep is how long events stay, counted from their arrival; 0: 30 days.
	Keep time.Duration
	// KeepTelemetry is the same for the telemetry channel, which is kept as
	// series elsewhere and here only until every follower has seen it; 0: 48 h.
	KeepTelemetry time.Duration

	segment int64 // size from which a new file is begun; 0: segmentBytes
}

// Journal is the list. Make it with Open, give it a goroutine with Run.
type Journal struct {
	db   *db.DB
	log  *slog.Logger
	opts Options
	path string

	queue  queue
	tail   tail
	seg    *segments
	idx    index
	dedupe *dedupe
	next   uint64 // number of the next event; only the committer uses it
	buf    []byte // of the committer
	rooms  chan []item
	fail   atomic.Pointer[error]

	mu        sync.Mutex
	followers map[string]func() uint64

	work    sync.WaitGroup
	commits atomic.Uint64 // groups written
	thinned atomic.Uint64 // up to here the telemetry that is too old has gone
	closing sync.Once
}

// Open opens or makes the file and reads where it ends.
func Open(ctx context.Context, o Options) (*Journal, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Keep == 0 {
		o.Keep = 30 * 24 * time.Hour
	}
	if o.KeepTelemetry == 0 {
		o.KeepTelemetry = 48 * time.Hour
	}
	if o.segment == 0 {
		o.segment = segmentBytes
	}
	j := &Journal{log: o.Log, opts: o, path: o.Path, rooms: make(chan []item, 4), followers: map[string]func() uint64{}}
	if err := j.load(ctx); err != nil {
		return nil, fmt.Errorf("open journal %s: %w", o.Path, err)
	}
	return j, nil
}

func (j *Journal) load(ctx context.Context) (err error) {
	var last uint64
	j.seg, last, err = openSegments(strings.TrimSuffix(j.path, filepath.Ext(j.path))+".segments", j.opts.segment, j.log)
	if err != nil {
		return err
	}
	upTo, err := j.openIndex(ctx)
	if err != nil {
		return errors.Join(err, j.seg.close())
	}
	if last, err = j.agree(ctx, last, upTo); err != nil {
		return errors.Join(err, j.db.Close(), j.seg.close())
	}
	j.next = last + 1
	j.queue.init()
	j.tail.init(last)
	return nil
}

// Last is the number of the newest event on disk, 0 for none.
func (j *Journal) Last() uint64 { return j.tail.lastSeq() }

// Err is why the journal has stopped for good; nil while it works.
func (j *Journal) Err() error {
	if p := j.fail.Load(); p != nil {
		return *p
	}
	return nil
}

func (j *Journal) stop(err error) {
	if j.fail.CompareAndSwap(nil, &err) {
		j.log.Error("journal stopped: nothing more is acknowledged", "path", j.path, "err", err)
	}
}

// Close ends the journal. Call it after Run has returned; what is still queued
// because Run never ran gets ErrClosed.
func (j *Journal) Close() (err error) {
	j.closing.Do(func() {
		for _, it := range j.queue.close() {
			it.done(0, false, ErrClosed)
		}
		err = errors.Join(j.db.Close(), j.seg.close())
	})
	if err != nil {
		return fmt.Errorf("close journal %s: %w", j.path, err)
	}
	return nil
}

// normal gives an event the precision that the file has, so that a follower
// sees the same values live and after a restart.
func normal(e event.Event) event.Event {
	e.At = e.At.UTC().Truncate(time.Millisecond)
	e.ReceivedAt = e.ReceivedAt.UTC().Truncate(time.Millisecond)
	if len(e.Data) == 0 {
		e.Data = []byte("{}")
	}
	return e
}
