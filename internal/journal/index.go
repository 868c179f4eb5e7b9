package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dongyue/internal/event"
)

// The index is the SQLite file that answers queries. It follows the segments in
// transactions that are not synced, each with the number that it ends with, and
// can be made again from them.

const (
	indexBatch  = 4096                   // events in one transaction
	indexLinger = 200 * time.Millisecond // so that a batch is worth its transaction
	indexRows   = 32                     // in one statement
	queryWait   = time.Second            // for the index to have what was committed before a query
	columns     = 14
)

// index is how far the SQLite file has come.
type index struct {
	upTo atomic.Uint64
	fail atomic.Pointer[error] // of the last attempt

	mu      sync.Mutex
	bell    chan struct{} // closed when upTo has moved
	waiting chan struct{} // somebody wants it now
}

func (x *index) init(upTo uint64) {
	x.upTo.Store(upTo)
	x.bell, x.waiting = make(chan struct{}), make(chan struct{}, 1)
}

func (x *index) moved(seq uint64) {
	x.upTo.Store(seq)
	x.fail.Store(nil)
	x.mu.Lock()
	close(x.bell)
	x.bell = make(chan struct{})
	x.mu.Unlock()
}

// hurry asks for the next batch without delay.
func (x *index) hurry() {
	select {
	case x.waiting <- struct{}{}:
	default:
	}
}

// reach waits until the index has number seq; it reports false when it has not
// come so far in time.
func (x *index) reach(ctx context.Context, seq uint64, wait time.Duration) bool {
	if x.upTo.Load() >= seq {
		return true
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	for {
		x.mu.Lock()
		bell := x.bell
		x.mu.Unlock()
		if x.upTo.Load() >= seq {
			return true
		}
		x.hurry()
		select {
		case <-bell:
		case <-t.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// index keeps the index up with the segments until ctx ends.
func (j *Journal) index(ctx context.Context) {
	r := j.seg.reader(j.idx.upTo.Load())
	defer func() { r.close() }()
	for ctx.Err() == nil {
		began, last := time.Now(), j.Last()
		n, err := j.indexSome(ctx, &r)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			j.idx.fail.Store(&err)
			j.log.Error("journal index stands still", "path", j.path, "err", err)
			_ = sleep(ctx, time.Second)
		case n < indexBatch:
			j.linger(ctx)
		case j.Last()-last > indexBatch/2: // the journal grows nearly as fast as this
			// The devices come first; an eighth of a processor keeps up with several
			// thousand events a second, and the rest is done when they pause.
			_ = j.idx.rest(ctx, min(7*time.Since(began), time.Second))
		}
	}
}

// linger waits for something to do.
func (j *Journal) linger(ctx context.Context) {
	_, bell := j.tail.after(j.tail.lastSeq(), 1)
	if j.idx.upTo.Load() >= j.tail.lastSeq() && bell != nil {
		select {
		case <-bell:
		case <-ctx.Done():
		}
	}
	_ = j.idx.rest(ctx, indexLinger)
}

// rest is a pause that ends when somebody waits.
func (x *index) rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-x.waiting:
	case <-ctx.Done():
	}
	return ctx.Err()
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (j *Journal) indexSome(ctx context.Context, r **reader) (n int, err error) {
	upTo := j.idx.upTo.Load()
	last := j.tail.lastSeq()
	if upTo >= last {
		return 0, nil
	}
	es, _ := j.tail.after(upTo, indexBatch)
	if es == nil {
		if (*r).after != upTo {
			(*r).close()
			*r = j.seg.reader(upTo)
		}
		if es, err = (*r).next(indexBatch); err != nil {
			return 0, fmt.Errorf("journal: read for the index: %w", err)
		}
		if len(es) == 0 { // damaged, or taken by the retention
			if seq := min(last, max(j.tail.oldestBefore(), upTo)); seq > upTo {
				return 0, j.record(ctx, nil, seq)
			}
			return 0, errors.New("journal: nothing to read for the index")
		}
	}
	if err := j.record(ctx, es, es[len(es)-1].Seq); err != nil {
		return 0, err
	}
	return len(es), nil
}

// record writes events and how far the index is with them.
func (j *Journal) record(ctx context.Context, es []event.Event, upTo uint64) error {
	err := j.db.Tx(ctx, func(tx *sql.Tx) error {
		if err := insertAll(ctx, tx, es); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO journal_index(one, seq) VALUES (1, ?) ON CONFLICT(one) DO UPDATE SET seq = excluded.seq", upTo)
		return err
	})
	if err != nil {
		return fmt.Errorf("journal: write the index: %w", err)
	}
	j.idx.moved(upTo)
	return nil
}

// insertSQL passes over what is there already. The journal has no event twice;
// only a file that was put back from a copy can meet itself here.
func insertSQL(rows int) string {
	one := "(" + strings.TrimSuffix(strings.Repeat("?,", columns), ",") + ")"
	return "INSERT OR IGNORE INTO journal(seq, device, id, kind, zone, channel, type, part, boot, boot_seq, at, received_at, late, data) VALUES " +
		strings.TrimSuffix(strings.Repeat(one+",", rows), ",")
}

func insertAll(ctx context.Context, tx *sql.Tx, es []event.Event) error {
	whole := len(es) / indexRows * indexRows
	if err := insertBy(ctx, tx, es[:whole], indexRows); err != nil {
		return err
	}
	return insertBy(ctx, tx, es[whole:], 1)
}

// insertBy writes events, which are a multiple of rows, with that many in one
// statement.
func insertBy(ctx context.Context, tx *sql.Tx, es []event.Event, rows int) error {
	if len(es) == 0 {
		return nil
	}
	st, err := tx.PrepareContext(ctx, insertSQL(rows))
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	args := make([]any, 0, rows*columns)
	for ; len(es) > 0; es = es[rows:] {
		args = args[:0]
		for i := range es[:rows] {
			e := &es[i]
			args = append(args, int64(e.Seq), e.Device, e.ID, string(e.Kind), e.Zone, string(e.Channel), e.Type, e.Part,
				e.Boot, int64(e.BootSeq), e.At.UnixMilli(), e.ReceivedAt.UnixMilli(), e.Late, string(e.Data))
		}
		if _, err := st.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// indexed asks the index for an event.
func (j *Journal) indexed(device, id string) (bool, error) {
	var one int
	err := j.db.Read().QueryRow("SELECT 1 FROM journal WHERE channel = 'event' AND device = ? AND id = ?", device, id).Scan(&one) //nolint:noctx // the committer never gives up half-way
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look up event: %w", err)
	}
	return true, nil
}
