package curve

import "math"

// wave counts the half-waves of the power around its mean. An extreme is taken
// when the power has turned by as much as a swing wants.
type wave struct {
	up      bool
	extreme float64 // since the last turn
	turned  int64   // ms of the last turn
	n       int     // half-waves in a row, none too slow
	size    float64 // W from extreme to extreme, smoothed
}

// take moves it on and returns the half-waves in a row and their size.
func (x *wave) take(l *Limits, swing float64, at int64, w, mean float64) (n int, size float64) {
	need := math.Max(2*swing*mean, l.Least)
	if x.turned == 0 || mean < l.Empty {
		*x = wave{extreme: w, turned: at, up: true}
		return 0, 0
	}
	if float64(at-x.turned)/1000 > l.Slowest {
		x.n, x.size = 0, 0
	}
	if x.up == (w > x.extreme) {
		if w != x.extreme {
			x.extreme = w
		}
		return x.n, x.size
	}
	by := math.Abs(w - x.extreme)
	if by < need {
		return x.n, x.size
	}
	x.up, x.extreme, x.turned = !x.up, w, at
	x.n++
	x.size += (by - x.size) / math.Min(float64(x.n), 6)
	return x.n, x.size
}

// swings reports whether the power swings so that people are told. At full power no sound
// charger does; behind the decline those of lead batteries pulse, by up to 30 % of what they
// gave at first.
func (p *Port) swings(l *Limits, at int64, w float64, n int, size float64) bool {
	shakes, _ := p.shake.take(l, l.Shakes, at, w, p.slow)
	if p.fell {
		return n >= l.Swings && size >= l.Pulse*p.peak
	}
	return n >= l.Swings || shakes >= l.Swings && p.slow >= l.Fallen*p.peak
}
