package streams

import "time"

const (
	gaugeSpan  = 1500 * time.Millisecond // of one comparison
	gaugeTimes = 3                       // comparisons in a row that must say the same
	gaugeOff   = 1.6                     // times as fast, or as slow, as it should be
)

// gauge compares the clock of a camera's pictures with ours. Some cameras count it at
// another rate than 90 kHz (RFC 6184, 8.2.1), by pictures, or not at all; their
// pictures would be shown and kept as if days or no time lay between them. From then
// on a picture's time is that of its arrival.
type gauge struct {
	in         uint32 // newest time by the camera's clock
	since      time.Time
	sum        int64 // ticks in this comparison
	slow, fast int   // in a row
	own        bool
	base       time.Time
}

// read returns the time of a picture that came at at; turned tells that it is the first
// one whose time is ours.
func (g *gauge) read(ts uint32, at time.Time) (t uint32, turned bool) {
	if g.own {
		return ticks(at.Sub(g.base)), false
	}
	step := int64(int32(ts - g.in)) //nolint:gosec // modulo 2^32 is meant
	g.in = ts
	if g.since.IsZero() || step > jump || step < -jump { // the first, or the clock was set
		g.since, g.sum = at, 0
		return ts, false
	}
	g.sum += step
	d := at.Sub(g.since)
	if d < gaugeSpan {
		return ts, false
	}
	g.judge(float64(g.sum) / float64(ticks(d)))
	g.since, g.sum = at, 0
	if max(g.slow, g.fast) < gaugeTimes {
		return ts, false
	}
	g.own, g.base = true, at
	return 0, true
}

func (g *gauge) judge(rate float64) {
	switch {
	case rate < 1/gaugeOff:
		g.slow, g.fast = g.slow+1, 0
	case rate > gaugeOff:
		g.slow, g.fast = 0, g.fast+1
	default:
		g.slow, g.fast = 0, 0
	}
}
