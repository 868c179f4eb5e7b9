package app

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"dongyue/devices"
	"dongyue/internal/alarm"
	"dongyue/internal/broadcast"
	"dongyue/internal/event"
	"dongyue/internal/web"
	"dongyue/internal/workorder"
	"dongyue/rules"
	"dongyue/streams/clip"
)

// signal is a rule's transition in the alarms' words.
func signal(t *rules.Transition) alarm.Signal {
	s := alarm.Signal{
		Rule: t.Rule, Device: t.Device, Part: t.Part, Zone: t.Zone, Kind: t.Kind, Raised: t.Raised, Repeat: t.Repeat, At: t.At,
		Priority: t.Priority, Title: t.Title, Latch: t.Latch, Silent: t.Silent, Measured: t.Measured, Procedure: t.Procedure,
		LifeSafety: t.LifeSafety, ReAlarm: t.ReAlarm, Cause: t.Incident.Cause, Place: string(t.Incident.Place), Causes: t.Causes,
		Via: t.Via, Version: t.Version, Escalation: t.Escalation,
		Nearest: t.Cameras.Nearest, Late: t.Late, Evidence: t.Evidence,
	}
	for _, x := range t.Actions {
		s.Actions = append(s.Actions, alarm.Action(x))
	}
	return s
}

// hubActor is who orders what no person ordered.
const hubActor = "hub"

// voiceAttempts is how often it is tried to say something: half a minute long. Later it
// would be of a fire that is out.
const voiceAttempts = 5

// carry carries out an action of an alarm. The task's key makes a second attempt
// harmless.
func (a *App) carry(ctx context.Context, t alarm.Task) (string, error) {
	switch x := t.Action; x.Type {
	case rules.CommandAction:
		return a.carryCommand(ctx, t)
	case rules.BroadcastAction:
		b, err := a.broadcast.Send(ctx, broadcast.Request{
			Zones: x.Zones, Text: x.Text.ZH, Priority: x.Level, Key: t.Key, Actor: hubActor, Ref: t.Alarm,
		})
		if err != nil && t.Attempts < voiceAttempts {
			return "", again(err)
		}
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s: %d", b.ID, b.Targets), nil
	case rules.WorkOrderAction:
		return a.carryOrder(ctx, t)
	case rules.ClipAction:
		return a.carryClip(ctx, t)
	case rules.ReactAction:
		return a.carryReaction(ctx, t)
	case rules.NotifyAction:
		return a.carryNotify(ctx, t)
	default:
		return "", fmt.Errorf("action %q is not one that the hub knows", x.Type)
	}
}

// again asks for another attempt where the hub itself failed, as on a full disk. What a
// room refuses it would refuse again.
func again(err error) error {
	if _, refused := errors.AsType[*web.Problem](err); err == nil || refused || errors.Is(err, workorder.ErrInvalid) {
		return err
	}
	return fmt.Errorf("%w: %w", alarm.ErrRetry, err)
}

func (a *App) carryCommand(ctx context.Context, t alarm.Task) (string, error) {
	q := devices.CommandRequest{Device: t.Action.Device, Type: t.Action.Command, Key: t.Key, Actor: hubActor, Ref: t.Alarm}
	if t.Action.Args != nil {
		q.Args = t.Action.Args
	}
	if d := t.Action.Deadline; !d.IsZero() {
		if q.TTL = time.Until(d).Truncate(time.Millisecond); q.TTL <= 0 {
			return "", errors.New("its deadline has passed")
		}
		q.TTL = min(q.TTL, devices.MaxTTL)
	}
	c, err := a.devices.Command(ctx, q)
	if err != nil {
		var refused *devices.Refusal
		if errors.Is(err, devices.ErrNoDevice) || errors.As(err, &refused) {
			return "", err
		}
		return "", fmt.Errorf("%w: %w", alarm.ErrRetry, err)
	}
	return c.ID, nil
}

func (a *App) carryOrder(ctx context.Context, t alarm.Task) (string, error) {
	al, err := a.alarms.Get(ctx, t.Alarm)
	if err != nil {
		return "", again(err)
	}
	title := t.Action.Text
	if title.ZH == "" {
		title = al.Title
	}
	p := t.Action.Priority
	if p == "" {
		p = al.Priority
	}
	var o workorder.Order
	err = a.db.Tx(ctx, func(tx *sql.Tx) (err error) {
		o, err = a.orders.FromAlarm(ctx, tx, workorder.AlarmOrder{Key: t.Key, Alarm: t.Alarm, Title: title, Priority: p, Device: al.Device, Part: al.Part, Devices: a.darkOn(ctx, al.Device), Zone: al.Zone})
		return err
	})
	if err != nil {
		return "", again(err)
	}
	return o.ID, again(a.feed.Committed(ctx))
}

// carryClip begins a clip of each camera that looks at the alarm. It returns when they
// have begun; what becomes of them the clips themselves tell.
func (a *App) carryClip(ctx context.Context, t alarm.Task) (string, error) {
	if a.clips == nil {
		return "", errors.New("clips are switched off: set clips.enabled")
	}
	al, err := a.alarms.Get(ctx, t.Alarm)
	if err != nil {
		return "", err
	}
	if len(al.Cameras) == 0 {
		return "no camera looks at this place", nil
	}
	before, after := t.Action.Before, t.Action.After
	if before == 0 && after == 0 {
		before, after = a.o.Config.Clips.Before, a.o.Config.Clips.After
	}
	var done []string
	var failed []error
	for _, camera := range al.Cameras {
		c, err := a.clips.Record(ctx, clip.Request{
			Key: t.Key + "/" + camera, Camera: camera, From: al.LastAt.Add(-before), To: al.LastAt.Add(after), Before: before,
			Alarm: t.Alarm, Reason: al.Title.ZH + " / " + al.Title.EN, By: clip.HubActor,
		})
		switch {
		case errors.Is(err, clip.ErrNotRunning), errors.Is(err, clip.ErrBusy):
			return "", fmt.Errorf("%w: %s: %w", alarm.ErrRetry, camera, err) // the clips that have begun are found again
		case err != nil:
			failed = append(failed, fmt.Errorf("%s: %w", camera, err))
		default:
			done = append(done, camera+" "+c.ID)
		}
	}
	if len(done) == 0 {
		return "", errors.Join(failed...)
	}
	for _, err := range failed {
		done = append(done, err.Error())
	}
	return strings.Join(done, ", "), nil
}

// alarmOpen tells whether an alarm still wants its clips kept. In doubt it does.
func (a *App) alarmOpen(ctx context.Context, id string) bool {
	al, err := a.alarms.Get(ctx, id)
	if p, ok := errors.AsType[*web.Problem](err); ok && p.Status == http.StatusNotFound {
		return false
	}
	return err != nil || al.ClosedAt == nil
}

// nearest names the cameras that look at a device: those of its own zone first,
// then by distance from its place on the plan or that of its zone; by the address
// where no place is known.
func (a *App) nearest(ctx context.Context, device, zone string, n int) []string {
	if id, ok := strings.CutPrefix(device, zoneSubject); ok {
		return a.streams.InZone(ctx, id, n)
	}
	d, err := a.devices.Get(ctx, device)
	if err != nil {
		if c, err := a.streams.Get(device); err == nil { // it is about a camera: the one itself, and who sees its place
			near := slices.DeleteFunc(a.streams.Nearest(ctx, c.X, c.Y, n+1), func(id string) bool { return id == device })
			return append([]string{device}, near[:min(n-1, len(near))]...)
		}
	}
	if err == nil && zone == "" {
		zone = d.Zone
	}
	x, y, ok := d.X, d.Y, err == nil && (d.X != 0 || d.Y != 0)
	if !ok {
		x, y, ok = a.middle(ctx, zone)
	}
	if !ok {
		return a.streams.InZone(ctx, zone, n)
	}
	ids := a.streams.Nearest(ctx, x, y, n+beside)
	slices.SortStableFunc(ids, func(i, j string) int { return a.elsewhere(i, zone) - a.elsewhere(j, zone) })
	return ids[:min(n, len(ids))]
}

// beside is among how many more cameras one of the device's own zone is looked for.
const beside = 8

// elsewhere is 0 for a camera of the zone, 1 for any other.
func (a *App) elsewhere(camera, zone string) int {
	if c, err := a.streams.Get(camera); err == nil && c.Zone == zone {
		return 0
	}
	return 1
}

// What an alarm may be about instead of a device: the devices of a zone together,
// and a rule of which the hub itself has something to tell.
const (
	zoneSubject = "zone:"
	ruleSubject = "rule:"
)

// nameOf is the name and the zone of what an alarm is about. A name is one text,
// as people give them to devices, so a zone's is the Chinese one.
func (a *App) nameOf(ctx context.Context, device string) (name, zone string) {
	if id, ok := strings.CutPrefix(device, zoneSubject); ok {
		return cmp.Or(a.zoneName(ctx, id).ZH, id), id
	}
	if id, ok := strings.CutPrefix(device, ruleSubject); ok {
		return id, ""
	}
	d, err := a.devices.Get(ctx, device)
	if err != nil {
		if c, err := a.streams.Get(device); err == nil {
			return c.Name, c.Zone
		}
		return "", ""
	}
	return d.Name, d.Zone
}

// middle is the place of the nearest zone up the tree that is drawn on the plan.
func (a *App) middle(ctx context.Context, zone string) (x, y float64, ok bool) {
	best := ""
	for _, z := range a.devices.Zones(ctx) {
		if s := z.Shape; event.Within(zone, z.ID) && len(z.ID) >= len(best) && s[2] > 0 {
			best, x, y, ok = z.ID, s[0]+s[2]/2, s[1]+s[3]/2, true
		}
	}
	return x, y, ok
}
