package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"dongyue/streams"
)

// plan is how much is done.
type plan struct {
	sessions, flaps, parallel, cameras int
	parts                              int    // so many readings; 0 is one, at the end
	profile                            string // folder of heap profiles, "" for none
}

// reading is what the process holds.
type reading struct {
	goroutines, files int
	heap, resident    uint64 // after a forced collection that gave all back
	runtime           uint64 // of resident, what Go holds; the rest is the program and SQLite
}

// slackFiles and slackGoroutines are what HTTP's idle connections and the runtime make of it.
const slackFiles, slackGoroutines = 4, 8

// back wants goroutines and descriptors where they were.
func (r reading) back(before reading) (err error) {
	if r.goroutines > before.goroutines+slackGoroutines {
		err = fmt.Errorf("%d goroutines are left over", r.goroutines-before.goroutines)
	}
	if r.files > before.files+slackFiles {
		err = errors.Join(err, fmt.Errorf("%d descriptors are left over", r.files-before.files))
	}
	return err
}

// run warms everything up, reads, soaks and reads again; did says what was done.
func (p plan) run(ctx context.Context) (before, after reading, did string, err error) {
	s, err := start(ctx, p.cameras)
	if err != nil {
		return before, after, "", err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	v, err := newViewers(s)
	if err != nil {
		return before, after, "", err
	}
	defer v.http.CloseIdleConnections()
	// Pools, certificates, the database's pages: what is made once is made by these.
	warm := plan{sessions: max(100, p.sessions/10), flaps: min(p.flaps, p.cameras), parallel: p.parallel}
	if err := warm.soak(ctx, s, v); err != nil {
		return before, after, "", err
	}
	if err := s.fillFeed(ctx); err != nil {
		return before, after, "", err
	}
	if before, err = s.rest(ctx, v); err != nil {
		return before, after, "", err
	}
	if err := p.keep("before.pprof"); err != nil {
		return before, after, "", err
	}
	began := time.Now()
	for i := range max(1, p.parts) {
		if err := p.part(i).soak(ctx, s, v); err != nil {
			return before, after, "", err
		}
		if after, err = s.rest(ctx, v); err != nil {
			return before, after, "", err
		}
		p.tell(i, after, time.Since(began))
	}
	did = fmt.Sprintf("%d sessions and %d camera flaps in %s", p.sessions, p.flaps, time.Since(began).Round(time.Second))
	return before, after, did, p.keep("after.pprof")
}

// part is the i-th of the plan's parts: what is left over goes into the first ones.
func (p plan) part(i int) plan {
	share := func(n int) int {
		k := max(1, p.parts)
		if i < n%k {
			return n/k + 1
		}
		return n / k
	}
	return plan{sessions: share(p.sessions), flaps: share(p.flaps), parallel: p.parallel, cameras: p.cameras}
}

// tell prints a reading in the middle: a step that stays is not a leak, a slope is.
func (p plan) tell(i int, r reading, after time.Duration) {
	if p.parts > 1 {
		fmt.Fprintf(os.Stdout, "part %d of %d, %s: goroutines %d, descriptors %d, heap %d kB, runtime %d kB, resident %d kB\n", i+1, p.parts,
			after.Round(time.Second), r.goroutines, r.files, r.heap>>10, r.runtime>>10, r.resident>>10)
	}
}

// keep writes a heap profile; "go tool pprof -base" shows what has grown.
func (p plan) keep(name string) (err error) {
	if p.profile == "" {
		return nil
	}
	f, err := os.Create(filepath.Join(p.profile, name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return pprof.WriteHeapProfile(f)
}

// soak opens sessions first, and lets cameras flap then, each pulled all the while.
func (p plan) soak(ctx context.Context, s *site, v *viewers) error {
	if err := p.watch(ctx, s, v); err != nil {
		return err
	}
	return spread(ctx, min(p.flaps, len(s.ids)), len(s.ids), func(n int) error {
		each := p.flaps / len(s.ids)
		if n < p.flaps%len(s.ids) {
			each++
		}
		return s.flap(ctx, s.ids[n], each)
	})
}

// watch opens and closes the sessions. All cameras but one are pulled all the while,
// or most of the time would go by in waiting for their key frames.
func (p plan) watch(ctx context.Context, s *site, v *viewers) error {
	for _, id := range s.ids[1:] {
		l, err := s.streams.Open(id, streams.Sub)
		if err != nil {
			return err
		}
		defer l.Close()
	}
	return spread(ctx, p.sessions, p.parallel, func(n int) error { return v.one(ctx, n) })
}

// spread does n things, so many at a time, until one fails.
func spread(ctx context.Context, n, atOnce int, do func(n int) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, atOnce)
	for i := range atOnce {
		wg.Go(func() {
			for errs[i] == nil && ctx.Err() == nil {
				k := int(next.Add(1)) - 1
				if k >= n {
					return
				}
				errs[i] = do(k)
			}
		})
	}
	wg.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

// flap switches a camera off and on while it is watched, each time until the hub has
// noticed both.
func (s *site) flap(ctx context.Context, id string, times int) error {
	l, err := s.streams.Open(id, streams.Sub)
	if err != nil {
		return err
	}
	defer l.Close()
	for range times {
		if err := s.until(ctx, id, true); err != nil {
			return err
		}
		if err := s.sim.Off(id); err != nil {
			return err
		}
		if err := s.until(ctx, id, false); err != nil {
			return err
		}
		if err := s.sim.On(id); err != nil {
			return err
		}
	}
	return s.until(ctx, id, true)
}

// until waits until the hub says of a camera's sub stream that it is live, or that it is not.
func (s *site) until(ctx context.Context, id string, live bool) error {
	for end := time.Now().Add(30 * time.Second); ; {
		w, err := s.streams.Why(id)
		if err != nil {
			return err
		}
		sub := w.Streams[len(w.Streams)-1]
		if live == (sub.Code == "camera.live") {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("camera %s is %s (%s), and should be live: %v", id, sub.State, sub.Code, live)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// rest waits until nothing goes on any more, and reads.
func (s *site) rest(ctx context.Context, v *viewers) (r reading, err error) {
	for end := time.Now().Add(60 * time.Second); s.whep.Sessions() > 0 && time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(50 * time.Millisecond)
	}
	if n := s.whep.Sessions(); n > 0 {
		return r, fmt.Errorf("%d sessions are left", n)
	}
	for _, id := range s.ids {
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if c, err := s.streams.Get(id); err != nil || c.State == streams.Idle {
				break
			}
			if time.Now().After(end) {
				return r, fmt.Errorf("camera %s is still pulled", id)
			}
		}
	}
	v.http.CloseIdleConnections()
	least := read()
	for range 20 { // what is on its way out
		time.Sleep(100 * time.Millisecond)
		now := read()
		least.goroutines, least.files = min(least.goroutines, now.goroutines), min(least.files, now.files)
		least.heap, least.resident = min(least.heap, now.heap), min(least.resident, now.resident)
		least.runtime = min(least.runtime, now.runtime)
	}
	return least, ctx.Err()
}

func read() (r reading) {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r.goroutines, r.heap, r.runtime = runtime.NumGoroutine(), m.HeapAlloc, m.Sys-m.HeapReleased
	if list, err := os.ReadDir("/proc/self/fd"); err == nil { // Linux; elsewhere it is not counted
		r.files = len(list)
	}
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		var all, resident uint64
		if _, err := fmt.Sscan(string(b), &all, &resident); err == nil {
			r.resident = resident * uint64(os.Getpagesize())
		}
	}
	return r
}
