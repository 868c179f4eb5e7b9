package rules

import (
	"time"

	"dongyue/internal/event"
)

// pointsPerWindow bounds the memory of a metric that is sent too often: so many
// readings are each kept, and behind them those that are closer than this part of
// the span become one point.
const pointsPerWindow = 120

// series is what one window has of one part of a device: readings within the
// span, oldest first.
//
// A window's value is worked out from the points when somebody asks, at most once
// per event. That is as quick as keeping sums and queues of the least and
// greatest up to date with every reading, most of which nobody asks about, and it
// leaves nothing that could drift or would have to be saved.
type series struct {
	window int32 // of the set's
	points []point
	head   int // of points; those before it have left the window
	mark   int // of the engine's undo, see stir
}

// point stands for the readings since the one before it.
type point struct {
	at int64   // ns since 1970, of the newest of them
	v  float64 // the newest value; the sum for avg, the least for min, the greatest for max
	n  float64 // how many they are; for rate the counter's increase over them
}

// live are the points within the window.
func (s *series) live() []point { return s.points[s.head:] }

// observe adds a reading. One that is older than the newest is not looked at:
// the window has gone on. An event is counted all the same, with the newest.
func (s *series) observe(w *windowDef, at int64, v float64) {
	ps := s.live()
	n := len(ps)
	if n > 0 && at < ps[n-1].at {
		if w.fn != countFn {
			return
		}
		at = ps[n-1].at
	}
	// Where there are many, a reading right behind the newest joins it, so that the
	// points always reach over the span; the last but one keeps them apart.
	if n > 0 && at == ps[n-1].at || n >= pointsPerWindow && at-ps[n-2].at < int64(w.span/pointsPerWindow) {
		ps[n-1].join(w.fn, at, v)
	} else {
		s.add(w.fn, at, v)
	}
	s.trim(at - int64(w.span))
}

func (p *point) join(fn string, at int64, v float64) {
	switch fn {
	case avgFn:
		p.v += v
	case minFn:
		p.v = min(p.v, v)
	case maxFn:
		p.v = max(p.v, v)
	case rateFn:
		p.n += increase(p.v, v)
		p.v = v
	default:
		p.v = v
	}
	if fn != rateFn {
		p.n++
	}
	p.at = at
}

func (s *series) add(fn string, at int64, v float64) {
	p := point{at, v, 1}
	if fn == rateFn {
		p.n = 0
		if n := len(s.points); n > s.head {
			p.n = increase(s.points[n-1].v, v)
		}
	}
	if s.head > 0 && len(s.points) == cap(s.points) { // the room in front first
		s.points = append(s.points[:0], s.live()...)
		s.head = 0
	}
	s.points = append(s.points, p)
}

// increase of a counter; one that is less than before has begun again at 0.
func increase(before, now float64) float64 {
	if now < before {
		return now
	}
	return now - before
}

// trim lets go of what is older than from.
func (s *series) trim(from int64) {
	for s.head < len(s.points) && s.points[s.head].at < from {
		s.head++
	}
}

// value is what the window has to say at a time. All but count do not know until
// the points reach over half of the span, nor when the newest is older than that.
func (s *series) value(w *windowDef, at int64) (x float64, ok bool) {
	ps := s.live()
	for len(ps) > 0 && ps[0].at < at-int64(w.span) {
		ps = ps[1:]
	}
	switch w.fn {
	case changedFn:
		return changed(ps)
	case countFn:
		for i := range ps {
			x += ps[i].n
		}
		return x, true
	}
	n, half := len(ps), int64(w.span/2)
	if n < 2 || ps[n-1].at-ps[0].at < half || at-ps[n-1].at > half {
		return 0, false
	}
	switch w.fn {
	case avgFn:
		count := 0.0
		for i := range ps {
			x, count = x+ps[i].v, count+ps[i].n
		}
		return x / count, true
	case minFn:
		x = ps[0].v
		for i := range ps {
			x = min(x, ps[i].v)
		}
	case maxFn:
		x = ps[0].v
		for i := range ps {
			x = max(x, ps[i].v)
		}
	case rateFn:
		for i := 1; i < n; i++ {
			x += ps[i].n
		}
		return x / time.Duration(ps[n-1].at-ps[0].at).Seconds(), true
	case riseFn:
		return slope(ps)
	}
	return x, true
}

// slope is the rise per minute by least squares.
func slope(ps []point) (perMinute float64, ok bool) {
	var sx, sy, sxx, sxy float64
	for i := range ps {
		x := time.Duration(ps[i].at - ps[0].at).Minutes()
		sx, sy, sxx, sxy = sx+x, sy+ps[i].v, sxx+x*x, sxy+x*ps[i].v
	}
	n := float64(len(ps))
	d := n*sxx - sx*sx
	if d == 0 {
		return 0, false
	}
	return (n*sxy - sx*sy) / d, true
}

// measured is what a window has to say at the event that is being judged. It
// implements windows.
func (e *Engine) measured(v *view, window int32) (float64, bool) {
	w := &v.windows[window]
	if w.fn == changedFn && e.noted[window] != v.turn {
		return 0, false // it has no such value, or is not among those that are compared
	}
	if s := e.record.part(v.ev.Part).find(window); s != nil && !s.stale(w, heard(v.ev).UnixNano()) {
		return s.value(w, happened(v.ev).UnixNano())
	}
	return 0, w.fn == countFn
}

// note takes an event into the windows that stand on its route, whether a rule
// is found for it or not. Late values are not looked at.
func (e *Engine) note(v *view, bays []*bay) {
	if v.ev.Late || v.ev.Channel == event.Happening {
		return
	}
	for _, b := range bays {
		for _, w := range b.windows {
			if x := v.at(v.windows[w].path); x.shape == shapeNumber {
				e.observe(v, w, x.num)
			}
		}
	}
}

// refresh is the event's series of a window, to be added to.
func (e *Engine) refresh(v *view, window int32) *series {
	s := e.keep(v.ev).keep(v.ev.Part).keep(window)
	e.stir(s)
	if s.stale(&v.windows[window], heard(v.ev).UnixNano()) {
		s.points, s.head = s.points[:0], 0
	}
	return s
}

// observe adds a reading of the event to a window, once per event however many
// rules ask for it.
func (e *Engine) observe(v *view, window int32, x float64) {
	if e.noted[window] == v.turn {
		return
	}
	e.noted[window] = v.turn
	s := e.refresh(v, window)
	s.observe(&v.windows[window], happened(v.ev).UnixNano(), x)
}
