package rules

import (
	"time"

	"dongyue/internal/event"
)

// window asks for the slope of one metric over a span of time.
type window struct {
	metric string
	span   time.Duration
}

func (w window) name() string { return w.metric + " " + w.span.String() }

// samplesPerWindow bounds the memory of a metric that is sent too often.
const samplesPerWindow = 120

// series is one metric of one part within a span.
type series struct {
	span    time.Duration
	samples []sample
}

type sample struct {
	at time.Time
	v  float64
}

type seriesKey struct {
	device, part string
	window       window
}

// observe adds a value. One at the same time replaces the other, so that an
// event that is judged again after a failed commit counts once; an older one
// is not looked at.
func (s *series) observe(at time.Time, v float64) {
	n := len(s.samples)
	if n > 0 && at.Before(s.samples[n-1].at) {
		return
	}
	// A value right behind the newest takes its place, so that the samples
	// always reach over the span; the last but one keeps them apart.
	if n > 0 && at.Equal(s.samples[n-1].at) || n > 1 && at.Sub(s.samples[n-2].at) < s.span/samplesPerWindow {
		s.samples[n-1] = sample{at, v}
	} else {
		s.samples = append(s.samples, sample{at, v})
	}
	from := at.Add(-s.span)
	old := 0
	for old < len(s.samples) && s.samples[old].at.Before(from) {
		old++
	}
	s.samples = append(s.samples[:0], s.samples[old:]...)
}

// slope is the rise per minute by least squares; ok is false until the samples
// reach over half of the span, and when the newest is older than that.
func (s *series) slope(at time.Time) (perMinute float64, ok bool) {
	n := len(s.samples)
	if n < 2 || s.samples[n-1].at.Sub(s.samples[0].at) < s.span/2 || at.Sub(s.samples[n-1].at) > s.span/2 {
		return 0, false
	}
	var sx, sy, sxx, sxy float64
	for _, p := range s.samples {
		x := p.at.Sub(s.samples[0].at).Minutes()
		sx, sy, sxx, sxy = sx+x, sy+p.v, sxx+x*x, sxy+x*p.v
	}
	d := float64(n)*sxx - sx*sx
	if d == 0 {
		return 0, false
	}
	return (float64(n)*sxy - sx*sy) / d, true
}

// slopes brings the windows of a program up to the event and puts what they
// say into the view. Late values are not looked at: the window has gone on.
func (e *Engine) slopes(p *program, v *view, at time.Time) {
	if p == nil {
		return
	}
	for _, w := range p.windows {
		key := seriesKey{v.ev.Device, v.ev.Part, w}
		s := e.series[key]
		value, isNumber := v.data()[w.metric].(float64)
		if isNumber && !v.ev.Late && v.ev.Channel != event.Happening {
			if s == nil {
				s = &series{span: w.span}
				e.series[key] = s
			}
			s.observe(at, value)
		}
		if s == nil {
			continue
		}
		if m, ok := s.slope(at); ok {
			if v.values == nil {
				v.values = map[string]float64{}
			}
			v.values[w.name()] = m
		}
	}
}

// forget drops the windows of what has fallen silent; they have nothing to say
// any more.
func (e *Engine) forget(now time.Time) {
	if now.Sub(e.swept) < time.Hour {
		return
	}
	e.swept = now
	for k, s := range e.series {
		if now.Sub(s.samples[len(s.samples)-1].at) > 2*k.window.span {
			delete(e.series, k)
		}
	}
}
