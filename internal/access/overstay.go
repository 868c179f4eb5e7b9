package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// A guest who stays too long, with a car or without, is told first, on the page of its link; the host next,
// on the phone; then the desk, where it becomes an alarm. Each step is done once and is
// written down with what it does, so that a restart neither forgets nor repeats it.

// reportOverstay is the event of the door by which the car came in: active, and at the
// end not. Its part is the pass, so that two cars are two alarms.
const reportOverstay = "overstay"

// Overstay is how long after the end of a booking somebody is told of a car that is still
// inside; zero fields take the default.
type Overstay struct {
	Host time.Duration // default 10 min
	Desk time.Duration // default 30 min
}

func (o Overstay) complete() Overstay {
	if o.Host <= 0 {
		o.Host = 10 * time.Minute
	}
	if o.Desk <= 0 {
		o.Desk = 30 * time.Minute
	}
	return o
}

// Accounts knows which accounts a person signs in with.
type Accounts interface {
	AccountsOf(person string) (accounts []string)
}

// overstayTick is how often cars are looked at; the ladder counts minutes.
const overstayTick = 2 * time.Second

// keepCars tells of cars that stay too long, until ctx ends.
func (x *Access) keepCars(ctx context.Context) {
	tick := time.NewTicker(overstayTick)
	defer tick.Stop()
	for {
		if err := x.tellOverstays(ctx, now()); err != nil && ctx.Err() == nil {
			x.log.ErrorContext(ctx, "overstays not told", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// tellOverstays takes the steps of the ladder that are due.
func (x *Access) tellOverstays(ctx context.Context, t time.Time) error {
	var inside int
	err := x.db.Read().QueryRowContext(ctx, "SELECT count(*) FROM access_cars WHERE out_at = 0 AND (host_told_at = 0 OR desk_told_at = 0)").Scan(&inside)
	if err != nil || inside == 0 {
		return err
	}
	err = x.db.Tx(ctx, func(tx *sql.Tx) error {
		cars, err := insideCars(ctx, tx, "id > ?", 0)
		for i := range cars {
			if err == nil {
				err = x.ladder(ctx, tx, &cars[i], t)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	x.tell()
	return x.feed.Committed(ctx)
}

func (x *Access) ladder(ctx context.Context, tx *sql.Tx, c *car, t time.Time) error {
	over := t.Sub(c.until)
	if over >= x.overstay.Host && !c.hostTold {
		if err := markTold(ctx, tx, "host_told_at", c.id, t); err != nil {
			return err
		}
		if err := x.tellHost(ctx, tx, c.host, c.pass, "overstay"); err != nil {
			return err
		}
	}
	if over < x.overstay.Desk || c.deskTold {
		return nil
	}
	if lapsed, err := x.lapsed(ctx, tx, c, t); err != nil || lapsed {
		return err
	}
	if err := markTold(ctx, tx, "desk_told_at", c.id, t); err != nil {
		return err
	}
	data := map[string]any{"active": true, "part": c.pass, "visitor": c.name, "host": c.host, "in_at": c.in, "until": c.until, "by": "hub"}
	if c.plate != "" {
		data["plate"] = c.plate
	}
	return x.report(ctx, tx, fmt.Sprintf("overstay:%d:%d", c.id, c.until.UnixMilli()), c.door, reportOverstay, data)
}

func markTold(ctx context.Context, tx *sql.Tx, column string, car int64, t time.Time) error {
	if _, err := tx.ExecContext(ctx, "UPDATE access_cars SET "+column+" = ? WHERE id = ?", t.UnixMilli(), car); err != nil { //nolint:gosec // G202: column is a constant of the caller
		return fmt.Errorf("tell of car: %w", err)
	}
	return nil
}

// deskAtEase ends the alarm of a car; without one it does nothing.
func (x *Access) deskAtEase(ctx context.Context, tx *sql.Tx, c *car) error {
	if !c.deskTold {
		return nil
	}
	return x.report(ctx, tx, fmt.Sprintf("overstay-end:%d:%d", c.id, c.until.UnixMilli()), c.door, reportOverstay, map[string]any{
		"active": false, "part": c.pass, "by": "hub",
	})
}

// tellHost wakes the host's screens.
func (x *Access) tellHost(ctx context.Context, tx *sql.Tx, host, pass, what string) error {
	if x.accounts == nil {
		return nil
	}
	for _, account := range x.accounts.AccountsOf(host) {
		if _, err := x.feed.AppendTo(ctx, tx, "pass", account, map[string]any{"id": pass, "change": what}); err != nil {
			return err
		}
	}
	return nil
}

// overstays are the passes of a host whose car should be gone.
func (x *Access) overstays(ctx context.Context, host string) ([]PassInfo, error) {
	over := []PassInfo{}
	err := x.each(ctx, "SELECT "+passColumns+` WHERE p.host = ? AND p.person IN (SELECT person FROM access_cars WHERE out_at = 0) ORDER BY p.rowid`,
		[]any{host}, func(rows *sql.Rows) error {
			p, err := scanPass(rows)
			if p.Overstay {
				over = append(over, p)
			}
			return err
		})
	return over, err
}

// GuestsGone are the guests that have left since, by whichever door: who drove out of the
// gate has left the stair, too.
func (x *Access) GuestsGone(ctx context.Context, since time.Time) (map[string]bool, error) {
	gone := map[string]bool{}
	err := x.each(ctx, "SELECT person FROM access_passes WHERE ended_why = ? AND ended_at >= ?", []any{passLeft, since.UnixMilli()}, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		gone[id] = true
		return err
	})
	return gone, err
}

// GuestLeft notes that a guest is gone whom no camera saw leave: the car counts as outside,
// and a pass that ends with it has ended. host limits it to the host's own; empty: any.
func (x *Access) GuestLeft(ctx context.Context, actor, host, id string) error {
	var visitor string
	return x.changed(ctx, func(tx *sql.Tx) error {
		var leave bool
		err := tx.QueryRowContext(ctx, "SELECT person, leave FROM access_passes WHERE id = ? AND (? = '' OR host = ?)", id, host, host).Scan(&visitor, &leave)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: pass %s", ErrNotFound, id)
		}
		if err != nil {
			return fmt.Errorf("guest left: %w", err)
		}
		if err := x.mayEndPass(ctx, tx, host, visitor); err != nil {
			return err
		}
		if err := x.carsLeft(ctx, tx, "person = ?", visitor, now()); err != nil {
			return err
		}
		if leave {
			if err := endPass(ctx, tx, visitor, passLeft); err != nil {
				return err
			}
		}
		return x.audit.Audit(ctx, tx, actor, "pass.left", id, nil)
	}, func(ctx context.Context) error {
		x.tell()
		return x.refreshPerson(ctx, visitor)
	})
}

// ExtendPass gives a guest more time. What was told of a stay that was too long is taken
// back: it begins anew with the new end.
func (x *Access) ExtendPass(ctx context.Context, actor, host, id string, to time.Time) error {
	to = to.UTC().Truncate(time.Millisecond)
	var visitor string
	return x.changed(ctx, func(tx *sql.Tx) error {
		p, err := scanPass(tx.QueryRowContext(ctx, "SELECT "+passColumns+" WHERE p.id = ? AND (? = '' OR p.host = ?)", id, host, host))
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: pass %s", ErrNotFound, id)
		}
		if err != nil {
			return fmt.Errorf("extend pass: %w", err)
		}
		visitor = p.Person
		if err := x.mayChange(ctx, p.Doors...); err != nil {
			return err
		}
		if err := p.checkExtension(now(), to); err != nil {
			return err
		}
		if !p.To.After(now()) { // it is over, and would be good once more
			if err := roomForPass(ctx, tx, p.Host, now()); err != nil {
				return err
			}
		}
		return x.extend(ctx, tx, actor, &p, to)
	}, func(ctx context.Context) error {
		x.tell()
		return x.refreshPerson(ctx, visitor)
	})
}

func (p *PassInfo) checkExtension(t, to time.Time) error {
	switch {
	case p.EndedAt != nil:
		return fmt.Errorf("%w: the pass has ended; give another one", ErrInvalid)
	case !to.After(p.To) || !to.After(t):
		return fmt.Errorf("%w: to must be later than the pass's end and than now", ErrInvalid)
	case p.Kind == Courier:
		return fmt.Errorf("%w: a courier's pass is not extended; give another one", ErrInvalid)
	case to.Sub(t) > maxPassFor || to.Sub(p.From) > maxPassFor:
		return fmt.Errorf("%w: a pass ends within %d days", ErrInvalid, maxPassFor/(24*time.Hour))
	}
	return nil
}

func (x *Access) extend(ctx context.Context, tx *sql.Tx, actor string, p *PassInfo, to time.Time) error {
	cars, err := insideCars(ctx, tx, "person = ?", p.Person)
	for i := range cars {
		if err == nil {
			err = x.deskAtEase(ctx, tx, &cars[i])
		}
	}
	if err != nil {
		return err
	}
	for _, q := range []string{
		"UPDATE access_credentials SET valid_to = ?1 WHERE person = ?2 AND revoked_at = 0",
		"UPDATE access_rights SET valid_to = ?1 WHERE person = ?2 AND ended_at = 0",
		"UPDATE access_cars SET host_told_at = 0, desk_told_at = 0 WHERE ?1 > 0 AND person = ?2 AND out_at = 0",
	} {
		if _, err := tx.ExecContext(ctx, q, to.UnixMilli(), p.Person); err != nil {
			return fmt.Errorf("extend pass: %w", err)
		}
	}
	return x.audit.Audit(ctx, tx, actor, "pass.extended", p.ID, map[string]any{"from": p.To, "to": to})
}
