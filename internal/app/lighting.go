package app

import (
	"context"
	"encoding/json"
	"time"

	"dongyue/devices"
	"dongyue/internal/event"
	"dongyue/internal/lighting"
	"dongyue/internal/series"
)

// lampPoles are the registry's lamps as lighting sees them.
type lampPoles struct {
	devices *devices.Registry
	mqtt    *mqttPort
}

func (p lampPoles) Lamps(ctx context.Context) []lighting.Lamp {
	all := p.devices.In(ctx, event.Lamp, "")
	out := make([]lighting.Lamp, len(all))
	for i := range all {
		d := &all[i]
		v := d.Values[""]
		var said struct {
			Cut bool `json:"cut"`
		}
		if d.State != nil {
			_ = json.Unmarshal(d.State, &said) // a flag of another type is none
		}
		reading := func(metric string) lighting.Reading { return lighting.Reading{V: v[metric].V, At: v[metric].At} }
		out[i] = lighting.Lamp{
			ID: d.ID, Name: d.Name, Zone: d.Zone, Feeder: d.Labels[devices.UpstreamLabel], Online: p.mqtt.Connected(d.ID), Fault: d.Health == devices.Fault,
			InSync: d.InSync, Cut: said.Cut, Power: reading("power_w"), Dim: reading("dim_pct"), Lux: reading("lux"),
		}
	}
	return out
}

func (p lampPoles) Desire(ctx context.Context, lamp string, members map[string]any) error {
	_, err := p.devices.Desire(ctx, lamp, hubActor, members, true, nil)
	return err
}

// meter integrates a lamp's power, which the series keeps as means.
type meter struct{ series *series.Store }

// Energy counts each quarter of an hour that was measured with its mean power; one
// without a reading counts nothing, for a lamp that is away may be dark.
func (m meter) Energy(ctx context.Context, lamp string, from, to time.Time) (map[time.Time]float64, error) {
	points, step, err := m.series.Query(ctx, series.Query{Device: lamp, Metric: "power_w", From: from, To: to, Step: energyStep(to.Sub(from))})
	if err != nil {
		return nil, err
	}
	out := map[time.Time]float64{}
	for _, p := range points {
		out[p.At.Truncate(time.Hour)] += p.Avg * step.Hours()
	}
	return out, nil
}

// energyStep keeps a query below the points that the series gives.
func energyStep(span time.Duration) time.Duration {
	if span > 60*24*time.Hour {
		return time.Hour
	}
	return 15 * time.Minute
}

func (a *App) buildLighting(ctx context.Context) (err error) {
	c := a.o.Config.Site
	a.lighting, err = lighting.New(ctx, lighting.Options{
		DB: a.db, Feed: a.feed, Lamps: lampPoles{a.devices, &a.mqtt}, Report: reporter{a.devices, a.journal}, Audit: a.identity, Meter: meter{a.series},
		Place: lighting.Place{Latitude: c.Latitude, Longitude: c.Longitude}, Zone: a.zone, Log: a.log,
	})
	return err
}
