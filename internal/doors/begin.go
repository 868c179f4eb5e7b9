package doors

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"dongyue/internal/event"
)

// Errors of the operations.
var (
	ErrInvalid  = errors.New("doors: invalid")
	ErrNotFound = errors.New("doors: not found")
	ErrEnded    = errors.New("doors: it has ended already")
)

// Begin asks for a rung.
type Begin struct {
	Kind   string // ByHand, ByLockdown or ByFire
	Rung   event.Rung
	Areas  []string
	Plan   string
	Reason string
	Drill  bool
	Until  *time.Time
	Actor  string
	By     string // the actor's name
	Key    string // with Actor: the same request again gets the same cause
}

// maxReason bounds what people write, in bytes.
const maxReason = 500

func (d *Doors) check(q *Begin) error {
	q.Reason = strings.TrimSpace(q.Reason)
	switch {
	case q.Reason == "" || len(q.Reason) > maxReason:
		return fmt.Errorf("%w: reason: say in 1 to %d bytes why", ErrInvalid, maxReason)
	case q.Rung == event.Controlled || q.Rung == event.ScheduleFree:
		return fmt.Errorf("%w: rung %s: it is not set by hand; end what stands above it, or give the door hours", ErrInvalid, q.Rung)
	case q.Until != nil && !q.Until.After(time.Now()):
		return fmt.Errorf("%w: until: a time to come is wanted", ErrInvalid)
	}
	return d.checkAreas(q.Areas)
}

func (d *Doors) checkAreas(areas []string) error {
	if len(areas) == 0 || len(areas) > 100 {
		return fmt.Errorf("%w: areas: 1 to 100 zones, or door:ID", ErrInvalid)
	}
	for _, a := range areas {
		if id, one := strings.CutPrefix(a, doorArea); one {
			if _, ok := d.known(id); !ok {
				return fmt.Errorf("%w: areas: there is no door %.63q", ErrInvalid, id)
			}
		} else if !d.o.Registry.Known(a) {
			return fmt.Errorf("%w: areas: there is no zone %.128q; GET /api/v1/zones lists them", ErrInvalid, a)
		}
	}
	return nil
}

// Begin puts doors on a rung. It returns when that is written; Run then commands
// the doors, and the proofs tell how far each has come.
func (d *Doors) Begin(ctx context.Context, q Begin) (*Cause, error) {
	d.stand(ctx, now())
	if err := d.check(&q); err != nil {
		return nil, err
	}
	c := newCause(newID("r-"), q.Kind, q.Rung, q.Areas, q.Actor, q.Reason)
	c.By, c.Plan, c.Drill, c.Until = q.By, q.Plan, q.Drill, q.Until
	again := false
	err := d.db.Tx(ctx, func(tx *sql.Tx) error {
		if q.Key != "" {
			old, err := listCauses(ctx, tx, "WHERE actor = ? AND idem_key = ?", q.Actor, q.Key)
			if err != nil || len(old) > 0 {
				again = len(old) > 0
				if again {
					c = old[0]
				}
				return err
			}
		}
		if _, err := insertCause(ctx, tx, c, q.Key); err != nil {
			return err
		}
		if err := d.targets(ctx, tx, c); err != nil {
			return err
		}
		return d.trace(ctx, tx, q.Actor, "rung.began", c)
	})
	if err != nil || again {
		return c, err
	}
	if !c.Drill {
		d.mu.Lock()
		d.swap([]*Cause{c}, nil)
		d.mu.Unlock()
		d.stand(ctx, now())
		d.nudge()
	}
	return c, d.feed.Committed(ctx)
}

// targets writes down which doors are meant, before any is told. In a drill that
// is all that happens.
func (d *Doors) targets(ctx context.Context, tx *sql.Tx, c *Cause) error {
	for id, x := range d.last.Load().doors {
		if !c.covers(id, x.Zone) {
			continue
		}
		p := Proof{Door: id, State: Sent, At: c.BeganAt}
		switch {
		case !x.Online:
			p.State = Offline
		case c.Drill:
			p.State = Would
		case rungOf(d.last.Load().why[id]) > c.rung:
			p.State, p.Error = Failed, higher
		}
		if err := saveProof(ctx, tx, c.ID, p); err != nil {
			return err
		}
	}
	return nil
}

// End takes a cause away. The doors are not put back: what is left decides.
func (d *Doors) End(ctx context.Context, id, actor, reason string) (*Cause, error) {
	all, err := listCauses(ctx, d.db.Read(), "WHERE id = ?", id)
	switch {
	case err != nil:
		return nil, err
	case len(all) == 0:
		return nil, fmt.Errorf("%w: %.100q", ErrNotFound, id)
	case all[0].EndedAt != nil:
		return nil, fmt.Errorf("%w: %s", ErrEnded, id)
	case len(reason) > maxReason:
		return nil, fmt.Errorf("%w: reason: at most %d bytes", ErrInvalid, maxReason)
	}
	if err := d.end(ctx, all[0], actor, reason); err != nil {
		return nil, err
	}
	all, err = listCauses(ctx, d.db.Read(), "WHERE id = ?", id)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

func (d *Doors) end(ctx context.Context, c *Cause, actor, reason string) error {
	err := d.db.Tx(ctx, func(tx *sql.Tx) error {
		fresh, err := endCause(ctx, tx, c.ID, actor, now())
		if err != nil || !fresh {
			return err
		}
		ended := *c
		ended.Reason = reason
		return d.trace(ctx, tx, actor, "rung.ended", &ended)
	})
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.swap(nil, []string{c.ID})
	d.mu.Unlock()
	d.stand(ctx, now())
	d.nudge()
	return d.feed.Committed(ctx)
}

func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()[:13]) }
