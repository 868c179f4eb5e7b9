package charging

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
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
		c.watch(ev, &x)
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
	if err := c.displace(ctx, tx, ev, id); err != nil {
		return err
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
		if err := c.displace(ctx, tx, ev, s.ID); err != nil {
			return false, err
		}
		_, err := tx.ExecContext(ctx, "UPDATE charging_sessions SET state = 'charging', started_at = ?, counted_at = ? WHERE id = ?",
			ev.At.UnixMilli(), ev.At.UnixMilli(), s.ID)
		return true, err
	case s.Reason == notStarted || s.Reason == paymentTimeout:
		*id += afterwards
		return false, nil
	}
	return true, nil
}

// displace ends what still ran at a socket when another session began there: a socket
// has one plug, so its end was lost on the way.
func (c *Charging) displace(ctx context.Context, tx *sql.Tx, ev *event.Event, id string) error {
	c.taken(ev.Device, ev.Part)
	all, err := list(ctx, tx, "WHERE device = ? AND part = ? AND state = 'charging' AND id <> ? AND started_at <= ?", ev.Device, ev.Part, id, ev.At.UnixMilli())
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := c.end(ctx, tx, s, endLost, ev.At); err != nil {
			return err
		}
	}
	return nil
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

// ended takes the cabinet's last word of a session. It is the bill's, whatever the clock of
// the cabinet says: one that was set back is older than readings that were counted.
func (c *Charging) ended(ctx context.Context, tx *sql.Tx, ev *event.Event, x *said) error {
	s, err := running(ctx, tx, ev, x)
	if err != nil || s == nil || ev.At.UnixMilli() < s.countedAt && x.Session == "" {
		return err
	}
	last, at := *ev, ev.At
	if at.UnixMilli() < s.countedAt {
		last.At = time.UnixMilli(s.countedAt)
	}
	c.count(s, &last, x)
	reason := x.Reason
	if reason == "" {
		reason = ev.Type
	}
	if s.StartedAt != nil && at.Before(*s.StartedAt) {
		at = *s.StartedAt
	}
	return c.end(ctx, tx, s, reason, at)
}
