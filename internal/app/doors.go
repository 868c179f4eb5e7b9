package app

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"dongyue/devices"
	"dongyue/internal/access"
	"dongyue/internal/config"
	ladder "dongyue/internal/doors"
	"dongyue/internal/event"
)

// doorways are the registry's doors as the room of doors sees them.
type doorways struct {
	devices   *devices.Registry
	mqtt      *mqttPort
	fireScope string
}

func (d doorways) Doors(ctx context.Context) []ladder.Door {
	all := d.devices.In(ctx, event.Door, "")
	out := make([]ladder.Door, len(all))
	for i := range all {
		x := &all[i]
		var said struct {
			Mode string `json:"mode"`
		}
		if x.State != nil {
			_ = json.Unmarshal(x.State, &said) // a mode of another type is none
		}
		out[i] = ladder.Door{ID: x.ID, Name: x.Name, Zone: x.Zone, Online: d.mqtt.Connected(x.ID), Mode: said.Mode}
	}
	return out
}

// Scope is what a fire input of a door releases: its piece of the community, and the
// barriers, because nobody knows by which gate the engines come. A barrier whose own
// label fire_scope is zone opens for the signals of its own zone only.
func (d doorways) Scope(door, zone string) []string {
	areas := []string{d.around(door, zone)}
	ctx := context.Background()
	for _, x := range d.devices.In(ctx, event.Door, "") {
		if barrier(&x) && (x.Labels[config.FireScopeLabel] != config.FireZone || x.Zone == zone) {
			areas = append(areas, "door:"+x.ID)
		}
	}
	return areas
}

// around is the piece. As the configuration says, or the label of the door: the building
// around it – where none is named the group of buildings that has one number, a fire
// panel stands for that –, the unit, or the door's own zone.
func (d doorways) around(door, zone string) string {
	ctx := context.Background()
	scope := d.fireScope
	if x, err := d.devices.Get(ctx, door); err == nil && config.ValidFireScope(x.Labels[config.FireScopeLabel]) {
		scope = x.Labels[config.FireScopeLabel]
	}
	if scope == config.FireZone {
		return zone
	}
	unit, building, group := "", "", ""
	for _, z := range d.devices.Zones(ctx) { // each behind its parent
		switch {
		case !event.Within(zone, z.ID):
		case z.Kind == devices.Unit:
			unit = z.ID
		case z.Kind == devices.Building:
			building = z.ID
		case z.Kind == devices.Group:
			group = z.ID
		}
	}
	if scope == config.FireUnit {
		return cmp.Or(unit, zone)
	}
	return cmp.Or(building, group, zone)
}

func (d doorways) Known(zone string) bool {
	if zone == "" {
		return true
	}
	for _, z := range d.devices.Zones(context.Background()) {
		if z.ID == zone {
			return true
		}
	}
	return false
}

// Find tells doors what a command was and what became of it.
func (c commander) Find(ctx context.Context, id string) (ladder.Command, bool) {
	x, err := c.devices.FindCommand(ctx, id)
	if err != nil {
		return ladder.Command{}, false
	}
	var args struct {
		For float64 `json:"for_s"`
	}
	if json.Unmarshal(x.Args, &args) != nil {
		args.For = 0
	}
	return ladder.Command{
		Type: x.Type, For: time.Duration(args.For * float64(time.Second)), Actor: x.Actor,
		Done: x.Status == devices.Done, Failed: x.Status == devices.Failed, Error: x.Error,
	}, true
}

// hours are a schedule as the room of doors reads it: with the calendar of access.
type hours struct {
	access *access.Access
	when   *access.Schedule
}

func (h hours) Allows(at time.Time) bool { return h.access.Open(h.when, at) }

func (a *App) hours(text string) (ladder.Schedule, error) {
	s, err := access.ParseSchedule(text)
	if err != nil {
		return nil, err
	}
	return hours{a.access, s}, nil
}

// listSender carries lists of rights to doors that are connected. They are not
// retained: a list has more messages than one, and the hub says it again until the
// door has it.
type listSender struct{ mqtt *mqttPort }

// listGood is how long a part may be on its way; after that it is sent again.
const listGood = time.Minute

func (l listSender) SendList(door string, message []byte) error {
	return l.mqtt.Publish(event.Topic(event.Door, door, event.Config), message, 1, false, listGood)
}

func (l listSender) Backlog(door string) int { return l.mqtt.Backlog(door) }

// rungs are where doors stand, as access asks; it is built before the ladder.
type rungs struct{ app *App }

func (r rungs) Rung(door string) event.Rung {
	if r.app.doors == nil {
		return event.Controlled
	}
	return r.app.doors.Rung(door)
}

func (a *App) buildDoors(ctx context.Context) (err error) {
	a.doors, err = ladder.New(ctx, ladder.Options{
		DB: a.db, Feed: a.feed, Log: a.log, Registry: doorways{a.devices, &a.mqtt, a.o.Config.Doors.FireScope}, Command: commander{a.devices}, Journal: a.journal, Audit: a.identity,
		Schedule: a.hours, Location: a.zone,
	})
	return err
}

// seedPlans gives the demonstration a plan for each court and one for all; plans
// that are there stay as people made them.
func (a *App) seedPlans(ctx context.Context) error {
	plans, err := a.doors.Plans(ctx)
	if err != nil || len(plans) > 0 {
		return err
	}
	plans = []ladder.Plan{{ID: "all", Name: event.Text{ZH: "全社区封闭", EN: "Whole community"}, Areas: []string{""}, Rung: event.Lockdown.String()}}
	for _, z := range a.devices.Zones(ctx) {
		if z.Kind == devices.Court {
			plans = append(plans, ladder.Plan{ID: z.ID, Name: event.Text{ZH: z.Name.ZH + "封闭", EN: z.Name.EN}, Areas: []string{z.ID}, Rung: event.Lockdown.String()})
		}
	}
	for _, p := range plans {
		if err := a.doors.PutPlan(ctx, hubActor, p); err != nil {
			return err
		}
	}
	return nil
}
