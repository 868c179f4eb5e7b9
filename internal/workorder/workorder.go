package workorder

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Errors that callers tell apart.
var (
	ErrInvalid  = errors.New("invalid")
	ErrNotFound = errors.New("not found")
	ErrTaken    = errors.New("somebody else has this order")
	ErrDone     = errors.New("the order is done")
	ErrNotTaken = errors.New("take the order first")
	ErrTooMany  = errors.New("too many requests are open")
)

// Staff knows who can be given an order.
type Staff interface {
	// Crew returns accounts and their names.
	Crew(ctx context.Context) (map[string]string, error)
}

// Options of New. Staff may be nil: then orders can be taken but not given.
type Options struct {
	DB    *db.DB
	Feed  *web.Feed
	Log   *slog.Logger
	Staff Staff
	Proof Proof // nil: a word is enough
}

// Orders is the room.
type Orders struct {
	db    *db.DB
	feed  *web.Feed
	log   *slog.Logger
	staff Staff
	proof Proof
}

// New brings the tables up to date.
func New(o Options) (*Orders, error) {
	if o.DB == nil || o.Feed == nil || o.Log == nil {
		return nil, errors.New("workorder: options need DB, Feed and Log")
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("workorder: %w", err)
	}
	if err := o.DB.Migrate(context.Background(), "workorder", dir); err != nil {
		return nil, err
	}
	return &Orders{db: o.DB, feed: o.Feed, log: o.Log, staff: o.Staff, proof: o.Proof}, nil
}

// State of an order.
type State string

// The states.
const (
	Open     State = "open"
	Taken    State = "taken"
	Checking State = "checking" // said to be done; its meter has to show it
	Done     State = "done"
)

// Source says where an order comes from.
type Source string

// The sources.
const (
	FromAlarmSource   Source = "alarm"
	FromRequestSource Source = "request"
	FromDeskSource    Source = "manual"
)

// Order is a work order.
type Order struct {
	ID           string         `json:"id"`
	Number       int64          `json:"number"` // to speak of it on the phone
	Priority     event.Priority `json:"priority"`
	Title        event.Text     `json:"title"`
	Device       string         `json:"device"`
	Part         string         `json:"part"`
	Devices      []string       `json:"devices"` // of one cause: the lamps of a feeder
	Zone         string         `json:"zone"`
	State        State          `json:"state"`
	Assignee     string         `json:"assignee"` // account; "" while nobody has it
	AssigneeName string         `json:"assignee_name"`
	Source       Source         `json:"source"`
	Alarm        string         `json:"alarm,omitempty"`
	Request      string         `json:"request,omitempty"`
	DueAt        time.Time      `json:"due_at"`
	CreatedAt    time.Time      `json:"created_at"`
	UpdatedAt    time.Time      `json:"updated_at"`
	DoneAt       *time.Time     `json:"done_at,omitempty"`
	CheckUntil   *time.Time     `json:"check_until,omitempty"` // of checking: after that the order goes back to who had it
	Photos       []Photo        `json:"photos,omitempty"`      // with a single order; not in lists
	Log          []Entry        `json:"log,omitempty"`         // with a single order; not in lists
}

// What happened to an order.
const (
	Created  = "created"
	TakenUp  = "taken"
	Assigned = "assigned"
	Comment  = "comment"
	Finished = "done"
	Claimed  = "claimed" // said to be done, not yet proven
	Proven   = "proven"
	Bounced  = "bounced" // nothing showed it: back to who had it
	Linked   = "linked"
)

// Entry is a row of an order's log.
type Entry struct {
	At        time.Time `json:"at"`
	Actor     string    `json:"actor"`
	ActorName string    `json:"actor_name"`
	What      string    `json:"what"`
	Text      string    `json:"text"`
}

// due is the time allowed from the start, by priority: danger under control in
// two hours, urgent repair in a day, an ordinary one in two, a wish in a week.
func due(p event.Priority) time.Duration {
	switch p {
	case event.Critical:
		return 2 * time.Hour
	case event.High:
		return 24 * time.Hour
	case event.Medium:
		return 48 * time.Hour
	case event.Low:
	}
	return 7 * 24 * time.Hour
}

// maxText bounds what somebody writes, in bytes.
const maxText = 4000

func checkText(s string) error {
	if strings.TrimSpace(s) == "" || len(s) > maxText {
		return fmt.Errorf("%w: text must have 1 to %d bytes", ErrInvalid, maxText)
	}
	return nil
}

// headline shortens a text to a title.
func headline(s string) event.Text {
	const most = 60 // characters; one line on a phone
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		s = string(r[:most-1]) + "…"
	}
	return event.Text{ZH: s, EN: s} // what somebody wrote is not translated
}

func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()[:13]) }

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
