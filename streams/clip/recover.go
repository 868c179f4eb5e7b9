package clip

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// recover takes up what the run before was recording: clips whose time is over are
// ended with what lies on disk, the others go on as soon as their camera sends.
func (r *Recorder) recover(ctx context.Context) error {
	left, err := filepath.Glob(filepath.Join(r.o.Dir, "export-*.tmp")) // of exports that were being made
	for _, name := range left {
		err = errors.Join(err, os.RemoveAll(name))
	}
	if err != nil {
		return fmt.Errorf("clean up exports: %w", err)
	}
	if err := r.recoverTapes(ctx); err != nil {
		return err
	}
	rows, err := query(ctx, r.o.DB.Read(), "WHERE state = ? ORDER BY id", string(Recording))
	if err != nil {
		return err
	}
	byCamera := map[string][]*clip{}
	for _, row := range rows {
		byCamera[row.Camera] = append(byCamera[row.Camera], &clip{row: row, from: row.WantedFrom, to: row.WantedTo, resumed: true, silence: codeStopped})
	}
	for camera, clips := range byCamera {
		if err := r.recoverCamera(ctx, camera, clips); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// recoverCamera finds the fragments of a camera's clips. They lie in the session that
// began last: it goes on as long as any clip does.
func (r *Recorder) recoverCamera(ctx context.Context, camera string, clips []*clip) error {
	since := clips[0].from
	for _, c := range clips {
		since = earliest(since, c.from)
	}
	ps, last, err := r.lastSession(camera, since)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, c := range clips {
		c.recall(ps)
		if len(r.ended) == cap(r.ended) {
			r.finishSome(ctx, <-r.ended)
		}
		r.mu.Lock()
		r.active[c.row.ID] = c
		if c.to.After(now) && !c.ended {
			r.late[camera] = append(r.late[camera], c)
			r.pasts[camera] = last
		} else {
			r.ended <- c
		}
		r.mu.Unlock()
		r.log.Info("clip of the run before is taken up", "clip_id", c.row.ID, "camera_id", camera, "fragments", len(c.frags), "goes_on", !c.ended && c.to.After(now))
	}
	return nil
}

// lastSession reads the reels of the session that began last, back to a key frame
// before a moment: a camera that is recorded all the time has days of them. A fragment
// that was not written to its end is cut off.
func (r *Recorder) lastSession(camera string, since time.Time) (ps []*piece, last *past, err error) {
	dir := filepath.Join(r.o.Dir, camera)
	names, err := reelsIn(dir)
	if err != nil || len(names) == 0 {
		return nil, nil, err
	}
	session, n, _ := sessionOf(names[len(names)-1])
	last = &past{name: session, reels: n + 1}
	for _, name := range slices.Backward(names) {
		if s, _, _ := sessionOf(name); s != session || reaches(ps, since) {
			break
		}
		head, found, err := readReel(filepath.Join(dir, name), name)
		if err != nil {
			r.log.Warn("reel can't be read", "camera_id", camera, "file", name, "err", err)
			continue
		}
		ps = append(found, ps...)
		if last.head.sps == nil { // the newest one names all sound of the session
			last.head = head
		}
	}
	if len(ps) == 0 {
		return nil, nil, nil
	}
	ps = inOrder(ps)
	for i, p := range ps {
		if i > 0 && p.Gap == "" && p.dts-(ps[i-1].dts+ps[i-1].length) > ticks(pause) {
			p.Gap = codeUnknown
		}
	}
	end := ps[len(ps)-1]
	last.seq, last.end, last.at = end.seq, end.dts+end.length, end.start.Add(span(end.dts+end.length-end.pts))
	return ps, last, nil
}

// recoverTapes reads what the run before was recording and notes where it ends.
func (r *Recorder) recoverTapes(ctx context.Context) error {
	rows, err := r.reels(ctx, "WHERE to_ms = 0 ORDER BY camera, from_ms, reel")
	if err != nil {
		return err
	}
	for _, t := range rows {
		path := filepath.Join(r.o.Dir, t.camera, t.reel)
		_, ps, err := readReel(path, t.reel)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			r.log.Warn("reel can't be read", "camera_id", t.camera, "file", t.reel, "err", err)
		}
		var size int64
		if info, err := os.Stat(path); err == nil {
			size = info.Size()
		}
		if err := r.endReel(ctx, t.camera, t.reel, size, ps); err != nil {
			return err
		}
		if len(ps) == 0 {
			continue
		}
		at := ps[0].end
		for _, p := range ps {
			at = later(at, p.end)
		}
		if err := r.insertMark(ctx, t.camera, at, codeStopped); err != nil {
			return err
		}
		r.log.Info("recording of the run before is taken up", "camera_id", t.camera, "file", t.reel, "fragments", len(ps))
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// reaches tells whether fragments can show a moment.
func reaches(ps []*piece, at time.Time) bool {
	return slices.ContainsFunc(ps, func(p *piece) bool { return p.key && !p.start.After(at) })
}

// readReel reads a reel's fragments and cuts off what follows the last whole one.
func readReel(path, name string) (params, []*piece, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return params{}, nil, fmt.Errorf("read reel: %w", err)
	}
	defer func() { _ = f.Close() }()
	p, ps, good, err := scan(bufio.NewReaderSize(f, 1<<20), name)
	if err != nil {
		return params{}, nil, fmt.Errorf("read reel: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() > good {
		err = f.Truncate(good)
	}
	if err != nil {
		return params{}, nil, fmt.Errorf("mend reel: %w", err)
	}
	return p, ps, nil
}

// after tells whether pictures are missing between two fragments.
func (p *piece) after(before *piece) bool {
	return p.Gap != "" || p.start.Sub(before.end) > pause
}

// recall gives a clip those of the fragments on disk that belong to it. It is not
// interrupted when all of them are there.
func (c *clip) recall(ps []*piece) {
	first, over := len(ps), false
	for i, p := range ps {
		if p.key && (first == len(ps) || over || !p.start.After(c.from)) {
			first = i
		}
		// A moment in a gap is shown by what comes behind the gap.
		over = i+1 < len(ps) && ps[i+1].after(p) && !p.end.After(c.from)
	}
	last := first
	for i, p := range ps {
		if i >= first && p.low.Before(c.to) {
			last = i + 1
		}
		if !p.end.Before(c.to) { // it was whole, and only not concluded yet
			c.ended, c.resumed, c.silence = true, false, codeUnknown
		}
	}
	for _, p := range ps[first:last] {
		c.frags = append(c.frags, &fragment{stored: p})
	}
	c.done = len(c.frags)
}
