package streams

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sentPacket is what a viewer got, and when.
type sentPacket struct {
	seq    uint16
	ts     uint32
	marker bool
	first  byte
	at     time.Time
}

// screen collects packets.
type screen struct {
	mu      sync.Mutex
	got     []sentPacket
	reports []uint32
	slow    time.Duration // per packet
	fail    error
}

func (s *screen) Send(number uint64, ts uint32, payloads [][]byte, end bool) error {
	for i, b := range payloads {
		time.Sleep(s.slow)
		s.mu.Lock()
		s.got = append(s.got, sentPacket{uint16(number) + uint16(i), ts, end && i == len(payloads)-1, b[0], time.Now()})
		s.mu.Unlock()
	}
	return s.fail
}

func (s *screen) Report(_ time.Time, ts, _, _ uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports = append(s.reports, ts)
	return nil
}

func (s *screen) packets() []sentPacket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]sentPacket(nil), s.got...)
}

// keys counts key frames by the STAP-A in front of them.
func keys(ps []sentPacket) (n int) {
	for _, p := range ps {
		if p.first&0x1f == nalSTAPA {
			n++
		}
	}
	return n
}

// lens is a camera: 25 frames a second, a key frame every gop frames.
type lens struct {
	g   *ingest
	n   int
	gop int
}

func newLens(s *Stream, gop int) *lens {
	return &lens{g: newIngest(s, "", func() {}, func() {}), gop: gop}
}

func (l *lens) shoot(frames int) {
	for range frames {
		time.Sleep(40 * time.Millisecond)
		l.g.Unit(unit(l.n%l.gop == 0, 3000), uint32(l.n*3600), time.Time{})
		l.n++
	}
}

// play runs a reader until stop is called.
func play(t *testing.T, s *Stream, out *screen) (r *Reader, stop func() error) {
	t.Helper()
	r = NewReader(s, out, 0xffff)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	return r, func() error {
		cancel()
		return <-done
	}
}

// check looks at what every viewer may rely on.
func check(t *testing.T, ps []sentPacket) {
	t.Helper()
	if len(ps) == 0 || ps[0].first&0x1f != nalSTAPA {
		t.Fatal("it does not begin with parameter sets")
	}
	for i := 1; i < len(ps); i++ {
		if ps[i].seq != ps[i-1].seq+1 {
			t.Fatalf("packet %d follows %d", ps[i].seq, ps[i-1].seq)
		}
		step := int32(ps[i].ts - ps[i-1].ts)
		if ps[i-1].marker && step <= 0 || !ps[i-1].marker && step != 0 {
			t.Fatalf("time steps by %d after a packet with marker %v", step, ps[i-1].marker)
		}
	}
}

func TestReplayThenLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream()
		cam := newLens(s, 100)
		cam.shoot(60)
		var out screen
		joined := time.Now()
		_, stop := play(t, s, &out)
		synctest.Wait()
		time.Sleep(39 * time.Millisecond)
		synctest.Wait()
		replay := out.packets()
		check(t, replay)
		if keys(replay) != 1 || len(replay) != 60*3+1 {
			t.Fatalf("%d packets, %d key frames before the next frame came", len(replay), keys(replay))
		}
		// Paced at 10 MB/s, stamped with the time of sending.
		if d := replay[len(replay)-1].at.Sub(joined); d < 15*time.Millisecond || d > 30*time.Millisecond {
			t.Fatalf("180 kB took %s", d)
		}
		first, last := replay[0], replay[len(replay)-1]
		if d, want := last.ts-first.ts, ticks(last.at.Sub(first.at)); d < want || d > want+60 {
			t.Fatalf("the replay spans %d ticks in %d", d, want)
		}
		cam.shoot(75)
		synctest.Wait()
		all := out.packets()
		check(t, all)
		if keys(all) != 2 {
			t.Fatalf("%d key frames", keys(all))
		}
		// Live has the camera's own steps, and the last frame its own time.
		if all[len(all)-1].ts != s.clock() || all[len(all)-1].ts-all[len(all)-4].ts != 3600 {
			t.Fatalf("live steps by %d", all[len(all)-1].ts-all[len(all)-4].ts)
		}
		if n := len(out.reports); n != 3 {
			t.Fatalf("%d sender reports in 3 s", n)
		}
		if err := stop(); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
}

func TestNothingIsSentBeforeAKeyFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream()
		cam := newLens(s, 50)
		cam.n = 10 // the camera is in the middle of a group
		var out screen
		_, stop := play(t, s, &out)
		cam.shoot(30)
		if n := len(out.packets()); n != 0 {
			t.Fatalf("%d packets", n)
		}
		cam.shoot(20)
		synctest.Wait()
		check(t, out.packets())
		_ = stop()
	})
}

func TestSlowReaderFallsToTheNextKeyFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream()
		cam := newLens(s, 25)
		slow, fast := screen{slow: 30 * time.Millisecond}, screen{}
		r, stop := play(t, s, &slow)
		_, stop2 := play(t, s, &fast)
		cam.shoot(250)
		synctest.Wait()
		check(t, slow.packets())
		check(t, fast.packets())
		if n := len(fast.packets()); n != 250*3+10 {
			t.Fatalf("the fast reader got %d packets", n)
		}
		if r.Stats().Skipped == 0 {
			t.Fatal("the slow reader skipped nothing")
		}
		_, _ = stop(), stop2()
	})
}

func TestRefreshReplays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream()
		cam := newLens(s, 1000)
		var out screen
		r, stop := play(t, s, &out)
		cam.shoot(30)
		for range 20 { // a browser that asks again and again gets one replay
			r.Refresh()
		}
		cam.shoot(10)
		r.Refresh()
		r.Refresh()
		cam.shoot(10)
		synctest.Wait()
		all := out.packets()
		check(t, all)
		if keys(all) != 3 || r.Stats().Replays != 3 {
			t.Fatalf("%d key frames, %d replays", keys(all), r.Stats().Replays)
		}
		_ = stop()
	})
}

func TestResend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream()
		cam := newLens(s, 1000)
		var out screen
		r, stop := play(t, s, &out)
		cam.shoot(100)
		synctest.Wait()
		before := out.packets()
		lost := before[120]
		r.Resend([]uint16{lost.seq})
		synctest.Wait()
		after := out.packets()
		got := after[len(after)-1]
		if len(after) != len(before)+2 || got.seq != lost.seq || got.ts != lost.ts || got.marker != lost.marker || got.first != lost.first {
			t.Fatalf("sent %+v, lost %+v", got, lost)
		}
		if got.at != after[len(after)-2].at || r.Stats().Resent != 2 {
			t.Fatal("it is not sent twice at once")
		}
		// What was sent 14 s ago is gone: the answer is a replay.
		cam.shoot(250)
		r.Resend([]uint16{lost.seq})
		cam.shoot(1)
		synctest.Wait()
		if n := keys(out.packets()); n != 2 {
			t.Fatalf("%d key frames", n)
		}
		// A number that was never sent is no reason to do anything.
		n := len(out.packets())
		r.Resend([]uint16{uint16(r.number) + 500})
		synctest.Wait()
		if len(out.packets()) != n {
			t.Fatal("something was sent")
		}
		_ = stop()
	})
}

// What is lost of a replay is sent again before the replay has ended.
func TestResendDuringReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream()
		cam := newLens(s, 1000)
		cam.shoot(300)
		out := screen{}
		r, stop := play(t, s, &out)
		time.Sleep(20 * time.Millisecond) // of 90
		first := out.packets()[0]
		r.Resend([]uint16{first.seq})
		time.Sleep(10 * time.Millisecond)
		again := 0
		for _, p := range out.packets() {
			if p.seq == first.seq && p.first == first.first {
				again++
			}
		}
		if st := r.Stats(); again != 3 || st.Replays != 0 {
			t.Fatalf("it is there %d times after %d replays", again, st.Replays)
		}
		_ = stop()
	})
}

func TestReaderEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, broken := NewStream(), errors.New("broken")
		cam := newLens(s, 50)
		failing := screen{fail: broken}
		var waiting screen
		a, b := make(chan error, 1), make(chan error, 1)
		go func() { a <- NewReader(s, &failing, 1).Run(context.Background()) }()
		go func() { b <- NewReader(s, &waiting, 1).Run(context.Background()) }()
		cam.shoot(2)
		if err := <-a; !errors.Is(err, broken) {
			t.Fatal(err)
		}
		s.end(ErrGone)
		if err := <-b; !errors.Is(err, ErrGone) {
			t.Fatal(err)
		}
	})
}

func TestCacheIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream()
		cam := newLens(s, 1<<30) // never a second key frame
		var out screen
		_, stop := play(t, s, &out)
		cam.shoot(maxCacheFrames + 500)
		synctest.Wait()
		check(t, out.packets())
		if len(s.frames) > maxCacheFrames || s.bytes > maxCacheBytes {
			t.Fatalf("%d frames, %d bytes", len(s.frames), s.bytes)
		}
		if n := len(out.packets()); n != (maxCacheFrames+500)*3+1 {
			t.Fatalf("who watches lost frames: %d packets", n)
		}
		var late screen
		_, stop2 := play(t, s, &late)
		cam.shoot(5)
		if len(late.packets()) != 0 {
			t.Fatal("who joins got frames without a key frame")
		}
		_, _ = stop(), stop2()
	})
}

func TestHistory(t *testing.T) {
	var h history
	f := &Frame{Payloads: make([][]byte, 5)}
	at := uint32(1<<32 - 1000) // goes over
	number := uint64(65500)
	for i := range 2000 {
		h.add(sentFrame{number: number, f: f, at: at + uint32(i)})
		number += 5
	}
	if h.n != historyFrames || len(h.ring) > 2*historyFrames || h.packets != historyFrames*5 {
		t.Fatalf("%d frames, %d packets in a ring of %d", h.n, h.packets, len(h.ring))
	}
	if s, ok := h.find(number - 1); !ok || s.number != number-5 {
		t.Fatalf("got %+v, %v", s, ok)
	}
	if _, ok := h.find(number); ok {
		t.Fatal("found what was not sent")
	}
	if _, ok := h.find(number - historyFrames*5 - 1); ok {
		t.Fatal("found what is gone")
	}
	h.add(sentFrame{number: number, f: f, at: at + 60_000})
	if h.n != 1 {
		t.Fatalf("%d frames are older than %s", h.n, historyAge)
	}
}
