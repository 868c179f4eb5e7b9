package curve

import "math"

// Air follows the gas sensor of a shed. Cells vent minutes before they burn; what
// it finds is the shed's and says nothing of which socket. The zero Air knows no
// usual air yet.
type Air struct {
	at    int64
	usual float64 // ppm, over an hour
	thick since
}

const (
	usualTau = 3600.0 // s
	cleanest = 0.1    // ppm: sensors have a floor
)

// Take moves it on by a reading in ppm and returns Gas while there is some.
func (x *Air) Take(l *Limits, at int64, ppm float64) Code {
	if math.IsNaN(ppm) || at <= x.at && x.at != 0 {
		return 0
	}
	if x.at == 0 {
		x.usual = math.Min(ppm, l.Vapour/l.VapourTimes)
	}
	dt := math.Min(float64(at-x.at)/1000, 60)
	x.at = at
	if x.thick.holds(at, ppm > l.Vapour && ppm > l.VapourTimes*math.Max(x.usual, cleanest)) >= l.VapourFor {
		return Gas
	}
	x.usual += (math.Min(ppm, l.Vapour) - x.usual) * (1 - math.Exp(-dt/usualTau))
	return 0
}
