package access

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// A guest on foot is inside from the first door that lets in, until something is shown on
// the way out. Most doors let people out by a button and know nothing of who goes: there
// the host is asked, and where the host says nothing the stay is forgotten. The desk is
// told only where the door by which the guest came in counts people out.

// exitSeen notes that a door counts people out.
func exitSeen(ctx context.Context, tx *sql.Tx, door string) error {
	if _, err := tx.ExecContext(ctx, "INSERT INTO access_exits(door) VALUES (?) ON CONFLICT DO NOTHING", door); err != nil {
		return fmt.Errorf("note exit: %w", err)
	}
	return nil
}

func countsOut(ctx context.Context, tx *sql.Tx, door string) (bool, error) {
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM access_exits WHERE door = ?", door).Scan(&n); err != nil {
		return false, fmt.Errorf("find exit: %w", err)
	}
	return n > 0, nil
}

// walked notes that a guest has come in or gone out on foot.
func (x *Access) walked(ctx context.Context, tx *sql.Tx, a *Ask) error {
	if a.Out {
		return x.footGone(ctx, tx, a.Credential.Person.ID, a.At)
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO access_cars(person, plate, door, in_at) VALUES (?, '', ?, ?) ON CONFLICT DO NOTHING",
		a.Credential.Person.ID, a.Door.ID, a.At.UnixMilli())
	if err != nil {
		return fmt.Errorf("note guest: %w", err)
	}
	return nil
}

// footGone notes that a guest on foot is gone; a car stays where it is.
func (x *Access) footGone(ctx context.Context, tx *sql.Tx, visitor string, t time.Time) error {
	return x.carsLeft(ctx, tx, "plate = '' AND a.person = ?", visitor, t)
}

// lapsed ends the stay of a guest of whom nobody can say whether it goes on; false for one
// who would have been seen leaving.
func (x *Access) lapsed(ctx context.Context, tx *sql.Tx, c *car, t time.Time) (bool, error) {
	if c.plate != "" {
		return false, nil
	}
	counts, err := countsOut(ctx, tx, c.door)
	if err != nil || counts {
		return false, err
	}
	if err := x.footGone(ctx, tx, c.person, t); err != nil {
		return false, err
	}
	return true, x.tellHost(ctx, tx, c.host, c.pass, "lapsed")
}
