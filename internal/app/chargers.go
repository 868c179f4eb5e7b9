package app

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"dongyue/devices"
	"dongyue/devices/charger"
	"dongyue/devices/charger/guard"
	reaction "dongyue/devices/charger/ladder"
	"dongyue/internal/alarm"
	"dongyue/internal/broadcast"
	ladder "dongyue/internal/doors"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

func (a *App) buildChargers(ctx context.Context) (err error) {
	a.guard, err = guard.New(ctx, guard.Options{
		DB: a.db, Feed: a.feed, Journal: a.journal, Log: a.log, Connected: a.mqtt.Connected, Suspected: a.suspected,
	})
	if err != nil {
		return err
	}
	if err := a.buildCharging(ctx); err != nil {
		return err
	}
	a.ladder, err = reaction.New(ctx, reaction.Options{
		DB: a.db, Feed: a.feed, Log: a.log, World: yard{a}, Zone: a.zone, Cut: a.charging.Cut,
		Note: func(ctx context.Context, tx *sql.Tx, id, what, text string) error {
			return a.alarms.Note(ctx, tx, id, what, text)
		},
	})
	return err
}

// carryReaction begins a rung of the chargers' ladder. What comes of its steps the
// ladder writes into the alarm's journal itself.
func (a *App) carryReaction(ctx context.Context, t alarm.Task) (string, error) {
	r, ok := reaction.ParseRung(t.Action.Command)
	if !ok {
		return "", fmt.Errorf("%q is no rung of the ladder", t.Action.Command)
	}
	part, _ := t.Action.Args["part"].(string)
	if err := a.ladder.Begin(ctx, t.Key, t.Alarm, r, t.Action.Device, part); err != nil {
		if errors.Is(err, devices.ErrNoDevice) {
			return "", err
		}
		return "", fmt.Errorf("%w: %w", alarm.ErrRetry, err)
	}
	return string(r), nil
}

// permit keeps power off what was cut for safety until somebody was there, whoever cut it.
func (a *App) permit(ctx context.Context, device, typ string, args json.RawMessage) error {
	if typ != "restore" && typ != "start" && typ != "cut" || a.ladder == nil {
		return nil
	}
	var x struct {
		Part string `json:"part"`
	}
	_ = json.Unmarshal(args, &x) // the kind has checked it
	if typ == "cut" {
		if d, err := a.devices.Get(ctx, device); err != nil || d.Kind != event.Charger {
			return nil //nolint:nilerr // a lamp is cut too, and is no charger
		}
		if err := a.ladder.Ordered(ctx, device, x.Part); err != nil { // the cut goes out all the same
			a.log.ErrorContext(ctx, "cut of a charger not noted", "device_id", device, "part", x.Part, "err", err)
		}
		return nil
	}
	err := a.ladder.Restorable(ctx, device, x.Part)
	if errors.Is(err, reaction.ErrNotReset) {
		return devices.Refuse(devices.CodeNotReset, "%s: %v; look at it there, turn the cabinet's key, and it may have power again", device, err)
	}
	return err
}

// yard is what is around a charger, as its ladder sees it.
type yard struct{ app *App }

// Labels by which a site says what the plan can't.
const (
	facingLabel = "facing" // zones of the units that look at a shed, with spaces between
	portsLabel  = "ports"  // how many sockets it has
)

// How much of the surroundings a shed has where nobody has said: the lamps within
// reach of rescuers, the doors from which one sees it.
const (
	lampsNear = 40.0 // m
	facing    = 2
)

// Place implements the ladder's World.
func (y yard) Place(ctx context.Context, id string) (reaction.Place, error) {
	d, err := y.app.devices.Get(ctx, id)
	if err != nil {
		return reaction.Place{}, err
	}
	return reaction.Place{
		Device: d.ID, Name: d.Name, Zone: d.Zone, Address: y.app.address(ctx, d.Zone), Ports: ports(&d), Facing: y.facing(ctx, &d), Lamps: y.lamps(ctx, &d),
	}, nil
}

// ports are the sockets that a cabinet has told of, in their order on the wall: by row and
// number.
func ports(d *devices.Device) (out []string) {
	var said struct {
		Ports map[string]any `json:"ports"`
	}
	_ = json.Unmarshal(d.State, &said) // a state of another shape has no ports
	seen := map[string]bool{}
	for p := range said.Ports {
		seen[p] = true
	}
	for p := range d.Values {
		seen[p] = p != ""
	}
	if n, err := strconv.Atoi(d.Labels[portsLabel]); err == nil {
		for i := range min(n, 200) {
			seen[strconv.Itoa(i+1)] = true
		}
	}
	for p, is := range seen {
		if is {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		row, n, _ := charger.Numbered(a)
		other, m, _ := charger.Numbered(b)
		return cmp.Or(cmp.Compare(row, other), cmp.Compare(n, m), cmp.Compare(a, b))
	})
	return out
}

func (y yard) facing(ctx context.Context, d *devices.Device) (zones []string) {
	if said := strings.Fields(d.Labels[facingLabel]); len(said) > 0 {
		return said
	}
	around := d.Zone[:max(strings.LastIndexByte(d.Zone, '/'), 0)]
	doors := y.app.devices.In(ctx, event.Door, around)
	sortByDistance(doors, d)
	for i := range doors {
		if z := doors[i].Zone; !slices.Contains(zones, z) && len(zones) < facing {
			zones = append(zones, z)
		}
	}
	slices.Sort(zones)
	return zones
}

func (y yard) lamps(ctx context.Context, d *devices.Device) (ids []string) {
	lamps := y.app.devices.In(ctx, event.Lamp, "")
	sortByDistance(lamps, d)
	for i := range lamps {
		x := &lamps[i]
		near := event.Within(x.Zone, d.Zone) || (d.X != 0 || d.Y != 0) && distance(x, d) <= lampsNear
		if near && len(ids) < 12 {
			ids = append(ids, x.ID)
		}
	}
	return ids
}

func sortByDistance(all []devices.Device, from *devices.Device) {
	slices.SortStableFunc(all, func(a, b devices.Device) int { return cmp.Compare(distance(&a, from), distance(&b, from)) })
}

func distance(a, b *devices.Device) float64 { return math.Hypot(a.X-b.X, a.Y-b.Y) }

// Command implements the ladder's World.
func (y yard) Command(ctx context.Context, device, typ string, args any, ttl time.Duration, key, ref string) (string, error) {
	return commander{y.app.devices}.Command(ctx, device, typ, args, ttl, key, hubActor, ref)
}

// Answer implements the ladder's World.
func (y yard) Answer(ctx context.Context, id string) (out reaction.Answer) {
	c, err := y.app.devices.FindCommand(ctx, id)
	if err != nil {
		return out
	}
	var said struct {
		Power *float64 `json:"power_w"`
	}
	_ = json.Unmarshal(c.Data, &said) // an answer without a power is one too
	out.Done, out.Watts = c.Status == devices.Done, said.Power
	if c.Status == devices.Failed || c.Status == devices.Expired {
		out.Failed = cmp.Or(c.Error, string(c.Status))
	}
	return out
}

// Broadcast implements the ladder's World: a fire is of the first rank, and its siren
// comes before the words.
func (y yard) Broadcast(ctx context.Context, zones []string, text event.Text, key, ref string) (string, error) {
	b, err := y.app.broadcast.Send(ctx, broadcast.Request{
		Zones: y.audible(ctx, zones), Text: text.ZH, Priority: 1, Repeat: 3, Siren: true, Key: key, Actor: hubActor, Ref: ref,
	})
	if p, ok := errors.AsType[*web.Problem](err); ok {
		y.app.nobodyHears(ctx, zones, ref)
		return "", fmt.Errorf("%w: %w", reaction.ErrNever, p)
	}
	return b.ID, err
}

// nobodyHears raises the alarm of a place without a loudspeaker: somebody must go there
// and tell the people.
func (a *App) nobodyHears(ctx context.Context, zones []string, ref string) {
	s := hubAlarm("broadcast.unheard", ref, event.High)
	where := strings.Join(zones, ", ")
	s.Title = event.Text{
		ZH: fmt.Sprintf("紧急广播无音柱可播（%s），请派人到场喊话疏散", where),
		EN: fmt.Sprintf("no loudspeaker stands at %s: the emergency broadcast is heard by nobody, send somebody there", where),
	}
	a.raise(ctx, s)
}

// audible puts for a zone without loudspeakers the one around it that has some: a
// shed hears those of its yard.
func (y yard) audible(ctx context.Context, zones []string) (out []string) {
	for _, z := range zones {
		for z != "" && len(y.app.devices.In(ctx, event.Speaker, z)) == 0 {
			z = z[:max(strings.LastIndexByte(z, '/'), 0)]
		}
		if z != "" && !slices.Contains(out, z) {
			out = append(out, z)
		}
	}
	if len(out) == 0 {
		return zones // nobody hears it: the broadcast says so, by name
	}
	return out
}

// Heard implements the ladder's World.
func (y yard) Heard(ctx context.Context, id string) (playing, of int, err error) {
	b, err := y.app.broadcast.Get(ctx, id)
	return b.Playing + b.Done, b.Targets, err
}

// Release implements the ladder's World.
func (y yard) Release(ctx context.Context, zones []string, reason, key string) (string, error) {
	c, err := y.app.doors.Begin(ctx, ladder.Begin{
		Kind: ladder.ByFire, Rung: event.FireRelease, Areas: zones, Reason: reason, Actor: hubActor, Key: key,
	})
	if err != nil {
		return "", err
	}
	return c.ID, nil
}

// Released implements the ladder's World.
func (y yard) Released(ctx context.Context, id string) (confirmed, of int, err error) {
	return y.app.doors.Confirmed(ctx, id)
}

// Lit implements the ladder's World.
func (y yard) Lit(ctx context.Context, lamp string) bool {
	d, err := y.app.devices.Get(ctx, lamp)
	if err != nil {
		return false
	}
	if v, ok := d.Values[""]["dim_pct"]; ok && v.V >= 99 {
		return true
	}
	var said struct {
		Dim *float64 `json:"dim_pct"`
	}
	_ = json.Unmarshal(d.State, &said)
	return said.Dim != nil && *said.Dim >= 99
}
