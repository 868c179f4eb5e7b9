package access

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"dongyue/internal/event"
)

// carInside reports whether the car of a guest is inside already: under this booking, or
// under another one that is still good and names the same plate. Then the one that stands
// at the barrier is a second car.
func carInside(ctx context.Context, tx *sql.Tx, c *Credential, t time.Time) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM access_cars a WHERE a.out_at = 0 AND a.plate <> '' AND (a.person = ?1 OR a.plate = ?2 AND EXISTS
		(SELECT 1 FROM access_credentials k WHERE k.person = a.person AND k.type = 'plate' AND k.revoked_at = 0 AND (k.valid_to = 0 OR k.valid_to > ?3)))`,
		c.Person.ID, c.Plate, t.UnixMilli()).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("find car: %w", err)
	}
	return n > 0, nil
}

// passed notes that somebody was let through: a guest's car is inside or outside from now
// on, and a pass that ends when the visitor goes out has ended.
func (x *Access) passed(ctx context.Context, tx *sql.Tx, a *Ask) error {
	c := a.Credential
	if c == nil || c.Person == nil {
		return nil
	}
	x.mu.RLock()
	guest := c.Person.Host != nil
	x.mu.RUnlock()
	if guest && c.Type == "plate" {
		if err := x.carMoved(ctx, tx, a); err != nil {
			return err
		}
	}
	if guest && c.Class == ClassRotating && a.Door != nil {
		if err := x.walked(ctx, tx, a); err != nil {
			return err
		}
	}
	if !a.Out {
		return nil
	}
	return x.visitorLeft(ctx, tx, c)
}

func (x *Access) carMoved(ctx context.Context, tx *sql.Tx, a *Ask) error {
	c := a.Credential
	if !a.Out {
		// Who is inside on foot has fetched the car.
		_, err := tx.ExecContext(ctx, `INSERT INTO access_cars(person, plate, door, in_at) VALUES (?, ?, ?, ?)
			ON CONFLICT(person) WHERE out_at = 0 DO UPDATE SET plate = excluded.plate, door = excluded.door, in_at = excluded.in_at WHERE plate = ''`,
			c.Person.ID, c.Plate, a.Door.ID, a.At.UnixMilli())
		if err != nil {
			return fmt.Errorf("note car: %w", err)
		}
		return nil
	}
	return x.carsLeft(ctx, tx, "plate = ?", c.Plate, a.At)
}

// carsLeft notes that cars are gone, and ends what the desk was told of them.
func (x *Access) carsLeft(ctx context.Context, tx *sql.Tx, which string, arg any, t time.Time) error {
	cars, err := insideCars(ctx, tx, which, arg)
	if err != nil {
		return err
	}
	for i := range cars {
		if _, err := tx.ExecContext(ctx, "UPDATE access_cars SET out_at = max(?, in_at) WHERE id = ?", t.UnixMilli(), cars[i].id); err != nil {
			return fmt.Errorf("note car: %w", err)
		}
		if err := x.deskAtEase(ctx, tx, &cars[i]); err != nil {
			return err
		}
	}
	return nil
}

// car is a guest's car that is inside, with its booking; or the guest on foot, without a
// plate.
type car struct {
	id               int64
	pass, host, name string
	person           string
	plate, door      string
	in, until        time.Time // until: when it should be gone
	hostTold         bool
	deskTold         bool
}

// insideCars reads the cars that are inside; which is a clause of SQL about access_cars.
func insideCars(ctx context.Context, tx *sql.Tx, which string, args ...any) (cars []car, err error) {
	//nolint:gosec // G202: which is a constant of the caller
	rows, err := tx.QueryContext(ctx, `SELECT a.id, a.person, a.plate, a.door, a.in_at, a.host_told_at <> 0, a.desk_told_at <> 0, p.id, p.host, v.name,
		CASE WHEN p.ended_at <> 0 THEN min(p.ended_at, k.valid_to) ELSE k.valid_to END
		FROM access_cars a JOIN access_passes p ON p.person = a.person JOIN access_people v ON v.id = a.person JOIN access_credentials k ON k.id = p.credential
		WHERE a.out_at = 0 AND a.`+which+" ORDER BY a.id", args...)
	if err != nil {
		return nil, fmt.Errorf("read cars: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var c car
		var in, until int64
		if err := rows.Scan(&c.id, &c.person, &c.plate, &c.door, &in, &c.hostTold, &c.deskTold, &c.pass, &c.host, &c.name, &until); err != nil {
			return nil, fmt.Errorf("read cars: %w", err)
		}
		c.in, c.until = time.UnixMilli(in).UTC(), time.UnixMilli(until).UTC()
		cars = append(cars, c)
	}
	return cars, rows.Err()
}

// askHost lets the host's phones ring for a guest whose pass wants that: as if somebody
// had rung at the door. The host sees who it is, and opens or not.
func (x *Access) askHost(ctx context.Context, tx *sql.Tx, ev *event.Event, a *Ask) error {
	x.mu.RLock()
	host, visitor := a.Credential.Person.Host, a.Credential.Person.Name
	x.mu.RUnlock()
	if host == nil || a.Door == nil || host.Household == "" {
		return nil
	}
	return x.report(ctx, tx, "ring:"+ev.Device+":"+ev.ID, ev.Device, "ring", map[string]any{
		"flat": host.Household, "unit": host.Unit, "visitor": visitor, "by": "hub",
	})
}
