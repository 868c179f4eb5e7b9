package onvif

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"dongyue/streams"
)

// Times of following.
const (
	lookEvery  = 2 * time.Second // for cameras that have come or gone
	retryLeast = 2 * time.Second
	retryMost  = time.Minute
	retryLong  = 10 * time.Minute // where the camera refuses, or has no events
	keptEvents = 50

	momentEvery = time.Second // what happens without a state more often than this is one event
)

// Noticed is an event as screens get it.
type Noticed struct {
	Camera string    `json:"camera"`
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`   // motion, input, tamper, line_crossed, intrusion, video_loss
	Source string    `json:"source"` // as the camera names it
	Active bool      `json:"active"`
}

// follow is one camera's events.
type follow struct {
	device streams.Source
	cancel context.CancelFunc

	mu     sync.Mutex
	recent []Noticed            // the oldest first
	active map[string]bool      // by kind and source
	moment map[string]time.Time // the last of a kind that has no state

	told map[string]bool // what the rules know; of the following goroutine
}

// followAll follows the cameras that have an ONVIF address until ctx ends.
func (r *Room) followAll(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		r.forget()
		if r.o.Events {
			r.look(ctx, &running)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look begins with cameras that are new and ends with those that are gone.
func (r *Room) look(ctx context.Context, running *sync.WaitGroup) {
	now := map[string]streams.Source{}
	for _, id := range r.o.Cameras.IDs() {
		if k, ok := r.o.Cameras.Control(id); ok {
			now[id] = k.Device
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, f := range r.follows {
		if now[id] != f.device {
			f.cancel()
			delete(r.follows, id)
		}
	}
	for id, device := range now {
		if r.follows[id] != nil {
			continue
		}
		own, cancel := context.WithCancel(ctx)
		f := &follow{device: device, cancel: cancel, active: map[string]bool{}, moment: map[string]time.Time{}, told: map[string]bool{}}
		r.follows[id] = f
		running.Go(func() {
			defer cancel()
			r.follow(own, id, f)
		})
	}
}

// follow asks one camera for its events, again and again.
func (r *Room) follow(ctx context.Context, id string, f *follow) {
	wait := retryLeast
	for first := true; ctx.Err() == nil; first = false {
		began := time.Now()
		err := r.subscribed(ctx, id, f)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > 2*subscribeFor {
			wait = retryLeast
		}
		var fault *Fault
		if errors.Is(err, errMissing) || errors.Is(err, streams.ErrAuth) || errors.As(err, &fault) {
			wait = retryLong
		}
		if first && !errors.Is(err, errMissing) {
			r.o.Log.Info("camera tells no events", "camera_id", id, "err", streams.Scrub(err.Error(), f.device.URL))
		}
		pause := time.NewTimer(wait/2 + rand.N(wait/2)) //nolint:gosec // spreads the load, no secret
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
		wait = min(2*wait, retryMost)
	}
}

// subscribed follows one subscription until it breaks.
func (r *Room) subscribed(ctx context.Context, id string, f *follow) error {
	c, err := Connect(ctx, f.device, r.o.Networks)
	if err != nil {
		return err
	}
	defer c.Close()
	if k, ok := r.o.Cameras.Control(id); ok {
		if _, err := r.profile(ctx, id, c, k); err != nil && !errors.Is(err, errMissing) {
			return err
		}
	}
	s, err := c.subscribe(ctx)
	if err != nil {
		return err
	}
	defer func() { s.close(context.WithoutCancel(ctx)) }()
	for {
		began := time.Now()
		list, err := s.pull(ctx)
		if err != nil {
			return err
		}
		for _, e := range list {
			n, news := f.note(id, e)
			if news {
				r.o.Feed.Transient("camera_event", n)
			}
			if news || !e.Moment {
				r.report(ctx, id, f, e)
			}
		}
		// Some answer at once, with nothing.
		if d := time.Since(began); len(list) == 0 && d < time.Second {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(time.Second - d):
			}
		}
	}
}

// note keeps an event; what changes nothing is no news: cameras repeat their
// state with each subscription.
func (f *follow) note(id string, e Event) (n Noticed, news bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := e.Kind + " " + e.Source
	if e.Moment {
		if d := e.At.Sub(f.moment[e.Kind]); d >= 0 && d < momentEvery {
			return n, false
		}
		f.moment[e.Kind] = e.At
		return f.keep(id, e), true
	}
	if was, known := f.active[key]; known && was == e.Active || !known && !e.Active {
		if len(f.active) < 64 {
			f.active[key] = e.Active
		}
		return n, false
	}
	if len(f.active) < 64 {
		f.active[key] = e.Active
	}
	return f.keep(id, e), true
}

// keep remembers an event. Hold f.mu.
func (f *follow) keep(id string, e Event) Noticed {
	n := Noticed{id, e.At.UTC().Truncate(time.Millisecond), e.Kind, e.Source, e.Active}
	if f.recent = append(f.recent, n); len(f.recent) > keptEvents {
		f.recent = append([]Noticed(nil), f.recent[1:]...)
	}
	return n
}

// Recent are the newest events of a camera, the newest first.
func (r *Room) Recent(id string) []Noticed {
	r.mu.Lock()
	f := r.follows[id]
	r.mu.Unlock()
	list := []Noticed{}
	if f == nil {
		return list
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range slices.Backward(f.recent) {
		list = append(list, n)
	}
	return list
}
