package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/journal"
	"dongyue/streams"
	"dongyue/streams/onvif"
)

// eyes put into the journal what the rules are to know of cameras: what they notice,
// and whether the pictures that somebody wants come. A camera that was said to send
// none is looked at by the hub itself until it does: so the alarm goes by itself,
// whether anybody still watches or not.
type eyes struct {
	streams *streams.Streams
	journal *journal.Journal
	log     *slog.Logger

	dark map[string]*darkness // of run: cameras that are said to send nothing
}

// darkness is a camera without pictures and the hub's own look at it.
type darkness struct {
	zone string
	look *streams.Lease // nil where none could be had yet
}

// lookEvery is how soon the rules hear that pictures stay away, behind the 2.5 s after
// which the screens say so.
const lookEvery = time.Second

// Notice implements onvif.Reporter.
func (e *eyes) Notice(ctx context.Context, n onvif.Noticed) error {
	data, err := json.Marshal(map[string]any{"active": n.Active, "source": n.Source})
	if err != nil { // texts and flags always encode
		return err
	}
	part := ""
	if n.Kind == "input" {
		part = n.Source
	}
	return e.append(ctx, &event.Event{
		// A camera's clock may tell seconds only, so it does not tell two events apart.
		ID: fmt.Sprintf("%s %d", n.Kind, time.Now().UnixNano()), Device: n.Camera, Zone: e.zone(n.Camera),
		Channel: event.Happening, Type: n.Kind, Part: part, At: n.At, Data: data,
	})
}

func (e *eyes) zone(camera string) string {
	v, err := e.streams.Get(camera)
	if err != nil {
		return "" // it was deleted since
	}
	return v.Zone
}

// append returns when the event is on the disk.
func (e *eyes) append(ctx context.Context, ev *event.Event) error {
	ev.Kind, ev.ReceivedAt = event.Camera, time.Now().UTC()
	done := make(chan error, 1)
	e.journal.Append(*ev, func(_ uint64, _ bool, err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run watches the states of the cameras until ctx ends.
func (e *eyes) run(ctx context.Context) error {
	select {
	case <-e.streams.Ready():
	case <-ctx.Done():
		return nil
	}
	e.dark = map[string]*darkness{}
	defer func() {
		for _, d := range e.dark {
			d.close()
		}
	}()
	for _, id := range e.streams.IDs() {
		e.recall(ctx, id)
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := e.look(ctx); err != nil && ctx.Err() == nil {
			e.log.ErrorContext(ctx, "the state of a camera is not in the journal", "err", err) // it is tried again
		}
	}
}

// recall finds out whether a camera was dark when the hub ended.
func (e *eyes) recall(ctx context.Context, id string) {
	evs, err := e.journal.Query(ctx, journal.Filter{Device: id, Channel: event.Presence, Newest: true, Limit: 1})
	if err != nil || len(evs) == 0 || evs[0].Kind != event.Camera {
		return
	}
	var said struct {
		Online bool `json:"online"`
	}
	if json.Unmarshal(evs[0].Data, &said) == nil && !said.Online {
		e.dark[id] = &darkness{zone: evs[0].Zone}
	}
}

// look compares the cameras with what the rules know.
func (e *eyes) look(ctx context.Context) error {
	for _, id := range e.streams.IDs() {
		v, err := e.streams.Get(id)
		if err != nil {
			continue // deleted meanwhile
		}
		d := e.dark[id]
		switch {
		case d == nil && v.State == streams.NoSignal:
			if err := e.present(ctx, id, v.Zone, false, v.Error); err != nil {
				return err
			}
			e.dark[id] = &darkness{zone: v.Zone}
		case d != nil && v.State == streams.Live:
			if err := e.present(ctx, id, v.Zone, true, ""); err != nil {
				return err
			}
			d.close()
			delete(e.dark, id)
		case d != nil && (d.look == nil || d.look.Gone() != nil): // gone: it has got another address
			d.close()
			d.look, _ = e.streams.Keep(id, streams.Sub) // without one it is tried again
		}
	}
	for id, d := range e.dark { // of one that is gone nobody misses a picture
		if e.streams.Known(id) {
			continue
		}
		if err := e.present(ctx, id, d.zone, true, "camera.unknown"); err != nil {
			return err
		}
		d.close()
		delete(e.dark, id)
	}
	return nil
}

func (d *darkness) close() {
	if d.look != nil {
		d.look.Close()
	}
}

// present tells whether a camera's pictures come, and if not why.
func (e *eyes) present(ctx context.Context, id, zone string, online bool, why string) error {
	said := map[string]any{"online": online, "by": hubActor}
	if why != "" {
		said["reason"] = why
	}
	data, err := json.Marshal(said)
	if err != nil { // texts and flags always encode
		return err
	}
	now := time.Now().UTC()
	return e.append(ctx, &event.Event{
		ID: fmt.Sprintf("presence %d %t", now.UnixMilli(), online), Device: id, Zone: zone, Channel: event.Presence, Type: string(event.Presence), At: now, Data: data,
	})
}
