package lighting

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Lamp is a lamp pole as the registry has it.
type Lamp struct {
	ID, Name, Zone string
	Feeder         string // what it hangs on; "" unknown
	Online, Fault  bool
	InSync         bool    // it has reported what is desired of it
	Cut            bool    // its supply was taken away: it is dark on purpose
	Power          Reading // watts
	Dim            Reading // per cent
	Lux            Reading
}

// Reading is a value and when it was measured; zero time: never.
type Reading struct {
	V  float64
	At time.Time
}

// Lamps is the registry.
type Lamps interface {
	Lamps(ctx context.Context) []Lamp
	// Desire sets members of what a lamp is wanted to be.
	Desire(ctx context.Context, lamp string, members map[string]any) error
}

// Reporter puts what the room sees into the journal, as an event of the lamp.
type Reporter interface {
	Report(ctx context.Context, id, device, typ string, data json.RawMessage, at time.Time) error
}

// Auditor keeps a record of what was changed.
type Auditor interface {
	Audit(ctx context.Context, tx *sql.Tx, actor, action, target string, detail any) error
}

// Meter knows what a lamp took.
type Meter interface {
	// Energy is the work in Wh, by hours that begin in [from, to).
	Energy(ctx context.Context, lamp string, from, to time.Time) (map[time.Time]float64, error)
}

// Options of New. DB, Feed, Lamps and Place are needed.
type Options struct {
	DB     *db.DB
	Feed   *web.Feed
	Lamps  Lamps
	Report Reporter // nil: faults are shown and not reported
	Audit  Auditor  // nil: none
	Meter  Meter    // nil: no energy
	Place  Place
	Zone   *time.Location // nil: UTC
	Log    *slog.Logger
	Now    func() time.Time // nil: time.Now
}

// Lighting is the room.
type Lighting struct {
	o    Options
	kick chan struct{}

	mu        sync.Mutex
	plan      Plan
	version   uint64
	overrides []Override
	wanted    map[string]string  // lamp → what was desired of it last, as text
	curves    map[string][]Point // by calendar, of the night in curvesOf
	curvesOf  Date
	faults    map[faultKey]bool    // reported and not over
	heard     bool                 // an SOS in the transaction that runs
	suspect   map[faultKey]Reading // seen once, not yet reported
	levels    map[string]level     // by lamp: what was wanted of it at the last look
}

// New opens the tables and reads the plan.
func New(ctx context.Context, o Options) (*Lighting, error) {
	if o.DB == nil || o.Feed == nil || o.Lamps == nil {
		return nil, errors.New("lighting: options need DB, Feed and Lamps")
	}
	if o.Place.Latitude < -90 || o.Place.Latitude > 90 || o.Place.Longitude < -180 || o.Place.Longitude > 180 {
		return nil, fmt.Errorf("lighting: place %v: latitude from -90 to 90 and longitude from -180 to 180 are wanted", o.Place)
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("lighting: migrations: %w", err)
	}
	if err := o.DB.Migrate(ctx, "lighting", dir); err != nil {
		return nil, err
	}
	l := &Lighting{o: o, kick: make(chan struct{}, 1), wanted: map[string]string{}, faults: map[faultKey]bool{}, suspect: map[faultKey]Reading{}, levels: map[string]level{}}
	return l, l.load(ctx)
}

func (l *Lighting) now() time.Time { return l.o.Now().UTC().Truncate(time.Millisecond) }

// wake lets Run look at once.
func (l *Lighting) wake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// SetPlan replaces the plan; version is the one that the caller has seen.
func (l *Lighting) SetPlan(ctx context.Context, actor string, p Plan, version uint64) error {
	if wrong := p.check(); len(wrong) > 0 {
		return bad("lighting.bad_plan", strings.Join(wrong, "; "))
	}
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("lighting: encode plan: %w", err)
	}
	err = l.change(ctx, actor, "lighting.plan", "", map[string]int{"programmes": len(p.Programmes), "groups": len(p.Groups)}, func(tx *sql.Tx) error {
		var now uint64
		err := tx.QueryRowContext(ctx, "SELECT version FROM lighting_plan").Scan(&now)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if now != version {
			return errVersion
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO lighting_plan(id, version, data) VALUES (1, ?, ?) ON CONFLICT(id) DO UPDATE SET version = excluded.version, data = excluded.data", version+1, string(data))
		return err
	})
	if errors.Is(err, errVersion) {
		return web.Fail(409, "lighting.version", "somebody has changed the plan meanwhile: load it again")
	}
	return err
}

var errVersion = errors.New("the plan has another version")

// change writes a change with its record and its entry in the feed, and takes it
// over.
func (l *Lighting) change(ctx context.Context, actor, action, target string, detail any, write func(tx *sql.Tx) error) error {
	err := l.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		if err := write(tx); err != nil {
			return err
		}
		if l.o.Audit != nil && actor != "" {
			if err := l.o.Audit.Audit(ctx, tx, actor, action, target, detail); err != nil {
				return err
			}
		}
		_, err := l.o.Feed.Append(ctx, tx, "lighting", map[string]string{"change": strings.TrimPrefix(action, "lighting."), "target": target})
		return err
	})
	if err != nil {
		if p, ok := errors.AsType[*web.Problem](err); ok {
			return p
		}
		return fmt.Errorf("lighting: %s: %w", action, err)
	}
	if err := l.load(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	l.wake()
	return l.o.Feed.Committed(ctx)
}

// lampsOf are the lamps of a target and what says that it is there.
func (l *Lighting) lampsOf(ctx context.Context, target string) (ids []string, ok bool) {
	l.mu.Lock()
	plan := l.plan
	l.mu.Unlock()
	kind, id, _ := strings.Cut(target, ":")
	if kind == "group" {
		ok = slices.ContainsFunc(plan.Groups, func(g Group) bool { return g.ID == id })
	}
	for _, x := range l.o.Lamps.Lamps(ctx) {
		if g := plan.group(&x); kind == "lamp" && x.ID == id || kind == "group" && g != nil && g.ID == id {
			ids, ok = append(ids, x.ID), true
		}
	}
	return ids, ok
}

func bad(code, what string) error { return web.Fail(422, code, what) }
