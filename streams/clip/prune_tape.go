package clip

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// pruneTapes deletes recordings that are too old, then the oldest while a camera or
// all together take too much space, or the disk has too little left. A file that a clip
// has stays as long as the clip.
func (r *Recorder) pruneTapes(ctx context.Context, now time.Time) error {
	for _, camera := range r.tapedCameras(ctx) {
		s := r.setting(camera)
		keep := r.o.Continuous.Retention
		if s.Days != nil {
			keep = time.Duration(*s.Days) * 24 * time.Hour
		}
		if err := r.dropTapes(ctx, "WHERE camera = ? AND to_ms > 0 AND to_ms < ? ORDER BY from_ms LIMIT ?", []any{camera, now.Add(-keep).UnixMilli()}, nil); err != nil {
			return err
		}
		if s.MaxGB != nil {
			if err := r.dropOver(ctx, "WHERE camera = ?", []any{camera}, int64(*s.MaxGB)*1e9); err != nil {
				return err
			}
		}
	}
	if err := r.dropOver(ctx, "WHERE 1 = 1", nil, r.mostTaped.Load()); err != nil {
		return err
	}
	return r.makeRoom(ctx)
}

// tapedCameras are those of which there are recordings.
func (r *Recorder) tapedCameras(ctx context.Context) (ids []string) {
	rows, err := r.o.DB.Read().QueryContext(ctx, "SELECT DISTINCT camera FROM recordings")
	if err != nil {
		r.log.Warn("recordings were not listed", "err", err)
		return nil
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		if rows.Scan(&id) == nil {
			ids = append(ids, id)
		}
	}
	if err := rows.Err(); err != nil { // those that came will do until the next time
		r.log.Warn("recordings were not all listed", "err", err)
	}
	return ids
}

// dropOver deletes the oldest recordings while they take more than so many bytes.
func (r *Recorder) dropOver(ctx context.Context, where string, args []any, most int64) error {
	var size int64
	if err := r.o.DB.Read().QueryRowContext(ctx, "SELECT coalesce(sum(bytes), 0) FROM recordings "+where, args...).Scan(&size); err != nil { //nolint:gosec // where is ours
		return fmt.Errorf("read recordings: %w", err)
	}
	if size <= most {
		return nil
	}
	return r.dropTapes(ctx, where+" AND to_ms > 0 ORDER BY from_ms LIMIT ?", args, func(t *taped) bool {
		size -= t.bytes
		return size > most
	})
}

// room is what recordings leave free on the disk: what comes within a minute must fit
// in before the reserve for the databases is touched.
const room = 2 * reserve

// makeRoom deletes the oldest recordings while the disk has too little left.
func (r *Recorder) makeRoom(ctx context.Context) error {
	free := func() int64 {
		n, err := (*r.free.Load())(r.o.Dir)
		if err != nil {
			return room
		}
		return n
	}
	if free() >= room {
		return nil
	}
	return r.dropTapes(ctx, "WHERE to_ms > 0 ORDER BY from_ms LIMIT ?", nil, func(*taped) bool { return free() < room })
}

// dropTapes deletes the recordings that a query names, the oldest first, as long as
// more is to go; nil is all of them.
func (r *Recorder) dropTapes(ctx context.Context, where string, args []any, more func(*taped) bool) error {
	for {
		rows, err := r.reels(ctx, where, append(slices.Clip(args), pruneBatch)...)
		if err != nil || len(rows) == 0 {
			return err
		}
		for i := range rows {
			if err := r.dropTape(ctx, &rows[i]); err != nil {
				return err
			}
			if more != nil && !more(&rows[i]) {
				return nil
			}
		}
	}
}

// dropTape deletes a reel of a recording, and its file where no clip has it.
func (r *Recorder) dropTape(ctx context.Context, t *taped) error {
	clipped := false
	err := r.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM clip_reels WHERE camera = ? AND reel = ?", t.camera, t.reel).Scan(&n); err != nil {
			return err
		}
		clipped = n > 0
		for _, x := range []struct {
			statement string
			args      []any
		}{
			{"DELETE FROM recordings WHERE camera = ? AND reel = ?", []any{t.camera, t.reel}},
			{"DELETE FROM recording_marks WHERE camera = ? AND at < (SELECT max(at) FROM recording_marks WHERE camera = ? AND at <= ?)", []any{t.camera, t.camera, t.to.UnixMilli()}},
			{
				"INSERT INTO recording_cameras(camera, pruned, data) VALUES (?, ?, '') ON CONFLICT (camera) DO UPDATE SET pruned = max(pruned, excluded.pruned)",
				[]any{t.camera, t.to.UnixMilli()},
			},
		} {
			if _, err := tx.ExecContext(ctx, x.statement, x.args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete recording %s of %s: %w", t.reel, t.camera, err)
	}
	if clipped || r.holds(t.camera, t.reel) {
		return nil // the file goes with its last clip
	}
	if err := os.Remove(filepath.Join(r.o.Dir, t.camera, t.reel)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete recording: %w", err)
	}
	r.metrics.dropped.Add(1)
	return nil
}

// holds tells whether a clip that is being recorded has a reel, or may yet get it.
func (r *Recorder) holds(camera, reel string) bool {
	r.mu.Lock()
	a := r.armed[camera]
	r.mu.Unlock()
	if a != nil {
		a.ring.mu.Lock()
		defer a.ring.mu.Unlock()
		for _, f := range a.ring.frags {
			if f.stored != nil && f.stored.reel == reel {
				return true
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.active {
		if c.row.Camera == camera {
			return true
		}
	}
	return false
}
