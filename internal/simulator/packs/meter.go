package packs

import (
	"math"
	"math/rand/v2"
)

// meter is the socket's meter with its faults, and the mains.
type meter struct {
	noise    float64 // share, one sigma
	floor    float64 // W, one sigma
	step     float64 // W of resolution
	tempStep float64 // K
	tempRand float64 // K, one sigma
	onChange bool    // sends on change and every 10 s, else every second
	mains    float64 // share by which an old charger follows the mains
	mainsS   float64 // s of a wave
	dips     float64 // a second
	dip      float64 // s that are left of one
	depth    float64 // of it
}

func drawMeter(k Kind, r *rand.Rand) meter {
	m := meter{
		noise: between(r, 0.003, 0.012), floor: between(r, 0.1, 0.8), step: 0.1, tempStep: 0.1, tempRand: between(r, 0.03, 0.2),
		onChange: r.Float64() < 0.3, dips: between(r, 0, 3) / 3600,
	}
	if r.Float64() < 0.3 {
		m.step, m.tempStep = 1, 1
	}
	if k == Noisy {
		m.noise, m.floor, m.tempRand = between(r, 0.015, 0.05), between(r, 1, 4), between(r, 0.2, 0.6)
	}
	if k == OldUnit || k.Burns() && r.Float64() < 0.06 {
		m.mains, m.mainsS = between(r, 0.03, 0.08), between(r, 300, 2400)
	}
	return m
}

// read is what the meter makes of a power.
func (m *meter) read(w, s float64, r *rand.Rand) float64 {
	if m.mains > 0 {
		w *= 1 + m.mains*math.Sin(2*math.Pi*s/m.mainsS)
	}
	if m.dip > 0 { // a lift starts, the mains give way for a moment
		m.dip -= dt
		w *= m.depth
	} else if r.Float64() < m.dips {
		m.dip, m.depth = between(r, 1, 4), between(r, 0, 0.7)
	}
	w += w*m.noise*r.NormFloat64() + m.floor*r.NormFloat64()
	return math.Max(0, math.Round(w/m.step)*m.step)
}

func (m *meter) temp(t float64, r *rand.Rand) float64 {
	return math.Round((t+m.tempRand*r.NormFloat64())/m.tempStep) * m.tempStep
}

// sends reports whether a reading goes out: on a change of 5 W or 5 % or 1 K, and
// at least every 10 s.
func (m *meter) sends(last, s Sample) bool {
	if !m.onChange || last.S == 0 || s.S-last.S >= 10 {
		return true
	}
	return math.Abs(s.Power-last.Power) >= math.Max(5, 0.05*last.Power) || math.Abs(s.Temp-last.Temp) >= 1
}
