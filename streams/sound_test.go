package streams

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// arrival is something that comes from a camera.
type arrival struct {
	after time.Duration
	do    func()
}

// arrive lets things come when they are due.
func arrive(list []arrival) {
	zero := time.Now()
	slices.SortStableFunc(list, func(a, b arrival) int { return int(a.after - b.after) })
	for _, e := range list {
		time.Sleep(time.Until(zero.Add(e.after)))
		e.do()
	}
}

// What was taken at the same moment must be shown and heard within 40 ms, whatever
// way pictures take through the camera's encoder and however the network trembles.
func TestLipsFit(t *testing.T) {
	for _, c := range []struct {
		name        string
		told        bool          // the camera tells its time, which is wrong by years
		slow, shaky time.Duration // of pictures; sound takes 20 ms
	}{
		{"by the camera's clock", true, 150 * time.Millisecond, 30 * time.Millisecond},
		{"by when they come", false, 30 * time.Millisecond, 60 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := NewStream()
			g := newIngest(s, "", func() {}, func() {})
			g.Describe(Description{Params: [][]byte{testSPS, testPPS}, Sound: Sound{Codec: PCMA, Rate: 8000, Channels: 1}})
			ntp := func(at time.Duration) (taken time.Time) {
				if c.told {
					taken = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC).Add(at)
				}
				return taken
			}
			shown, heard := map[time.Duration]time.Time{}, map[time.Duration]time.Time{}
			var list []arrival
			for i := range 100 {
				at := time.Duration(i) * 40 * time.Millisecond
				list = append(list, arrival{at + c.slow + c.shaky*time.Duration(i*7%10)/10, func() {
					g.Unit(unit(i%25 == 0, 100), uint32(at*clockRate/time.Second), ntp(at))
					shown[at] = s.frames[len(s.frames)-1].Due
				}}, arrival{at + 20*time.Millisecond, func() {
					g.Sound([][]byte{make([]byte, 320)}, uint32(at*8000/time.Second), ntp(at))
					fs, _, _ := s.Sounds(0)
					heard[at] = fs[0].Due
				}})
			}
			arrive(list)
			for at := time.Second; at < 4*time.Second; at += 40 * time.Millisecond {
				if d := shown[at].Sub(heard[at]); d > 40*time.Millisecond || d < -40*time.Millisecond {
					t.Fatalf("%s: the moment %s is shown %s after it is heard", c.name, at, d)
				}
			}
		})
	}
}

// The sound's clock goes on over reconnections and jumps of the camera's.
func TestSoundGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream()
		d := Description{Sound: Sound{Codec: PCMU, Rate: 8000, Channels: 1}}
		a := newIngest(s, "", func() {}, func() {})
		a.Describe(d)
		a.Sound([][]byte{make([]byte, 160)}, 1<<32-160, time.Time{})
		fs, first, _ := s.Sounds(0)
		start := fs[0].TS
		time.Sleep(20 * time.Millisecond)
		a.Sound([][]byte{make([]byte, 1000)}, 0, time.Time{}) // too long for a packet
		time.Sleep(time.Second)
		b := newIngest(s, "", func() {}, func() {})
		b.Describe(d)
		b.Sound([][]byte{make([]byte, 160)}, 77, time.Time{})
		fs, _, _ = s.Sounds(first)
		var got []uint32
		var lengths []int
		for _, f := range fs {
			got, lengths = append(got, f.TS-start), append(lengths, len(f.Data))
		}
		if want := []uint32{0, 160, 640, 1120, 1120 + 8000 + 1}; !slices.Equal(got, want) || !slices.Equal(lengths, []int{160, 480, 480, 40, 160}) {
			t.Fatalf("times %v, want %v; lengths %v", got, want, lengths)
		}
		b.Describe(Description{}) // it was switched off
		if fs, _, wake := s.Sounds(0); len(fs) > 0 || wake == nil || s.Sound().Codec != "" {
			t.Fatalf("%d pieces of old sound", len(fs))
		}
	})
}

func TestSoundIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream()
		g := newIngest(s, "", func() {}, func() {})
		g.Describe(Description{Sound: Sound{Codec: AAC, Rate: 48000, Channels: 2}})
		g.Sound([][]byte{bytes.Repeat([]byte{1}, maxSoundBytes+1), {}}, 0, time.Time{}) // damaged
		if fs, _, _ := s.Sounds(0); len(fs) != 0 {
			t.Fatal("a piece beyond all measure")
		}
		for i := range 5000 {
			g.Sound([][]byte{{1}}, uint32(i*1024), time.Time{})
			time.Sleep(time.Millisecond)
		}
		if n := len(s.sound.frames); n > maxKeptSound+32 {
			t.Fatalf("%d pieces are kept", n)
		}
	})
}
