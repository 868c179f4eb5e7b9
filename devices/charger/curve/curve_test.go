package curve

import (
	"math"
	"testing"
)

// play lets a curve pass at 1 Hz and returns when each finding came first.
func play(t *testing.T, k Known, seconds int, f func(s float64) (w, temp float64)) map[string]int {
	t.Helper()
	l := Default()
	var p Port
	p.Begin(1, k)
	when := map[string]int{}
	for s := 1; s <= seconds; s++ {
		w, temp := f(float64(s))
		p.Take(&l, Sample{At: int64(s)*1000 + 1, Power: w, Temp: temp}).Each(func(n string, _ Code) { when[n] = s })
	}
	return when
}

// sound is a battery of 3 h: constant current for two, a decline for one.
func sound(s float64) float64 {
	if s < 7200 {
		return 260 + 40*s/7200
	}
	return math.Max(300*math.Exp(-3*(s-7200)/3600), 4)
}

func TestFindings(t *testing.T) {
	known := Known{Energy: 640, Peak: 300}
	warm := func(w float64) float64 { return 22 + 9*w/300 }
	for _, c := range []struct {
		name    string
		known   Known
		seconds int
		f       func(s float64) (float64, float64)
		want    map[string][2]int // from, to in s
	}{
		{"a sound battery", known, 13_000, func(s float64) (float64, float64) { return sound(s), warm(sound(s)) }, nil},
		{"it stays at the plug", known, 6 * 3600, func(s float64) (float64, float64) { return sound(s), warm(sound(s)) }, map[string][2]int{"float": {12_000, 14_000}}},
		{"no decline", known, 4 * 3600, func(s float64) (float64, float64) { return 300, 30 }, map[string][2]int{"no_decline": {8290, 8400}, "overcharge": {8830, 8950}}},
		{"no decline and nothing known", Known{}, 9 * 3600, func(s float64) (float64, float64) { return 300, 30 }, map[string][2]int{"too_long": {28_801, 28_802}}},
		{"above its peak", Known{Peak: 300}, 2 * 3600, func(s float64) (float64, float64) { return 300 + s/120, 30 }, map[string][2]int{"no_decline": {1900, 2300}, "overcharge": {2700, 2950}}},
		{"half full and no decline", Known{Energy: 640, Peak: 300, Top: 60}, 6600, func(s float64) (float64, float64) { // its charger limits the power
			return math.Min(285+s/60, 300), 30
		}, map[string][2]int{"no_decline": {2200, 2350}}},
		{"as long near its peak as ever", Known{Energy: 640, Peak: 300, Top: 130}, 7100, func(s float64) (float64, float64) { return sound(s), 22 + 9*sound(s)/300 }, nil},
		{"grows beyond any voltage", Known{}, 9000, func(s float64) (float64, float64) { return 200 + 80*s/9000, 30 }, map[string][2]int{"no_decline": {7050, 7500}}},
		{"grows as much when it was cold", Known{}, 9000, func(s float64) (float64, float64) { return 200 + 80*s/9000, 4 }, nil},
		{"comes to a halt", known, 11_000, func(s float64) (float64, float64) {
			return math.Max(sound(s), 150), 30
		}, map[string][2]int{"no_decline": {8500, 10_000}}},
		{"a small swing at full power", known, 3700, func(s float64) (float64, float64) {
			if s > 3600 {
				return 280 * (1 + 0.16*math.Sin(2*math.Pi*s/4)), 30
			}
			return sound(s), 30
		}, map[string][2]int{"oscillation": {3605, 3640}}},
		{"a lead charger that pulses at its end", known, 11_500, func(s float64) (float64, float64) {
			if w := sound(s); w < 120 {
				return math.Max(w+40*math.Sin(2*math.Pi*s/4), 5), 30
			}
			return sound(s), 30
		}, nil},
		{"rises again", known, 10_200, func(s float64) (float64, float64) {
			if s > 9000 {
				return sound(9000) + (s-9000)/10, 30
			}
			return sound(s), 30
		}, map[string][2]int{"rises_again": {9080, 9400}, "soft_short": {9150, 9600}}},
		{"swings", known, 3700, func(s float64) (float64, float64) {
			if s > 3600 {
				return 280 * (1 + 0.25*math.Sin(2*math.Pi*s/4)), 30
			}
			return sound(s), 30
		}, map[string][2]int{"oscillation": {3605, 3630}, "swinging": {3665, 3690}}},
		{"a slow wave is the mains", known, 7000, func(s float64) (float64, float64) { return 280 * (1 + 0.25*math.Sin(2*math.Pi*s/60)), 30 }, nil},
		{"hot", known, 700, func(s float64) (float64, float64) { return 280, 30 + 0.06*s }, map[string][2]int{"warm": {500, 500}, "hot": {667, 667}}},
		{"heats by 8 K a minute", known, 300, func(s float64) (float64, float64) { return 280, 38 + 8*s/60 }, map[string][2]int{"warm": {165, 166}, "hot": {165, 166}, "heating": {170, 240}}},
		{"warms for no reason", known, 4000, func(s float64) (float64, float64) { return 280, 30 + 2*math.Max(0, s-3000)/60 }, map[string][2]int{"warming": {3060, 3130}, "warm": {3900, 3900}}},
		{"overload", known, 100, func(s float64) (float64, float64) {
			if s > 50 {
				return 995, 30
			}
			return 300, 30
		}, map[string][2]int{"overload": {54, 54}}},
		{"more than any socket may give", known, 100, func(s float64) (float64, float64) {
			if s > 50 {
				return 1200, 30
			}
			return 300, 30
		}, map[string][2]int{"overload": {51, 51}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := play(t, c.known, c.seconds, c.f)
			for n, at := range got {
				w, ok := c.want[n]
				if !ok {
					t.Errorf("found %s at %d s", n, at)
				} else if at < w[0] || at > w[1] {
					t.Errorf("%s at %d s, want %v", n, at, w)
				}
			}
			for n := range c.want {
				if got[n] == 0 {
					t.Errorf("%s was not found", n)
				}
			}
		})
	}
}

func TestBadReadingsChangeNothing(t *testing.T) {
	l := Default()
	var p Port
	p.Begin(1, Known{})
	for s := int64(1); s < 600; s++ {
		p.Take(&l, Sample{At: s * 1000, Power: 300, Temp: 30})
	}
	was := p
	for _, s := range []Sample{{At: 5000, Power: 900, Temp: 90}, {At: 599_000, Power: 900, Temp: 90}} {
		if c := p.Take(&l, s); c != 0 || p != was {
			t.Errorf("%+v of the past found %v", s, c)
		}
	}
	for i, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if c := p.Take(&l, Sample{At: 600_000 + int64(i), Power: bad, Temp: bad}); c != 0 || math.IsNaN(p.slow) || math.IsNaN(p.heat.slow) {
			t.Errorf("%v found %v", bad, c)
		}
	}
}

func TestNamesAreFoundAgain(t *testing.T) {
	for i, n := range names {
		if c, ok := Parse(n); !ok || c != 1<<i || c.String() != n {
			t.Errorf("%s: %v %v", n, c, ok)
		}
	}
	if _, ok := Parse("flood"); ok {
		t.Error("flood is no finding")
	}
}

func TestAir(t *testing.T) {
	l := Default()
	var a Air
	for s := int64(1); s < 3600; s++ {
		if a.Take(&l, s*1000, 0.4) != 0 {
			t.Fatal("clean air")
		}
	}
	at := int64(0)
	for s := int64(3600); s < 3700 && at == 0; s++ {
		if a.Take(&l, s*1000, 20) != 0 {
			at = s - 3600
		}
	}
	if at != 10 {
		t.Errorf("20 ppm told after %d s, want 10", at)
	}
}

func TestTakeAllocatesNothing(t *testing.T) {
	l := Default()
	var p Port
	p.Begin(1, Known{Energy: 600, Peak: 300})
	at := int64(1)
	if n := testing.AllocsPerRun(1000, func() {
		at += 1000
		p.Take(&l, Sample{At: at, Power: sound(float64(at) / 1000), Temp: 30})
	}); n != 0 {
		t.Errorf("%v allocations a sample", n)
	}
}

func BenchmarkTake(b *testing.B) {
	l := Default()
	ports := make([]Port, 3000)
	for i := range ports {
		ports[i].Begin(1, Known{Energy: 600, Peak: 300})
	}
	b.ReportAllocs()
	at := int64(1)
	for b.Loop() {
		at += 1000
		for i := range ports {
			ports[i].Take(&l, Sample{At: at, Power: 290 + float64(at/1000%7), Temp: 30})
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/3000, "ns/sample")
}

func FuzzTake(f *testing.F) {
	f.Add([]byte{1, 2, 3, 255, 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		l := Default()
		var p Port
		at := int64(1)
		for i := 0; i+3 < len(b); i += 4 {
			at += int64(b[i]) * 100
			p.Take(&l, Sample{At: at, Power: float64(b[i+1])*10 - 100, Temp: float64(int8(b[i+2]))}) //nolint:gosec // any number will do
			if math.IsNaN(p.slow) || math.IsNaN(p.heat.slow) || p.energy < 0 || math.IsNaN(p.energy) {
				t.Fatalf("%+v", p)
			}
		}
	})
}
