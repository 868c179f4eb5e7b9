package clip

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"dongyue/internal/web"
)

// Cut makes signed clips of a time of a recording: one, or one for each session that
// the time touches, since a clip stands on one clock. They are evidence from then on,
// so they outlive the recording.
func (r *Recorder) Cut(ctx context.Context, camera string, from, to time.Time, reason string) (cs []Clip, err error) {
	from, to = from.UTC().Truncate(time.Millisecond), earliest(to, time.Now()).UTC().Truncate(time.Millisecond)
	if d := to.Sub(from); d <= 0 || d > maxLength {
		return nil, ErrLength
	}
	select {
	case <-r.ready:
	default:
		return nil, ErrNotRunning
	}
	for at := from; at.Before(to); {
		s, err := r.spanOf(ctx, camera, at, to)
		if err != nil {
			return cs, err
		}
		if len(s.pieces) == 0 {
			break
		}
		upTo := to
		last := s.pieces[len(s.pieces)-1].end
		if last.Before(to) && r.goesOn(ctx, camera, last, to) {
			upTo = last.Truncate(time.Millisecond)
		}
		c, err := r.cutOne(ctx, camera, at, upTo, reason, s)
		if err != nil {
			return cs, err
		}
		cs = append(cs, c)
		at = upTo.Add(2 * time.Millisecond) // its last fragment may end within the first of them
	}
	if len(cs) == 0 {
		return nil, ErrNothing
	}
	return cs, nil
}

// goesOn tells whether something is recorded behind a moment.
func (r *Recorder) goesOn(ctx context.Context, camera string, at, to time.Time) bool {
	s, err := r.spanOf(ctx, camera, at.Add(time.Millisecond), to)
	return err == nil && len(s.pieces) > 0 && s.pieces[len(s.pieces)-1].end.After(at.Add(time.Millisecond))
}

// cutOne makes a clip of fragments that lie on disk.
func (r *Recorder) cutOne(ctx context.Context, camera string, from, to time.Time, reason string, s tapeSpan) (Clip, error) {
	who, _ := web.Who(ctx)
	name, zone := camera, ""
	if v, err := r.o.Streams.Get(camera); err == nil {
		name, zone = v.Name, v.Zone
	}
	c := &clip{from: from, to: to, ended: true, silence: codeUnknown}
	key := "cut/" + randomKey()
	c.row = Clip{
		ID: newID(key, from), Camera: camera, CameraName: name, Zone: zone, Reason: reason, By: who.ID, State: Recording,
		WantedFrom: from, WantedTo: to, BeganAt: time.Now().UTC().Truncate(time.Millisecond), Gaps: []Gap{},
	}
	if err := r.enter(c); err != nil { // from here on its reels are not deleted
		return Clip{}, err
	}
	if err := r.claim(c, &s); err != nil {
		r.exit(c)
		return Clip{}, err
	}
	// Its trace comes first: nothing is taken out of a recording without one.
	err := r.o.Audit.Audit(ctx, nil, who.ID, "clip.recorded", c.row.ID, map[string]any{"camera": camera, "reason": reason, "from": from, "to": to, "of": "recording"})
	if err == nil {
		err = r.begin(ctx, key, &c.row)
	}
	if err != nil {
		r.exit(c)
		return Clip{}, err
	}
	r.metrics.begun.Add(1)
	row := c.row
	r.ended <- c // it has room for all clips that are recorded
	return row, nil
}

// claim gives a clip the fragments with the hashes that they had when they were
// recorded, as far as can be told: where the bytes of a reel are not those that were
// sealed, the clip says so.
func (r *Recorder) claim(c *clip, s *tapeSpan) error {
	sums := map[string]map[int64]*piece{}
	for i := range s.rows {
		t := &s.rows[i]
		ps, whole, err := r.reread(t)
		if err != nil {
			return err
		}
		if !whole {
			c.problem = problemSpoilt
		}
		sums[t.reel] = map[int64]*piece{}
		for _, p := range ps {
			sums[t.reel][p.at] = p
		}
	}
	for _, p := range s.pieces {
		x := sums[p.reel][p.at]
		if x == nil { // it can't be read any more
			c.problem = problemSpoilt
			continue
		}
		c.frags = append(c.frags, &fragment{stored: x})
	}
	c.done = len(c.frags) // nothing changes any more: it may be looked at while it is concluded
	return nil
}

// reread reads a reel with its hashes; whole tells that they are those that were
// sealed when it ended. What is still being written has them in memory.
func (r *Recorder) reread(t *taped) (ps []*piece, whole bool, err error) {
	if t.to.IsZero() {
		ps, err = r.piecesOf(t.camera, t.reel)
		return ps, err == nil, err
	}
	path := filepath.Join(r.o.Dir, t.camera, t.reel)
	f, err := os.Open(path)
	if err != nil {
		return nil, false, fmt.Errorf("read reel: %w", err)
	}
	defer func() { _ = f.Close() }()
	_, ps, good, err := scan(bufio.NewReaderSize(f, 1<<20), t.reel)
	if err != nil {
		if errors.Is(err, errReel) {
			return nil, false, nil
		}
		return nil, false, err
	}
	signature, err := base64.StdEncoding.DecodeString(t.Signature)
	whole = err == nil && good == t.bytes && chainOf(ps) == t.Chain && ed25519.Verify(r.Key(), seal(t.camera, t.reel, t.bytes, t.Chain), signature)
	return ps, whole, nil
}
