package access

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"dongyue/internal/event"
)

// DoorPolicy is what a door demands besides a right, as the API shows it.
type DoorPolicy struct {
	Door       string   `json:"door"`
	RefuseUID  bool     `json:"refuse_uid,omitempty" doc:"take no card that can be copied: for doors of the perimeter"`
	PhoneProof bool     `json:"phone_proof,omitempty" doc:"a phone must prove itself before it opens"`
	FirstIn    bool     `json:"first_in,omitempty" doc:"closed each day until somebody has come whose right says first"`
	TwoPersonS int      `json:"two_person_s,omitempty" minimum:"0" maximum:"60" doc:"a second person must follow within so many seconds; 0: one is enough"`
	Inside     string   `json:"inside,omitempty" maxLength:"63" doc:"passback area behind the door"`
	Outside    string   `json:"outside,omitempty" maxLength:"63" doc:"passback area before the door"`
	Interlock  []string `json:"interlock,omitempty" maxItems:"8" doc:"doors that must be shut while this one opens"`
}

// PassbackArea is a piece of ground that nobody may enter twice without leaving.
type PassbackArea struct {
	ID        string       `json:"id"`
	Name      string       `json:"name" maxLength:"80"`
	Passback  PassbackMode `json:"passback" enum:"none,alert,enforce"`
	ForgetS   int          `json:"forget_s,omitempty" minimum:"0" maximum:"604800" doc:"after so many seconds it no longer counts that somebody is inside; 0: never"`
	ByContact bool         `json:"by_contact,omitempty" doc:"somebody is inside only when the door did open"`
}

// DoorGroup is a set of doors that rights may name.
type DoorGroup struct {
	Name  string   `json:"name"`
	Doors []string `json:"doors" maxItems:"1000"`
}

func (x *Access) checkPolicy(p DoorPolicy) error {
	if _, ok := x.doors.Door(p.Door); !ok {
		return fmt.Errorf("%w: door %s", ErrNotFound, p.Door)
	}
	for _, d := range p.Interlock {
		if _, ok := x.doors.Door(d); !ok || d == p.Door {
			return fmt.Errorf("%w: interlock: %q is not another registered door", ErrInvalid, d)
		}
	}
	return nil
}

// SetDoorPolicy lays down what a door demands; an empty policy takes all away.
func (x *Access) SetDoorPolicy(ctx context.Context, actor string, p DoorPolicy) error {
	if err := x.checkPolicy(p); err != nil {
		return err
	}
	if err := x.mayChange(ctx, p.Door); err != nil {
		return err
	}
	return x.changed(ctx, func(tx *sql.Tx) error {
		for _, area := range []string{p.Inside, p.Outside} {
			var n int
			if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM access_areas WHERE id = ?", area).Scan(&n); err != nil {
				return fmt.Errorf("set door policy: %w", err)
			}
			if area != "" && n == 0 {
				return fmt.Errorf("%w: area %q is not known", ErrInvalid, area)
			}
		}
		if err := putBody(ctx, tx, "INSERT INTO access_policies(door, body) VALUES (?, ?) ON CONFLICT(door) DO UPDATE SET body = excluded.body", p.Door, p); err != nil {
			return err
		}
		return x.audit.Audit(ctx, tx, actor, "door_policy.set", p.Door, p)
	}, x.refreshSite)
}

// SetArea adds or changes a passback area.
func (x *Access) SetArea(ctx context.Context, actor string, a PassbackArea) error {
	switch {
	case !validName(a.ID):
		return fmt.Errorf("%w: area %q: use 1 to 63 of a-z 0-9 -", ErrInvalid, a.ID)
	case a.Passback != PassbackNone && a.Passback != PassbackAlert && a.Passback != PassbackEnforce:
		return fmt.Errorf("%w: passback %q is not one of none, alert, enforce", ErrInvalid, a.Passback)
	}
	if err := x.mayChange(ctx, x.doorsOfArea(a.ID)...); err != nil {
		return err
	}
	return x.changed(ctx, func(tx *sql.Tx) error {
		if err := putBody(ctx, tx, "INSERT INTO access_areas(id, body) VALUES (?, ?) ON CONFLICT(id) DO UPDATE SET body = excluded.body", a.ID, a); err != nil {
			return err
		}
		return x.audit.Audit(ctx, tx, actor, "area.set", a.ID, a)
	}, x.refreshSite)
}

// ForgetWhereabouts forgives: of one person, or of everybody in an area, it is no
// longer known where they are.
func (x *Access) ForgetWhereabouts(ctx context.Context, actor, area, person string) error {
	if err := x.mayChange(ctx, x.doorsOfArea(area)...); err != nil {
		return err
	}
	return x.db.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM access_whereabouts WHERE area = ? AND (? = '' OR person = ?)", area, person, person); err != nil {
			return fmt.Errorf("forget whereabouts: %w", err)
		}
		return x.audit.Audit(ctx, tx, actor, "area.forgiven", area, map[string]any{"person": person})
	})
}

// SetDoorGroup puts the doors of a group; none takes the group away. Rights that
// name it follow at once.
func (x *Access) SetDoorGroup(ctx context.Context, actor string, g DoorGroup) error {
	if !validName(g.Name) {
		return fmt.Errorf("%w: door group %q: use 1 to 63 of a-z 0-9 -", ErrInvalid, g.Name)
	}
	for _, d := range g.Doors {
		if !event.ValidDevice(d) {
			return fmt.Errorf("%w: door %q is not a device id", ErrInvalid, d)
		}
		if _, ok := x.doors.Door(d); !ok {
			return fmt.Errorf("%w: door %s is not registered", ErrInvalid, d)
		}
	}
	if err := x.mayChange(ctx, append(x.doorsOfGroup(g.Name), g.Doors...)...); err != nil {
		return err
	}
	return x.changed(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM access_door_groups WHERE name = ?", g.Name); err != nil {
			return fmt.Errorf("set door group: %w", err)
		}
		for _, d := range g.Doors {
			if _, err := tx.ExecContext(ctx, "INSERT INTO access_door_groups(name, door) VALUES (?, ?) ON CONFLICT DO NOTHING", g.Name, d); err != nil {
				return fmt.Errorf("set door group: %w", err)
			}
		}
		return x.audit.Audit(ctx, tx, actor, "door_group.set", g.Name, map[string]any{"doors": g.Doors})
	}, x.refreshSite)
}

func putBody(ctx context.Context, tx *sql.Tx, query, id string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("access: write %s: %w", id, err)
	}
	if _, err := tx.ExecContext(ctx, query, id, string(body)); err != nil {
		return fmt.Errorf("access: write %s: %w", id, err)
	}
	return nil
}

// readBodies reads a table of an id and a JSON body.
func readBodies[T any](ctx context.Context, x *Access, query string) ([]T, error) {
	all := []T{}
	err := x.each(ctx, query, nil, func(rows *sql.Rows) error {
		var body string
		var v T
		if err := rows.Scan(&body); err != nil {
			return err
		}
		err := json.Unmarshal([]byte(body), &v)
		all = append(all, v)
		return err
	})
	return all, err
}

// DoorPolicies lists what doors demand, by door.
func (x *Access) DoorPolicies(ctx context.Context) ([]DoorPolicy, error) {
	return readBodies[DoorPolicy](ctx, x, "SELECT body FROM access_policies ORDER BY door")
}

// Areas lists the passback areas, by id.
func (x *Access) Areas(ctx context.Context) ([]PassbackArea, error) {
	return readBodies[PassbackArea](ctx, x, "SELECT body FROM access_areas ORDER BY id")
}

// DoorGroups lists the groups of doors, by name.
func (x *Access) DoorGroups(ctx context.Context) ([]DoorGroup, error) {
	gs := []DoorGroup{}
	err := x.each(ctx, "SELECT name, door FROM access_door_groups ORDER BY name, door", nil, func(rows *sql.Rows) error {
		var name, door string
		if err := rows.Scan(&name, &door); err != nil {
			return err
		}
		if len(gs) == 0 || gs[len(gs)-1].Name != name {
			gs = append(gs, DoorGroup{Name: name})
		}
		g := &gs[len(gs)-1]
		g.Doors = append(g.Doors, door)
		return nil
	})
	return gs, err
}

// site is what holds for doors and days, whoever comes.
type site struct {
	doors    map[string]*Policy
	watched  map[string]bool // whose contact a rule depends on
	calendar calendar
}

func buildSite(policies []DoorPolicy, areas []PassbackArea, groups []DoorGroup, days []CalendarDay) site {
	s := site{doors: map[string]*Policy{}, watched: map[string]bool{}, calendar: calendar{}}
	known := map[string]*Area{}
	for _, a := range areas {
		known[a.ID] = &Area{ID: a.ID, Mode: a.Passback, Forget: int64(a.ForgetS) * 1000, ByContact: a.ByContact}
	}
	for _, p := range policies {
		s.doors[p.Door] = &Policy{
			RefuseUID: p.RefuseUID, PhoneProof: p.PhoneProof, FirstIn: p.FirstIn, TwoPerson: (time.Duration(p.TwoPersonS) * time.Second).Milliseconds(),
			Inside: known[p.Inside], Outside: known[p.Outside], Interlock: p.Interlock,
		}
		s.watched[p.Door] = true
		for _, d := range p.Interlock {
			s.watched[d] = true
		}
	}
	for _, g := range groups {
		for _, d := range g.Doors {
			if s.doors[d] == nil {
				s.doors[d] = &Policy{}
			}
			s.doors[d].Groups = append(s.doors[d].Groups, g.Name)
		}
	}
	for _, d := range days {
		s.calendar[d.Day] = d.Kind
	}
	return s
}

// refreshSite brings policies, areas, door groups and the calendar into memory.
func (x *Access) refreshSite(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx) // who asked may hang up; the change is committed
	policies, err := x.DoorPolicies(ctx)
	if err != nil {
		return err
	}
	areas, err := x.Areas(ctx)
	if err != nil {
		return err
	}
	groups, err := x.DoorGroups(ctx)
	if err != nil {
		return err
	}
	days, err := x.Calendar(ctx)
	if err != nil {
		return err
	}
	s := buildSite(policies, areas, groups, days)
	defer x.lists.touchAll()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.site = s
	return nil
}
