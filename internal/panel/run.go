package panel

import (
	"context"
	"time"
)

// look is how often panels are compared with what they should show: one may have been
// installed, or have come back with a memory of its own.
const look = 15 * time.Second

// behind is how long panels wait with what is new. The same message is about to be heard,
// and its orders go through the same store: a voice has 300 ms to displace another, a text
// ten seconds to be there.
const behind = 700 * time.Millisecond

// Run wants on each panel what holds there, until ctx ends.
func (r *Room) Run(ctx context.Context) error {
	for {
		wait := r.step(ctx)
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-r.kick:
			t.Stop()
			if !pause(ctx, behind) {
				return nil
			}
		case <-t.C:
		}
	}
}

// pause is over after a while, or false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// step does it once and says when to come again. A pole that is away gets its text when
// it comes: it is a part of what is wanted of it, with an end that it keeps by itself.
func (r *Room) step(ctx context.Context) time.Duration {
	all, err := r.open(ctx, r.o.DB.Read())
	if err != nil {
		if ctx.Err() == nil {
			r.o.Log.ErrorContext(ctx, "panels: notices not read", "err", err)
		}
		return time.Second
	}
	now := r.now()
	for _, p := range r.o.Panels.Panels(ctx) {
		if err := r.want(ctx, &p, contentOf(p.ID, strongest(all, p.Zone, now)), now); err != nil && ctx.Err() == nil {
			r.o.Log.WarnContext(ctx, "panel was not told", "device_id", p.ID, "err", err)
		}
	}
	if end := ending(all, now); !end.IsZero() {
		return min(look, end.Sub(now)+time.Millisecond)
	}
	return look
}

// want signs anew only what is new: each signature is younger than the one before, which
// is how a panel tells an old one that somebody plays to it. That holds also where the
// hub's clock was set back: what it signs would be refused until the clock is there again.
func (r *Room) want(ctx context.Context, p *Panel, c Content, now time.Time) error {
	last := wanted(p.Wanted)
	if c.same(&last) {
		return nil
	}
	if c.IssuedAt = now; !now.After(last.IssuedAt) {
		c.IssuedAt = last.IssuedAt.Add(time.Millisecond)
	}
	s, err := sign(r.key, &c)
	if err != nil {
		return err
	}
	return r.o.Panels.Desire(ctx, p.ID, map[string]any{"panel": s})
}
