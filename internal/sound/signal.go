package sound

import (
	"math"
	"time"
)

// The evacuation signal of ISO 8201, one group: three pulses of half a second with as
// much silence between them, and a pause before what follows.
const (
	pulses    = 3
	pulse     = 500 * time.Millisecond
	signalLow = 800.0 // Hz; horns give most between this and the next
	signalTop = 970.0
	signalOf  = 0.7 // of full scale
	ramp      = 8 * time.Millisecond
)

// Evacuation is the signal that comes before the words at a fire. Each pulse rises, so
// that it is told from the beeps of other things.
func Evacuation() PCM {
	one, edge := Samples(pulse), Samples(ramp)
	out := make(PCM, 0, 2*pulses*one)
	for range pulses {
		phase := 0.0
		for i := range one {
			phase += 2 * math.Pi * (signalLow + (signalTop-signalLow)*float64(i)/float64(one)) / Rate
			soft := min(1, float64(min(i, one-1-i))/float64(edge)) // no clicks
			out = append(out, int16(signalOf*soft*math.MaxInt16*math.Sin(phase)))
		}
		out = append(out, make(PCM, one)...)
	}
	return out
}
