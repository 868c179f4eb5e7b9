package guard

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"dongyue/devices/charger/curve"
	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Journal takes what the guard finds.
type Journal interface {
	Append(e event.Event, done func(seq uint64, dup bool, err error))
}

// Options of New; all are needed but Limits and Suspected.
type Options struct {
	DB      *db.DB
	Feed    *web.Feed
	Journal Journal
	Log     *slog.Logger
	Limits  curve.Limits // zero: curve.Default
	// Connected reports whether a cabinet is there: one that is away is silent for
	// another reason.
	Connected func(device string) bool
	// Suspected is told of a new suspect, in its transaction.
	Suspected func(ctx context.Context, tx *sql.Tx, s Suspect) error
}

// Guard is the room.
type Guard struct {
	o      Options
	limits curve.Limits

	mu       sync.Mutex
	sheds    map[string]*shed
	suspects map[string]Suspect // that stand
	known    map[string]curve.Known
	pending  []func() // what memory learns with the commit
}

// shed is a cabinet with its sockets.
type shed struct {
	zone  string
	boot  string // of the cabinet when it came last
	air   curve.Air
	gas   bool
	fire  bool // told of two sockets that heat beside each other
	ports map[string]*port
}

// port is a socket's session.
type port struct {
	curve.Port
	subject string
	began   int64     // ms; 0: nothing charges
	heard   time.Time // by the hub's clock
	silent  bool      // told
	warm    time.Time // when its plug's temperature was heard of, by the hub's clock; zero: never
	cold    bool      // told that it is not
	heating int64     // ms since when it warms fast
	told    curve.Code
	last    *port // the session that the socket's own word has ended, until the cabinet's event says so
}

// New opens the register.
func New(ctx context.Context, o Options) (*Guard, error) {
	if o.DB == nil || o.Feed == nil || o.Journal == nil || o.Log == nil || o.Connected == nil {
		return nil, errors.New("charger guard: DB, Feed, Journal, Log and Connected are needed")
	}
	if o.Limits == (curve.Limits{}) {
		o.Limits = curve.Default()
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("charger guard: %w", err)
	}
	if err := o.DB.Migrate(ctx, "charger_guard", dir); err != nil {
		return nil, err
	}
	g := &Guard{o: o, limits: o.Limits, sheds: map[string]*shed{}, suspects: map[string]Suspect{}, known: map[string]curve.Known{}}
	if err := g.load(ctx); err != nil {
		return nil, fmt.Errorf("charger guard: %w", err)
	}
	return g, nil
}

func (g *Guard) shedOf(ev *event.Event) *shed {
	s := g.sheds[ev.Device]
	if s == nil {
		s = &shed{ports: map[string]*port{}}
		g.sheds[ev.Device] = s
	}
	s.zone = ev.Zone
	return s
}

func (s *shed) port(part string) *port {
	p := s.ports[part]
	if p == nil {
		p = &port{}
		s.ports[part] = p
	}
	return p
}

// Run watches for sockets that fall silent while they charge, until ctx ends.
func (g *Guard) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			g.listen(now)
		}
	}
}

// silence is how long a charging socket may say nothing: cabinets report at least
// every 10 s.
const silence = 15 * time.Second

func (g *Guard) listen(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, s := range g.sheds {
		for part, p := range s.ports {
			if p.began == 0 || p.silent || !p.Charging() || now.Sub(p.heard) <= silence || !g.o.Connected(id) {
				continue
			}
			p.silent = true
			g.say(id, s.zone, part, "silent", p.heard.UnixMilli(), now, nil)
		}
	}
}
