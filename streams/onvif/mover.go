package onvif

import (
	"context"
	"time"

	"dongyue/streams"
)

// Times of a movement. Who holds a button down says so again and again; when
// nobody does any more – the button is let go, the browser is closed, the cable
// is cut – the camera stops.
const (
	moveLeast   = 100 * time.Millisecond
	moveMost    = 5 * time.Second
	moveUsual   = 500 * time.Millisecond
	cameraGrace = 2 * time.Second // the camera's own limit lies so far behind, for a hub that is gone
	stopTimeout = 5 * time.Second
	stopTries   = 3
)

// mover is what a camera is doing. Its link's lock guards it.
type mover struct {
	moving bool
	turn   int    // counts movements, so that an old timer stops no new one
	by     string // who moves it
	timer  *time.Timer
}

// move turns a camera for a while; begun tells that it stood still before.
func (r *Room) move(ctx context.Context, id, by string, v Vector, d time.Duration) (begun bool, err error) {
	l, err := r.link(ctx, id)
	if err != nil {
		return false, err
	}
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return false, context.Cause(ctx) // who asked has gone while others were served
	}
	begun = !l.mover.moving || l.mover.by != by
	// From here on a stop follows, also where the answer gets lost.
	l.mover.turn++
	l.mover.moving, l.mover.by = true, by
	turn := l.mover.turn
	if l.mover.timer != nil {
		l.mover.timer.Stop()
	}
	l.mover.timer = time.AfterFunc(d, func() { r.stopTurn(id, l, turn) })
	return begun, l.client.Move(ctx, l.control.Profile, v, d+cameraGrace)
}

// stopTurn stops the movement with this number, if it is still the newest.
func (r *Room) stopTurn(id string, l *link, turn int) {
	r.mu.Lock()
	base := r.base
	if base != nil {
		r.stops.Add(1)
	}
	r.mu.Unlock()
	if base == nil {
		return // Run has ended, and has stopped it
	}
	defer r.stops.Done()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mover.turn == turn {
		r.halt(base, id, l)
	}
}

// halt stops a camera. Hold its link's lock.
func (r *Room) halt(ctx context.Context, id string, l *link) {
	if !l.mover.moving || l.client == nil {
		return
	}
	var err error
	for range stopTries {
		one, cancel := context.WithTimeout(ctx, stopTimeout)
		err = l.client.Stop(one, l.control.Profile)
		cancel()
		if err == nil {
			break
		}
	}
	l.mover.moving = false
	if err != nil {
		r.o.Log.Warn("camera was not stopped; it stops by itself", "camera_id", id, "err", streams.Scrub(err.Error(), l.control.Device.URL))
	}
}

// stop ends the movement of a camera now.
func (r *Room) stop(ctx context.Context, id string) error {
	l, err := r.link(ctx, id)
	if err != nil {
		return err
	}
	defer l.mu.Unlock()
	l.mover.turn++
	l.mover.moving = false
	return l.client.Stop(ctx, l.control.Profile)
}

// with does one thing with a camera.
func (r *Room) with(ctx context.Context, id string, f func(c *Client, profile string) error) error {
	l, err := r.link(ctx, id)
	if err != nil {
		return err
	}
	defer l.mu.Unlock()
	return f(l.client, l.control.Profile)
}

// stopAll stops what is turning, since nobody will any more.
func (r *Room) stopAll(ctx context.Context, links map[string]*link) {
	for id, l := range links {
		l.mu.Lock()
		if l.mover.timer != nil {
			l.mover.timer.Stop()
		}
		r.halt(ctx, id, l)
		l.mu.Unlock()
	}
	r.stops.Wait()
}
