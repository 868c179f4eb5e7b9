package streams

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Seed stores cameras as they are given; known ones are updated. A camera whose
// address stays keeps its viewers.
func (s *Streams) Seed(ctx context.Context, cameras []Camera) error {
	for i := range cameras {
		if _, err := cameras[i].check(s.nets); err != nil {
			return fmt.Errorf("seed camera %q: %w", cameras[i].ID, err)
		}
	}
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		for i := range cameras {
			if err := save(ctx, tx, &cameras[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("seed cameras: %w", err)
	}
	for i := range cameras {
		s.take(cameras[i])
	}
	return nil
}

// take puts a stored camera into the room.
func (s *Streams) take(c Camera) {
	s.mu.Lock()
	old := s.cameras[c.ID]
	if old != nil && old.source(old.URL) == c.source(c.URL) && old.SubURL == c.SubURL {
		// Whoever reads holds the old value, so it is not changed in place.
		s.cameras[c.ID] = &camera{Camera: c, main: old.main, sub: old.sub}
		old = nil
	} else {
		s.add(stored{Camera: c})
	}
	s.mu.Unlock()
	if old != nil {
		old.close(ErrGone)
	}
	s.steadily(c.ID)
	s.changed(c.ID)
}

// Add registers a new camera.
func (s *Streams) Add(ctx context.Context, c Camera) error {
	if s.Known(c.ID) {
		return fmt.Errorf("%w: %q", ErrExists, c.ID)
	}
	return s.Seed(ctx, []Camera{c})
}

// Delete forgets a camera and ends its viewers.
func (s *Streams) Delete(ctx context.Context, id string) error {
	s.mu.Lock()
	c := s.cameras[id]
	delete(s.cameras, id)
	s.mu.Unlock()
	if c == nil {
		return fmt.Errorf("%w: %q", ErrUnknown, id)
	}
	c.close(ErrGone)
	s.steadily(id)
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM cameras WHERE id = ?`, id); err != nil {
			return fmt.Errorf("delete camera %s: %w", id, err)
		}
		_, err := s.feed.Append(ctx, tx, "camera", map[string]any{"id": id, "deleted": true, "state": Idle})
		return err
	})
	if err != nil {
		return err
	}
	return s.feed.Committed(ctx)
}

// Nearest returns the ids of up to n cameras, the nearest to a place on the plan
// (metres) first.
func (s *Streams) Nearest(_ context.Context, x, y float64, n int) []string {
	return s.ranked(n, func(c *Camera) (float64, bool) {
		dx, dy := c.X-x, c.Y-y
		return dx*dx + dy*dy, true
	})
}

// InZone returns the ids of up to n cameras that belong to a zone: in it first,
// then those that share most of its address (east/b01/u1, then east/b01, then east).
func (s *Streams) InZone(_ context.Context, zone string, n int) []string {
	want := strings.Split(zone, "/")
	return s.ranked(n, func(c *Camera) (float64, bool) {
		have := strings.Split(c.Zone, "/")
		common := 0
		for common < min(len(want), len(have)) && want[common] == have[common] {
			common++
		}
		return float64((len(want)-common)*100 + len(have) - common), common > 0 && zone != ""
	})
}

func (s *Streams) ranked(n int, far func(*Camera) (float64, bool)) []string {
	type row struct {
		id  string
		far float64
	}
	var rows []row
	s.mu.Lock()
	for id, c := range s.cameras {
		if d, ok := far(&c.Camera); ok {
			rows = append(rows, row{id, d})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.far, b.far), cmp.Compare(a.id, b.id)) })
	ids := make([]string, 0, max(0, min(n, len(rows))))
	for _, r := range rows[:cap(ids)] {
		ids = append(ids, r.id)
	}
	return ids
}

// View is a camera as screens see it. It holds nothing of its address.
type View struct {
	Camera
	State     State     `json:"state"`
	Since     time.Time `json:"since"`
	Main      Status    `json:"main"`
	Sub       *Status   `json:"sub"`
	Viewers   int       `json:"viewers"`
	Error     string    `json:"error"` // code of the cause, "" for none
	ErrorText Text      `json:"error_text"`
}

func (c *camera) view() View {
	v := View{Camera: c.Camera, Main: c.main.status()}
	best := v.Main
	if c.sub != nil {
		sub := c.sub.status()
		v.Sub = &sub
		if rank(sub.State) > rank(best.State) {
			best = sub
		}
		v.Viewers = sub.Viewers
	}
	v.State, v.Since = best.State, best.Since
	v.Viewers += v.Main.Viewers
	for _, p := range []*path{c.main, c.sub} {
		if p != nil && v.Error == "" && v.State != Live {
			v.Error, v.ErrorText = cause(p)
		}
	}
	return v
}

// rank orders states: a camera of which any stream is seen is seen.
func rank(s State) int { return slices.Index([]State{Idle, NoSignal, Connecting, Live}, s) }

func (p *path) status() Status {
	st := p.state()
	s := Status{Codec: p.stream.Codec(), State: st.state, Since: st.since.UTC().Truncate(time.Millisecond), Kbps: st.kbps, Viewers: p.viewers()}
	if s.FPS == 0 {
		s.FPS = st.fps
	}
	return s
}

// List returns the cameras behind an id, in order.
func (s *Streams) List(after string, limit int, keep func(*Camera) bool) (views []View, next string) {
	s.mu.Lock()
	all := make([]*camera, 0, len(s.cameras))
	for id, c := range s.cameras {
		if id > after && keep(&c.Camera) {
			all = append(all, c)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b *camera) int { return cmp.Compare(a.ID, b.ID) })
	if len(all) > limit {
		all, next = all[:limit], all[limit-1].ID
	}
	views = make([]View, 0, len(all))
	for _, c := range all {
		views = append(views, c.view())
	}
	return views, next
}

// Get returns one camera.
func (s *Streams) Get(id string) (View, error) {
	c := s.find(id)
	if c == nil {
		return View{}, fmt.Errorf("%w: %q", ErrUnknown, id)
	}
	return c.view(), nil
}

func isUnknown(err error) bool { return errors.Is(err, ErrUnknown) }
