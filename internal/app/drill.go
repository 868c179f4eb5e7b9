package app

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"dongyue/devices"
	"dongyue/internal/alarm"
	"dongyue/internal/event"
	"dongyue/internal/web"
	"dongyue/rules"
)

// rehearse judges an event that is made up for an exercise.
func (a *App) rehearse(ctx context.Context, q alarm.DrillRequest) ([]alarm.Signal, error) {
	d, err := a.devices.Get(ctx, q.Device)
	if c, lost := a.streams.Get(q.Device); err != nil && lost == nil {
		d, err = devices.Device{ID: c.ID, Kind: event.Camera, Zone: c.Zone}, nil
	}
	if err != nil {
		return nil, web.Fail(http.StatusUnprocessableEntity, "drill.no_device", "there is no such device; GET /api/v1/devices lists them")
	}
	trs, err := rules.Rehearse(a.engine.Set(), rules.Rehearsal{
		Rule: q.Rule, Device: d.ID, Part: q.Part, Kind: d.Kind, Zone: d.Zone, Via: a.via(ctx, d), Data: q.Data,
		At: time.Now().UTC().Truncate(time.Millisecond),
	})
	switch {
	case errors.Is(err, rules.ErrNoRule):
		return nil, web.Fail(http.StatusUnprocessableEntity, "drill.no_rule", "there is no such rule; GET /api/v1/rules lists them")
	case errors.Is(err, rules.ErrNotRaised):
		return nil, web.Fail(http.StatusUnprocessableEntity, "drill.not_raised",
			err.Error()+": choose a device that it watches, or say in `data` what the device would report, as {\"temp_c\":82}")
	case err != nil:
		return nil, err
	}
	out := make([]alarm.Signal, len(trs))
	for i := range trs {
		out[i] = signal(&trs[i])
	}
	return out, nil
}

// via is what a device hangs on, outermost first, as its events would say.
func (a *App) via(ctx context.Context, d devices.Device) string {
	var up []string
	for range 8 { // a circle of labels ends
		id := d.Labels[devices.UpstreamLabel]
		if id == "" {
			break
		}
		up = append([]string{id}, up...)
		above, err := a.devices.Get(ctx, id)
		if err != nil {
			break // a name only
		}
		d = above
	}
	return strings.Join(up, "/")
}
