package charging

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"dongyue/internal/web"
)

// Ask is a resident who wants to charge.
type Ask struct {
	Person, Device, Part, Battery, Key string
}

// How often a person may start: starting and stopping a socket over and over earns
// nothing and wears the relay.
const (
	mostStarts = 12
	startsIn   = 10 * time.Minute
)

// Start takes a session up: paid first, then the socket goes on. It returns when
// that is on disk.
func (c *Charging) Start(ctx context.Context, q Ask) (*Session, error) {
	if q.Key != "" {
		if s, err := c.one(ctx, "WHERE person = ? AND idem_key = ?", q.Person, q.Key); err == nil {
			return s, nil
		}
	}
	if err := c.may(ctx, q); err != nil {
		return nil, err
	}
	t := c.o.Tariff
	id := "c-" + strings.ToLower(rand.Text()[:16])
	var refused error
	err := c.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		if q.Key != "" { // asked twice at once, as by a finger that trembles
			err := tx.QueryRowContext(ctx, "SELECT id FROM charging_sessions WHERE person = ? AND idem_key = ?", q.Person, q.Key).Scan(&id)
			if !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		var busy, recent int
		err := tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM charging_sessions WHERE device = ? AND part = ? AND state IN ('paying', 'starting', 'charging')),
			(SELECT count(*) FROM charging_sessions WHERE person = ? AND asked_at > ?)`, q.Device, q.Part, q.Person, time.Now().Add(-startsIn).UnixMilli()).Scan(&busy, &recent)
		switch {
		case err != nil:
			return err
		case busy > 0:
			refused = web.Fail(http.StatusConflict, "charging.busy", "somebody is charging at this socket: take another")
			return nil
		case recent >= mostStarts:
			refused = web.Fail(http.StatusTooManyRequests, "charging.too_often", fmt.Sprintf("%d starts within %s: wait a little", recent, startsIn))
			return nil
		}
		var key any
		if q.Key != "" {
			key = q.Key
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO charging_sessions(id, device, part, person, battery, idem_key, state, deposit, rate_power, rate_service, asked_at)
			VALUES (?, ?, ?, ?, ?, ?, 'paying', ?, ?, ?, ?)`, id, q.Device, q.Part, q.Person, q.Battery, key, int64(c.o.Deposit), int64(t.Electricity), int64(t.Service), time.Now().UnixMilli())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("charging: %w", err)
	}
	if refused != nil {
		return nil, refused
	}
	c.nudge()
	return c.one(ctx, "WHERE id = ?", id)
}

func (c *Charging) may(ctx context.Context, q Ask) error {
	if c.o.Payments == nil {
		return web.Fail(http.StatusServiceUnavailable, "charging.no_payments", "nobody has told this hub how to take payments: see charging.payments in its settings")
	}
	if why, bad := c.o.Suspect(q.Person, q.Battery); bad {
		return web.Fail(http.StatusForbidden, "charging.suspect",
			"this battery charged in a dangerous way ("+why+"): it must be looked at before it may charge again. Do not charge it at home; the property office has been told and will call you")
	}
	for _, p := range c.o.Cabinets.Ports(ctx) {
		if p.Device != q.Device || p.Part != q.Part {
			continue
		}
		switch {
		case !p.Online:
			return web.Fail(http.StatusConflict, "charging.offline", "this shed is not connected: take another")
		case p.State == "cut":
			return web.Fail(http.StatusConflict, "charging.cut", "this socket was cut for safety: take another")
		case p.State == "charging":
			return web.Fail(http.StatusConflict, "charging.busy", "somebody is charging at this socket: take another")
		}
		return nil
	}
	return web.Fail(http.StatusNotFound, "charging.no_port", "there is no such socket: scan its code again")
}

// Stop ends a session of a person. The bill comes with the cabinet's word. Asked again while
// an order is under way it is the same order, later it is a new one: the first may have
// expired at a cabinet that was cut off.
func (c *Charging) Stop(ctx context.Context, person, id string) (*Session, error) {
	s, err := c.one(ctx, "WHERE id = ? AND person = ?", id, person)
	if err != nil {
		return nil, web.Fail(http.StatusNotFound, "charging.none", "there is no such session of yours")
	}
	if s.State != Running && s.State != Starting {
		return s, nil
	}
	key := fmt.Sprintf("stop/%s/%d", s.ID, time.Now().UnixMilli()/startTTL.Milliseconds())
	_, err = c.o.Cabinets.Command(ctx, s.Device, "stop", map[string]any{"part": s.Part}, startTTL, key, "charging", s.ID)
	if err != nil {
		return nil, err
	}
	return s, nil
}
