package curve

import "math"

// heat follows the temperature at the plug.
type heat struct {
	at           int64
	quick, slow  float64 // °C, smoothed over 15 s and 60 s: their distance is the slope
	now, just    float64 // the same over 8 s and 25 s: it knows sooner and errs more
	known        bool
	rising, slug since
}

// A sound plug takes minutes to warm (its time constant is 4 to 10 min), so a rise that the
// power does not explain need not be long to be one: half a minute at the steeper of two
// averages is. One step of a sensor that knows whole degrees only is not: of it the
// averages over 8 s and 25 s make 1.2 K/min or more for 17 s.
const (
	quickTau = 15.0 // s
	slowTau  = 60.0
	nowTau   = 8.0
	justTau  = 25.0
)

// Slope in K/min: for a steady rise the two averages stand apart by it times the
// difference of their time constants.
func (h *heat) slope() float64 { return (h.quick - h.slow) / (slowTau - quickTau) * 60 }

// lately is the slope of the last half minute.
func (h *heat) lately() float64 { return (h.now - h.just) / (justTau - nowTau) * 60 }

func (h *heat) take(l *Limits, at int64, t float64, steady bool) (c Code) {
	if math.IsNaN(t) || math.IsInf(t, 0) {
		return 0
	}
	if !h.known {
		h.quick, h.slow, h.now, h.just, h.known, h.at = t, t, t, t, true, at
	}
	dt := float64(at-h.at) / 1000
	h.at = at
	h.quick += (t - h.quick) * (1 - math.Exp(-dt/quickTau))
	h.slow += (t - h.slow) * (1 - math.Exp(-dt/slowTau))
	h.now += (t - h.now) * (1 - math.Exp(-dt/nowTau))
	h.just += (t - h.just) * (1 - math.Exp(-dt/justTau))
	s := h.slope()
	if t >= l.WarmAt {
		c |= Warm
	}
	if t >= l.HotAt || t >= l.WarmAt && s >= l.Slope {
		c |= Hot
	}
	if h.rising.holds(at, s >= l.Slope) >= l.SlopeFor {
		c |= Heating
	}
	if h.slug.holds(at, steady && math.Max(s, h.lately()) >= l.SlowSlope) >= l.SlowFor {
		c |= Warming
	}
	return c
}

// Slope is how fast the plug warms, in K/min.
func (p *Port) Slope() float64 { return p.heat.slope() }

// Temp is the plug's temperature, smoothed; ok is false before it was heard of.
func (p *Port) Temp() (t float64, ok bool) { return p.heat.quick, p.heat.known }
