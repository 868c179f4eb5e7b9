package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"dongyue/devices"
	"dongyue/internal/event"
	"dongyue/internal/workorder"
)

// lampProof lets a lamp's own meter close the order of its repair.
type lampProof struct{ app *App }

const (
	// burnsAgain is the power in watts above which a head gives light, as devices/lamp
	// has it.
	burnsAgain = 5
	// proofWithin is the test burn and two reports of a meter that speaks every minute.
	proofWithin = 5 * time.Minute
)

// dark are the rules whose orders end when lamps burn again.
func dark(rule string) bool {
	return slices.Contains([]string{"lamp.failure", "lamp.feeder_failure", "lamp.gear", "lamp.cycling"}, rule)
}

func (p lampProof) lamps(ctx context.Context, o *workorder.Order) (ids []string) {
	for _, id := range append([]string{o.Device}, o.Devices...) {
		if d, err := p.app.devices.Get(ctx, id); err == nil && d.Kind == event.Lamp && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Begin makes the lamps burn, so that the proof does not wait for the evening.
func (p lampProof) Begin(ctx context.Context, o workorder.Order) (time.Duration, bool) {
	if o.Alarm == "" {
		return 0, false
	}
	al, err := p.app.alarms.Get(ctx, o.Alarm)
	if err != nil || !dark(al.Rule) {
		return 0, false
	}
	ids := p.lamps(ctx, &o)
	for _, id := range ids {
		if err := p.app.lighting.Try(ctx, id, fmt.Sprintf("%s/%d", o.ID, time.Now().UnixMilli())); err != nil {
			p.app.log.WarnContext(ctx, "lamp not tried", "device_id", id, "err", err)
		}
	}
	return proofWithin, len(ids) > 0
}

// Proven wants every lamp's meter to have shown light since.
func (p lampProof) Proven(ctx context.Context, o workorder.Order, since time.Time) (string, bool) {
	var said []string
	all := true
	for _, id := range p.lamps(ctx, &o) {
		d, err := p.app.devices.Get(ctx, id)
		w, ok := d.Values[""]["power_w"]
		switch {
		case err != nil || !ok || w.At.Before(since):
			said, all = append(said, id+": –"), false
		default:
			said, all = append(said, fmt.Sprintf("%s: %.1f W", id, w.V)), all && w.V > burnsAgain
		}
	}
	return strings.Join(said, ", "), all && len(said) > 0
}

// darkOn are the lamps that have failed on a feeder, for its order.
func (a *App) darkOn(ctx context.Context, feeder string) (ids []string) {
	for _, d := range a.devices.In(ctx, event.Lamp, "") {
		if d.Labels[devices.UpstreamLabel] == feeder && d.Health == devices.Fault {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// linkLamps adds a lamp that fails to the order of its feeder, where there is one.
func (a *App) linkLamps(ctx context.Context, tx *sql.Tx, evs []event.Event) error {
	for i := range evs {
		e := &evs[i]
		if e.Kind != event.Lamp || e.Channel != event.Happening || e.Type != "lamp_failure" || e.Late || e.Via == "" {
			continue
		}
		var d struct {
			Active *bool `json:"active"`
		}
		if json.Unmarshal(e.Data, &d) == nil && d.Active != nil && !*d.Active {
			continue
		}
		if err := a.orders.Link(ctx, tx, e.Via[strings.LastIndexByte(e.Via, '/')+1:], e.Device); err != nil {
			return err
		}
	}
	return nil
}
