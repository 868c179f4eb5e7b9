package charging

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

// Payments moves money. The same key again moves nothing and gets the same answer.
// ErrDeclined is final; any other error may hide that it was done.
type Payments interface {
	Pay(ctx context.Context, key, person string, amount Fen) error
	// Refund gives back a part of what was paid under a key.
	Refund(ctx context.Context, key, payment string, amount Fen) error
}

// Errors of Payments.
var (
	ErrDeclined  = errors.New("the payment was declined")
	ErrNoPayment = errors.New("nothing was paid under this key")
)

// Cabinets start and stop sockets.
type Cabinets interface {
	Command(ctx context.Context, device, typ string, args any, ttl time.Duration, key, actor, ref string) (id string, err error)
	// Fate is how far a command has come.
	Fate(ctx context.Context, command string) Fate
	// Ports lists what can be charged at, and its state.
	Ports(ctx context.Context) []Port
}

// Fate of a command.
type Fate string

// The fates.
const (
	Open    Fate = "open"    // it may still be carried out
	Carried Fate = "carried" // the cabinet says that it has done it
	Lapsed  Fate = "lapsed"  // its time has passed; a cabinet that was cut off may have done it
	Refused Fate = "refused" // the cabinet will not do it
)

// Port is a socket as a resident sees it.
type Port struct {
	Device string `json:"device"`
	Name   string `json:"name" doc:"of the shed"`
	Zone   string `json:"zone"`
	Part   string `json:"part"`
	State  string `json:"state" doc:"as the cabinet says: idle, charging, full, stopped, cut"`
	Online bool   `json:"online"`
}

// Journal takes what is wrong with a meter.
type Journal interface {
	Append(e event.Event, done func(seq uint64, dup bool, err error))
}

// Options of New; all are needed but Payments.
type Options struct {
	DB       *db.DB
	Feed     *web.Feed
	Log      *slog.Logger
	Cabinets Cabinets
	Journal  Journal
	Payments Payments // nil: nobody can start a session from the hub
	Tariff   Tariff
	Deposit  Fen
	// Suspect says why a battery or its user must not charge.
	Suspect func(person, battery string) (why string, bad bool)
}

// Charging is the room.
type Charging struct {
	o    Options
	wake chan struct{}
	news []event.Event // what Handle found, told when it is committed
	up   time.Time     // since when it is here to hear of anything

	mu   sync.Mutex
	live map[string]lately    // by cabinet/socket: the newest reading that is not in the journal
	idle map[string]time.Time // by cabinet/socket: since when it says that nothing is plugged in
}

// New opens the tables.
func New(ctx context.Context, o Options) (*Charging, error) {
	if o.DB == nil || o.Feed == nil || o.Log == nil || o.Cabinets == nil || o.Journal == nil || o.Suspect == nil {
		return nil, errors.New("charging: all options but Payments are needed")
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("charging: %w", err)
	}
	if err := o.DB.Migrate(ctx, "charging", dir); err != nil {
		return nil, err
	}
	return &Charging{o: o, up: time.Now(), wake: make(chan struct{}, 1), live: map[string]lately{}, idle: map[string]time.Time{}}, nil
}

// State of a session.
type State string

// The states.
const (
	Paying    State = "paying"
	Unpaid    State = "unpaid"
	Starting  State = "starting"
	Running   State = "charging"
	Refunding State = "refunding"
	Owing     State = "owing" // by card: paid afterwards
	Settled   State = "settled"
)

// Session is one bike at one socket.
type Session struct {
	ID          string     `json:"id"`
	Device      string     `json:"device"`
	Part        string     `json:"part"`
	Person      string     `json:"person"`
	Battery     string     `json:"battery"`
	State       State      `json:"state" enum:"paying,unpaid,starting,charging,refunding,owing,settled"`
	Reason      string     `json:"reason" doc:"why it ended: full, limit, stopped, unplugged, safety_cut …"`
	AskedAt     time.Time  `json:"asked_at"`
	StartedAt   *time.Time `json:"started_at"`
	EndedAt     *time.Time `json:"ended_at"`
	CutAt       *time.Time `json:"cut_at" doc:"cut for safety; nothing after it is billed"`
	EnergyMWh   Energy     `json:"energy_mwh" doc:"milliwatt-hours"`
	Tariff      Tariff     `json:"tariff"`
	Deposit     Fen        `json:"deposit_fen"`
	Electricity Fen        `json:"electricity_fen"`
	Service     Fen        `json:"service_fen"`
	Refund      Fen        `json:"refund_fen"`
	Due         Fen        `json:"due_fen" doc:"still to be paid"`
	Flags       string     `json:"flags" doc:"what was wrong with the meter"`

	counter   Energy
	countedAt int64  // of the cabinet's clock
	heardAt   int64  // of the hub's
	credit    Energy // that the meter may tell beyond what the socket gives
	high      Energy // counter before it went back
	command   string
	tries     int
	cutAt     int64
}

func (c *Charging) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Tell leaves a notice for a resident, in the caller's transaction; the same id
// again leaves none.
func (c *Charging) Tell(ctx context.Context, tx *sql.Tx, id, person string, text event.Text) error {
	if person == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO charging_notices(id, person, at, text_zh, text_en) VALUES (?, ?, ?, ?, ?)",
		id, person, time.Now().UnixMilli(), text.ZH, text.EN)
	return err
}

// Cut ends the sessions of a socket, or of a cabinet, at the moment from which the
// hub takes their power away for safety.
func (c *Charging) Cut(ctx context.Context, tx *sql.Tx, device, part string, at time.Time) error {
	all, err := list(ctx, tx, "WHERE device = ? AND (part = ? OR ? = '') AND state IN ('starting', 'charging')", device, part, part)
	if err != nil {
		return err
	}
	for _, s := range all {
		if r, ok := c.latest(s); ok && !r.ev.ReceivedAt.After(at) {
			(&Charging{o: c.o}).count(s, &r.ev, &r.said)
		}
		s.cutAt = at.UnixMilli()
		if err := c.end(ctx, tx, s, "safety_cut", at); err != nil {
			return err
		}
		err := c.Tell(ctx, tx, "cut-"+s.ID, s.Person, event.Text{
			ZH: "为了安全，您的充电已被切断。只收到切断为止的电费，余款退回。请不要自行插拔，物业会联系您。",
			EN: "Your charging was cut for safety. You pay up to that moment only, the rest is returned. Do not touch the plug; the property office calls you.",
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// end makes the bill: the only place where it is made.
func (c *Charging) end(ctx context.Context, tx *sql.Tx, s *Session, reason string, at time.Time) error {
	s.Electricity, s.Service = s.Tariff.Bill(s.EnergyMWh)
	bill := s.Electricity + s.Service
	s.Refund, s.Due, s.State = 0, 0, Refunding
	if s.Deposit > 0 {
		s.Refund = max(s.Deposit-bill, 0) // what went beyond the deposit is the cabinet's fault
	} else {
		s.Due, s.State = bill, Owing
	}
	if s.Refund == 0 && s.Due == 0 {
		s.State = Settled
	}
	s.Reason, s.tries = reason, 0
	res, err := tx.ExecContext(ctx, `UPDATE charging_sessions SET state = ?, reason = ?, ended_at = ?, cut_at = ?, used = ?, counter = ?, counted_at = ?,
		heard_at = ?, credit = ?, high = ?, electricity = ?, service = ?, refund = ?, due = ?, flags = ?, tries = 0, next_at = 0 WHERE id = ? AND state IN ('starting', 'charging')`,
		string(s.State), reason, at.UnixMilli(), s.cutAt, int64(s.EnergyMWh), int64(s.counter), s.countedAt, s.heardAt, int64(s.credit), int64(s.high),
		int64(s.Electricity), int64(s.Service), int64(s.Refund), int64(s.Due), s.Flags, s.ID)
	if err != nil {
		return fmt.Errorf("charging: end %s: %w", s.ID, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	return c.show(ctx, tx, s)
}

func (c *Charging) show(ctx context.Context, tx *sql.Tx, s *Session) error {
	_, err := c.o.Feed.Append(ctx, tx, "charging", map[string]any{"id": s.ID, "device": s.Device, "part": s.Part, "state": s.State})
	return err
}

// wrong tells the journal about a meter, once a session and reason.
func (c *Charging) wrong(s *Session, ev *event.Event, code string) {
	data, err := json.Marshal(map[string]any{"code": code, "grade": "meter", "by": "hub", "active": true})
	if err != nil {
		return
	}
	c.news = append(c.news, event.Event{
		ID: "hub-" + code + "-" + s.ID, Device: s.Device, Kind: event.Charger, Zone: ev.Zone, Channel: event.Happening, Type: "anomaly", Part: s.Part,
		At: ev.ReceivedAt, ReceivedAt: ev.ReceivedAt, Data: data,
	})
}

// Committed tells what Handle has found.
func (c *Charging) Committed() {
	for _, e := range c.news {
		c.o.Journal.Append(e, func(_ uint64, _ bool, err error) {
			if err != nil {
				c.o.Log.Error("charging: fault of a meter not told", "device_id", e.Device, "err", err)
			}
		})
	}
	if c.news = c.news[:0]; true {
		c.nudge()
	}
}
