package curve

import "math"

// growth follows the power while the current is constant. It follows the battery's voltage
// then, and that has a bottom and a top: between an empty and a full battery lie 12 to 25 %,
// between what a cell may have at all, 3.2 and 4.2 V, 31. Who is beyond stands above the top.
type growth struct {
	base float64 // W at the beginning
	mild bool    // it was not cold then
	at   int64
	was  float64 // W a minute ago
}

// grow tells of a power that has grown by more than a voltage does. What leaps is another
// current: a battery that was deeply empty, or was warmed. A cold one holds its charger back
// for long, so it is not judged, nor one whose temperature is not known: the plug's at the
// beginning, before it warms by itself.
func (p *Port) grow(l *Limits, at int64) Code {
	g := &p.growth
	if g.base == 0 {
		temp, known := p.Temp()
		g.base, g.at, g.was, g.mild = p.slow, at, p.slow, known && temp >= l.Mild
	}
	if by := float64(at-g.at) / 60_000; by >= 1 {
		if p.slow > g.was*(1+l.Jump*by) {
			g.base = p.slow
		}
		g.at, g.was = at, p.slow
	}
	g.base = math.Min(g.base, p.slow)
	if p.fell || !g.mild {
		p.grown.holds(at, false)
		return 0
	}
	if p.grown.holds(at, p.slow > l.Grown*g.base+2.5*p.ripple) >= l.OverFor {
		return NoDecline
	}
	return 0
}

// fall follows the end of a charge by the energy that each step of it takes. At a constant
// voltage the current falls with what still goes in, so by a tenth less with every so many
// Wh, and with fewer of them as less flows; a step that takes a multiple of the first ones
// has a current beside the battery's: a cell that is shorting, or a charger that holds.
type fall struct {
	from float64 // Wh, where it began to fall
	step float64 // Wh that a step took at first
	next float64 // W of the next step
	last float64 // Wh, where the last one was made
}

const (
	fallFrom = 0.95 // share of the peak: before it is the bend
	fallTo   = 0.80 // with it the first steps are known
	fallStep = 0.90
)

// stall tells of a decline that comes to a halt far above its end.
func (p *Port) stall(l *Limits) Code {
	f := &p.fall
	switch {
	case p.firm >= fallFrom*p.peak:
		*f = fall{from: p.energy}
	case f.step == 0 && f.from > 0 && p.firm < fallTo*p.peak:
		f.step = (p.energy - f.from) * math.Log(fallStep) / math.Log(fallTo/fallFrom)
		f.next, f.last = p.firm*fallStep, p.energy
	case f.step > 0 && p.firm < f.next:
		f.next, f.last = p.firm*fallStep, p.energy
	}
	if f.step == 0 || p.found&RisesAgain != 0 || p.firm < l.StallDown*p.peak || p.ripple > stallCalm*p.peak {
		return 0
	}
	if p.energy-f.last > l.Stalls*f.step {
		return NoDecline
	}
	return 0
}

// stallCalm is the share of the peak by which the mains may make the power go up and down
// for the steps to be of the battery.
const stallCalm = 0.04

// plateau knows from which energy on the power has been near its highest. A battery is
// there for the same part of its charge each time, short where the power follows its voltage
// and long where the charger limits it: twice as long, and the decline does not come. That
// shows also where it was plugged in half full, so that neither energy nor power are beyond
// what was seen before.
type plateau struct {
	n    int
	rise [8]struct{ level, energy float64 } // the newest steps up, in a ring
	last float64                            // Wh
}

const (
	nearPeak = 0.97
	oneStep  = 1.006 // eight of them are more than from nearPeak to the peak
)

func (x *plateau) take(w, energy float64) {
	x.last = energy
	if x.n > 0 && w < x.rise[(x.n-1)%len(x.rise)].level*oneStep {
		return
	}
	x.rise[x.n%len(x.rise)].level, x.rise[x.n%len(x.rise)].energy = w, energy
	x.n++
}

// since is the energy that has flown since the power came near its peak.
func (x *plateau) since(peak float64) float64 {
	for i := max(0, x.n-len(x.rise)); i < x.n; i++ {
		if s := x.rise[i%len(x.rise)]; s.level >= nearPeak*peak {
			return x.last - s.energy
		}
	}
	return 0
}
