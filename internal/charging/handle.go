package charging

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"dongyue/internal/event"
)

type said struct {
	Session string   `json:"session"`
	User    string   `json:"user"`
	Battery string   `json:"battery"`
	Reason  string   `json:"reason"`
	Energy  *float64 `json:"energy_wh"`
	Power   *float64 `json:"power_w"`
	State   string   `json:"state"`
}

// Handle takes meters and sessions, in the transaction of the journal's follower.
// The same events again change nothing; Committed must follow the commit.
func (c *Charging) Handle(ctx context.Context, tx *sql.Tx, evs []event.Event) error {
	c.news = c.news[:0]
	for i := range evs {
		ev := &evs[i]
		if ev.Kind != event.Charger || ev.Part == "" {
			continue
		}
		var x said
		if json.Unmarshal(ev.Data, &x) != nil {
			continue // journaled by an older hub
		}
		var err error
		switch {
		case ev.Channel == event.Telemetry && x.Energy != nil:
			err = c.metered(ctx, tx, ev, &x)
		case ev.Channel == event.Happening && ev.Type == "session_started":
			err = c.started(ctx, tx, ev, &x)
		case ev.Channel == event.Happening && (ev.Type == "session_ended" || ev.Type == "unplugged"):
			err = c.ended(ctx, tx, ev, &x)
		}
		if err != nil {
			return fmt.Errorf("charging: %w", err)
		}
	}
	return nil
}

// afterwards marks the session that began although its deposit had gone back: the
// order had reached a cabinet that could not say so before the hub gave it up.
const afterwards = ".late"

// started takes a session up that the hub has asked for; one that began at the
// cabinet, by card, becomes a session that is paid afterwards.
func (c *Charging) started(ctx context.Context, tx *sql.Tx, ev *event.Event, x *said) error {
	id := x.Session
	if id == "" {
		id = ev.Device + "." + ev.Part + "." + ev.ID
	} else {
		again, err := c.takeUp(ctx, tx, ev, &id)
		if err != nil || again {
			return err
		}
	}
	if x.User == "" || ev.Late && time.Since(ev.At) > 24*time.Hour {
		return nil
	}
	if _, bad := c.o.Suspect(x.User, x.Battery); bad {
		return nil // it is stopped at once; see Refuse
	}
	t := c.o.Tariff
	_, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO charging_sessions(id, device, part, person, battery, state, deposit, rate_power, rate_service, asked_at, started_at, counted_at)
		VALUES (?, ?, ?, ?, ?, 'charging', 0, ?, ?, ?, ?, ?)`, id, ev.Device, ev.Part, x.User, x.Battery, int64(t.Electricity), int64(t.Service),
		ev.At.UnixMilli(), ev.At.UnixMilli(), ev.At.UnixMilli())
	if err != nil || !strings.HasSuffix(id, afterwards) {
		return err
	}
	return c.Tell(ctx, tx, "started-"+id, x.User, event.Text{
		ZH: "您的充电已经开始：充电棚一度断网，押金此前已退回，这次充电按实际用电在结束后扣费。",
		EN: "Your charging did begin: the shed was cut off for a while and your deposit had gone back. You pay for what it takes when it ends.",
	})
}

// takeUp moves a session of ours on. again is that there is nothing more to do; else
// id is the name under which what flows is paid afterwards.
func (c *Charging) takeUp(ctx context.Context, tx *sql.Tx, ev *event.Event, id *string) (again bool, err error) {
	all, err := list(ctx, tx, "WHERE id = ? AND device = ? AND part = ?", *id, ev.Device, ev.Part)
	if err != nil || len(all) == 0 {
		return false, err // of another hub: as by card
	}
	switch s := all[0]; {
	case s.State == Starting:
		_, err := tx.ExecContext(ctx, "UPDATE charging_sessions SET state = 'charging', started_at = ?, counted_at = ? WHERE id = ?",
			ev.At.UnixMilli(), ev.At.UnixMilli(), s.ID)
		return true, err
	case s.Reason == notStarted || s.Reason == paymentTimeout:
		*id += afterwards
		return false, nil
	}
	return true, nil
}

// running is the session at a socket, nil where there is none.
func running(ctx context.Context, tx *sql.Tx, ev *event.Event, x *said) (*Session, error) {
	where, args := "WHERE device = ? AND part = ? AND state = 'charging' ORDER BY started_at DESC LIMIT 1", []any{ev.Device, ev.Part}
	if x.Session != "" {
		where = "WHERE device = ? AND part = ? AND id IN (?, ?) AND state IN ('charging', 'starting')"
		args = append(args, x.Session, x.Session+afterwards)
	}
	all, err := list(ctx, tx, where, args...)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

func (c *Charging) metered(ctx context.Context, tx *sql.Tx, ev *event.Event, x *said) error {
	s, err := running(ctx, tx, ev, x)
	if err != nil || s == nil || ev.At.UnixMilli() < s.countedAt {
		return err
	}
	return c.advanceMeter(ctx, tx, s, ev, x)
}

func (c *Charging) advanceMeter(ctx context.Context, tx *sql.Tx, s *Session, ev *event.Event, x *said) error {
	if !c.count(s, ev, x) {
		return nil
	}
	_, err := tx.ExecContext(ctx, "UPDATE charging_sessions SET counter = ?, counted_at = ?, used = ?, flags = ? WHERE id = ? AND state IN ('charging', 'starting')",
		int64(s.counter), s.countedAt, int64(s.EnergyMWh), s.Flags, s.ID)
	return err
}

// What a socket can give at most: 1,000 W and a fifth, and what the meter may have
// kept back, 20 Wh.
const (
	mostWatts = 1200
	slack     = 20_000 // mWh
)

// count takes a reading of the session's counter. One that goes back takes nothing
// off, one that leaps beyond what the socket can give adds nothing; both are told.
func (c *Charging) count(s *Session, ev *event.Event, x *said) (changed bool) {
	at := ev.At.UnixMilli()
	if x.Energy == nil || *x.Energy < 0 || *x.Energy > 1e6 || at < s.countedAt {
		return false
	}
	raw := Energy(math.Round(*x.Energy * 1000))
	by, passed := raw-s.counter, at-s.countedAt
	if s.countedAt == 0 && s.StartedAt != nil { // the first word of it, and its clock is not ours
		passed = ev.ReceivedAt.Sub(*s.StartedAt).Milliseconds()
	}
	code := ""
	switch {
	case by < 0:
		code = "meter_rollback"
		s.counter = raw
	case int64(by) > mostWatts*1000*passed/3_600_000+slack:
		code = "meter_leap"
		s.counter = raw
	default:
		s.EnergyMWh += by
		s.counter = raw
		if by > 0 && x.Power != nil && *x.Power < 1 && int64(by)*3_600_000 > 20_000*max(passed, 1) && passed > 5_000 && x.State == "charging" {
			code = "meter_power" // energy flows and the power says 0
		}
	}
	s.countedAt = at
	if code != "" && !strings.Contains(s.Flags, code) {
		s.Flags = strings.Trim(s.Flags+","+code, ",")
		c.wrong(s, ev, code)
	}
	return by != 0 || code != ""
}

func (c *Charging) ended(ctx context.Context, tx *sql.Tx, ev *event.Event, x *said) error {
	s, err := running(ctx, tx, ev, x)
	if err != nil || s == nil || ev.At.UnixMilli() < s.countedAt && x.Session == "" {
		return err
	}
	c.count(s, ev, x)
	reason := x.Reason
	if reason == "" {
		reason = ev.Type
	}
	return c.end(ctx, tx, s, reason, ev.At)
}
