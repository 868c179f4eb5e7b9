package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sort"
	"time"
)

// pruneChunk is how many numbers one deleting transaction spans, so that the
// committer never waits long for its turn.
const pruneChunk = 2000

// Prune drops what arrived before the given times: telemetry, and everything
// else. The newest event always stays, because its number must not be given
// twice.
func (j *Journal) Prune(ctx context.Context, before, telemetryBefore time.Time) error {
	j.idx.reach(ctx, j.Last(), queryWait)
	oldest, err := j.oldest(ctx)
	if err != nil {
		return err
	}
	all, err := j.seqBefore(ctx, before)
	if err != nil {
		return err
	}
	telemetry, err := j.seqBefore(ctx, telemetryBefore)
	if err != nil {
		return err
	}
	if err := j.dropSegments(before); err != nil {
		return fmt.Errorf("prune journal: %w", err)
	}
	if oldest == 0 {
		return nil
	}
	if err := j.drop(ctx, oldest, all, "received_at < ?", before.UnixMilli()); err != nil {
		return err
	}
	from := max(oldest, j.thinned.Load())
	if err := j.drop(ctx, from, telemetry, "channel = 'telemetry' AND received_at < ?", telemetryBefore.UnixMilli()); err != nil {
		return err
	}
	j.thinned.Store(max(from, telemetry))
	return nil
}

// Hold names a follower and its checkpoint. The retention leaves every segment
// alone that holds something behind it.
func (j *Journal) Hold(name string, checkpoint func() uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.followers[name] = checkpoint
}

// seen is the number up to which every follower, and the index, has come.
func (j *Journal) seen() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	seq := j.idx.upTo.Load()
	for _, checkpoint := range j.followers {
		seq = min(seq, checkpoint())
	}
	return seq
}

// dropSegments deletes the files all of whose events arrived before t and have
// been seen. Arrival is in order, so the newest event of a file decides.
func (j *Journal) dropSegments(t time.Time) error {
	seen := j.seen()
	return j.seg.drop(func(g segment, last uint64) (bool, error) {
		if last > seen {
			return false, nil
		}
		info, err := os.Stat(g.path) // written to for the last time when its last event arrived
		if err != nil {
			return errors.Is(err, fs.ErrNotExist), nil
		}
		return info.ModTime().Before(t), nil
	})
}

// drop deletes in steps what meets the condition among the numbers from first
// to last, but never the newest event of all.
func (j *Journal) drop(ctx context.Context, first, last uint64, cond string, arg any) error {
	last = min(last, max(j.Last(), 1)-1)
	for lo := first; lo <= last; lo += pruneChunk {
		hi := min(lo+pruneChunk-1, last)
		err := j.db.Tx(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "DELETE FROM journal WHERE seq BETWEEN ? AND ? AND "+cond, lo, hi, arg) //nolint:gosec // cond is ours
			return err
		})
		if err != nil {
			return fmt.Errorf("prune journal: %w", err)
		}
	}
	return nil
}

func (j *Journal) oldest(ctx context.Context) (seq uint64, err error) {
	if err := j.db.Read().QueryRowContext(ctx, "SELECT coalesce(min(seq), 0) FROM journal").Scan(&seq); err != nil {
		return 0, fmt.Errorf("journal: read oldest event: %w", err)
	}
	return seq, nil
}

// seqBefore returns the number up to which events arrived before t. Numbers
// follow arrival, so a search by halves needs no index on the time; a clock that
// was set back makes the answer coarse, never the deletion wrong.
func (j *Journal) seqBefore(ctx context.Context, t time.Time) (uint64, error) {
	lo, err := j.oldest(ctx)
	if err != nil || lo == 0 {
		return 0, err
	}
	limit := t.UnixMilli()
	n := sort.Search(int(j.Last()-lo+1), func(i int) bool {
		if err != nil {
			return true
		}
		var at int64
		e := j.db.Read().QueryRowContext(ctx, "SELECT received_at FROM journal WHERE seq >= ? ORDER BY seq LIMIT 1", lo+uint64(i)).Scan(&at)
		if e != nil {
			err = fmt.Errorf("journal: search by time: %w", e)
			return true
		}
		return at >= limit
	})
	if err != nil {
		return 0, err
	}
	return lo + uint64(n) - 1, nil
}

// pruneEvery is the time between two looks for what has become too old. The
// first look comes after one such time, when the followers have caught up with
// what came before a restart.
const pruneEvery = 10 * time.Minute

func (j *Journal) retain(ctx context.Context) {
	for sleep(ctx, pruneEvery) == nil {
		now := time.Now()
		if err := j.Prune(ctx, now.Add(-j.opts.Keep), now.Add(-j.opts.KeepTelemetry)); err != nil && ctx.Err() == nil {
			j.log.Warn("journal retention failed", "path", j.path, "err", err)
		}
	}
}
