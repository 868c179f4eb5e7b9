package streams

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// drift is how far the stream's clock goes in a time, and the real time, at 25 pictures a
// second.
func drift(t *testing.T, g *ingest, s *Stream, d time.Duration, stamp func() uint32) (went, real time.Duration) {
	t.Helper()
	began, start := time.Now(), s.last
	for n := 0; time.Since(began) < d; n++ {
		time.Sleep(40 * time.Millisecond)
		g.Unit(unit(n%25 == 0, 100), stamp(), time.Now())
	}
	return time.Duration(s.last-start) * time.Second / clockRate, time.Since(began)
}

// A camera whose clock has another rate, or none, is shown and kept at the rate at
// which its pictures come; one with a good clock, or a network that trembles, is left alone.
func TestClockOfAnotherRate(t *testing.T) {
	for _, c := range []struct {
		name string
		step uint32 // of the camera's clock, from picture to picture
		own  bool
	}{
		{"90 kHz", 3600, false},
		{"a little fast", 3700, false},
		{"1 kHz", 40, true},
		{"8 kHz", 320, true},
		{"by pictures", 1, true},
		{"it stands", 0, true},
		{"1 MHz", 40_000, true},
		{"half the rate", 1800, true},
		{"a slow clock, ten times", 360, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := NewStream()
				g := newIngest(s, "", func() {}, func() {})
				ts := uint32(4_294_900_000)
				stamp := func() uint32 { ts += c.step; return ts }
				drift(t, g, s, 6*time.Second, stamp)
				went, real := drift(t, g, s, 10*time.Second, stamp)
				if off := (went - real).Abs(); off > 400*time.Millisecond {
					t.Errorf("%s of pictures in %s", went, real)
				}
				if g.gauge.own != c.own {
					t.Errorf("own time: %v", g.gauge.own)
				}
				if f := s.frames[len(s.frames)-1]; f.NTP.IsZero() != c.own {
					t.Errorf("the camera's time of a picture is %s", f.NTP)
				}
			})
		})
	}
	t.Run("bursts of two seconds", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := NewStream()
			g := newIngest(s, "", func() {}, func() {})
			for n := range 2000 {
				if n%50 == 0 {
					time.Sleep(2 * time.Second)
				}
				g.Unit(unit(n%25 == 0, 100), uint32(n*3600), time.Time{})
			}
			if g.gauge.own {
				t.Error("a network that trembles is taken for a bad clock")
			}
		})
	})
}

// A clock that is set back by less than two seconds looks like B-frames: pictures must
// go on all the same, all of them, and the camera not be taken for one that sends some.
func TestClockSetBack(t *testing.T) {
	for _, back := range []uint32{9000, 30_000, 90_000, 170_000} {
		for _, atKey := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d ticks, at a key frame %v", back, atKey), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := NewStream()
					g := newIngest(s, "", func() {}, func() {})
					ts, n := uint32(1<<20), 0
					film := func(pictures int) (passed int) {
						before := g.stats().frames
						for range pictures {
							time.Sleep(40 * time.Millisecond)
							u := unit(n%50 == 0, 100)
							if n%50 != 0 {
								u[len(u)-1][0] &^= 0x60 // nothing refers to it, as in a camera with layers
							}
							g.Unit(u, ts, time.Time{})
							ts, n = ts+3600, n+1
						}
						return g.stats().frames - before
					}
					film(200)
					if !atKey {
						film(10)
					}
					ts -= back
					if passed := film(120); atKey && passed != 120 {
						t.Errorf("%d of 120 pictures right after it", passed)
					}
					if passed := film(100); passed != 100 || g.stats().back != 0 || s.Codec().BFrames {
						t.Errorf("%d of 100 pictures after it, %d steps back", passed, g.stats().back)
					}
				})
			})
		}
	}
	// A camera whose clock begins anew with each group of pictures.
	synctest.Test(t, func(t *testing.T) {
		s := NewStream()
		g := newIngest(s, "", func() {}, func() {})
		for n := range 500 {
			time.Sleep(40 * time.Millisecond)
			g.Unit(unit(n%25 == 0, 100), uint32(n%25*3600), time.Time{})
		}
		if st := g.stats(); st.frames != 500 || st.left != 0 {
			t.Errorf("%d of 500 pictures, %d left out", st.frames, st.left)
		}
	})
}
