package sound

import (
	"math"
	"testing"
)

func TestEvacuation(t *testing.T) {
	s := Evacuation()
	half := Samples(pulse)
	if len(s) != 6*half {
		t.Fatalf("%s long", s.Length())
	}
	for n := range 6 {
		part := s[n*half : (n+1)*half]
		crossings, loudest := 0, 0.0
		for i := 1; i < len(part); i++ {
			if (part[i-1] < 0) != (part[i] < 0) {
				crossings++
			}
			loudest = math.Max(loudest, math.Abs(float64(part[i])))
		}
		switch hz := float64(crossings); {
		case n%2 == 1 && loudest != 0:
			t.Errorf("pulse %d is not followed by silence", n/2)
		case n%2 == 0 && (hz < signalLow || hz > signalTop || loudest < 0.6*math.MaxInt16):
			t.Errorf("pulse %d: %.0f Hz at %.2f of full scale", n/2, hz, loudest/math.MaxInt16)
		case n%2 == 0 && (part[0] != 0 || math.Abs(float64(part[half-1])) > 500):
			t.Errorf("pulse %d clicks", n/2)
		}
	}
}
