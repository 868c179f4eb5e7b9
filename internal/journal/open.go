package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"dongyue/internal/db"
	"dongyue/internal/event"
)

// openIndex opens the SQLite file and says how far it has come. One that can't be
// read is put aside and made again, when the segments are there to make it from.
func (j *Journal) openIndex(ctx context.Context) (upTo uint64, err error) {
	upTo, err = j.tryIndex(ctx)
	if err == nil || ctx.Err() != nil || len(j.seg.list) == 0 {
		return upTo, err
	}
	j.log.Error("journal index can't be used; it is made again from the segments", "path", j.path, "err", err)
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(j.path+end, j.path+".damaged"+end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
	}
	return j.tryIndex(ctx)
}

func (j *Journal) tryIndex(ctx context.Context) (upTo uint64, err error) {
	if j.db, err = db.OpenUnsynced(ctx, j.path); err != nil {
		return 0, err
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err == nil {
		err = j.db.Migrate(ctx, "journal", dir)
	}
	if err == nil {
		// A file of before the segments has no row, and all that it holds.
		err = j.db.Read().QueryRowContext(ctx, `SELECT coalesce((SELECT seq FROM journal_index), (SELECT max(seq) FROM journal), 0)`).Scan(&upTo)
	}
	if err != nil {
		return 0, errors.Join(fmt.Errorf("open index: %w", err), j.db.Close())
	}
	return upTo, nil
}

// agree brings the two halves together and returns the newest number.
func (j *Journal) agree(ctx context.Context, last, upTo uint64) (uint64, error) {
	if err := j.seg.undoExport(); err != nil {
		return 0, err
	}
	if len(j.seg.list) == 0 && upTo > 0 {
		// The journal of an older hub, or one whose segments are gone: what the
		// index has is the journal.
		if err := j.export(ctx); err != nil {
			return 0, fmt.Errorf("make segments of the index: %w", err)
		}
		last = upTo
	}
	if upTo > last {
		j.log.Error("journal ends early: the disk has lost what it said it had", "path", j.seg.dir, "last", last, "indexed", upTo)
		last = upTo // no number is given twice
	}
	j.idx.init(upTo)
	j.dedupe = newDedupe(j.indexed)
	r := j.seg.reader(upTo)
	defer r.close()
	for {
		es, err := r.next(indexBatch)
		if err != nil || len(es) == 0 {
			return last, err
		}
		for i := range es {
			if e := &es[i]; e.Channel == event.Happening {
				j.dedupe.note(j.dedupe.keyOf(e.Device, e.ID), e.Seq)
			}
		}
	}
}

// making is the folder of segments that are being made of the index; while it is
// there, they are not all in place.
const making = "making"

// undoExport takes away what an export that was broken off has left.
func (s *segments) undoExport() error {
	dir := filepath.Join(s.dir, making)
	if _, err := os.Stat(dir); err != nil {
		return nil //nolint:nilerr // there was none
	}
	if s.f != nil {
		_ = s.f.Close()
		s.f = nil
	}
	for _, g := range s.list {
		if err := os.Remove(g.path); err != nil {
			return err
		}
	}
	s.list = nil
	return errors.Join(os.RemoveAll(dir), syncDir(s.dir))
}

// export writes what the index has into segments.
func (j *Journal) export(ctx context.Context) (err error) {
	making := filepath.Join(j.seg.dir, making)
	out, _, err := openSegments(making, segmentBytes, j.log)
	if err != nil {
		return err
	}
	n, err := j.copyTo(ctx, out)
	if err = errors.Join(err, out.close()); err != nil {
		return err
	}
	for _, g := range out.list {
		if err := os.Rename(g.path, filepath.Join(j.seg.dir, filepath.Base(g.path))); err != nil {
			return err
		}
	}
	if err := syncDir(j.seg.dir); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(making), syncDir(j.seg.dir)); err != nil {
		return err
	}
	j.log.Info("journal: the events of the SQLite file are in segments now", "path", j.seg.dir, "events", n)
	if err := j.seg.read(); err != nil {
		return err
	}
	_, err = j.seg.recover()
	return err
}

func (j *Journal) copyTo(ctx context.Context, out *segments) (n int, err error) {
	for after := uint64(0); ; {
		es, err := j.query(ctx, Filter{After: after, Limit: indexBatch})
		if err != nil || len(es) == 0 {
			return n, err
		}
		err = out.append(es[0].Seq, func(start int64) (b []byte) {
			for i := range es {
				b = appendRecord(b, &es[i], start)
			}
			return b
		})
		if err != nil {
			return n, err
		}
		n, after = n+len(es), es[len(es)-1].Seq
	}
}
