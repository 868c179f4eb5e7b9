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
		a := newIngest(s, "", func() {}, func() {})
		a.Unit(unit(true, 100), 4_294_967_000, time.Time{}) // shortly before the clock wraps
		start := s.last
		time.Sleep(40 * time.Millisecond)
		a.Unit(unit(false, 100), 3304, time.Time{}) // 3600 later
		if got := s.last - start; got != 3600 {
			t.Fatalf("over the wrap: %d ticks", got)
		}
		time.Sleep(5 * time.Second)
		b := newIngest(s, "", func() {}, func() {}) // the camera was restarted
		b.Unit(unit(true, 100), 77, time.Time{})
		if got := s.last - start; got != 3600+5*clockRate+1 {
			t.Fatalf("after 5 s: %d ticks", got)
		}
		time.Sleep(time.Second)
		before := s.last
		b.Unit(unit(false, 100), 77+1000*clockRate, time.Time{}) // its clock was set
		if got := s.last - before; got != clockRate+1 {
			t.Fatalf("after a jump: %d ticks", got)
		}
	})
}

func TestBFramesAreLeftOut(t *testing.T) {
	s := NewStream()
	g := newIngest(s, "", func() {}, func() {})
	send := func(key, spare bool, ts uint32) {
		u := unit(key, 100)
		if last := u[len(u)-1]; spare {
			last[0] &^= 0x60
		}
		g.Unit(u, ts, time.Time{})
	}
	send(true, false, 0)
	send(false, true, 900) // nothing refers to it, but it is in order: a layer of an encoder that has them
	send(false, false, 10800)
	send(false, true, 3600)
	send(false, true, 7200) // in order after the one before, and still a B-frame
	send(false, false, 21600)
	send(false, false, 16200) // a B-frame that other B-frames refer to
	send(false, true, 14400)
	if st := g.stats(); st.back != 3 || st.left != 4 {
		t.Fatalf("got %+v", st)
	}
	passed := 0
	for _, f := range s.frames {
		if !f.left {
			passed++
		}
	}
	if passed != 4 || s.counts().frames != 4 || len(s.frames) != 8 {
		t.Fatalf("%d of %d frames are passed on, %d counted", passed, len(s.frames), s.counts().frames)
	}
	// Who is sent files gets all of them.
	if n, _, key := take(t, s.Follow()); n != 8 || !key {
		t.Fatalf("a follower gets %d frames", n)
	}
}

func TestDamageWaitsForTheNextKeyFrame(t *testing.T) {
	s := NewStream()
	firsts, codecs := 0, 0
	g := newIngest(s, "", func() { codecs++ }, func() { firsts++ })
	g.Unit(unit(false, 10), 0, time.Time{}) // in the middle of a group
	g.Unit(unit(true, 10), 1, time.Time{})
	g.Unit(unit(false, 10), 2, time.Time{})
	g.Lost(errors.New("packet 7"))
	g.Unit(unit(false, 10), 3, time.Time{})
	g.Unit([][]byte{{0xff}}, 4, time.Time{})
	g.Unit(unit(true, 10), 5, time.Time{})
	g.Unit(unit(false, 10), 6, time.Time{})
	st := g.stats()
	if st.frames != 4 || st.damaged != 2 || firsts != 1 || codecs != 1 {
		t.Fatalf("got %+v, %d firsts, %d codecs", st, firsts, codecs)
	}
	if c := s.Codec(); c.Width != 1280 {
		t.Fatalf("got %+v", c)
	}
}
