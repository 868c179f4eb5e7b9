package streams

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// yes takes every change and counts.
func yes(n *atomic.Int32) func() bool { return func() bool { n.Add(1); return true } }

func TestSwitchGoesOnInOneStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := NewStream(), NewStream()
		camA, camB := newLens(a, 50), newLens(b, 50)
		camA.shoot(30)
		camB.shoot(20)
		var out screen
		var taken atomic.Int32
		r, stop := play(t, a, &out)
		camA.shoot(10)
		synctest.Wait()
		before := len(out.packets())
		asked := time.Now()
		r.Switch(b, false, yes(&taken))
		synctest.Wait()
		after := out.packets()[before:]
		if len(after) == 0 || after[0].first&0x1f != nalSTAPA || after[0].at.Sub(asked) > 2*time.Millisecond {
			t.Fatalf("%d packets came at once, and the first of them must begin a picture", len(after))
		}
		time.Sleep(39 * time.Millisecond)
		synctest.Wait()
		show := r.Showing()
		if !show.Begun || !show.Live || show.BegunTS != after[0].ts || int32(show.LiveTS-show.BegunTS) <= 0 {
			t.Fatalf("got %+v, first packet at %d", show, after[0].ts)
		}
		camB.shoot(60)
		synctest.Wait()
		all := out.packets()
		check(t, all) // one row of numbers, time that only rises
		if d := all[len(all)-1].ts - all[0].ts; d > ticks(all[len(all)-1].at.Sub(all[0].at))+3600 {
			t.Fatalf("the viewer's clock ran %d ticks in %s", d, all[len(all)-1].at.Sub(all[0].at))
		}
		if taken.Load() != 1 {
			t.Fatalf("taken %d times", taken.Load())
		}
		_ = stop()
	})
}

func TestSwitchHoldsUntilTheOtherHasAPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := NewStream(), NewStream()
		camA, camB := newLens(a, 10), newLens(b, 25)
		camB.n = 1 // in the middle of a group: its key frame is 24 frames away
		camA.shoot(5)
		var out screen
		var taken atomic.Int32
		r, stop := play(t, a, &out)
		synctest.Wait()
		r.Switch(b, true, yes(&taken))
		for range 24 {
			go camA.shoot(1)
			camB.shoot(1)
			synctest.Wait()
		}
		if taken.Load() != 0 || keys(out.packets()) < 3 {
			t.Fatal("the old pictures did not go on until the new ones were there")
		}
		n := len(out.packets())
		camB.shoot(1)
		synctest.Wait()
		after := out.packets()[n:]
		if taken.Load() != 1 || len(after) != 4 || after[0].first&0x1f != nalSTAPA {
			t.Fatalf("%d packets came with the key frame, taken %d times", len(after), taken.Load())
		}
		check(t, out.packets())
		_ = stop()
	})
}

func TestSwitchIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := NewStream(), NewStream()
		camA, camB := newLens(a, 50), newLens(b, 50)
		camA.shoot(5)
		var out screen
		r, stop := play(t, a, &out)
		r.Switch(b, true, func() bool { t.Error("taken"); return true })
		synctest.Wait()
		r.Stay()
		camB.shoot(3)
		camA.shoot(3)
		synctest.Wait()
		if n := keys(out.packets()); n != 1 {
			t.Fatalf("%d key frames", n)
		}
		r.Switch(b, false, func() bool { return false }) // no longer wanted when it comes to it
		camA.shoot(3)
		synctest.Wait()
		if n := keys(out.packets()); n != 1 || r.Showing().Begun == false {
			t.Fatalf("%d key frames, %+v", n, r.Showing())
		}
		_ = stop()
	})
}

func TestABlankReaderAndAStreamThatGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := NewStream(), NewStream()
		camA, camB := newLens(a, 50), newLens(b, 50)
		camA.shoot(5)
		camB.shoot(5)
		var out screen
		var taken atomic.Int32
		r := NewReader(a, &out, 7)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		synctest.Wait()
		r.Switch(nil, false, yes(&taken))
		synctest.Wait()
		n := len(out.packets())
		camA.shoot(5)
		synctest.Wait()
		if len(out.packets()) != n || r.Showing().Begun {
			t.Fatal("something is shown where nothing should be")
		}
		r.Switch(a, false, yes(&taken))
		synctest.Wait()
		a.end(ErrGone)
		if err := <-done; !errors.Is(err, ErrGone) {
			t.Fatal(err)
		}
		r.Switch(b, false, yes(&taken))
		go func() { done <- r.Run(ctx) }()
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		check(t, out.packets())
		if taken.Load() != 3 || keys(out.packets()) != 3 {
			t.Fatalf("taken %d times, %d key frames", taken.Load(), keys(out.packets()))
		}
		cancel()
		<-done
	})
}

func TestReplaysShareThePaceKeyFramesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tiles, packets = 16, 3*40 + 1
		pace := NewPace()
		screens := make([]screen, tiles)
		ctx, cancel := context.WithCancel(context.Background())
		sources := make([]*Stream, tiles)
		for i := range sources {
			sources[i] = NewStream()
			newLens(sources[i], 100).shoot(40)
		}
		began := time.Now()
		done := make(chan error, tiles)
		for i, s := range sources {
			r := NewReader(s, &screens[i], uint16(i))
			r.Share(pace)
			go func() { done <- r.Run(ctx) }()
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		var lastKey, firstRest, last time.Duration
		firstRest = time.Hour
		for i := range screens {
			ps := screens[i].packets()
			check(t, ps)
			if len(ps) != packets {
				t.Fatalf("tile %d got %d packets", i, len(ps))
			}
			lastKey = max(lastKey, ps[3].at.Sub(began)) // 4 packets of the key frame
			firstRest = min(firstRest, ps[40].at.Sub(began))
			last = max(last, ps[packets-1].at.Sub(began))
		}
		// 16 key frames of 3 kB are through in 5 ms, all 1.9 MB in 190 ms.
		if lastKey > 8*time.Millisecond || firstRest < lastKey || last < 180*time.Millisecond || last > 210*time.Millisecond {
			t.Fatalf("key frames after %s, the rest from %s to %s", lastKey, firstRest, last)
		}
		cancel()
		for range tiles {
			<-done
		}
	})
}

func TestPaceForgetsWhoHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPace()
		if err := p.wait(t.Context(), 1<<20, 1); err != nil { // 105 ms of credit taken at once
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { gone <- p.wait(ctx, 1000, 1) }()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) || len(p.queue) != 0 {
			t.Fatalf("%v, %d wait", err, len(p.queue))
		}
		began := time.Now()
		if err := p.wait(t.Context(), 1000, 1); err != nil || time.Since(began) < 100*time.Millisecond {
			t.Fatalf("%v after %s", err, time.Since(began))
		}
	})
}
