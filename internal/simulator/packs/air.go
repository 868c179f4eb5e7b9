package packs

import (
	"math"
	"math/rand/v2"
)

// air is what a gas sensor under the roof of the shed breathes.
type air struct {
	usual   float64 // ppm
	burst   float64 // ppm of what somebody sprays or cleans
	until   float64 // s
	vents   float64 // s before the flame at which the cells vent
	travels float64 // s until the sensor has it
	grows   float64 // s from nothing to most
	most    float64 // ppm
}

// burstEvery is how often somebody paints or cleans near a shed, in s.
const burstEvery = 20 * 24 * 3600

func drawAir(r *rand.Rand) air {
	return air{
		usual: between(r, 0.05, 0.5), vents: between(r, 188, 492), travels: between(r, 5, 60), grows: between(r, 20, 90),
		most: math.Exp(between(r, math.Log(10), math.Log(200))),
	}
}

func (a *air) read(s, flame float64, r *rand.Rand) float64 {
	ppm := a.usual * (1 + 0.05*r.NormFloat64())
	if s > a.until && r.Float64() < dt/burstEvery {
		a.until, a.burst = s+between(r, 120, 1200), math.Exp(between(r, math.Log(0.5), math.Log(20)))
	}
	if s < a.until {
		ppm += a.burst
	}
	if from := flame - a.vents + a.travels; flame > 0 && s > from {
		ppm += a.most * math.Min((s-from)/a.grows, 1)
	}
	return math.Max(ppm, 0)
}
