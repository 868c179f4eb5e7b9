package packs

import (
	"math"
	"math/rand/v2"
)

// pack is a battery with its charger and its place.
type pack struct {
	lead, pulsed, cold bool

	capacity   float64 // Wh that are left of the nameplate
	nameplate  float64
	efficiency float64
	peak       float64 // W at the socket, at the knee
	volts      float64 // share by which the voltage grows until the knee
	from       float64 // state of charge when it is plugged in
	knee       float64 // state of charge at which the current begins to fall
	tail       float64 // how fast it falls
	ends       float64 // share of the peak at which the charger ends
	float      float64 // W afterwards
	limits     bool    // the charger limits its power, not its current
	pulse      float64 // share of the peak, from trough to crest
	pulseS     float64 // s of a wave

	ambient float64 // °C
	warms   float64 // K over the session, sun or evening
	rise    float64 // K at the plug for 300 W
	tau     float64 // s
	leaves  float64 // s when the bike is fetched

	done bool // the charger has ended
}

func between(r *rand.Rand, lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }

func drawPack(k Kind, r *rand.Rand) pack {
	p := pack{
		nameplate: between(r, 300, 1500), efficiency: between(r, 0.82, 0.92), volts: between(r, 0.12, 0.20),
		from: between(r, 0.05, 0.6), knee: between(r, 0.85, 0.95), tail: between(r, 2, 4), ends: between(r, 0.03, 0.08), float: between(r, 1, 6),
		limits: r.Float64() < 1.0/7, ambient: between(r, -2, 36), warms: between(r, -6, 8), rise: between(r, 3, 18), tau: between(r, 240, 600),
	}
	rate := between(r, 0.12, 0.35)
	if k == Cargo || k.Burns() && r.Float64() < 0.02 {
		p.nameplate, rate = 2500, between(r, 0.10, 0.25)
	}
	p.capacity = p.nameplate * between(r, 0.9, 1)
	p.lead = k == Lead || k == Pulse || k.Burns() && r.Float64() < 0.15
	if p.lead {
		p.knee, p.tail, p.ends, p.float = between(r, 0.75, 0.85), between(r, 1.5, 3), between(r, 0.03, 0.10), 0
	}
	switch k {
	case Pulse:
		p.pulsed, p.pulse, p.pulseS = true, between(r, 0.05, 0.30), between(r, 1, 10)
	case Aged:
		age(&p, r)
	case Cold:
		p.cold, p.ambient, p.knee = true, between(r, -10, 5), between(r, 0.55, 0.75)
	case Partial:
		p.from = between(r, 0.3, 0.9)
	case Lithium, Lead, OldUnit, Noisy, Cargo, Overcharged, Shorted, Tripping, Contact, Sudden:
		if k.Burns() && r.Float64() < 0.5 { // half of what burns has aged
			age(&p, r)
		}
	}
	p.peak = math.Min(math.Max(p.nameplate*rate/p.efficiency, 60), 900)
	p.leaves = between(r, 1, 11) * 3600
	if k == Partial {
		p.leaves = between(r, 0.3, 4) * 3600
	}
	return p
}

func age(p *pack, r *rand.Rand) {
	p.capacity = p.nameplate * between(r, 0.60, 0.85)
	p.knee -= between(r, 0.05, 0.20)
	p.tail /= between(r, 1.3, 2.2)
}

// history is what a community that has its bikes registered has seen: nine of ten
// batteries charge here again and again, some are known by their nameplate, one of
// twenty-five is a guest.
func (p *pack) history(r *rand.Rand) History {
	switch x := r.Float64(); {
	case x < 0.90:
		return History{p.capacity / p.efficiency * between(r, 0.92, 1.06), p.peak * between(r, 0.98, 1.02), p.top()}
	case x < 0.96:
		return History{Energy: p.nameplate / p.efficiency * between(r, 0.95, 1.05)}
	}
	return History{}
}

// top is what goes in within 3 % of the peak when it was plugged in at a tenth: the end of
// the growth, and the beginning of the decline.
func (p *pack) top() float64 {
	soc := 0.03*math.Max(p.knee-0.1, 0.05)/p.volts + 0.03*math.Max(1-p.knee, 0.04)/p.tail
	return soc * p.capacity / p.efficiency
}

// power is what the charger draws; in an overcharge it does not turn down.
func (p *pack) power(soc, s float64, stays bool) float64 {
	grown := 1 - p.volts*math.Max(0, p.knee-soc)/math.Max(p.knee-p.from, 0.05)
	switch {
	case p.done:
		return p.afterwards(s)
	case soc <= p.knee || stays && soc < 1:
		return p.peak * math.Min(grown, 1) * p.held(s)
	case stays:
		return p.peak
	}
	w := p.peak * math.Exp(-p.tail*(soc-p.knee)/math.Max(1-p.knee, 0.04)) * p.held(s)
	if w <= p.ends*p.peak || soc >= 1.02 {
		p.done = true
		return p.afterwards(s)
	}
	return w + p.pulses(s, w)
}

// held is how far a cold battery holds the charger back until it has warmed.
func (p *pack) held(s float64) float64 {
	if !p.cold {
		return 1
	}
	return 1 - 0.35*math.Exp(-s/1800)
}

func (p *pack) afterwards(s float64) float64 {
	if !p.lead {
		return p.float
	}
	w := p.ends * p.peak
	return math.Max(0, w+p.pulses(s, w))
}

func (p *pack) pulses(s, w float64) float64 {
	if !p.pulsed || w > 0.4*p.peak {
		return 0
	}
	if math.Mod(s, p.pulseS) < p.pulseS/2 {
		return p.pulse * p.peak / 2
	}
	return -math.Min(p.pulse*p.peak/2, w)
}

// outside is the air around the socket.
func (p *pack) outside(s float64) float64 {
	return p.ambient + p.warms*math.Sin(s/longest*math.Pi)
}
