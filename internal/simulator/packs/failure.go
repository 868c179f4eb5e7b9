package packs

import (
	"math"
	"math/rand/v2"
)

// failure is what leads to the flame.
type failure struct {
	kind   Kind
	at     float64 // s of the onset; of an overcharge: unused until the battery is full
	flame  float64 // s; of an overcharge: 0 until soc has reached burns
	burns  float64 // state of charge at which an overcharged cell runs away
	volts  float64 // share by which its voltage has grown by then
	most   float64 // share of the peak: of a short, of a swing
	period float64 // s of a swing
	slope  float64 // K/s at the plug
	late   float64 // s before the flame from which the heat reaches the plug
	lately float64 // K/s then
}

func drawFailure(k Kind, p *pack, r *rand.Rand) failure {
	f := failure{kind: k, late: between(r, 60, 240), lately: between(r, 2, 10) / 60}
	hours := (p.knee - p.from) * p.capacity / p.efficiency / p.peak // until the decline
	switch k {
	case Overcharged:
		f.burns, f.volts = between(r, 1.3, 1.9), between(r, 0.06, 0.22)
	case Shorted:
		// From the last 30 % of the charge to an hour behind it.
		full := 3600 * (hours + 2*(1-p.knee)*p.capacity/p.efficiency/p.peak)
		f.at = between(r, 0.7*full, full+3600)
		f.flame, f.most = f.at+between(r, 8, 60)*60, between(r, 0.15, 0.60)
	case Tripping:
		f.at = between(r, 0.2, 1) * 3600 * math.Max(hours, 0.3)
		f.flame, f.most, f.period = f.at+between(r, 3, 30)*60, between(r, 0.2, 0.6), between(r, 1, 10)
	case Contact:
		f.at, f.slope = between(r, 0.1, 1)*3600*math.Max(hours, 0.3), between(r, 1, 10)/60
		f.flame = f.at + (between(r, 160, 200)-p.ambient-p.rise*p.peak/300)/f.slope
	case Sudden:
		f.at = between(r, 0.1, 1) * 3600 * math.Max(hours, 0.3)
		f.flame = f.at + between(r, 30, 90)
		f.late = f.flame - f.at
	case Lithium, Lead, Pulse, Aged, Cold, OldUnit, Partial, Noisy, Cargo:
	}
	return f
}

// fail adds the failure to the power.
func (x *Session) fail(w float64) float64 {
	f := &x.f
	if f.kind == "" {
		return w
	}
	switch f.kind {
	case Overcharged:
		return x.overcharge(w)
	case Shorted:
		if x.s < f.at {
			return w
		}
		part := (x.s - f.at) / (f.flame - f.at)
		x.extra = x.p.peak * f.most * (math.Exp(3*part) - 1) / (math.Exp(3) - 1)
		return math.Min(w+x.extra, math.Max(w, x.p.peak)) // the charger limits
	case Tripping:
		if x.s < f.at {
			return w
		}
		swing := f.most * (0.7 + 0.3*(x.s-f.at)/(f.flame-f.at))
		return w * (1 + swing*math.Sin(2*math.Pi*(x.s-f.at)/f.period)*(0.8+0.4*x.r.Float64()))
	case Contact, Sudden, Lithium, Lead, Pulse, Aged, Cold, OldUnit, Partial, Noisy, Cargo:
	}
	return w
}

// overcharge lets the voltage grow beyond full until the cell gives way.
func (x *Session) overcharge(w float64) float64 {
	f := &x.f
	if x.soc < 1 {
		return w
	}
	if x.Onset == 0 {
		x.Onset = x.s
	}
	part := (x.soc - 1) / (f.burns - 1)
	if part >= 1-1e-9 {
		x.Flame = x.s
	} else { // when the heat is seen at the plug is known by the rate
		f.flame = x.s + (f.burns-x.soc)*x.p.capacity/(w*x.p.efficiency)*3600
	}
	if x.p.limits {
		return w
	}
	return w * (1 + f.volts*part)
}

// heat is how fast the failure warms the plug, in K/s, beyond what the air takes
// away; 0: it does not.
func (f *failure) heat(s float64) float64 {
	switch {
	case f.kind == "" || f.flame == 0:
		return 0
	case f.kind == Contact && s >= f.at:
		return f.slope
	case s >= f.flame-f.late:
		return f.lately
	}
	return 0
}
