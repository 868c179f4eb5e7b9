package clip

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	// lead is how far before a moment its key frame is looked for.
	lead = time.Minute
	// apart is how much may be missing within what is played in one piece.
	apart = 5 * time.Second
)

// contents keeps the fragments of reels that were looked at lately: a player asks for a
// piece at a time.
type contents struct {
	mu    sync.Mutex
	reels map[string][]*piece
	order []string // the oldest first
}

// indexed is how many reels are kept: some hours of one camera.
const indexed = 96

func (x *contents) of(dir, name string) ([]*piece, error) {
	path := filepath.Join(dir, name)
	x.mu.Lock()
	ps, ok := x.reels[path]
	x.mu.Unlock()
	if ok {
		return ps, nil
	}
	ps, err := skimReel(path, name)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.reels == nil {
		x.reels = map[string][]*piece{}
	}
	if _, ok := x.reels[path]; !ok {
		x.order = append(x.order, path)
	}
	x.reels[path] = ps
	for len(x.order) > indexed {
		delete(x.reels, x.order[0])
		x.order = x.order[1:]
	}
	return ps, nil
}

// tapeSpan is a part of a recording: fragments of one session, in order, that show a time.
type tapeSpan struct {
	pieces []*piece
	rows   []taped // the reels that they lie in
}

// spanOf finds what shows a time of a camera's recording: of the session that does so
// first, since what another one has stands on another clock.
func (r *Recorder) spanOf(ctx context.Context, camera string, from, to time.Time) (s tapeSpan, err error) {
	rows, err := r.reels(ctx, "WHERE camera = ? AND from_ms < ? AND (to_ms > ? OR to_ms = 0) ORDER BY from_ms, reel",
		camera, to.UnixMilli(), from.Add(-lead).UnixMilli())
	if err != nil {
		return s, err
	}
	for i := 0; i < len(rows); {
		session, _, _ := sessionOf(rows[i].reel)
		s = tapeSpan{}
		shows := false
		for ; i < len(rows); i++ {
			if name, _, _ := sessionOf(rows[i].reel); name != session {
				break
			}
			ps, err := r.piecesOf(camera, rows[i].reel)
			if errors.Is(err, fs.ErrNotExist) {
				continue // it has just been deleted
			}
			if err != nil {
				return s, err
			}
			s.pieces, s.rows = append(s.pieces, ps...), append(s.rows, rows[i])
			shows = shows || slices.ContainsFunc(ps, func(p *piece) bool { return p.end.After(from) })
		}
		if shows {
			break
		}
		s = tapeSpan{}
	}
	c := &clip{from: from, to: to}
	c.recall(inOrder(s.pieces))
	if s.pieces = s.pieces[:0:0]; len(c.frags) == 0 {
		return s, nil
	}
	for _, f := range c.frags {
		s.pieces = append(s.pieces, f.stored)
	}
	s.rows = slices.DeleteFunc(s.rows, func(t taped) bool {
		return !slices.ContainsFunc(s.pieces, func(p *piece) bool { return p.reel == t.reel })
	})
	return s, nil
}

// piecesOf are the fragments of a reel of a recording.
func (r *Recorder) piecesOf(camera, reel string) ([]*piece, error) {
	r.mu.Lock()
	a := r.armed[camera]
	r.mu.Unlock()
	if a != nil {
		if name, ps := a.live.now(); name == reel {
			return ps, nil
		}
	}
	return r.contents.of(filepath.Join(r.o.Dir, camera), reel)
}

// upToGap cuts fragments off where too much is missing for one piece.
func upToGap(ps []*piece, from time.Time) []*piece {
	for i := 1; i < len(ps); i++ {
		if ps[i-1].end.After(from) && ps[i].start.Sub(ps[i-1].end) > apart {
			return ps[:i]
		}
	}
	return ps
}
