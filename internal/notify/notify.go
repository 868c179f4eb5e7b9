package notify

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// People knows the accounts.
type People interface {
	// Name of an account; ok is false for one that is not there or switched off.
	Name(account string) (name string, ok bool)
}

// Auditor keeps a record of what was changed.
type Auditor interface {
	Audit(ctx context.Context, tx *sql.Tx, actor, action, target string, detail any) error
}

// Options of New. DB, Feed and People are needed.
type Options struct {
	DB       *db.DB
	Feed     *web.Feed
	People   People
	Audit    Auditor   // nil: none
	Channels []Channel // those that are set up; the desk is always there
	Log      *slog.Logger
	Language Language      // of those who have not chosen; "": zh
	Wait     time.Duration // how long a letter waits for others of its cluster; 0: not
	// Settled hears, in the transaction, what became of a delivery beyond the desk.
	Settled func(ctx context.Context, tx *sql.Tx, d Delivery) error
	Metrics prometheus.Registerer // nil: none
	Now     func() time.Time      // the hub's clock; nil: time.Now
}

// Notify is the room.
type Notify struct {
	o      Options
	lanes  map[string]*lane // by channel
	stages []stage
	meter  *meter
	wake   chan struct{}
}

// New opens the tables. What was on its way out when the hub stopped goes out
// again, under the same id.
func New(ctx context.Context, o Options) (*Notify, error) {
	if o.DB == nil || o.Feed == nil || o.People == nil {
		return nil, errors.New("notify: options need DB, Feed and People")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Language == "" {
		o.Language = Chinese
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("notify: migrations: %w", err)
	}
	if err := o.DB.Migrate(ctx, "notify", dir); err != nil {
		return nil, err
	}
	n := &Notify{o: o, lanes: map[string]*lane{}, wake: make(chan struct{}, 1)}
	n.stages = []stage{n.expire, n.dedupe, n.group, n.circuit, n.pace}
	for _, c := range o.Channels {
		l := newLane(c)
		if n.lanes[l.Type] != nil || l.Type == Desk || !known(l.Type) {
			return nil, fmt.Errorf("notify: channel %q is set up twice, or is none", l.Type)
		}
		n.lanes[l.Type] = l
		if l.recent, err = n.recent(ctx, l.Type); err != nil {
			return nil, err
		}
	}
	err = o.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE notify_delivery SET state = ? WHERE state = ?", Waiting, Sending)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("notify: take up letters: %w", err)
	}
	n.meter, err = newMeter(n, o.Metrics)
	return n, err
}

// now is the hub's time as the tables keep it.
func (n *Notify) now() time.Time { return n.o.Now().UTC().Truncate(time.Millisecond) }

// Committed says that a transaction with a notification has ended.
func (n *Notify) Committed() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}
