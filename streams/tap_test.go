package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// tapped collects what a tap gets.
type tapped struct {
	mu sync.Mutex
	fs []*Frame
}

func (t *tapped) take(f *Frame) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fs = append(t.fs, f)
}

func (t *tapped) frames() []*Frame {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.fs
}

func TestTapGetsAllPictures(t *testing.T) {
	s := NewStream()
	g := newIngest(s, codeFirst, func() {}, func() {})
	var a, b tapped
	stop := s.Tap(a.take)
	s.Tap(b.take)
	ntp := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	g.Unit(unit(true, 10), 0, ntp)
	g.Unit(unit(false, 10), 10800, time.Time{})
	g.Unit(unit(false, 10), 3600, time.Time{}) // a B-frame: no reader gets it
	stop()
	g.Lost(errors.New("packet 7"))
	g.Unit(unit(false, 10), 14400, time.Time{})
	g.Unit(unit(true, 10), 18000, time.Time{})
	if n := len(a.frames()); n != 3 {
		t.Fatalf("%d frames before the tap was closed", n)
	}
	fs := b.frames()
	if len(fs) != 4 || cached(s) != 1 {
		t.Fatalf("%d frames, %d for readers from the key frame on", len(fs), cached(s))
	}
	for i, want := range []string{codeFirst, "", "", codeDamaged} {
		if fs[i].After != want {
			t.Errorf("frame %d comes after %q, want %q", i, fs[i].After, want)
		}
	}
	if !fs[0].NTP.Equal(ntp) || int32(fs[2].TS-fs[1].TS) != -7200 {
		t.Fatalf("times are %v and %d, %d", fs[0].NTP, fs[1].TS, fs[2].TS)
	}
}

// Somebody quiet keeps the camera pulled and is no viewer; each connection tells
// what ended the one before.
func TestQuietLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		p, _ := onePath(pullFunc(func(ctx context.Context, _ URL, to Sink) error {
			dials++
			switch dials {
			case 2, 3:
				return fmt.Errorf("dial: %w", ErrUnreachable)
			case 1:
				ctx, stop := context.WithTimeout(ctx, 10*time.Second)
				defer stop()
				_ = filming(ctx, to)
				return errors.New("hung up")
			}
			return filming(ctx, to)
		}))
		var got tapped
		p.stream.Tap(got.take)
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		_ = p.acquire(ctx, &wg, true)
		time.Sleep(time.Minute)
		if s := p.state(); s.state != Live || p.viewers() != 0 {
			t.Fatalf("%s with %d viewers", s.state, p.viewers())
		}
		var after []string
		for _, f := range got.frames() {
			if f.After != "" {
				after = append(after, f.After)
			}
		}
		if fmt.Sprint(after) != "[camera.not_pulled camera.unreachable]" {
			t.Fatalf("connections came after %v", after)
		}
		p.release(true)
		time.Sleep(linger + time.Second)
		if s := p.state().state; s != Idle {
			t.Fatalf("state is %s", s)
		}
		if p.stream.Gone() != nil {
			t.Fatal("the stream is gone")
		}
		p.close(ErrGone)
		if !errors.Is(p.stream.Gone(), ErrGone) {
			t.Fatal("the stream is not gone")
		}
		cancel()
		wg.Wait()
	})
}
