package muster

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// States that somebody on the spot finds out.
const (
	Safe    = "safe"
	Missing = "missing"
	Away    = "away"
)

// Times and bounds.
const (
	// lookBack is how far the badge log is read: who came in before that has slept
	// somewhere since.
	lookBack = 24 * time.Hour
	// keepNames is how long the names of an ended muster stay, as long as those of
	// the badge log.
	keepNames = 180 * 24 * time.Hour
	maxText   = 500 // bytes
	maxMarks  = 500
)

// Errors of the operations.
var (
	ErrInvalid  = errors.New("muster: invalid")
	ErrNotFound = errors.New("muster: not found")
	ErrEnded    = errors.New("muster: it has ended")
)

// Census knows who is where; access does.
type Census interface {
	Known(zone string) bool
	People(ctx context.Context, zone string) ([]Person, error)
	Passages(ctx context.Context, zone string, since time.Time) ([]Passage, error)
}

// Auditor keeps the trace of who did what.
type Auditor interface {
	Audit(ctx context.Context, tx *sql.Tx, actor, action, target string, detail any) error
}

// Options of New; all are needed.
type Options struct {
	DB     *db.DB
	Feed   *web.Feed
	Census Census
	Audit  Auditor
}

// Musters is the room.
type Musters struct {
	o    Options
	db   *db.DB
	feed *web.Feed
}

// New opens the tables.
func New(ctx context.Context, o Options) (*Musters, error) {
	if o.DB == nil || o.Feed == nil || o.Census == nil || o.Audit == nil {
		return nil, errors.New("muster: DB, Feed, Census and Audit are needed")
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("muster: %w", err)
	}
	if err := o.DB.Migrate(ctx, "muster", dir); err != nil {
		return nil, err
	}
	return &Musters{o: o, db: o.DB, feed: o.Feed}, nil
}

// Muster is one, with its list.
type Muster struct {
	ID      string     `json:"id"`
	Area    string     `json:"area"`
	Reason  string     `json:"reason"`
	Drill   bool       `json:"drill"`
	Actor   string     `json:"actor"`
	By      string     `json:"by" doc:"the actor's name"`
	BeganAt time.Time  `json:"began_at"`
	EndedAt *time.Time `json:"ended_at"`
	EndedBy string     `json:"ended_by"`
	Counts
	Flats  []Flat  `json:"unaccounted_flats" doc:"where to knock"`
	People []Entry `json:"people" doc:"by flat; empty in lists"`

	seq int64
}

// Request asks for a muster.
type Request struct {
	Area, Reason string
	Drill        bool
	Actor, By    string
	Key          string // with Actor: the same request again gets the same muster
}

// Begin makes the list of an area as it is now.
func (m *Musters) Begin(ctx context.Context, q Request) (Muster, error) {
	q.Reason = strings.TrimSpace(q.Reason)
	switch {
	case q.Reason == "" || len(q.Reason) > maxText:
		return Muster{}, fmt.Errorf("%w: reason: say in 1 to %d bytes why", ErrInvalid, maxText)
	case !m.o.Census.Known(q.Area):
		return Muster{}, fmt.Errorf("%w: area: there is no zone %.128q; GET /api/v1/zones lists them", ErrInvalid, q.Area)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	people, err := m.o.Census.People(ctx, q.Area)
	if err != nil {
		return Muster{}, err
	}
	passages, err := m.o.Census.Passages(ctx, q.Area, now.Add(-lookBack))
	if err != nil {
		return Muster{}, err
	}
	x := Muster{ID: "m-" + strings.ToLower(rand.Text()[:13]), Area: q.Area, Reason: q.Reason, Drill: q.Drill, Actor: q.Actor, By: q.By, BeganAt: now, People: compile(people, passages)}
	err = m.db.Tx(ctx, func(tx *sql.Tx) error {
		if old, err := byKey(ctx, tx, q.Actor, q.Key); err != nil || old != "" {
			x.ID = old
			return err
		}
		if err := prune(ctx, tx, now.Add(-keepNames)); err != nil {
			return err
		}
		if err := insert(ctx, tx, &x, q.Key); err != nil {
			return err
		}
		if err := m.o.Audit.Audit(ctx, tx, q.Actor, "muster.began", x.ID, map[string]any{"area": q.Area, "reason": q.Reason, "people": len(x.People)}); err != nil {
			return err
		}
		_, err := m.feed.Append(ctx, tx, "muster", map[string]any{"id": x.ID, "change": "began"})
		return err
	})
	if err != nil {
		return Muster{}, err
	}
	if err := m.feed.Committed(ctx); err != nil {
		return Muster{}, err
	}
	return m.Get(ctx, x.ID)
}

// Mark is what somebody found out about one person, at a time of their own clock.
type Mark struct {
	Person string    `json:"person" maxLength:"100"`
	State  string    `json:"state" enum:",safe,missing,away" doc:"empty takes a mark back"`
	At     time.Time `json:"at" doc:"when it was found out: phones without a network say it later"`
	Note   string    `json:"note,omitempty" maxLength:"500"`
}

// Tick takes marks. Of two about one person the later one counts, whenever it
// arrives; both stand in the audit.
func (m *Musters) Tick(ctx context.Context, id, actor, name string, marks []Mark) (Muster, error) {
	if len(marks) == 0 || len(marks) > maxMarks {
		return Muster{}, fmt.Errorf("%w: marks: 1 to %d", ErrInvalid, maxMarks)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	err := m.db.Tx(ctx, func(tx *sql.Tx) error {
		ended, err := endedAt(ctx, tx, id)
		if err != nil {
			return err
		}
		if ended != 0 {
			return fmt.Errorf("%w: %s", ErrEnded, id)
		}
		var changed []string
		for i, k := range marks {
			if k.At.IsZero() || k.At.After(now) { // a clock that runs ahead must not win for ever
				k.At = now
			}
			fresh, err := mark(ctx, tx, id, name, k)
			if err != nil {
				return fmt.Errorf("marks[%d]: %w", i, err)
			}
			if fresh {
				changed = append(changed, k.Person)
			}
		}
		if err := m.o.Audit.Audit(ctx, tx, actor, "muster.marked", id, marks); err != nil {
			return err
		}
		_, err = m.feed.Append(ctx, tx, "muster", map[string]any{"id": id, "change": "marked", "people": changed})
		return err
	})
	if err != nil {
		return Muster{}, err
	}
	if err := m.feed.Committed(ctx); err != nil {
		return Muster{}, err
	}
	return m.Get(ctx, id)
}

// End closes a muster; what it answers is the report.
func (m *Musters) End(ctx context.Context, id, actor string) (Muster, error) {
	x, err := m.Get(ctx, id)
	if err != nil {
		return Muster{}, err
	}
	err = m.db.Tx(ctx, func(tx *sql.Tx) error {
		ended, err := endedAt(ctx, tx, id)
		if err != nil {
			return err
		}
		if ended != 0 {
			return fmt.Errorf("%w: %s", ErrEnded, id)
		}
		if _, err := tx.ExecContext(ctx, "UPDATE musters SET ended_at = ?, ended_by = ? WHERE id = ?", time.Now().UnixMilli(), actor, id); err != nil {
			return fmt.Errorf("end muster %s: %w", id, err)
		}
		if err := m.o.Audit.Audit(ctx, tx, actor, "muster.ended", id, x.Counts); err != nil {
			return err
		}
		_, err = m.feed.Append(ctx, tx, "muster", map[string]any{"id": id, "change": "ended"})
		return err
	})
	if err != nil {
		return Muster{}, err
	}
	if err := m.feed.Committed(ctx); err != nil {
		return Muster{}, err
	}
	return m.Get(ctx, id)
}

// Get reads one with its list.
func (m *Musters) Get(ctx context.Context, id string) (Muster, error) {
	all, err := heads(ctx, m.db.Read(), "WHERE id = ?", id)
	if err != nil {
		return Muster{}, err
	}
	if len(all) == 0 {
		return Muster{}, fmt.Errorf("%w: %.100q", ErrNotFound, id)
	}
	return all[0], m.fill(ctx, &all[0])
}

func (m *Musters) fill(ctx context.Context, x *Muster) (err error) {
	if x.People, err = entries(ctx, m.db.Read(), x.ID); err != nil {
		return err
	}
	x.Counts, x.Flats = count(x.People), unaccounted(x.People)
	return nil
}
