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
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/event"
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
	// Zone tells a zone's name; "" is the community. May be nil, or return nothing.
	Zone func(ctx context.Context, zone string) event.Text
	// Operators is how many are on duty; a flood is judged by it. Nil: 1.
	Operators func(ctx context.Context) int
	// Shift is the one at a time: when it began, when it ends, what it is called.
	// Nil: eight hours from 07:00, 15:00 and 23:00 in Location.
	Shift func(ctx context.Context, at time.Time) (from, to time.Time, name event.Text)
	// Location is where the community is; nil: China.
	Location *time.Location
	// Orders makes work orders of bad actors; nil: nobody does.
	Orders Orders
	// Together is how long an incident takes in what is alike. 0: 10 minutes.
	Together time.Duration
	// ShelveLimits says how long an alarm of a priority may be shelved; for one that
	// is not named, it is as DefaultShelveLimits has it.
	ShelveLimits map[event.Priority]time.Duration
	// Cards are the procedures by id.
	Cards map[string]Card
	// Policies are those of escalation that come with the hub; people may change them.
	Policies []Policy
	// Call tells people of an alarm that nobody acknowledges. It is part of the
	// transaction of the step, and writes in it. Nil: nobody is told.
	Call func(ctx context.Context, tx *sql.Tx, n Notice) (Called, error)
	// Rehearse judges an event that is made up for an exercise. Nil: there are none.
	Rehearse func(ctx context.Context, q DrillRequest) ([]Signal, error)
	// Audit keeps a record of changed policies and of drills. Nil: none.
	Audit Auditor
	// Keep is how long closed alarms are kept. 0: three years.
	Keep time.Duration
	// Now is the hub's clock; nil: time.Now.
	Now func() time.Time
}

// Auditor keeps a record of what people have changed.
type Auditor interface {
	Audit(ctx context.Context, tx *sql.Tx, actor, action, target string, detail any) error
}

// DefaultShelveLimits is for how long at most an alarm is shelved: the graver, the
// shorter (OPC UA Part 9: MaxTimeShelved).
func DefaultShelveLimits() map[event.Priority]time.Duration {
	return map[event.Priority]time.Duration{
		event.Critical: 30 * time.Minute, event.High: 2 * time.Hour, event.Medium: 8 * time.Hour, event.Low: 24 * time.Hour,
	}
}

// Alarms is the store of alarms.
type Alarms struct {
	o         Options
	wake      chan struct{} // there may be actions to carry out
	ring      chan struct{} // a timer may be due sooner
	followers []follower
	timers    []timer
	known     known
	limits    map[event.Priority]time.Duration
	ordering  sync.Mutex
	policies  atomic.Pointer[map[string]Policy]
}

// New opens the tables. Actions that were being carried out when the hub
// stopped are taken up again, under the same key.
func New(ctx context.Context, o Options) (*Alarms, error) {
	if o.DB == nil || o.Feed == nil {
		return nil, errors.New("alarm: needs a database and a feed")
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("alarm: migrations: %w", err)
	}
	if err := o.DB.Migrate(ctx, "alarm", dir); err != nil {
		return nil, err
	}
	a := &Alarms{o: o.filled(), wake: make(chan struct{}, 1), ring: make(chan struct{}, 1), limits: DefaultShelveLimits()}
	maps.Copy(a.limits, o.ShelveLimits)
	a.timers = []timer{a.reAlarmTimer(), a.shelveTimer(), a.quietTimer(), a.serviceTimer(), a.floodTimer(), a.escalationTimer(), a.lookTimer(), a.drillTimer()}
	a.followers = []follower{a.escalate}
	if err := a.loadPolicies(ctx); err != nil {
		return nil, err
	}
	err = o.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE alarm_outbox SET state = 'pending' WHERE state = 'claimed'")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("alarm: take up actions: %w", err)
	}
	if err := a.known.recall(ctx, o.DB); err != nil {
		return nil, err
	}
	return a, a.adopt(ctx)
}

// filled has a value for everything.
func (o Options) filled() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Location == nil {
		o.Location = time.FixedZone("UTC+8", 8*60*60)
	}
	o.Together = cmp.Or(o.Together, 10*time.Minute)
	return o
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
