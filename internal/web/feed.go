package web

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"dongyue/internal/db"
)

//go:embed migrations/*.sql
var migrations embed.FS

// keep is how many entries the feed holds for readers that come back; a reader
// that was away for longer is told to load afresh.
const (
	keep     = 50_000
	inMemory = 4_096
	// trimEvery is how many more are let come before the list is copied: for each
	// entry alone that would be 300 KB.
	trimEvery = 512
)

// Entry is one change.
type Entry struct {
	Seq   uint64 // 0: transient, can't be resumed
	Topic string
	To    string // account that it is for; "": everyone who may read the topic
	Data  json.RawMessage
}

// Feed is the ordered list of changes that screens follow. An entry is written
// in the transaction of the change itself, so no screen sees what was not
// committed and none misses what was.
type Feed struct {
	db       *db.DB
	appended atomic.Uint64 // the highest place given out, committed or not

	mu     sync.Mutex
	recent []Entry       // ascending by Seq
	last   uint64        // committed
	wake   chan struct{} // closed at the next change
	live   map[*reader]struct{}
	pruned uint64
}

type reader struct {
	transient chan Entry
}

// NewFeed opens the feed on the hub's database.
func NewFeed(ctx context.Context, d *db.DB) (*Feed, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("feed: %w", err)
	}
	if err := d.Migrate(ctx, "web", dir); err != nil {
		return nil, err
	}
	f := &Feed{db: d, wake: make(chan struct{}), live: map[*reader]struct{}{}}
	if err := d.Read().QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM feed").Scan(&f.last); err != nil {
		return nil, fmt.Errorf("feed: read last entry: %w", err)
	}
	return f, nil
}

// Append adds a change within its transaction and returns its place. Call
// Committed after the commit.
func (f *Feed) Append(ctx context.Context, tx *sql.Tx, topic string, payload any) (uint64, error) {
	return f.AppendTo(ctx, tx, topic, "", payload)
}

// AppendTo is Append for the screens of one account.
func (f *Feed) AppendTo(ctx context.Context, tx *sql.Tx, topic, account string, payload any) (uint64, error) {
	data, err := json.Marshal(payload)
	if err != nil {
		return 0, fmt.Errorf("feed: encode %s: %w", topic, err)
	}
	res, err := tx.ExecContext(ctx, "INSERT INTO feed(at, topic, account, data) VALUES (?, ?, ?, ?)", time.Now().UnixMilli(), topic, account, string(data))
	if err != nil {
		return 0, fmt.Errorf("feed: append %s: %w", topic, err)
	}
	seq, err := res.LastInsertId()
	if err != nil {
		return 0, fmt.Errorf("feed: append %s: %w", topic, err)
	}
	place := uint64(seq) //nolint:gosec // AUTOINCREMENT counts from 1
	f.mark(place)
	return place, nil
}

// mark notes that a place was given out, for Committed.
func (f *Feed) mark(place uint64) {
	for {
		highest := f.appended.Load()
		if place <= highest || f.appended.CompareAndSwap(highest, place) {
			return
		}
	}
}

// Committed tells the readers that transactions with entries have ended. It
// reads what is new, so it may be called too often and by anyone; where nothing was
// appended it costs nothing. (A place that was given out in a transaction which was
// rolled back is given out again; until then it only makes this look in vain.)
func (f *Feed) Committed(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.last < f.appended.Load() {
		fresh, err := f.load(ctx, f.last, inMemory)
		if err != nil || len(fresh) == 0 {
			return err
		}
		f.recent = append(f.recent, fresh...)
		if n := len(f.recent) - inMemory; n >= trimEvery { // readers may hold the old list
			f.recent = append(make([]Entry, 0, inMemory+trimEvery), f.recent[n:]...)
		}
		f.last = fresh[len(fresh)-1].Seq
		close(f.wake)
		f.wake = make(chan struct{})
	}
	return nil
}

// Transient sends something that is not kept, such as a twin's fresh values. A
// reader that can't take it misses it.
func (f *Feed) Transient(topic string, payload any) {
	data, err := json.Marshal(payload)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for r := range f.live {
		select {
		case r.transient <- Entry{Topic: topic, Data: data}:
		default:
		}
	}
}

// Follow hands entries behind seq to f, in order, and goes on with those to come
// until ctx ends or f fails. Who was away too long goes on with the oldest that is
// there.
func (f *Feed) Follow(ctx context.Context, seq uint64, do func(Entry) error) error {
	for {
		es, wake, gone, err := f.after(ctx, seq)
		if err != nil {
			return err
		}
		if gone {
			if seq, err = f.restart(ctx, seq); err != nil {
				return err
			}
			continue
		}
		for _, e := range es {
			if err := do(e); err != nil {
				return err
			}
			seq = e.Seq
		}
		if len(es) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		}
	}
}

// restart is the place just before the oldest entry, for one who was away too
// long; the end for one who is ahead of it, as after a restored backup.
func (f *Feed) restart(ctx context.Context, seq uint64) (uint64, error) {
	if last := f.Last(); seq > last {
		return last, nil
	}
	oldest, err := f.oldest(ctx)
	return max(oldest, 1) - 1, err
}

// Last is the place of the newest committed entry.
func (f *Feed) Last() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// Prune drops entries beyond the number that is kept.
func (f *Feed) Prune(ctx context.Context) error {
	last := f.Last()
	if last <= keep || last-f.pruned < keep/10 {
		return nil
	}
	err := f.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM feed WHERE seq <= ?", last-keep)
		return err
	})
	if err == nil {
		f.pruned = last
	}
	return err
}

// after returns entries behind seq, or a channel that closes when there are
// some. gone is true when entries behind seq are no longer there.
func (f *Feed) after(ctx context.Context, seq uint64) (es []Entry, wake <-chan struct{}, gone bool, err error) {
	f.mu.Lock()
	last, wake := f.last, f.wake
	if seq >= last {
		f.mu.Unlock()
		return nil, wake, seq > last, nil
	}
	if len(f.recent) > 0 && f.recent[0].Seq <= seq+1 {
		defer f.mu.Unlock()
		i := len(f.recent)
		for i > 0 && f.recent[i-1].Seq > seq {
			i--
		}
		return f.recent[i:len(f.recent):len(f.recent)], nil, false, nil
	}
	f.mu.Unlock() // a reader that was away must not hold the others up
	oldest, err := f.oldest(ctx)
	if err != nil || oldest > seq+1 {
		return nil, nil, err == nil, err
	}
	es, err = f.load(ctx, seq, 500)
	return es, nil, false, err
}

func (f *Feed) oldest(ctx context.Context) (seq uint64, err error) {
	err = f.db.Read().QueryRowContext(ctx, "SELECT coalesce(min(seq), 0) FROM feed").Scan(&seq)
	return seq, err
}

func (f *Feed) load(ctx context.Context, seq uint64, limit int) ([]Entry, error) {
	rows, err := f.db.Read().QueryContext(ctx, "SELECT seq, topic, account, data FROM feed WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit)
	if err != nil {
		return nil, fmt.Errorf("feed: read: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var es []Entry
	for rows.Next() {
		var e Entry
		var data string
		if err := rows.Scan(&e.Seq, &e.Topic, &e.To, &data); err != nil {
			return nil, fmt.Errorf("feed: read: %w", err)
		}
		e.Data = json.RawMessage(data)
		es = append(es, e)
	}
	return es, rows.Err()
}
