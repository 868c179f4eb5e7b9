package panel

import (
	"context"
	"database/sql"

	"dongyue/internal/event"
)

// Handle tells the screens that a panel shows something else, in the transaction of the
// journal's follower. The owner of the transaction wakes the feed.
func (r *Room) Handle(ctx context.Context, tx *sql.Tx, evs []event.Event) error {
	for i := range evs {
		e := &evs[i]
		if e.Kind != event.Lamp || e.Channel != event.Happening || e.Type != "panel_shown" && e.Type != "panel_refused" {
			continue
		}
		if _, err := r.o.Feed.Append(ctx, tx, "panel", map[string]string{"panel": e.Device, "change": e.Type}); err != nil {
			return err
		}
	}
	return nil
}
