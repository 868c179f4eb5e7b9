package app

import (
	"context"
	"encoding/json"

	"dongyue/devices"
	"dongyue/internal/event"
	"dongyue/internal/official"
	"dongyue/internal/panel"
)

// What text panels need of the rest of the house.

func (a *App) buildPanels(ctx context.Context) (err error) {
	a.panels, err = panel.New(ctx, panel.Options{
		DB: a.db, Feed: a.feed, Panels: textPanels{a.devices}, Audit: a.identity, Seed: a.derive("panels"), Log: a.log,
	})
	return err
}

// textPanels are the lamp poles that say in their state that they have one.
type textPanels struct{ devices *devices.Registry }

func (t textPanels) Panels(ctx context.Context) (out []panel.Panel) {
	for _, d := range t.devices.In(ctx, event.Lamp, "") {
		var said struct {
			Panel *struct {
				Message string `json:"message"`
				SHA256  string `json:"sha256"`
			} `json:"panel"`
		}
		if d.State == nil || json.Unmarshal(d.State, &said) != nil || said.Panel == nil {
			continue
		}
		var want struct {
			Panel json.RawMessage `json:"panel"`
		}
		if d.Want != nil {
			_ = json.Unmarshal(d.Want, &want) // it is the hub's own
		}
		out = append(out, panel.Panel{
			ID: d.ID, Name: d.Name, Zone: d.Zone, Online: d.Online, Message: said.Panel.Message, SHA256: said.Panel.SHA256, Wanted: want.Panel,
		})
	}
	return out
}

func (t textPanels) Desire(ctx context.Context, pole string, members map[string]any) error {
	_, err := t.devices.Desire(ctx, pole, hubActor, members, true, nil)
	return err
}

// officialSigns puts official messages on panels. Who released one is its signature.
type officialSigns struct{ panels *panel.Room }

func (x officialSigns) Show(ctx context.Context, s official.Sign) error {
	n := panel.Notice{
		Ref: s.Ref, Zones: s.Zones, Text: s.Text, Colour: s.Colour, Rank: panel.Routine, Exercise: s.Exercise, Author: s.Author, ReleasedBy: officialActor, Until: s.Until,
	}
	if s.Grave {
		n.Rank = panel.Grave
	}
	return x.panels.Show(ctx, n)
}

func (x officialSigns) End(ctx context.Context, ref string) error { return x.panels.End(ctx, ref) }

func (x officialSigns) Shown(ctx context.Context, ref string) (shown, all int, err error) {
	return x.panels.Shown(ctx, ref)
}
