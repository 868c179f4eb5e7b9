package alarm

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// BadActor is a device that makes alarms nobody can act on: the list that
// maintenance works off.
type BadActor struct {
	Rule         string     `json:"rule"`
	Device       string     `json:"device"`
	DeviceName   string     `json:"device_name"`
	Title        event.Text `json:"title" doc:"of its last alarm"`
	Zone         string     `json:"zone"`
	Kind         string     `json:"kind" enum:"chattering,fleeting,frequent"`
	Count        int        `json:"count" doc:"how often it was found to be so"`
	CyclesPerMin float64    `json:"cycles_per_min" doc:"the most there were; chattering only"`
	FirstAt      time.Time  `json:"first_at"`
	LastAt       time.Time  `json:"last_at"`
	Order        string     `json:"order" doc:"the last work order made of it"`
}

type actorKey struct{ rule, device, kind string }

// finding is what one transaction adds to a bad actor.
type finding struct {
	alarm  *Alarm
	times  int
	perMin float64
	at     time.Time
}

func (b *batch) find(al *Alarm, kind string, at time.Time, perMin float64) {
	k := actorKey{al.Rule, al.Device, kind}
	f := b.bad[k]
	if f == nil {
		f = &finding{alarm: al, at: at}
		b.bad[k] = f
	}
	f.times++
	f.perMin = max(f.perMin, perMin)
	if at.After(f.at) {
		f.at = at
	}
}

func (b *batch) putFindings(ctx context.Context) error {
	var rows [][]any
	for k, f := range b.bad {
		at := f.at.UnixMilli()
		rows = append(rows, []any{k.rule, k.device, k.kind, f.alarm.DeviceName, f.alarm.Title.ZH, f.alarm.Title.EN, f.alarm.Zone, f.times, f.perMin, at, at})
	}
	return insert(ctx, b.tx, "bad_actor(rule, device, kind, device_name, title_zh, title_en, zone, times, per_min, first_at, last_at)", rows,
		`ON CONFLICT(rule, device, kind) DO UPDATE SET device_name = excluded.device_name, title_zh = excluded.title_zh, title_en = excluded.title_en, zone = excluded.zone, times = times + excluded.times,
			per_min = max(per_min, excluded.per_min), last_at = max(last_at, excluded.last_at)`)
}

// badActorDays is how long a bad actor is listed after it was one last.
const badActorDays = 30

// BadActors lists those of the last 30 days, the latest first.
func (a *Alarms) BadActors(ctx context.Context) ([]BadActor, error) {
	since := a.now().AddDate(0, 0, -badActorDays).UnixMilli()
	return a.badActors(ctx, "last_at > ? ORDER BY last_at DESC, rule, device, kind", since)
}

func (a *Alarms) badActors(ctx context.Context, where string, args ...any) ([]BadActor, error) {
	rows, err := a.o.DB.Read().QueryContext(ctx, "SELECT rule, device, device_name, title_zh, title_en, zone, kind, times, per_min, first_at, last_at, work_order FROM bad_actor WHERE "+where, args...) //nolint:gosec // where is ours
	if err != nil {
		return nil, fmt.Errorf("alarm: read bad actors: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := []BadActor{}
	for rows.Next() {
		var x BadActor
		var first, last int64
		if err := rows.Scan(&x.Rule, &x.Device, &x.DeviceName, &x.Title.ZH, &x.Title.EN, &x.Zone, &x.Kind, &x.Count, &x.CyclesPerMin, &first, &last, &x.Order); err != nil {
			return nil, fmt.Errorf("alarm: read bad actors: %w", err)
		}
		x.FirstAt, x.LastAt = time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC()
		out = append(out, x)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("alarm: read bad actors: %w", err)
	}
	return out, nil
}

// Orders are the work orders.
type Orders interface {
	// Order makes one in the name of the person in ctx, and returns its id.
	Order(ctx context.Context, o Order) (string, error)
	// Open reports whether an order is still to be done.
	Open(ctx context.Context, id string) (bool, error)
}

// Order is the work order that a bad actor asks for.
type Order struct {
	Title    event.Text
	Priority event.Priority
	Device   string
	Zone     string
}

// OrderRepair makes a work order of a bad actor; as long as that one is open, it
// makes no second.
func (a *Alarms) OrderRepair(ctx context.Context, rule, device string) (string, error) {
	if a.o.Orders == nil {
		return "", web.Fail(http.StatusNotImplemented, "alarm.no_orders", "this hub keeps no work orders")
	}
	a.ordering.Lock() // two people who press at once get one order
	defer a.ordering.Unlock()
	found, err := a.badActors(ctx, "rule = ? AND device = ? ORDER BY last_at DESC", rule, device)
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", web.Fail(http.StatusNotFound, "alarm.no_bad_actor",
			fmt.Sprintf("%q of %q is no bad actor: see GET /api/v1/alarms/bad-actors", rule, device))
	}
	x := &found[0]
	if x.Order != "" {
		open, err := a.o.Orders.Open(ctx, x.Order)
		if err != nil {
			return "", fmt.Errorf("alarm: look up order %s: %w", x.Order, err)
		}
		if open {
			return x.Order, nil
		}
	}
	id, err := a.o.Orders.Order(ctx, Order{Title: x.repair(), Priority: event.Medium, Device: device, Zone: x.Zone})
	if err != nil {
		return "", fmt.Errorf("alarm: order repair of %s: %w", device, err)
	}
	err = a.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE bad_actor SET work_order = ? WHERE rule = ? AND device = ?", id, rule, device)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("alarm: note order %s: %w", id, err)
	}
	return id, nil
}

// repair says what is to be done.
func (x *BadActor) repair() event.Text {
	switch x.Kind {
	case Chattering:
		return event.Text{
			ZH: fmt.Sprintf("检修%s:告警反复抖动(%s,每分钟 %.0f 次)", x.DeviceName, x.Rule, x.CyclesPerMin),
			EN: fmt.Sprintf("Repair %s: its alarm chatters (%s, %.0f times a minute)", x.DeviceName, x.Rule, x.CyclesPerMin),
		}
	case Fleeting:
		return event.Text{
			ZH: fmt.Sprintf("检修%s:告警转瞬即逝(%s,%d 次)", x.DeviceName, x.Rule, x.Count),
			EN: fmt.Sprintf("Repair %s: its alarm comes and goes within seconds (%s, %d times)", x.DeviceName, x.Rule, x.Count),
		}
	}
	return event.Text{
		ZH: fmt.Sprintf("检修%s:告警过于频繁(%s)", x.DeviceName, x.Rule),
		EN: fmt.Sprintf("Repair %s: its alarm comes too often (%s)", x.DeviceName, x.Rule),
	}
}
