package doors

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Door is a door as the registry knows it.
type Door struct {
	ID, Name, Zone string
	Online         bool
	Mode           string // the rung that it last reported; "": it reports none
}

// Registry knows the doors.
type Registry interface {
	Doors(ctx context.Context) []Door
	// Scope are the areas that a fire input of a door in a zone releases.
	Scope(door, zone string) []string
	// Known reports whether there is such a zone; "" always is.
	Known(zone string) bool
}

// Commander orders commands to doors, and tells what they were and what became of
// them.
type Commander interface {
	Command(ctx context.Context, door, typ string, args any, ttl time.Duration, key, actor, ref string) (id string, err error)
	Find(ctx context.Context, id string) (Command, bool)
}

// Command is what became of one.
type Command struct {
	Type   string
	For    time.Duration // of an unlock; 0: the door's own
	Actor  string
	Done   bool
	Failed bool
	Error  string
}

// Journal takes what the hub concludes.
type Journal interface {
	Append(e event.Event, done func(seq uint64, dup bool, err error))
}

// Auditor keeps the trace of who did what.
type Auditor interface {
	Audit(ctx context.Context, tx *sql.Tx, actor, action, target string, detail any) error
}

// Options of New; all are needed but Location and Times.
type Options struct {
	DB       *db.DB
	Feed     *web.Feed
	Log      *slog.Logger
	Registry Registry
	Command  Commander
	Journal  Journal
	Audit    Auditor
	Schedule func(text string) (Schedule, error)
	Location *time.Location // of schedules; nil: UTC+8
	Times    Times          // zero: DefaultTimes
}

// Doors is the room.
type Doors struct {
	o    Options
	db   *db.DB
	feed *web.Feed
	log  *slog.Logger
	wake chan struct{}
	last atomic.Pointer[standing]
	work sync.Mutex // one working out at a time: the newest counts; taken before mu

	mu     sync.RWMutex
	states map[string]State
	causes []*Cause // that stand, by their beginning; replaced, never changed
	hours  map[string]Hours
	orders map[string]*order // of Run, under mu for those who look

	next    map[string]State // of the follower, until its transaction is known
	started []*Cause         // the same
	stopped []string
	said    map[string]bool // of Run: facts that are on their way to the journal
	saidMu  sync.Mutex
}

// standing is how all doors stood when it was last worked out.
type standing struct {
	rungs map[string]event.Rung // none: controlled
	doors map[string]Door
	why   map[string]*Cause
}

// New opens the tables and takes up what stood before.
func New(ctx context.Context, o Options) (*Doors, error) {
	if o.DB == nil || o.Feed == nil || o.Log == nil || o.Registry == nil || o.Command == nil || o.Journal == nil || o.Audit == nil || o.Schedule == nil {
		return nil, errors.New("doors: all options but Location and Times are needed")
	}
	if o.Location == nil {
		o.Location = time.FixedZone("UTC+8", 8*60*60)
	}
	if o.Times == (Times{}) {
		o.Times = DefaultTimes()
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("doors: %w", err)
	}
	if err := o.DB.Migrate(ctx, "doors", dir); err != nil {
		return nil, err
	}
	d := &Doors{
		o: o, db: o.DB, feed: o.Feed, log: o.Log, wake: make(chan struct{}, 1),
		states: map[string]State{}, hours: map[string]Hours{}, orders: map[string]*order{}, next: map[string]State{}, said: map[string]bool{},
	}
	d.last.Store(&standing{})
	if err := d.load(ctx); err != nil {
		return nil, err
	}
	d.stand(ctx, now())
	return d, nil
}

func (d *Doors) load(ctx context.Context) error {
	err := each(ctx, d.db.Read(), "SELECT door, state FROM doors_states", func(rows *sql.Rows) error {
		var id, text string
		var s State
		if err := rows.Scan(&id, &text); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			return fmt.Errorf("state of %s: %w", id, err)
		}
		d.states[id] = s
		return nil
	})
	if err != nil {
		return fmt.Errorf("doors: %w", err)
	}
	if d.causes, err = listCauses(ctx, d.db.Read(), "WHERE ended_at = 0 AND drill = 0 ORDER BY seq"); err != nil {
		return fmt.Errorf("doors: %w", err)
	}
	err = each(ctx, d.db.Read(), "SELECT door, schedule, first_in FROM doors_hours", func(rows *sql.Rows) error {
		var id string
		var h Hours
		if err := rows.Scan(&id, &h.Schedule, &h.FirstIn); err != nil {
			return err
		}
		var err error
		if h.when, err = d.o.Schedule(h.Schedule); err != nil {
			return fmt.Errorf("hours of %s: %w", id, err)
		}
		d.hours[id] = h
		return nil
	})
	if err != nil {
		return fmt.Errorf("doors: %w", err)
	}
	return nil
}

// Rung is the rung on which a door stands. It answers from memory, without a
// lock.
func (d *Doors) Rung(door string) event.Rung { return d.last.Load().rungs[door] }

func (d *Doors) known(door string) (Door, bool) {
	x, ok := d.last.Load().doors[door]
	return x, ok
}

// stand works out the rung of each door and returns what put it there.
func (d *Doors) stand(ctx context.Context, at time.Time) (doors []Door, why map[string]*Cause) {
	d.work.Lock()
	defer d.work.Unlock()
	doors = d.o.Registry.Doors(ctx)
	d.mu.RLock()
	causes := d.causes
	why = make(map[string]*Cause, len(doors))
	rungs, byID := map[string]event.Rung{}, make(map[string]Door, len(doors))
	local := at.In(d.o.Location)
	for i := range doors {
		x := &doors[i]
		byID[x.ID] = *x
		top := Top(causes, x.ID, x.Zone, at)
		if h, ok := d.hours[x.ID]; ok && top == nil {
			s := d.states[x.ID]
			if h.free(local, time.UnixMilli(s.GrantAt).In(d.o.Location)) {
				top = &Cause{ID: "hours-" + x.ID, Kind: ByHours, Rung: event.ScheduleFree.String(), Areas: []string{doorArea + x.ID}, Reason: h.Schedule, rung: event.ScheduleFree}
			}
		}
		if top != nil {
			why[x.ID], rungs[x.ID] = top, top.rung
		}
	}
	d.mu.RUnlock()
	d.last.Store(&standing{rungs, byID, why})
	return doors, why
}

func (d *Doors) nudge() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func rungOf(c *Cause) event.Rung {
	if c == nil {
		return event.Controlled
	}
	return c.rung
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
