package lighting

import (
	"context"
	"encoding/json"
	"time"
)

// nights is for how many a lamp knows its times: over a weekend without a hub.
const nights = 3

// look is how often lamps are compared with the plan.
const look = 30 * time.Second

// Run tells lamps what is planned and watches what they do, until ctx ends.
func (l *Lighting) Run(ctx context.Context) error {
	for {
		l.Step(ctx)
		wait := look
		l.mu.Lock()
		if end := ending(l.overrides, l.now()); !end.IsZero() {
			wait = min(wait, end.Sub(l.now())+time.Millisecond)
		}
		l.mu.Unlock()
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-l.kick:
			t.Stop()
		case <-t.C:
		}
	}
}

// Step does once what Run does again and again.
func (l *Lighting) Step(ctx context.Context) {
	now := l.now()
	l.mu.Lock()
	l.overrides = inForce(l.overrides, now)
	l.mu.Unlock()
	lamps := l.o.Lamps.Lamps(ctx)
	l.tell(ctx, lamps, now)
	l.watch(ctx, lamps, now)
	if err := l.prune(ctx); err != nil && ctx.Err() == nil {
		l.o.Log.WarnContext(ctx, "old overrides not dropped", "err", err)
	}
}

// Wish is what is desired of a lamp, as member "lighting" of its twin.
type Wish struct {
	Points   []Point `json:"points"`
	Override *Held   `json:"override"`
}

// Held is an override as a lamp gets it. The lamp ends it by itself.
type Held struct {
	Pct   int       `json:"pct"`
	Until time.Time `json:"until"`
	Cause string    `json:"cause"`
}

// wish is the same text for the same plan the whole night through, so that nothing
// is sent for nothing.
func (l *Lighting) wish(lamp *Lamp, now time.Time) (Wish, *Group) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.plan.group(lamp)
	var w Wish
	group := ""
	if g != nil {
		group = g.ID
		w.Points = l.curve(g.Calendar, nightOf(now, l.o.Zone))
	}
	if o := strongest(l.overrides, lamp.ID, group, now); o != nil {
		w.Override = &Held{o.Pct, o.Until, o.Cause}
	}
	return w, g
}

// curve is what a calendar asks for from a night on, worked out once a night; the
// caller holds l.mu.
func (l *Lighting) curve(calendar string, night Date) []Point {
	if l.curves == nil || l.curvesOf != night {
		l.curves, l.curvesOf = map[string][]Point{}, night
	}
	ps, ok := l.curves[calendar]
	if !ok {
		ps = l.plan.points(calendar, night, nights, l.o.Place, l.o.Zone)
		l.curves[calendar] = ps
	}
	return ps
}

// tell desires of each lamp what is new.
func (l *Lighting) tell(ctx context.Context, lamps []Lamp, now time.Time) {
	for i := range lamps {
		w, g := l.wish(&lamps[i], now)
		if g == nil && w.Override == nil {
			continue // nobody plans for it
		}
		text, err := json.Marshal(w)
		if err != nil {
			l.o.Log.ErrorContext(ctx, "wish not encoded", "device_id", lamps[i].ID, "err", err)
			continue
		}
		l.mu.Lock()
		known := l.wanted[lamps[i].ID] == string(text)
		l.mu.Unlock()
		if known {
			continue
		}
		if err := l.o.Lamps.Desire(ctx, lamps[i].ID, map[string]any{"lighting": json.RawMessage(text)}); err != nil {
			if ctx.Err() == nil {
				l.o.Log.WarnContext(ctx, "lamp was not told", "device_id", lamps[i].ID, "err", err)
			}
			continue
		}
		l.mu.Lock()
		l.wanted[lamps[i].ID] = string(text)
		l.mu.Unlock()
	}
}

// Level is the brightness that a lamp is to have at a time, and since when. ok is
// false when its photocell decides, or nobody plans for it.
func (w *Wish) Level(at time.Time) (pct int, since time.Time, ok bool) {
	if w.Override != nil && at.Before(w.Override.Until) {
		return w.Override.Pct, time.Time{}, true
	}
	for _, p := range w.Points {
		if p.At.After(at) {
			break
		}
		pct, since, ok = p.Pct, p.At, p.On == 0
	}
	return pct, since, ok
}
