package streams

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestClockGoesOnOverReconnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream()
		a := newIngest(s, func() {}, func() {})
		a.Unit(unit(true, 100), 4_294_967_000) // shortly before the clock wraps
		start := s.last
		time.Sleep(40 * time.Millisecond)
		a.Unit(unit(false, 100), 3304) // 3600 later
		if got := s.last - start; got != 3600 {
			t.Fatalf("over the wrap: %d ticks", got)
		}
		time.Sleep(5 * time.Second)
		b := newIngest(s, func() {}, func() {}) // the camera was restarted
		b.Unit(unit(true, 100), 77)
		if got := s.last - start; got != 3600+5*clockRate+1 {
			t.Fatalf("after 5 s: %d ticks", got)
		}
		time.Sleep(time.Second)
		before := s.last
		b.Unit(unit(false, 100), 77+1000*clockRate) // its clock was set
		if got := s.last - before; got != clockRate+1 {
			t.Fatalf("after a jump: %d ticks", got)
		}
	})
}

func TestBFramesAreNoticed(t *testing.T) {
	s := NewStream()
	g := newIngest(s, func() {}, func() {})
	for i, ts := range []uint32{0, 10800, 3600, 7200, 21600} {
		g.Unit(unit(i == 0, 100), ts)
	}
	if n := g.stats().back; n != 1 {
		t.Fatalf("%d steps back", n)
	}
}

func TestDamageWaitsForTheNextKeyFrame(t *testing.T) {
	s := NewStream()
	firsts, codecs := 0, 0
	g := newIngest(s, func() { codecs++ }, func() { firsts++ })
	g.Unit(unit(false, 10), 0) // in the middle of a group
	g.Unit(unit(true, 10), 1)
	g.Unit(unit(false, 10), 2)
	g.Lost(errors.New("packet 7"))
	g.Unit(unit(false, 10), 3)
	g.Unit([][]byte{{0xff}}, 4)
	g.Unit(unit(true, 10), 5)
	g.Unit(unit(false, 10), 6)
	st := g.stats()
	if st.frames != 4 || st.damaged != 2 || firsts != 1 || codecs != 1 {
		t.Fatalf("got %+v, %d firsts, %d codecs", st, firsts, codecs)
	}
	if c := s.Codec(); c.Width != 1280 {
		t.Fatalf("got %+v", c)
	}
}
