package clip

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dongyue/streams"
)

// filmstrip makes pictures as a camera sends them: groups in decoding order, each
// picture at the moment when it was taken or, with B-frames, when the one was taken
// that it refers to.
type filmstrip struct {
	r       *ring
	base    time.Time
	ts      uint32 // of time 0
	gop     int    // pictures
	bframes bool
	at      int // pictures so far
	all     []taken
}

// taken is a picture and its true moment.
type taken struct {
	f  *streams.Frame
	at time.Time
}

const frameTicks = 3600 // 25 a second

func begin() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func strip(keep time.Duration, most, gop int, bframes bool) *filmstrip {
	return &filmstrip{r: &ring{keep: keep, most: most, wake: func() {}}, base: begin(), ts: 4_294_960_000, gop: gop, bframes: bframes}
}

func (s *filmstrip) now() time.Time { return s.base.Add(time.Duration(s.at) * 40 * time.Millisecond) }

func (s *filmstrip) put(n int, key bool, after string) {
	moment := s.base.Add(time.Duration(n) * 40 * time.Millisecond)
	f := &streams.Frame{Key: key, TS: s.ts + uint32(n*frameTicks), At: s.now(), After: after, Bytes: 1000}
	if f.At.Before(moment) {
		f.At = moment
	}
	s.all = append(s.all, taken{f, moment})
	s.r.put(f)
}

// group films one group of pictures.
func (s *filmstrip) group(after string) {
	for i := 0; i < s.gop; {
		switch {
		case i == 0:
			s.put(s.at, true, after)
			s.at, i = s.at+1, 1
		case s.bframes && i+2 < s.gop:
			s.at += 2
			s.put(s.at, false, "")
			s.put(s.at-2, false, "")
			s.put(s.at-1, false, "")
			s.at, i = s.at+1, i+3
		default:
			s.put(s.at, false, "")
			s.at, i = s.at+1, i+1
		}
	}
}

// pause lets time pass without pictures.
func (s *filmstrip) pause(d time.Duration) { s.at += int(d / (40 * time.Millisecond)) }

// has is the pictures of a clip.
func has(c *clip) map[*streams.Frame]bool {
	in := map[*streams.Frame]bool{}
	for _, f := range c.frags {
		for _, p := range f.frames {
			in[p.Frame] = true
		}
	}
	return in
}

// check compares a clip that has ended with what was filmed.
func (s *filmstrip) check(t rapid.TB, c *clip, whole bool) {
	t.Helper()
	if len(c.frags) == 0 {
		return
	}
	first := c.frags[0]
	if !first.key {
		t.Fatal("a clip begins without a key frame")
	}
	for i, f := range c.frags {
		if f.n != first.n+uint64(i) {
			t.Fatalf("fragment %d comes behind %d", f.n, first.n+uint64(i)-1)
		}
		if !f.closed {
			t.Fatal("an open fragment in a clip that has ended")
		}
		if d := span(f.end - f.pts); d > longest+400*time.Millisecond {
			t.Fatalf("a fragment lasts %s", d)
		}
	}
	if whole && first.start().After(c.from) {
		t.Fatalf("it begins at %s, wanted from %s", first.start(), c.from)
	}
	in := has(c)
	for _, p := range s.all {
		if !p.at.Before(first.start()) && p.at.Before(c.to) && !p.at.Before(c.from) && !in[p.f] {
			t.Fatalf("the picture of %s is missing in a clip from %s to %s that begins at %s", p.at, c.from, c.to, first.start())
		}
	}
}

func TestClipHasAllPictures(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := strip(4*time.Second, 1<<30, rapid.IntRange(1, 120).Draw(rt, "gop"), rapid.Bool().Draw(rt, "b-frames"))
		var clips []*clip
		whole := map[*clip]bool{}
		gaps := []time.Time{}
		s.group("") // from which the ring learns that there are B-frames
		for step := range rapid.IntRange(3, 25).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0:
				s.pause(time.Duration(rapid.IntRange(1, 3000).Draw(rt, "ms")) * time.Millisecond)
				gaps = append(gaps, s.now())
				s.group("camera.failed")
			case 1, 2:
				now := s.now()
				from := now.Add(-time.Duration(rapid.IntRange(0, 4000).Draw(rt, "before")) * time.Millisecond)
				c := &clip{from: from, to: now.Add(time.Duration(rapid.IntRange(-100, 6000).Draw(rt, "after")) * time.Millisecond)}
				if !c.to.After(c.from) || !s.r.covers(c, now) {
					continue
				}
				whole[c] = from.Sub(begin()) >= 0 && len(gaps) == 0 && step > 0 && len(s.all) > 0
				s.r.add(c)
				clips = append(clips, c)
			default:
				s.group("")
			}
		}
		for range 200 { // until all have ended
			s.group("")
		}
		for _, c := range clips {
			if !c.ended {
				rt.Fatalf("a clip to %s has not ended at %s", c.to, s.now())
			}
			s.check(rt, c, whole[c])
		}
	})
}

// The ring keeps what it must and little more, whatever the groups of pictures are.
func TestRingIsBounded(t *testing.T) {
	for _, gop := range []int{1, 5, 12, 50, 250} {
		t.Run(fmt.Sprint(gop), func(t *testing.T) {
			s := strip(3*time.Second, 1<<30, gop, false)
			for s.at < 3000 {
				s.group("")
				if s.at < 500 {
					continue
				}
				i := slices.IndexFunc(s.r.frags, func(f *fragment) bool { return f.key })
				back := s.now().Sub(s.r.frags[i].start())
				if most := 3*time.Second + time.Duration(gop+25)*40*time.Millisecond; back < 3*time.Second-40*time.Millisecond || back > most {
					t.Fatalf("it reaches back %s, not 3 s to %s", back, most)
				}
				if s.r.bytes != 1000*count(s.r.frags) {
					t.Fatalf("%d bytes are counted, %d pictures kept", s.r.bytes, count(s.r.frags))
				}
			}
			s.r.setLimits(3*time.Second, 20_000)
			s.group("")
			if s.r.bytes > 20_000+1000*25 {
				t.Fatalf("%d bytes", s.r.bytes)
			}
		})
	}
}

func count(fs []*fragment) (n int) {
	for _, f := range fs {
		n += len(f.frames)
	}
	return n
}

// Over a gap that is longer than the clock goes round, the hub's clock counts.
func TestClockOverALongGap(t *testing.T) {
	s := strip(time.Second, 1<<30, 25, false)
	s.group("")
	before := s.r.pts
	s.pause(20 * time.Hour)
	s.group("camera.unreachable")
	if d := span(s.r.pts - before); d < 20*time.Hour || d > 20*time.Hour+2*time.Second {
		t.Fatalf("the clock went on by %s", d)
	}
	c := &clip{from: s.now().Add(-time.Hour), to: s.now()}
	s.r.add(c)
	if len(c.frags) == 0 || c.frags[0].gap != "camera.unreachable" {
		t.Fatalf("a clip of a time in a gap begins with %+v", c.frags)
	}
}

// Pictures that come late do not move the others: the quickest tell the time.
func TestJitterMovesNothing(t *testing.T) {
	r := &run{}
	for i := range 2000 {
		late := time.Duration(i*7919%90) * time.Millisecond
		if i%10 == 0 {
			late = 0
		}
		r.came(int64(i)*frameTicks, begin().Add(time.Duration(i)*40*time.Millisecond+late))
	}
	if d := r.at(100 * frameTicks).Sub(begin().Add(4 * time.Second)); d != 0 {
		t.Fatalf("off by %s", d)
	}
	// A clock that is 100 ppm slow is followed.
	drift := &run{}
	for i := range 25 * 600 {
		at := begin().Add(time.Duration(float64(i) * 40e6 * 1.0001))
		drift.came(int64(i)*frameTicks, at)
		if d := at.Sub(drift.at(int64(i) * frameTicks)); d < 0 || d > 7*time.Millisecond {
			t.Fatalf("after %d pictures it is off by %s", i, d)
		}
	}
}

func TestFlushDoesNotWaitForACamera(t *testing.T) {
	s := strip(time.Second, 1<<30, 25, false)
	s.group("")
	c := &clip{from: begin(), to: s.now().Add(10 * time.Second)}
	s.r.add(c)
	if s.r.flush(s.now(), false); s.r.open().closed {
		t.Fatal("a fragment that is still filled was closed")
	}
	if s.r.flush(s.now().Add(longest), false); !s.r.open().closed || c.ended {
		t.Fatal("a fragment of a silent camera stays in memory")
	}
	if s.r.flush(c.to.Add(patience+1), false); !c.ended {
		t.Fatal("a clip of a silent camera does not end")
	}
	fs, n := s.r.due()
	if len(fs) != 2 || n != 25_000 {
		t.Fatalf("%d fragments, %d bytes are due", len(fs), n)
	}
	ps := []*piece{{}, {}}
	if s.r.save(fs, ps); s.r.bytes != 0 {
		t.Fatalf("%d bytes are kept of what was written", s.r.bytes)
	}
	if done := s.r.over(); len(done) != 1 || len(c.pieces()) != 2 {
		t.Fatalf("%d clips are over", len(done))
	}
}

// A camera that is set to another coding while it is recorded: clips end with what
// they have, and later ones do not reach back before it.
func TestAnotherCodingEndsClips(t *testing.T) {
	now := begin()
	r := ring{keep: time.Minute, most: 1 << 30, wake: func() {}}
	put := func(hevc bool, i int) {
		r.put(&streams.Frame{H265: hevc, Key: i%25 == 0, TS: uint32(i * 3600), At: now.Add(time.Duration(i) * 40 * time.Millisecond), Bytes: 10})
	}
	c := &clip{from: now, to: now.Add(time.Minute)}
	r.add(c)
	put(true, 0) // the first picture is no change
	if c.ended {
		t.Fatal("the clip ended before it began")
	}
	for i := 1; i < 50; i++ {
		put(true, i)
	}
	for i := 50; i < 100; i++ {
		put(false, i)
	}
	if !c.ended || c.problem != problemGone {
		t.Fatalf("the clip goes on: ended %v, %q", c.ended, c.problem)
	}
	for _, f := range r.frags {
		for _, p := range f.frames {
			if p.H265 {
				t.Fatal("pictures of the old coding are kept beside those of the new one")
			}
		}
	}
}
