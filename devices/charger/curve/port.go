package curve

import "math"

// Sample is one reading of the socket's meter; NaN where it does not say.
type Sample struct {
	At    int64   // ms, of the device's clock
	Power float64 // W
	Temp  float64 // °C at the plug
}

// Known is what earlier sessions have taught of a battery; 0: nothing.
type Known struct {
	Energy float64 // Wh from empty to full, at the socket
	Peak   float64 // W
	Top    float64 // Wh that went in near the peak until it declined
}

// Port follows one socket. The zero Port waits for a session.
type Port struct {
	known Known
	found Code // in this session

	at, began, low int64 // ms; low: since when the power is below Empty
	power          float64
	energy         float64 // Wh, from the samples: a meter that is rolled back hides nothing
	fast, slow     float64 // W, smoothed over 4 s and 90 s
	peak, least    float64 // W of slow; of firm since it began to decline
	lull, ripple   float64 // W: the least since the last peak, the deepest such lull that was made good
	firm, top      float64 // W: slow without what dips for a moment; the highest of it
	dips           float64 // moments of low mains that may still be passed over
	fell           bool
	growth         growth
	fall           fall
	near           plateau

	wave  wave
	shake wave // the same from smaller swings on
	dip   since
	heat  heat
	over  since // above 1.1 × rated
	above since // above the known peak
	again since
	short since
	far   since
	float since
	grown since // beyond what a voltage grows
	swung since // how long it swings by a share of the peak
}

// since is how long something has held.
type since struct{ from int64 }

// holds moves it on and returns the seconds.
func (s *since) holds(now int64, yes bool) float64 {
	switch {
	case !yes:
		s.from = 0
		return 0
	case s.from == 0:
		s.from = now
	}
	return float64(now-s.from) / 1000
}

// Begin starts a session by what is known of its battery.
func (p *Port) Begin(at int64, k Known) { *p = Port{known: k, at: at, began: at, heat: heat{at: at}} }

// Learn lets it know what is known of the battery, where that is told behind the first
// samples.
func (p *Port) Learn(k Known) { p.known = k }

// Shift moves all its times by ms: the device's clock was set.
func (p *Port) Shift(by int64) {
	times := []*int64{&p.at, &p.began, &p.low, &p.wave.turned, &p.shake.turned, &p.heat.at, &p.growth.at}
	for _, s := range []*since{
		&p.dip, &p.heat.rising, &p.heat.slug, &p.over, &p.above, &p.again, &p.short, &p.grown, &p.far, &p.float, &p.swung,
	} {
		times = append(times, &s.from)
	}
	for _, t := range times {
		if *t != 0 {
			*t += by
		}
	}
}

// Found are the findings of this session.
func (p *Port) Found() Code { return p.found }

// Energy is what went in, in Wh, by the samples.
func (p *Port) Energy() float64 { return p.energy }

// Peak is the highest smoothed power, in W.
func (p *Port) Peak() float64 { return p.peak }

// Top is what went in near the peak, in Wh, until the decline.
func (p *Port) Top() float64 { return p.near.since(p.peak) }

// Declined reports whether the end of the charge was seen: only then the energy
// says something about the battery.
func (p *Port) Declined() bool { return p.fell }

// Charging reports whether power flows.
func (p *Port) Charging() bool { return p.began != 0 && p.low == 0 }

// At is the time of the last sample in ms.
func (p *Port) At() int64 { return p.at }

// longestGap is how long a sample stands for the power until the next, in s: on
// change, and at least every 10 s.
const longestGap = 15

// Take moves the port on and returns what it has found for the first time. What
// comes out of order or says nothing changes nothing.
func (p *Port) Take(l *Limits, s Sample) Code {
	if s.At <= p.at && p.at != 0 {
		return 0
	}
	var c Code
	if t := p.heat.take(l, s.At, s.Temp, p.steady()); t != 0 {
		c |= t
	}
	if !math.IsNaN(s.Power) && !math.IsInf(s.Power, 0) {
		c |= p.meter(l, s.At, math.Max(s.Power, 0))
	}
	p.at = s.At
	c &^= p.found
	p.found |= c
	return c
}

func (p *Port) meter(l *Limits, at int64, w float64) Code {
	if w < l.Empty {
		if p.low == 0 {
			p.low = at
		}
	} else if p.low != 0 {
		if float64(at-p.low)/1000 >= l.Unplugged && p.peak > 0 && !p.fell {
			p.restart(at)
		}
		p.low = 0
	}
	if p.began == 0 {
		if w < l.Empty {
			return 0
		}
		p.restart(at)
	}
	dt := math.Min(float64(at-p.at)/1000, longestGap)
	if p.at == 0 {
		dt = 1
	}
	p.energy += p.power * dt / 3600
	p.smooth(at, w, dt)
	p.power = w
	return p.judge(l, at, w)
}

// restart is what another plug means for the curve. The findings stay with it:
// the socket is the same, and so may be the battery.
func (p *Port) restart(at int64) {
	found, heat := p.found, p.heat
	*p = Port{known: p.known, found: found, heat: heat, at: p.at, began: at}
}

func (p *Port) smooth(at int64, w, dt float64) {
	if p.slow == 0 {
		p.fast, p.slow, p.firm = w, w, w
		return
	}
	slowly := 1 - math.Exp(-dt/90)
	p.fast += (w - p.fast) * (1 - math.Exp(-dt/4))
	p.slow += (w - p.slow) * slowly
	p.dips = math.Min(p.dips+dt*dipsAgain, dipsMost)
	if !p.dipped(at, w) {
		p.firm += (w - p.firm) * slowly
	}
}

// dipped reports whether a sample is of a moment in which the mains give way.
func (p *Port) dipped(at int64, w float64) bool {
	if w >= dipTo*p.firm {
		p.dip.from = 0
		return false
	}
	if p.dip.from == 0 {
		if p.dips < 1 {
			return false
		}
		p.dips--
	}
	return p.dip.holds(at, true) <= dipFor
}

// The mains give way for a moment when a lift starts: what is below a share of the
// power for some seconds is that, and no decline. They do it a few times an hour; a
// charger that pulses does it all the time.
const (
	dipTo     = 0.85
	dipFor    = 6.0 // s
	dipsMost  = 3.0
	dipsAgain = 6.0 / 3600 // a second
)

// steady reports whether the power does not grow, so that it does not explain a
// plug that warms.
func (p *Port) steady() bool {
	return p.began != 0 && float64(p.at-p.began)/1000 > steadyAfter && p.fast <= p.slow*1.03+3
}

// steadyAfter is how long a sound plug takes to reach most of its temperature, s.
const steadyAfter = 30 * 60

// inrush is how long a charger's capacitors may draw what they like, s.
const inrush = 3

func (p *Port) judge(l *Limits, at int64, w float64) (c Code) {
	age := float64(at-p.began) / 1000
	if p.over.holds(at, w > 1.1*l.Rated) >= l.Overload || w > l.Most && age > inrush {
		c |= Overload
	}
	if age > l.Longest {
		c |= TooLong
	}
	if age < l.Settle {
		p.wave.take(l, l.Swing, at, w, p.slow)
		return c
	}
	p.peak = math.Max(p.peak, p.slow)
	if !p.fell {
		p.near.take(p.slow, p.energy)
	}
	n, size := p.wave.take(l, l.Swing, at, w, p.slow)
	if p.swings(l, at, w, n, size) {
		c |= Oscillation
	}
	if p.swung.holds(at, n >= l.Swings && size >= 2*l.SwingOf*p.peak) >= l.SwingFor {
		c |= Swinging
	}
	return c | p.decline(l, at) | p.rise(l, at) | p.grow(l, at) | p.stall(l)
}

// decline looks for the end of the charge that does not come.
func (p *Port) decline(l *Limits, at int64) (c Code) {
	if !p.fell && p.slow < l.Fallen*p.peak {
		p.fell = true
	}
	if p.float.holds(at, p.fell && p.slow < l.FloatUpTo*p.peak) >= l.FloatFor {
		c |= Float
	}
	if p.fell {
		return c
	}
	if k := p.known.Energy; k > 0 {
		if p.energy > l.Beyond*k {
			c |= NoDecline
		}
		if p.energy > l.Far*k {
			c |= Overcharge
		}
		if t := p.known.Top; t > 0 && p.Top() > l.TopTimes*t+l.TopMore*k {
			c |= NoDecline
		}
	}
	if k := p.known.Peak; k > 0 {
		if p.above.holds(at, p.slow > l.Over*k) >= l.OverFor {
			c |= NoDecline
		}
		if p.far.holds(at, p.slow > l.FarOver*k) >= l.OverFor {
			c |= Overcharge
		}
	}
	return c
}

// rise looks for power that comes back after the decline, or after its beginning where
// enough of the charge was seen to know how far it goes up and down by itself. What
// comes back before the decline was plain is told and not cut: the mains may do that.
func (p *Port) rise(l *Limits, at int64) (c Code) {
	p.top = math.Max(p.top, p.firm)
	age := float64(at-p.began) / 1000
	if p.least == 0 {
		if !p.fell && (age < l.Unseen || p.firm >= p.top-math.Max(l.Turn*p.top, l.TurnRipple*p.ripple)) {
			p.calm()
			return 0
		}
		p.least = p.firm
		if p.ripple *= l.Ripple; age < l.Unseen {
			p.ripple = math.Max(p.ripple, l.Blind*p.peak)
		}
	}
	p.least = math.Min(p.least, p.firm)
	up := p.firm - p.least
	if p.again.holds(at, up > math.Max(l.Again*p.peak, p.ripple)) >= l.AgainFor {
		c |= RisesAgain
	}
	if p.short.holds(at, p.fell && up > math.Max(l.FarAgain*p.peak, 1.5*p.ripple)) >= l.FarFor {
		c |= SoftShort
	}
	return c
}

// calm learns how far the power goes up and down by itself while the current is
// constant: an old charger follows the mains.
func (p *Port) calm() {
	if p.lull == 0 || p.firm < p.lull {
		p.lull = p.firm
	}
	p.ripple = math.Max(p.ripple, math.Min(p.firm-p.lull, 0.15*p.peak))
	if p.firm >= p.top {
		p.lull = p.firm
	}
}
