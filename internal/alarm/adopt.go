package alarm

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
)

// adopt puts open alarms that have no incident, from before there were any, into
// theirs. Nobody is called for what is known.
func (a *Alarms) adopt(ctx context.Context) error {
	err := a.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		b := a.batch(tx, actor{hub, hub})
		orphans, err := b.take(ctx, "closed_at IS NULL AND incident = '' ORDER BY raised_at, id")
		if err != nil || len(orphans) == 0 {
			return err
		}
		for _, al := range orphans {
			al.Cause, al.Place = cmp.Or(al.Cause, causeOf(al.Rule)), cmp.Or(al.Place, placeBuilding)
			al.Spot = spotOf(al.Place, al.Zone, al.Device)
			_, err := tx.ExecContext(ctx, "UPDATE alarm SET cause = ?, place = ?, spot = ? WHERE id = ?", al.Cause, al.Place, al.Spot, al.ID)
			if err != nil {
				return err
			}
			if err := b.place(ctx, al); err != nil {
				return err
			}
			inc, err := b.incident(ctx, al.Incident)
			if err != nil {
				return err
			}
			b.touch(inc)
			b.count(inc, nil, al)
			b.mark(al)
		}
		_, err = b.flush(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("alarm: put alarms into incidents: %w", err)
	}
	return a.o.Feed.Committed(ctx)
}
