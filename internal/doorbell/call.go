package doorbell

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// States of a call. Ringing and Answered go on.
const (
	Ringing  = "ringing"
	Answered = "answered"
	Opened   = "opened"
	Refused  = "refused"
	Ended    = "ended" // answered, and nothing came of it
	Missed   = "missed"
)

// Call is a ring at a door.
type Call struct {
	ID, Door, Event, DoorName, Unit, Flat, Camera string
	Visitor                                       string // whose pass was shown; empty: somebody rang
	RungAt, Until                                 time.Time
	State, AnsweredBy                             string // AnsweredBy is a person
	AnsweredAt, EndedAt                           *time.Time
}

func (c *Call) over() bool { return c.EndedAt != nil }

// Shown is a call as one of those who were rung sees it.
type Shown struct {
	ID       string    `json:"id"`
	Door     string    `json:"door"`
	DoorName string    `json:"door_name"`
	Visitor  string    `json:"visitor,omitempty" doc:"whose pass was shown at the door, where the host is asked"`
	State    string    `json:"state" enum:"ringing,answered,opened,refused,ended,missed"`
	RungAt   time.Time `json:"rung_at"`
	Until    time.Time `json:"until" doc:"the call ends by itself then, and with it the picture"`
	Server   time.Time `json:"server" doc:"the hub's clock"`
	Picture  string    `json:"picture,omitempty" doc:"WHEP endpoint of the door's camera, while the reader may look" example:"/whep/call/…"`
	Mine     bool      `json:"mine" doc:"the reader has answered"`
}

// shownTo is what a person sees of a call. While it rings everybody at home may look
// who is there; then only who answered.
func (c *Call) shownTo(person string) Shown {
	s := Shown{ID: c.ID, Door: c.Door, DoorName: c.DoorName, Visitor: c.Visitor, State: c.State, RungAt: c.RungAt, Until: c.Until, Server: now(), Mine: c.AnsweredBy == person}
	if c.Camera != "" && c.visibleTo(person, s.Server) {
		s.Picture = "/whep/call/" + c.ID
	}
	return s
}

func (c *Call) visibleTo(person string, at time.Time) bool {
	return !c.over() && at.Before(c.Until) && (c.State == Ringing || c.AnsweredBy == person)
}

const columns = "SELECT id, door, event, door_name, unit, flat, camera, rung_at, until, state, answered_by, answered_at, ended_at, visitor FROM doorbell_calls c "

// reader is a transaction or the database.
type reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// list reads the calls that a clause of SQL selects.
func list(ctx context.Context, from reader, clause string, args ...any) (cs []Call, err error) {
	rows, err := from.QueryContext(ctx, columns+clause, args...)
	if err != nil {
		return nil, fmt.Errorf("read calls: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c Call
		var rung, until, answered, ended int64
		if err := rows.Scan(&c.ID, &c.Door, &c.Event, &c.DoorName, &c.Unit, &c.Flat, &c.Camera, &rung, &until, &c.State, &c.AnsweredBy, &answered, &ended, &c.Visitor); err != nil {
			return nil, fmt.Errorf("read calls: %w", err)
		}
		c.RungAt, c.Until, c.AnsweredAt, c.EndedAt = time.UnixMilli(rung).UTC(), time.UnixMilli(until).UTC(), at(answered), at(ended)
		cs = append(cs, c)
	}
	return cs, rows.Err()
}

// of is the clause of the calls that a person was rung by.
const of = "JOIN doorbell_rung r ON r.call = c.id WHERE r.person = ? "

// CallsOf lists the calls that a person was rung by, newest first.
func (b *Doorbell) CallsOf(ctx context.Context, person string, limit int) ([]Call, error) {
	return list(ctx, b.db.Read(), of+"ORDER BY c.rowid DESC LIMIT ?", person, limit)
}

// ForgetPerson takes a person out of the log.
func (b *Doorbell) ForgetPerson(ctx context.Context, tx *sql.Tx, person string) error {
	for _, q := range []string{
		"UPDATE doorbell_calls SET answered_by = '', answered_at = 0 WHERE answered_by = ?",
		"DELETE FROM doorbell_rung WHERE person = ?",
	} {
		if _, err := tx.ExecContext(ctx, q, person); err != nil {
			return fmt.Errorf("forget calls: %w", err)
		}
	}
	return nil
}

// find reads one call of a person; another's is as unknown as one that does not exist.
func (b *Doorbell) find(ctx context.Context, from reader, person, id string) (Call, error) {
	cs, err := list(ctx, from, of+"AND c.id = ?", person, id)
	if err != nil {
		return Call{}, err
	}
	if len(cs) == 0 || !b.o.Homes.At(person, cs[0].Unit, cs[0].Flat) {
		return Call{}, ErrNotFound
	}
	return cs[0], nil
}

// save writes what may change of a call, and tells the screens of the home.
func (b *Doorbell) save(ctx context.Context, tx *sql.Tx, c *Call) error {
	_, err := tx.ExecContext(ctx, "UPDATE doorbell_calls SET state = ?, until = ?, answered_by = ?, answered_at = ?, ended_at = ? WHERE id = ?",
		c.State, c.Until.UnixMilli(), c.AnsweredBy, ms(c.AnsweredAt), ms(c.EndedAt), c.ID)
	if err != nil {
		return fmt.Errorf("write call: %w", err)
	}
	return b.tell(ctx, tx, c)
}

// end ends a call.
func (b *Doorbell) end(ctx context.Context, tx *sql.Tx, c *Call, state string, when time.Time) error {
	c.State, c.EndedAt = state, &when
	if when.Before(c.Until) {
		c.Until = when
	}
	return b.save(ctx, tx, c)
}

// tell puts a call into the feed of every account of those who were rung.
func (b *Doorbell) tell(ctx context.Context, tx *sql.Tx, c *Call) error {
	people, err := rung(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	for _, p := range people {
		if !b.o.Homes.At(p, c.Unit, c.Flat) {
			continue // has moved out since
		}
		for _, account := range b.o.Accounts.AccountsOf(p) {
			if _, err := b.feed.AppendTo(ctx, tx, "call", account, c.shownTo(p)); err != nil {
				return err
			}
		}
	}
	return nil
}

func rung(ctx context.Context, tx *sql.Tx, call string) (people []string, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT person FROM doorbell_rung WHERE call = ? ORDER BY person", call)
	if err != nil {
		return nil, fmt.Errorf("read who was rung: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var p string
		if err := rows.Scan(&p); err != nil {
			return nil, fmt.Errorf("read who was rung: %w", err)
		}
		people = append(people, p)
	}
	return people, rows.Err()
}

func at(unix int64) *time.Time {
	if unix == 0 {
		return nil
	}
	t := time.UnixMilli(unix).UTC()
	return &t
}

func ms(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return t.UnixMilli()
}
