package rota

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Person is an account that can be on duty.
type Person struct {
	ID   string   `json:"id"`
	Name string   `json:"name"`
	Role web.Role `json:"role"`
}

// People knows who works here.
type People interface {
	// Staff are the accounts of people with the roles admin, supervisor, operator
	// and crew that may sign in.
	Staff() []Person
}

// Auditor keeps a record of what was changed.
type Auditor interface {
	Audit(ctx context.Context, tx *sql.Tx, actor, action, target string, detail any) error
}

// Options of New. DB, Feed and People are needed.
type Options struct {
	DB     *db.DB
	Feed   *web.Feed
	People People
	Audit  Auditor        // nil: none
	Zone   *time.Location // of the community; nil: UTC
	Log    *slog.Logger
	Now    func() time.Time // the hub's clock; nil: time.Now
}

// Rota is the room.
type Rota struct {
	o Options

	changing sync.Mutex // of what is written and then read: an older reading never comes last

	mu    sync.RWMutex
	plan  Plan
	lists map[string][]string
}

// New opens the tables and reads the plan.
func New(ctx context.Context, o Options) (*Rota, error) {
	if o.DB == nil || o.Feed == nil || o.People == nil {
		return nil, errors.New("rota: options need DB, Feed and People")
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
		return nil, fmt.Errorf("rota: migrations: %w", err)
	}
	if err := o.DB.Migrate(ctx, "rota", dir); err != nil {
		return nil, err
	}
	r := &Rota{o: o}
	return r, r.load(ctx)
}

func (r *Rota) now() time.Time { return r.o.Now().UTC().Truncate(time.Millisecond) }

// Plan is the plan as it is now; it is a copy.
func (r *Rota) Plan() Plan {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return Plan{Shifts: slices.Clone(r.plan.Shifts), Overrides: slices.Clone(r.plan.Overrides), Zone: r.o.Zone}
}

// Shift is the turn that runs at a time: when it began, when it ends, what it is
// called. ok is false where the plan has none.
func (r *Rota) Shift(at time.Time) (from, to time.Time, name event.Text, ok bool) {
	p := r.Plan()
	t, ok := p.ShiftAt(at)
	if !ok {
		return time.Time{}, time.Time{}, event.Text{}, false
	}
	return t.From, t.To, t.Shift.Name, true
}

// Called is who is to be called, and what has to be said of it.
type Called struct {
	People []Person
	// Gap says that the plan has nobody there and that everybody who could be was
	// taken instead.
	Gap bool
}

// OnDuty is who is on duty at a time; in a gap all operators, or, where there are
// none, the supervisors.
func (r *Rota) OnDuty(at time.Time) Called {
	p := r.Plan()
	if found := r.persons(p.OnDuty(at).People); len(found) > 0 {
		return Called{People: found}
	}
	return r.everybody()
}

// NextOnDuty is who comes after those who are on duty at a time. Where nobody
// does, it is the supervisor.
func (r *Rota) NextOnDuty(at time.Time) Called {
	p := r.Plan()
	if d, _, ok := p.Next(at); ok {
		if found := r.persons(d.People); len(found) > 0 {
			return Called{People: found}
		}
	}
	c := r.Supervisor(at)
	c.Gap = true
	return c
}

// Supervisor is the one of the shift at a time; without one all supervisors, or,
// where there are none, the administrators.
func (r *Rota) Supervisor(at time.Time) Called {
	p := r.Plan()
	if found := r.persons([]string{p.OnDuty(at).Supervisor}); len(found) > 0 {
		return Called{People: found}
	}
	return Called{r.first(web.Supervisor, web.Admin), true}
}

// List is a call list; one that is not there, or has nobody on it, is all
// supervisors and administrators.
func (r *Rota) List(name string) Called {
	r.mu.RLock()
	ids := slices.Clone(r.lists[name])
	r.mu.RUnlock()
	if found := r.persons(ids); len(found) > 0 {
		return Called{People: found}
	}
	return Called{slices.Concat(r.first(web.Supervisor), r.first(web.Admin)), true}
}

// User is one account.
func (r *Rota) User(id string) Called { return Called{People: r.persons([]string{id})} }

func (r *Rota) everybody() Called {
	return Called{r.first(web.Operator, web.Supervisor, web.Admin), true}
}

// first are the people of the first of the roles that anybody has.
func (r *Rota) first(roles ...web.Role) []Person {
	all := r.o.People.Staff()
	for _, role := range roles {
		found := slices.DeleteFunc(slices.Clone(all), func(p Person) bool { return p.Role != role })
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// persons are the accounts that still work here, in the order of the ids.
func (r *Rota) persons(ids []string) (out []Person) {
	all := r.o.People.Staff()
	for _, id := range ids {
		if i := slices.IndexFunc(all, func(p Person) bool { return p.ID == id }); i >= 0 {
			out = append(out, all[i])
		}
	}
	return out
}

func (r *Rota) known(id string) bool { return len(r.persons([]string{id})) > 0 }

// SetShifts replaces all shifts.
func (r *Rota) SetShifts(ctx context.Context, actor string, shifts []Shift) error {
	if err := r.checkShifts(shifts); err != nil {
		return err
	}
	return r.change(ctx, actor, "rota.shifts", "", map[string]any{"shifts": len(shifts)}, func(tx *sql.Tx) error {
		return storeShifts(ctx, tx, shifts)
	})
}

// AddOverride writes an exception.
func (r *Rota) AddOverride(ctx context.Context, actor string, o Override) (Override, error) {
	o.From, o.To = o.From.UTC().Truncate(time.Millisecond), o.To.UTC().Truncate(time.Millisecond)
	if err := r.checkOverride(&o); err != nil {
		return Override{}, err
	}
	if p := r.Plan(); len(p.Overrides) >= mostOverrides {
		return Override{}, bad("rota.bad_override", fmt.Sprintf("%d exceptions stand already: remove some, or change the shifts", mostOverrides))
	}
	o.ID, o.By, o.At = "o-"+strings.ToLower(rand.Text()[:13]), actor, r.now()
	err := r.change(ctx, actor, "rota.override", o.ID, o, func(tx *sql.Tx) error { return storeOverride(ctx, tx, &o) })
	return o, err
}

// ErrNoOverride is an exception that is not there.
var ErrNoOverride = errors.New("no such override")

// RemoveOverride takes an exception back.
func (r *Rota) RemoveOverride(ctx context.Context, actor, id string) error {
	return r.change(ctx, actor, "rota.override_removed", id, nil, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM rota_override WHERE id = ?", id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrNoOverride)
		}
		return nil
	})
}

// SetList replaces a call list; without people it is removed.
func (r *Rota) SetList(ctx context.Context, actor, name string, people []string) error {
	for _, id := range people {
		if !r.known(id) {
			return bad("rota.bad_list", fmt.Sprintf("%q is no account of a person who works here", id))
		}
	}
	return r.change(ctx, actor, "rota.list", name, map[string]any{"people": people}, func(tx *sql.Tx) error {
		return storeList(ctx, tx, name, people)
	})
}

// change writes a change with its record and its entry in the feed, and takes it
// over.
func (r *Rota) change(ctx context.Context, actor, action, target string, detail any, write func(tx *sql.Tx) error) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	err := r.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		if err := write(tx); err != nil {
			return err
		}
		if r.o.Audit != nil {
			if err := r.o.Audit.Audit(ctx, tx, actor, action, target, detail); err != nil {
				return err
			}
		}
		_, err := r.o.Feed.Append(ctx, tx, "rota", map[string]string{"change": strings.TrimPrefix(action, "rota.")})
		return err
	})
	if err != nil {
		if errors.Is(err, ErrNoOverride) {
			return err
		}
		return fmt.Errorf("rota: %s: %w", action, err)
	}
	if err := r.load(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	return r.o.Feed.Committed(ctx)
}

// callLists are the lists by name.
func (r *Rota) callLists() []CallList {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := []CallList{}
	for _, name := range slices.Sorted(maps.Keys(r.lists)) {
		out = append(out, CallList{name, append([]Person{}, r.persons(r.lists[name])...)})
	}
	return out
}
