package ladder

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
	"time"

	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// World is what the ladder acts on and by what it sees the proof.
type World interface {
	// Place is where a cabinet stands and what is around.
	Place(ctx context.Context, device string) (Place, error)
	// Command orders something; the same key again gets the same command.
	Command(ctx context.Context, device, typ string, args any, ttl time.Duration, key, ref string) (id string, err error)
	// Answer is what a device has said to a command.
	Answer(ctx context.Context, command string) Answer
	// Broadcast speaks in zones; the same key again speaks once.
	Broadcast(ctx context.Context, zones []string, text event.Text, key, ref string) (id string, err error)
	// Heard tells on how many of the loudspeakers that were meant it plays or played.
	Heard(ctx context.Context, broadcast string) (playing, of int, err error)
	// Release unlocks doors of zones for rescuers.
	Release(ctx context.Context, zones []string, reason, key string) (id string, err error)
	// Released tells how many of the doors that were meant are on their rung.
	Released(ctx context.Context, cause string) (confirmed, of int, err error)
	// Lit reports whether a lamp says that it burns at full power.
	Lit(ctx context.Context, lamp string) bool
}

// Answer is what a device has said to a command.
type Answer struct {
	Done   bool
	Watts  *float64 // the power that it still reads, where it says so
	Failed string   // why it was refused or never came
}

// ErrNever is in the error of a World for what no other attempt will bring about, as a
// broadcast where no loudspeaker stands: the step has failed, and says so at once.
var ErrNever = errors.New("it can't be done here")

// Options of New; all are needed but Cut.
type Options struct {
	DB    *db.DB
	Feed  *web.Feed
	Log   *slog.Logger
	World World
	Zone  *time.Location
	// Note writes into the journal of an alarm.
	Note func(ctx context.Context, tx *sql.Tx, alarm, what, text string) error
	// Cut hears of every socket from the moment on from which the hub takes its
	// power away; "" is all of a cabinet.
	Cut func(ctx context.Context, tx *sql.Tx, device, part string, at time.Time) error
}

// Ladder carries reactions out.
type Ladder struct {
	o    Options
	wake chan struct{}

	mu       sync.Mutex
	open     []*reaction
	readings map[string]reading // by device/part: the newest
}

type reading struct {
	at    time.Time // by the hub's clock
	watts float64
	known bool // it has a power
}

// reaction is one rung at one place, with how far it has come.
type reaction struct {
	ID, Alarm, Device, Part string
	Rung                    Rung
	Began                   time.Time
	Place                   Place
	Steps                   []*progress
}

// State of a step.
type State string

// The states.
const (
	Waiting State = "waiting"
	Sent    State = "sent"
	Proved  State = "proved"
	Failed  State = "failed"
	Skipped State = "skipped" // was not needed
)

type progress struct {
	Step
	State State     `json:"state" enum:"waiting,sent,proved,failed,skipped"`
	Sent  time.Time `json:"sent_at" format:"date-time"`
	Ref   string    `json:"ref"`
	At    time.Time `json:"at" format:"date-time"`
	Proof string    `json:"proof"`

	busy  bool
	tries int    // that were refused; of the one who has it busy
	told  string // why, as it was logged last
}

func (p *progress) over() bool { return p.State == Proved || p.State == Failed || p.State == Skipped }

// New opens the tables and takes up what was under way.
func New(ctx context.Context, o Options) (*Ladder, error) {
	if o.DB == nil || o.Feed == nil || o.Log == nil || o.World == nil || o.Note == nil || o.Zone == nil {
		return nil, errors.New("charger ladder: all options but Cut are needed")
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("charger ladder: %w", err)
	}
	if err := o.DB.Migrate(ctx, "charger_ladder", dir); err != nil {
		return nil, err
	}
	l := &Ladder{o: o, wake: make(chan struct{}, 1), readings: map[string]reading{}}
	if l.open, err = l.load(ctx); err != nil {
		return nil, fmt.Errorf("charger ladder: %w", err)
	}
	return l, nil
}

// Begin takes a reaction up. It returns when that is on disk; Run does the rest.
// The same id again begins nothing.
func (l *Ladder) Begin(ctx context.Context, id, alarm string, r Rung, device, part string) error {
	place, err := l.o.World.Place(ctx, device)
	if err != nil {
		return fmt.Errorf("charger ladder: %s: %w", device, err)
	}
	x := &reaction{ID: id, Alarm: alarm, Device: device, Part: part, Rung: r, Began: now(), Place: place}
	for _, s := range Plan(r, &place, part) {
		x.Steps = append(x.Steps, &progress{Step: s, State: Waiting})
	}
	again := false
	err = l.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		again, err = l.insert(ctx, tx, x)
		if err != nil || again {
			return err
		}
		return l.cutting(ctx, tx, x)
	})
	if err != nil || again {
		return err
	}
	l.mu.Lock()
	l.open = append(l.open, x)
	l.mu.Unlock()
	l.nudge()
	return nil
}

// cutting writes down what the hub is about to take the power from: from here on
// nothing is billed, and nothing is restored before somebody was there.
func (l *Ladder) cutting(ctx context.Context, tx *sql.Tx, x *reaction) error {
	for _, p := range x.Steps {
		if p.Kind != Cut && (p.Kind != Feeder || p.If != "") {
			continue
		}
		if err := l.took(ctx, tx, cutOff{x.Device, p.Part, x.Alarm, x.Began}); err != nil {
			return err
		}
	}
	return nil
}

// Ordered notes a cut that somebody orders past the ladder, a person or a rule: it too
// ends what is billed, and is restored by nobody who was not there. part "" is the whole
// cabinet.
func (l *Ladder) Ordered(ctx context.Context, device, part string) error {
	if errors.Is(l.standing(ctx, device, part), ErrNotReset) {
		return nil // the ladder's own, or ordered again
	}
	err := l.o.DB.Tx(ctx, func(tx *sql.Tx) error { return l.took(ctx, tx, cutOff{device, part, "", now()}) })
	if err != nil {
		return fmt.Errorf("charger ladder: %w", err)
	}
	return nil
}

// cutOff is what the hub takes the power from.
type cutOff struct {
	Device, Part, Alarm string
	Began               time.Time
}

func (l *Ladder) took(ctx context.Context, tx *sql.Tx, x cutOff) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO charger_cuts(device, part, at, alarm) VALUES (?, ?, ?, ?)
		ON CONFLICT(device, part) DO UPDATE SET at = excluded.at, alarm = excluded.alarm, reset_at = 0 WHERE reset_at > 0`,
		x.Device, x.Part, x.Began.UnixMilli(), x.Alarm)
	if err != nil || l.o.Cut == nil {
		return err
	}
	return l.o.Cut(ctx, tx, x.Device, x.Part, x.Began)
}

// Handle takes readings and the resets on site, in the transaction of the
// journal's follower.
func (l *Ladder) Handle(ctx context.Context, tx *sql.Tx, evs []event.Event) error {
	for i := range evs {
		ev := &evs[i]
		if ev.Kind != event.Charger {
			continue
		}
		l.See(ev)
		if !isReset(ev) {
			continue
		}
		at := ev.ReceivedAt
		if ev.Late { // it waited in the cabinet: who turned the key may have done so before the cut
			at = ev.At
		}
		_, err := tx.ExecContext(ctx, "UPDATE charger_cuts SET reset_at = ? WHERE device = ? AND (part = ? OR part = '') AND reset_at = 0 AND at <= ?",
			at.UnixMilli(), ev.Device, ev.Part, at.UnixMilli())
		if err != nil {
			return fmt.Errorf("charger ladder: %w", err)
		}
	}
	return nil
}

// isReset reports whether the cabinet says that somebody was on site and turned
// its key.
func isReset(ev *event.Event) bool { return ev.Channel == event.Happening && ev.Type == "reset" }

// Restorable says why a socket must not have power again; nil when it may. part ""
// is the whole cabinet.
func (l *Ladder) Restorable(ctx context.Context, device, part string) error {
	var n int
	err := l.o.DB.Read().QueryRowContext(ctx, "SELECT count(*) FROM charger_cuts WHERE device = ? AND (part = ? OR part = '' OR ? = '') AND reset_at = 0",
		device, part, part).Scan(&n)
	if err != nil {
		return fmt.Errorf("charger ladder: %w", err)
	}
	if n > 0 {
		return ErrNotReset
	}
	return nil
}

// standing is Restorable for exactly what was cut.
func (l *Ladder) standing(ctx context.Context, device, part string) error {
	var n int
	err := l.o.DB.Read().QueryRowContext(ctx, "SELECT count(*) FROM charger_cuts WHERE device = ? AND part = ? AND reset_at = 0", device, part).Scan(&n)
	if err == nil && n > 0 {
		return ErrNotReset
	}
	return err
}

// ErrNotReset is for what was cut and nobody has looked at.
var ErrNotReset = errors.New("it was cut for safety and nobody has reset it on site")

// See takes a reading, from the journal or from what comes without it. One that waited
// in the cabinet, or in the journal while newer ones came past it, proves nothing.
func (l *Ladder) See(ev *event.Event) {
	if ev.Kind != event.Charger || ev.Channel != event.Telemetry && ev.Channel != event.Reply {
		return
	}
	var r struct {
		Power *float64 `json:"power_w"`
	}
	if ev.Channel == event.Telemetry {
		if json.Unmarshal(ev.Data, &r) != nil || r.Power == nil {
			return
		}
		if ev.Late {
			return
		}
		l.mu.Lock()
		if key := ev.Device + "/" + ev.Part; !ev.ReceivedAt.Before(l.readings[key].at) {
			l.readings[key] = reading{ev.ReceivedAt, *r.Power, true}
		}
		busy := len(l.open) > 0
		l.mu.Unlock()
		if !busy {
			return
		}
	}
	l.nudge()
}

func (l *Ladder) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
