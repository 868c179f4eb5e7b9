package packs

import (
	"math"
	"math/rand/v2"
)

// History is what the hub may have learned of the battery before; 0: nothing.
type History struct {
	Energy, Peak float64 // Wh at the socket, W
	Top          float64 // Wh within 3 % of the peak, of a charge from a tenth on
}

// Sample is one reading.
type Sample struct {
	S     float64 // seconds since the plug went in
	Power float64 // W
	Temp  float64 // °C at the plug
	Gas   float64 // ppm in the shed
}

// Session is one bike at one socket.
type Session struct {
	Kind    Kind
	Flame   float64 // s; 0: it ends well
	Onset   float64 // s when what leads to the flame begins
	Sign    float64 // s when the socket's meter or plug first shows any of it; 0: not yet
	History History

	r     *rand.Rand
	p     pack
	m     meter
	f     failure
	a     air
	s     float64
	soc   float64
	extra float64 // W of a soft short
	temp  float64
	told  Sample
	over  bool
}

// dt is the step of the model in s, and the fastest meter's pace.
const dt = 1.0

// New draws a session of a kind. The same seed and number give the same session.
func New(k Kind, seed, n uint64) *Session {
	r := rand.New(rand.NewPCG(seed, n*0x9e3779b97f4a7c15+1)) //nolint:gosec // dice
	x := &Session{Kind: k, r: r}
	x.p = drawPack(k, r)
	x.m = drawMeter(k, r)
	x.soc = x.p.from
	x.temp = x.p.ambient
	x.History = x.p.history(r)
	x.History.Peak *= 1 + x.m.mains*between(r, 0.5, 1) // what a meter has seen of it
	if k.Burns() {
		x.f = drawFailure(k, &x.p, r)
		x.Flame, x.Onset = x.f.flame, x.f.at // of an overcharge they come with it
	}
	if x.a = drawAir(r); k == Sudden {
		x.a.vents = x.Flame - x.Onset
	}
	return x
}

// Draw takes a kind by the shares.
func Draw(shares []Share, seed, n uint64) Kind {
	x := rand.New(rand.NewPCG(seed^0x6b696e64, n)).Float64() //nolint:gosec // dice
	for _, s := range shares {
		if x -= s.Of; x < 0 {
			return s.Kind
		}
	}
	return shares[0].Kind
}

// Next is the next reading that the meter sends; ok is false when the bike has
// left or burns.
func (x *Session) Next() (_ Sample, ok bool) {
	for !x.over {
		w, t := x.step()
		if x.over {
			break
		}
		s := Sample{x.s, x.m.read(w, x.s, x.r), x.m.temp(t, x.r), x.a.read(x.s, x.f.flame, x.r)}
		if x.m.sends(x.told, s) {
			x.told = s
			return s, true
		}
	}
	return Sample{}, false
}

// Warning is the time from a moment to the flame, in s.
func (x *Session) Warning(at float64) float64 { return x.Flame - at }

// step moves the model on and returns the true power and temperature.
func (x *Session) step() (w, t float64) {
	x.s += dt
	p := &x.p
	w = p.power(x.soc, x.s, x.f.kind == Overcharged)
	x.soc += w * p.efficiency / p.capacity * dt / 3600
	sound := w
	w = x.fail(w)
	h := x.f.heat(x.s)
	if x.Sign == 0 && (h > 0 || x.shows(w, sound)) {
		x.Sign = x.s
	}
	if h > 0 {
		x.temp += h * dt
	} else {
		x.temp += (p.outside(x.s) + p.rise*w/300 - x.temp) * (1 - math.Exp(-dt/p.tau))
	}
	if x.Flame > 0 && x.s >= x.Flame || x.s > p.leaves && !x.Kind.Burns() || x.s > longest {
		x.over = true
	}
	return w, x.temp
}

// visible is the share of the peak by which the power must differ from a sound one's
// for a meter to show it.
const visible = 0.03

// shows reports whether the power tells of the failure. An overcharged battery's is that
// of a sound one until it should be full.
func (x *Session) shows(w, sound float64) bool {
	if x.f.kind == Overcharged {
		return x.soc > 1
	}
	return math.Abs(w-sound) > visible*x.p.peak
}

// longest bounds a session: who forgets the bike fetches it the next day.
const longest = 14 * 3600
