package clip

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	pruneEvery = time.Minute
	pruneBatch = 200
	// orphanAge is how long a reel that no clip has is left alone: it may be one that
	// is being written, or whose fragments a clip that begins now still finds in the
	// ring.
	orphanAge = 10 * time.Minute
)

// prune deletes what is too old or too much until ctx ends.
func (r *Recorder) prune(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		if err := r.pruneOnce(ctx, time.Now()); err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "old clips were not deleted", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// pruneOnce deletes clips that are too old, then the oldest ones while all together
// take too much space; clips of open alarms stay. Files go when no clip has them.
func (r *Recorder) pruneOnce(ctx context.Context, now time.Time) error {
	if _, err := r.deleteClips(ctx, now.Add(-r.o.Retention), "retention", func(int64) bool { return false }); err != nil {
		return err
	}
	if err := r.pruneTapes(ctx, now); err != nil {
		return err
	}
	size, err := r.sweep(ctx, now)
	if err != nil {
		return err
	}
	if size > r.most.Load() {
		freed, err := r.deleteClips(ctx, now, "max_gb", func(freed int64) bool { return size-freed <= r.most.Load() })
		if err != nil {
			return err
		}
		if size -= freed; size > r.most.Load() {
			r.log.WarnContext(ctx, "clips of open alarms take more space than clips.max_gb", "bytes", size, "most", r.most.Load())
		}
		if _, err := r.sweep(ctx, now); err != nil {
			return err
		}
	}
	r.metrics.disk.Store(size)
	return nil
}

// deleteClips deletes clips that ended before a moment, the oldest first, until it is
// enough. freed are the bytes of files that no clip has any more; recordings may.
func (r *Recorder) deleteClips(ctx context.Context, before time.Time, why string, enough func(freed int64) bool) (freed int64, err error) {
	after := ""
	for {
		cs, err := r.old(ctx, before, after, pruneBatch)
		if err != nil || len(cs) == 0 {
			return freed, err
		}
		for i := range cs {
			if enough(freed) {
				return freed, nil
			}
			c := &cs[i]
			after = c.ID
			if c.Alarm != "" && r.o.Open != nil && r.o.Open(ctx, c.Alarm) {
				continue
			}
			n, err := r.deleteClip(ctx, c, HubActor, why)
			if err != nil {
				return freed, err
			}
			freed += n
		}
	}
}

// deleteClip deletes one. That it was there, and why it is not any more, stays in the
// audit.
func (r *Recorder) deleteClip(ctx context.Context, c *Clip, who, why string) (freed int64, err error) {
	var alone []string
	err = r.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		mine, err := onlyOf(ctx, tx, c)
		if err != nil {
			return err
		}
		freed, alone = 0, alone[:0]
		for _, x := range mine {
			if info, err := os.Stat(filepath.Join(r.o.Dir, c.Camera, x.name)); err == nil {
				freed += info.Size()
			}
			if !x.taped {
				alone = append(alone, x.name)
			}
		}
		if err := remove(ctx, tx, c.ID); err != nil {
			return err
		}
		if _, err := r.o.Feed.Append(ctx, tx, topic, Change{*c, "delete"}); err != nil {
			return err
		}
		return r.o.Audit.Audit(ctx, tx, who, "clip.deleted", c.ID, map[string]any{"camera": c.Camera, "alarm": c.Alarm, "why": why, "sha256": c.SHA256})
	})
	if err != nil {
		return 0, err
	}
	if err := os.Remove(filepath.Join(r.o.Dir, c.Camera, c.ID+".json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return freed, fmt.Errorf("delete clip %s: %w", c.ID, err)
	}
	if who != HubActor {
		r.removeFiles(c.Camera, alone)
	}
	r.metrics.deleted.Add(1)
	return freed, r.o.Feed.Committed(ctx)
}

// ownReel is a reel that no other clip has; taped tells that a recording has it.
type ownReel struct {
	name  string
	taped bool
}

// onlyOf are the reels that no other clip has.
func onlyOf(ctx context.Context, tx *sql.Tx, c *Clip) (list []ownReel, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT reel, EXISTS (SELECT 1 FROM recordings AS t WHERE t.camera = mine.camera AND t.reel = mine.reel)
		FROM clip_reels AS mine WHERE clip = ? AND NOT EXISTS
		(SELECT 1 FROM clip_reels AS o WHERE o.camera = mine.camera AND o.reel = mine.reel AND o.clip <> mine.clip)`, c.ID)
	if err != nil {
		return nil, fmt.Errorf("read reels of clip %s: %w", c.ID, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var x ownReel
		if err := rows.Scan(&x.name, &x.taped); err != nil {
			return nil, fmt.Errorf("read reels of clip %s: %w", c.ID, err)
		}
		list = append(list, x)
	}
	return list, rows.Err()
}

// sweep deletes files that no clip has and returns the bytes of those that one has.
func (r *Recorder) sweep(ctx context.Context, now time.Time) (size int64, err error) {
	dirs, err := os.ReadDir(r.o.Dir)
	if err != nil {
		return 0, fmt.Errorf("list clips: %w", err)
	}
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		n, err := r.sweepCamera(ctx, d.Name(), now)
		if err != nil {
			return 0, err
		}
		size += n
	}
	return size, nil
}

func (r *Recorder) sweepCamera(ctx context.Context, camera string, now time.Time) (size int64, err error) {
	used, err := r.used(ctx, camera)
	if err != nil {
		return 0, err
	}
	taped, err := r.tapedReels(ctx, camera)
	if err != nil {
		return 0, err
	}
	busy := r.recording(camera)
	es, err := os.ReadDir(filepath.Join(r.o.Dir, camera))
	if err != nil {
		return 0, fmt.Errorf("list clips: %w", err)
	}
	for _, e := range es {
		info, err := e.Info()
		if err != nil {
			continue // it has just gone
		}
		_, _, reel := sessionOf(e.Name())
		id, manifest := strings.CutSuffix(e.Name(), ".json")
		switch {
		case reel && taped[e.Name()] && !used[e.Name()]:
			continue // it has limits of its own
		case reel && (used[e.Name()] || busy), now.Sub(info.ModTime()) < orphanAge:
			if reel {
				size += info.Size()
			}
			continue
		case manifest:
			if _, err := r.Get(ctx, id); !errors.Is(err, ErrUnknown) {
				continue
			}
		case !reel && filepath.Ext(e.Name()) != ".tmp":
			continue // not ours
		}
		if err := os.Remove(filepath.Join(r.o.Dir, camera, e.Name())); err != nil {
			return size, fmt.Errorf("delete clip files: %w", err)
		}
	}
	return size, nil
}

// recording tells whether clips of a camera are being recorded.
func (r *Recorder) recording(camera string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.active {
		if c.row.Camera == camera {
			return true
		}
	}
	return false
}
