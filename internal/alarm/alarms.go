package alarm

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options of the alarms. The functions are called inside a transaction: they
// may read, through db.Read, and must not write.
type Options struct {
	DB   *db.DB
	Feed *web.Feed
	Log  *slog.Logger
	// Cameras names those nearest to a device, at most n. May be nil.
	Cameras func(ctx context.Context, device, zone string, n int) []string
	// Device tells a device's name and zone. May be nil, or return "".
	Device func(ctx context.Context, device string) (name, zone string)
	// Now is the hub's clock; nil: time.Now.
	Now func() time.Time
}

// Alarms is the store of alarms.
type Alarms struct {
	o    Options
	wake chan struct{}
}

// New opens the tables. Actions that were being carried out when the hub
// stopped are taken up again, under the same key.
func New(ctx context.Context, o Options) (*Alarms, error) {
	if o.DB == nil || o.Feed == nil {
		return nil, errors.New("alarm: needs a database and a feed")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("alarm: migrations: %w", err)
	}
	if err := o.DB.Migrate(ctx, "alarm", dir); err != nil {
		return nil, err
	}
	a := &Alarms{o: o, wake: make(chan struct{}, 1)}
	err = o.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE alarm_outbox SET state = 'pending' WHERE state = 'claimed'")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("alarm: take up actions: %w", err)
	}
	return a, nil
}

// now is the hub's time as the tables keep it.
func (a *Alarms) now() time.Time { return a.o.Now().UTC().Truncate(time.Millisecond) }

// actor is who does something to an alarm.
type actor struct{ ID, Name string }

// hub is the actor of what no person did.
const hub = "hub"

func who(ctx context.Context) actor {
	p, ok := web.Who(ctx)
	if !ok {
		return actor{hub, hub}
	}
	return actor{p.ID, cmp.Or(p.Name, p.Login, p.ID)}
}
