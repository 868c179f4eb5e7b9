package devices

import (
	"context"
	"database/sql"
	"encoding/json"

	"dongyue/internal/event"
)

// deviceJSON is a device as the API and the feed show it.
type deviceJSON struct {
	ID       string            `json:"id"`
	Kind     event.Kind        `json:"kind"`
	Name     string            `json:"name"`
	Zone     string            `json:"zone"`
	Labels   map[string]string `json:"labels"`
	X        float64           `json:"x" doc:"metres on the plan"`
	Y        float64           `json:"y" doc:"metres on the plan"`
	Online   bool              `json:"online"`
	LastSeen *string           `json:"last_seen" format:"date-time" doc:"null: never"`
	Firmware string            `json:"fw"`
	Boot     string            `json:"boot"`
	Health   Health            `json:"health" enum:"ok,fault,unknown"`

	State   any                             `json:"state" doc:"as the device reported it; null: not yet"`
	StateAt *string                         `json:"state_at" format:"date-time"`
	Values  map[string]map[string]valueJSON `json:"values" doc:"part (\"\" for none), metric, newest value"`

	Desired        any    `json:"desired" doc:"what the device is wanted to be; null: nothing was ever wanted"`
	DesiredVersion uint64 `json:"desired_version" doc:"0: nothing was ever wanted"`
	InSync         bool   `json:"in_sync" doc:"the device has reported this version, or these members"`

	Disabled bool `json:"disabled,omitempty" doc:"it may not sign in"`
	Deleted  bool `json:"deleted,omitempty" doc:"in the stream of changes only: it is no longer registered"`

	Gaps        uint64 `json:"gaps" doc:"events of this boot that never arrived"`
	Quarantined uint64 `json:"quarantined" doc:"messages that could not be read"`
}

type valueJSON struct {
	V    float64 `json:"v"`
	Text string  `json:"text,omitempty" doc:"for values that are words; v is then 0"`
	At   string  `json:"at" format:"date-time"`
}

func toJSON(d *Device) deviceJSON {
	j := deviceJSON{
		ID: d.ID, Kind: d.Kind, Name: d.Name, Zone: d.Zone, Labels: d.Labels, X: d.X, Y: d.Y,
		Online: d.Online, LastSeen: optional(ms(d.LastSeen)), Firmware: d.Firmware, Boot: d.Boot, Health: d.Health,
		StateAt: optional(ms(d.StateAt)), Gaps: d.Gaps, Quarantined: d.Quarantined,
		Values: make(map[string]map[string]valueJSON, len(d.Values)),
	}
	if j.Labels == nil {
		j.Labels = map[string]string{}
	}
	if d.State != nil {
		j.State = d.State
	}
	j.DesiredVersion, j.InSync, j.Disabled = d.Version, d.InSync || d.Version == 0, d.Disabled
	if d.Want != nil {
		j.Desired = d.Want
	}
	for part, m := range d.Values {
		j.Values[part] = make(map[string]valueJSON, len(m))
		for name, v := range m {
			j.Values[part][name] = valueJSON{v.V, v.Text, ms(v.At)}
		}
	}
	return j
}

// commandJSON is a command as the API and the feed show it.
type commandJSON struct {
	ID        string  `json:"id"`
	Device    string  `json:"device"`
	Type      string  `json:"type"`
	Args      any     `json:"args"`
	At        string  `json:"at" format:"date-time"`
	ExpiresAt string  `json:"expires_at" format:"date-time"`
	Status    Status  `json:"status" enum:"queued,sent,accepted,done,failed,expired"`
	Error     string  `json:"error"`
	Actor     string  `json:"actor" doc:"who asked for it"`
	Ref       string  `json:"ref" doc:"for what: an alarm, a badge event …"`
	Data      any     `json:"data" doc:"of the device's last reply; null: none"`
	SentAt    *string `json:"sent_at" format:"date-time"`
	UpdatedAt string  `json:"updated_at" format:"date-time"`
}

func commandToJSON(c *Command) commandJSON {
	j := commandJSON{
		ID: c.ID, Device: c.Device, Type: c.Type, Args: c.Args, At: ms(c.At), ExpiresAt: ms(c.ExpiresAt), Status: c.Status,
		Error: c.Error, Actor: c.Actor, Ref: c.Ref, SentAt: optional(ms(c.SentAt)), UpdatedAt: ms(c.UpdatedAt),
	}
	if c.Data != nil {
		j.Data = c.Data
	}
	return j
}

// MarshalJSON shows a device as GET /devices/{id} does.
func (d Device) MarshalJSON() ([]byte, error) { return json.Marshal(toJSON(&d)) }

// MarshalJSON shows a command as the API does.
func (c Command) MarshalJSON() ([]byte, error) { return json.Marshal(commandToJSON(&c)) }

func (r *Registry) feedDevice(ctx context.Context, tx *sql.Tx, d Device) error {
	_, err := r.feed.Append(ctx, tx, "device", toJSON(&d))
	return err
}

func (r *Registry) feedCommand(ctx context.Context, tx *sql.Tx, c *Command) error {
	_, err := r.feed.Append(ctx, tx, "command", commandToJSON(c))
	return err
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
