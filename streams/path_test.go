package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// onePath is a path outside the room.
func onePath(p Puller) (*path, *atomic.Int32) {
	var changes atomic.Int32
	return &path{
		from: Source{URL: "rtsp://u:p@h/x"}, host: &host{}, stream: NewStream(), puller: p, times: usual(), st: pathState{state: Idle},
		changed: func() { changes.Add(1) }, failed: func(int, error) {},
	}, &changes
}

// cached is the number of frames in the cache.
func cached(s *Stream) int {
	fs, _, _, _ := s.from(0)
	return len(fs)
}

// filming sends 25 frames a second until ctx ends.
func filming(ctx context.Context, to Sink) error {
	for i := 0; ctx.Err() == nil; i++ {
		to.Unit(unit(i%25 == 0, 500), uint32(i*3600), time.Time{})
		select {
		case <-ctx.Done():
		case <-time.After(40 * time.Millisecond):
		}
	}
	return nil
}

func TestFirstDialFailsAndIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		var dials atomic.Int32
		p, _ := onePath(pullFunc(func(ctx context.Context, _ URL, to Sink) error {
			dials.Add(1)
			if !up.Load() {
				return fmt.Errorf("dial: %w", ErrUnreachable)
			}
			return filming(ctx, to)
		}))
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		if err := p.acquire(ctx, &wg, false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if s := p.state().state; s != Connecting {
			t.Fatalf("after 1 s: %s", s)
		}
		time.Sleep(1900 * time.Millisecond)
		if s := p.state().state; s != NoSignal {
			t.Fatalf("after 2.9 s: %s", s)
		}
		if code, _ := cause(p); code != "camera.unreachable" {
			t.Fatalf("cause is %q", code)
		}
		time.Sleep(10 * time.Minute)
		if n := dials.Load(); n < 700 || n > 1600 { // 0.4…0.8 s apart, since somebody watches
			t.Fatalf("%d dials in 10 min", n)
		}
		up.Store(true)
		time.Sleep(backoffMax + 100*time.Millisecond)
		if s := p.state().state; s != Live {
			t.Fatalf("the camera is back: %s", s)
		}
		if code, _ := cause(p); code != "" {
			t.Fatalf("cause is %q", code)
		}
		cancel()
		wg.Wait()
		if s := p.state().state; s != Idle {
			t.Fatalf("at the end: %s", s)
		}
	})
}

// A hole too short to be called an outage leaves no cause behind.
func TestShortHoleIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		p, _ := onePath(pullFunc(func(ctx context.Context, _ URL, to Sink) error {
			if dials.Add(1) > 1 {
				return filming(ctx, to)
			}
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_ = filming(short, to)
			return errors.New("broken off")
		}))
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		if err := p.acquire(ctx, &wg, false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1001 * time.Millisecond)
		if code, _ := cause(p); code != codeFailed || p.state().state != Live {
			t.Fatalf("in the hole: %q, %s", code, p.state().state)
		}
		time.Sleep(2 * time.Second)
		if code, _ := cause(p); code != "" || p.why(Main).Code != "camera.live" {
			t.Fatalf("behind it: %q, %q", code, p.why(Main).Code)
		}
		cancel()
		wg.Wait()
	})
}

func TestPausesBetweenAttempts(t *testing.T) {
	for _, c := range []struct {
		name     string
		err      error
		viewers  int
		min, max int // dials in 10 min
	}{
		{"watched", ErrUnreachable, 1, 700, 1600},
		{"nobody watches", ErrUnreachable, 0, 115, 300},
		{"wrong password", ErrAuth, 3, 18, 60}, // must not lock the user out
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dials := 0
				p, _ := onePath(pullFunc(func(context.Context, URL, Sink) error {
					dials++
					return fmt.Errorf("dial: %w", c.err)
				}))
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
				defer cancel()
				p.refs = c.viewers
				p.run(ctx)
				if dials < c.min || dials > c.max {
					t.Fatalf("%d dials in 10 min", dials)
				}
			})
		})
	}
}

func TestWhoComesToWatchNeedNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := onePath(pullFunc(func(context.Context, URL, Sink) error { return nil }))
		time.AfterFunc(time.Second, func() {
			p.mu.Lock()
			p.refs++
			p.mu.Unlock()
		})
		began := time.Now()
		p.sleep(context.Background(), backoffIdle, nil)
		if d := time.Since(began); d > 1500*time.Millisecond {
			t.Fatalf("slept %s", d)
		}
	})
}

func TestSilentCamera(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		p, _ := onePath(pullFunc(func(ctx context.Context, _ URL, to Sink) error {
			if dials.Add(1) == 1 { // films for a second, then hangs
				film, stop := context.WithTimeout(ctx, time.Second)
				defer stop()
				_ = filming(film, to)
			}
			<-ctx.Done()
			return nil
		}))
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		_ = p.acquire(ctx, &wg, false)
		time.Sleep(500 * time.Millisecond)
		if s := p.state().state; s != Live {
			t.Fatalf("while it films: %s", s)
		}
		time.Sleep(3500 * time.Millisecond)
		if s := p.state().state; s != NoSignal || cached(p.stream) != 0 {
			t.Fatalf("3 s after it stopped: %s, %d old frames", s, cached(p.stream))
		}
		time.Sleep(giveUpAfter)
		if n := dials.Load(); n != 2 {
			t.Fatalf("%d dials", n)
		}
		if code, _ := cause(p); code != "camera.silent" {
			t.Fatalf("cause is %q", code)
		}
		cancel()
		wg.Wait()
	})
}

func TestOnePullForAllAndLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials, open atomic.Int32
		p, changes := onePath(pullFunc(func(ctx context.Context, _ URL, to Sink) error {
			dials.Add(1)
			open.Add(1)
			defer open.Add(-1)
			return filming(ctx, to)
		}))
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		for range 50 {
			_ = p.acquire(ctx, &wg, false)
		}
		time.Sleep(time.Second)
		for range 50 {
			p.release(false)
		}
		time.Sleep(linger - time.Second)
		_ = p.acquire(ctx, &wg, false) // came back in time
		time.Sleep(time.Minute)
		if dials.Load() != 1 || open.Load() != 1 {
			t.Fatalf("%d dials, %d open", dials.Load(), open.Load())
		}
		p.release(false)
		time.Sleep(linger + time.Second)
		if open.Load() != 0 || p.state().state != Idle || cached(p.stream) != 0 {
			t.Fatalf("%d open, %s", open.Load(), p.state().state)
		}
		if n := changes.Load(); n != 4 { // connecting, codec, live, idle
			t.Fatalf("%d changes were told", n)
		}
		p.close(ErrGone)
		if err := p.acquire(ctx, &wg, false); !errors.Is(err, ErrGone) {
			t.Fatal(err)
		}
		cancel()
		wg.Wait()
	})
}

func TestPanicOfAPullerIsOneFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		p, _ := onePath(pullFunc(func(ctx context.Context, _ URL, to Sink) error {
			if dials.Add(1) < 3 {
				panic("index out of range")
			}
			return filming(ctx, to)
		}))
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		_ = p.acquire(ctx, &wg, false)
		time.Sleep(5 * time.Second)
		if s := p.state().state; s != Live {
			t.Fatalf("state is %s", s)
		}
		cancel()
		wg.Wait()
	})
}
