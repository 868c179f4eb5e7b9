package doorbell

import (
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

// How long things last. Together they are the longest that a resident can look at a
// door's camera: two minutes.
const (
	ringFor = 45 * time.Second // until nobody is at home
	talkFor = 75 * time.Second // from the answer
	// Keep is how long the log of calls is kept.
	Keep = 30 * 24 * time.Hour
)

// Errors of the operations.
var (
	ErrNotFound = errors.New("doorbell: no such call")
	ErrTaken    = errors.New("doorbell: somebody else has answered")
	ErrOver     = errors.New("doorbell: the call is over")
	ErrInvalid  = errors.New("doorbell: invalid")
)

// Homes knows who lives where. Both methods answer from memory: a follower's
// transaction waits for them.
type Homes interface {
	// Residents are those who live in a home now.
	Residents(unit, flat string) (people []string)
	// At reports whether a person lives there now.
	At(person, unit, flat string) bool
}

// Accounts knows which accounts a person signs in with.
type Accounts interface {
	AccountsOf(person string) (accounts []string)
}

// Doors knows the doors, and which camera sees one; empty: none.
type Doors interface {
	Door(id string) (name, zone string, ok bool)
	Camera(ctx context.Context, door, zone string) string
}

// Pictures ends what is seen of a call.
type Pictures interface{ EndGuests(pass string) int }

// Auditor keeps the trace of who did what, in the transaction when there is one.
type Auditor interface {
	Audit(ctx context.Context, tx *sql.Tx, actor, action, target string, detail any) error
}

// Options of New; all are needed but Pictures.
type Options struct {
	DB       *db.DB
	Feed     *web.Feed
	Log      *slog.Logger
	Homes    Homes
	Accounts Accounts
	Doors    Doors
	Audit    Auditor
	Pictures Pictures // nil: nobody sees anything
}

// Doorbell is the room.
type Doorbell struct {
	o    Options
	db   *db.DB
	feed *web.Feed
	log  *slog.Logger
	wake chan struct{} // a call has begun
	over []string      // calls that the last Handle has ended
}

// New opens the tables.
func New(ctx context.Context, o Options) (*Doorbell, error) {
	if o.DB == nil || o.Feed == nil || o.Log == nil || o.Homes == nil || o.Accounts == nil || o.Doors == nil || o.Audit == nil {
		return nil, errors.New("doorbell: DB, Feed, Log, Homes, Accounts, Doors and Audit are needed")
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("doorbell: %w", err)
	}
	if err := o.DB.Migrate(ctx, "doorbell", dir); err != nil {
		return nil, err
	}
	return &Doorbell{o: o, db: o.DB, feed: o.Feed, log: o.Log, wake: make(chan struct{}, 1)}, nil
}

// Run ends calls that last too long, and drops old ones, until ctx ends.
func (b *Doorbell) Run(ctx context.Context) error {
	for {
		next, err := b.sweep(ctx, now())
		if err != nil && ctx.Err() == nil {
			b.log.WarnContext(ctx, "calls not ended", "err", err)
		}
		timer := time.NewTimer(min(max(next, 10*time.Millisecond), time.Hour))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-b.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// sweep ends what is due and says when to come again.
func (b *Doorbell) sweep(ctx context.Context, at time.Time) (next time.Duration, err error) {
	next = time.Hour
	var done []string
	err = b.db.Tx(ctx, func(tx *sql.Tx) error {
		done, next = nil, time.Hour
		open, err := list(ctx, tx, "WHERE ended_at = 0 ORDER BY until")
		if err != nil {
			return err
		}
		for i := range open {
			c := &open[i]
			if c.Until.After(at) {
				next = min(next, c.Until.Sub(at))
				continue
			}
			if err := b.end(ctx, tx, c, outcome(c.State), at); err != nil {
				return err
			}
			done = append(done, c.ID)
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM doorbell_rung WHERE call IN (SELECT id FROM doorbell_calls WHERE rung_at < ?)", at.Add(-Keep).UnixMilli())
		if err != nil {
			return fmt.Errorf("drop old calls: %w", err)
		}
		if _, err = tx.ExecContext(ctx, "DELETE FROM doorbell_calls WHERE rung_at < ?", at.Add(-Keep).UnixMilli()); err != nil {
			return fmt.Errorf("drop old calls: %w", err)
		}
		return nil
	})
	if err != nil {
		return time.Second, err
	}
	return next, b.told(ctx, done)
}

// outcome is how a call ends by itself.
func outcome(state string) string {
	if state == Ringing {
		return Missed
	}
	return Ended
}

// told brings committed changes to the screens and ends what is seen of calls that
// are over.
func (b *Doorbell) told(ctx context.Context, over []string) error {
	if b.o.Pictures != nil {
		for _, id := range over {
			b.o.Pictures.EndGuests(id)
		}
	}
	return b.feed.Committed(ctx)
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
