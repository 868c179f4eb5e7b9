package streams

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestAttemptsToOneHostAreSpaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hs := hosts{all: map[string]*host{}}
		began := time.Now()
		last := began
		for i := range 41 {
			at, reason := hs.of(URL(fmt.Sprintf("rtsp://u:p@192.0.2.1:554/%d", i))).turn(true)
			if reason != nil {
				t.Fatal(reason)
			}
			last = at
		}
		if d := last.Sub(began); d != 40*dialEvery {
			t.Fatalf("41 attempts take %s", d)
		}
		if at, _ := hs.of("rtsp://u:p@192.0.2.2/1").turn(true); at != began {
			t.Fatal("another host is held up")
		}
		if at, _ := hs.of("rtsp://192.0.2.1:554/new").turn(false); at != began {
			t.Fatal("a first attempt is held up")
		}
		for i := range 2 * maxHosts {
			hs.of(URL(fmt.Sprintf("rtsp://192.0.2.1:%d/", i)))
		}
		if len(hs.all) > maxHosts {
			t.Fatalf("%d hosts are kept", len(hs.all))
		}
	})
}

func TestFullHostIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{}
		a, b := &path{}, &path{}
		for i, most := range []time.Duration{holdMin, 2 * holdMin, 4 * holdMin, holdMax, holdMax} {
			h.told(a, fmt.Errorf("describe: %w", ErrFull))
			at, reason := h.turn(false)
			if d := time.Until(at); d < most/2 || d > most || !errors.Is(reason, ErrFull) {
				t.Fatalf("refusal %d holds for %s, %v", i, d, reason)
			}
			time.Sleep(2 * holdMax)
		}
		h.told(a, nil)
		h.told(a, ErrNotNow)
		h.told(a, ErrNotNow)
		if at, reason := h.turn(false); time.Until(at) > 0 || reason != nil {
			t.Fatal("one busy channel holds up the host")
		}
		h.told(b, ErrNotNow)
		if at, reason := h.turn(false); time.Until(at) <= 0 || time.Until(at) > holdBusy || !errors.Is(reason, ErrNotNow) {
			t.Fatal("two busy channels do not hold up the host")
		}
	})
}

// A stream that is held up for another one's sake says so.
func TestWhyOfAFullHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{}
		h.told(&path{}, ErrFull)
		var dialled atomic.Pointer[time.Time]
		began := time.Now()
		p, _ := onePath(pullFunc(func(ctx context.Context, _ URL, to Sink) error {
			dialled.Store(new(time.Now()))
			return filming(ctx, to)
		}))
		p.host = h
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		if err := p.acquire(ctx, &wg, false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		if code, _ := cause(p); code != "camera.busy" || dialled.Load() != nil {
			t.Fatalf("cause is %q, dialled %v", code, dialled.Load())
		}
		time.Sleep(holdMax)
		if code, _ := cause(p); code != "" || p.state().state != Live || dialled.Load().Sub(began) < holdMin/2 {
			t.Fatalf("cause is %q, state %s, dialled after %s", code, p.state().state, dialled.Load().Sub(began))
		}
		cancel()
		wg.Wait()
	})
}

func TestSessionLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{limit: 1}
		film := pullFunc(func(ctx context.Context, _ URL, to Sink) error { return filming(ctx, to) })
		a, _ := onePath(film)
		b, _ := onePath(film)
		a.host, b.host = h, h
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		for _, p := range []*path{a, b} {
			if err := p.acquire(ctx, &wg, false); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if code, _ := cause(b); a.state().state != Live || code != "camera.limit" {
			t.Fatalf("first %s, second %q", a.state().state, code)
		}
		a.release(false)
		time.Sleep(linger + 2*backoffIdle)
		if a.state().state != Idle || b.state().state != Live {
			t.Fatalf("first %s, second %s", a.state().state, b.state().state)
		}
		cancel()
		wg.Wait()
		if h.sessions != 0 {
			t.Fatalf("%d sessions are left", h.sessions)
		}
	})
}

// What a camera is registered with outlives the hub, and one that is always on is
// pulled while nobody watches.
func TestSourceOptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hub.db")
	var mu sync.Mutex
	pulled := map[Source]int{}
	s, _, _ := room(t, file, sourceFunc(func(ctx context.Context, from Source, to Sink) error {
		mu.Lock()
		pulled[from]++
		mu.Unlock()
		return filming(ctx, to)
	}))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx) })
	c := Camera{ID: "cam-1", URL: "rtsp://h/main", SubURL: "rtsp://h/sub", Transport: UDP, AlwaysOn: true, ONVIF: "http://u:p@10.0.0.5/onvif", Profile: "p1", PTZ: true}
	c.Fingerprint = "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55"
	if err := s.Seed(ctx, []Camera{c}); err != nil {
		t.Fatal(err)
	}
	state := func(want State) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			v, err := s.Get("cam-1")
			if err != nil {
				t.Fatal(err)
			}
			if v.Main.State == want && v.Sub.State == want && v.Viewers == 0 {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("state is %+v", v)
			}
		}
	}
	state(Live)
	mu.Lock()
	if n := pulled[s.find("cam-1").source(c.URL)]; n != 1 || len(pulled) != 2 {
		t.Errorf("pulled %v", pulled)
	}
	mu.Unlock()
	want := s.find("cam-1").Camera
	s.times.linger = time.Millisecond
	c.AlwaysOn, c.Transport = false, TCP // another source, so another pull
	if err := s.Seed(ctx, []Camera{c}); err != nil {
		t.Fatal(err)
	}
	state(Idle)
	if err := s.Seed(ctx, []Camera{want}); err != nil {
		t.Fatal(err)
	}
	state(Live)
	cancel()
	wg.Wait()
	again, _, _ := room(t, file, never)
	if got := again.find("cam-1").Camera; got != want {
		t.Errorf("after a restart %+v, want %+v", got, want)
	}
}

// sourceFunc is a Puller that looks at the whole source.
type sourceFunc func(ctx context.Context, from Source, to Sink) error

func (f sourceFunc) Pull(ctx context.Context, from Source, to Sink) error { return f(ctx, from, to) }
