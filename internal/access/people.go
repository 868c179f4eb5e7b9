package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// PersonInfo is a person as the API shows it.
type PersonInfo struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Unit      string     `json:"unit"`
	Household string     `json:"household"`
	Groups    []string   `json:"groups"`
	Kind      Kind       `json:"kind"`
	Escort    string     `json:"escort,omitempty"` // may not go alone: household, staff, or a person's id
	Host      string     `json:"host,omitempty"`   // of a visitor
	Consent   bool       `json:"consent,omitempty"`
	Active    bool       `json:"active"`
	CreatedAt time.Time  `json:"created_at"`
	LeftAt    *time.Time `json:"left_at,omitempty"`

	ChildUntil string `json:"child_until,omitempty"` // of a child: its fourteenth birthday, 2031-05-04
}

// PersonChange of a person; nil leaves a field as it is.
type PersonChange struct {
	Name, Unit, Household *string
	Groups                *[]string
	Active                *bool // false: moved out, every right is dead at once
	Kind                  *Kind
	Escort, ChildUntil    *string
}

func checkPerson(p *PersonInfo) error {
	if p.Kind == "" {
		p.Kind = Resident
	}
	switch p.Kind {
	case Resident, Staff, Courier, Visitor, Child:
	default:
		return fmt.Errorf("%w: kind %q is not one of resident, staff, courier, visitor, child", ErrInvalid, p.Kind)
	}
	if _, err := p.childUntil(); err != nil {
		return err
	}
	switch {
	case p.ChildUntil != "" && p.Kind != Child:
		return fmt.Errorf("%w: child_until is for children", ErrInvalid)
	case len(p.Escort) > 100:
		return fmt.Errorf("%w: escort is household, staff, or a person's id", ErrInvalid)
	case strings.TrimSpace(p.Name) == "" || len(p.Name) > 200:
		return fmt.Errorf("%w: name must have 1 to 200 bytes", ErrInvalid)
	case p.Unit != "" && !validZone(p.Unit):
		return fmt.Errorf("%w: unit %q: write a zone such as east/b01/u1", ErrInvalid, p.Unit)
	case len(p.Household) > 40:
		return fmt.Errorf("%w: household is longer than 40 bytes", ErrInvalid)
	case len(p.Groups) > 32:
		return fmt.Errorf("%w: more than 32 groups", ErrInvalid)
	}
	for _, g := range p.Groups {
		if !validName(g) {
			return fmt.Errorf("%w: group %q: use 1 to 63 of a-z 0-9 -", ErrInvalid, g)
		}
	}
	return nil
}

// childUntil is the begin of the day of the fourteenth birthday in UTC, in ms; a
// few hours more or less of it do not matter.
func (p *PersonInfo) childUntil() (int64, error) {
	if p.ChildUntil == "" {
		return 0, nil
	}
	t, err := time.Parse(time.DateOnly, p.ChildUntil)
	if err != nil {
		return 0, fmt.Errorf("%w: child_until %q: write it as 2031-05-04", ErrInvalid, p.ChildUntil)
	}
	return t.UnixMilli(), nil
}

// validName has the form of a zone's last word, or of a group.
func validName(s string) bool {
	return s != "" && len(s) <= 63 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func validZone(z string) bool {
	if len(z) > 200 {
		return false
	}
	for part := range strings.SplitSeq(z, "/") {
		if !validName(part) {
			return false
		}
	}
	return true
}

// AddPerson adds a person; it can open nothing yet.
func (x *Access) AddPerson(ctx context.Context, actor string, p PersonInfo) (PersonInfo, error) {
	p.ID, p.Active, p.CreatedAt, p.LeftAt = newID("p-"), true, now(), nil
	if err := checkPerson(&p); err != nil {
		return PersonInfo{}, err
	}
	if err := x.mayMake(ctx, nil, &p); err != nil {
		return PersonInfo{}, err
	}
	err := x.changed(ctx, func(tx *sql.Tx) error {
		if err := insertPerson(ctx, tx, p); err != nil {
			return err
		}
		return x.audit.Audit(ctx, tx, actor, "person.created", p.ID, map[string]any{"unit": p.Unit, "groups": p.Groups})
	}, func(ctx context.Context) error { return x.refreshPerson(ctx, p.ID) })
	return p, err
}

func insertPerson(ctx context.Context, tx *sql.Tx, p PersonInfo) error {
	until, err := p.childUntil()
	if err != nil {
		return err
	}
	if err := knownEscort(ctx, tx, p.Escort); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO access_people(id, name, unit, household, kind, escort, host, child_until, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, p.ID, p.Name, p.Unit, p.Household, p.Kind, p.Escort, p.Host, until, p.CreatedAt.UnixMilli()); err != nil {
		return fmt.Errorf("add person: %w", err)
	}
	if err := setGroups(ctx, tx, p.ID, p.Groups); err != nil {
		return err
	}
	return ensureHousehold(ctx, tx, p.Unit, p.Household)
}

// knownEscort checks who must go along.
func knownEscort(ctx context.Context, tx *sql.Tx, escort string) error {
	if escort == "" || escort == EscortHousehold || escort == EscortStaff {
		return nil
	}
	return knownPerson(ctx, tx, escort)
}

// ensureHousehold makes the record of a home that somebody lives in.
func ensureHousehold(ctx context.Context, tx *sql.Tx, unit, number string) error {
	if number == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO access_households(id, unit, number, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
		newID("h-"), unit, number, now().UnixMilli())
	if err != nil {
		return fmt.Errorf("add household: %w", err)
	}
	return nil
}

// ChangePerson changes a person. One who moves in or out, or to another home,
// leaves a record of it; moving out ends everything that opens.
func (x *Access) ChangePerson(ctx context.Context, actor, id string, c PersonChange) (PersonInfo, error) {
	var p PersonInfo
	err := x.changed(ctx, func(tx *sql.Tx) (err error) {
		if p, err = readPerson(ctx, tx, id); err != nil {
			return err
		}
		was := p
		c.apply(&p)
		if err := checkPerson(&p); err != nil {
			return err
		}
		if err := x.mayMake(ctx, &was, &p); err != nil {
			return err
		}
		if err := updatePerson(ctx, tx, p); err != nil {
			return err
		}
		if err := x.audit.Audit(ctx, tx, actor, "person.changed", id, map[string]any{"unit": p.Unit, "groups": p.Groups, "active": p.Active}); err != nil {
			return err
		}
		return x.moved(ctx, tx, actor, was, p)
	}, func(ctx context.Context) error { return x.refreshMoved(ctx, p) })
	if err != nil || c.Active == nil || p.Active {
		return p, err
	}
	return p, x.endSessions(ctx, actor, p)
}

func updatePerson(ctx context.Context, tx *sql.Tx, p PersonInfo) error {
	until, err := p.childUntil()
	if err != nil {
		return err
	}
	if err := knownEscort(ctx, tx, p.Escort); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE access_people SET name = ?, unit = ?, household = ?, kind = ?, escort = ?, child_until = ?, left_at = ? WHERE id = ?",
		p.Name, p.Unit, p.Household, p.Kind, p.Escort, until, ms(p.LeftAt), p.ID); err != nil {
		return fmt.Errorf("change person: %w", err)
	}
	if err := setGroups(ctx, tx, p.ID, p.Groups); err != nil {
		return err
	}
	return ensureHousehold(ctx, tx, p.Unit, p.Household)
}

func (c PersonChange) apply(p *PersonInfo) {
	if c.Name != nil {
		p.Name = *c.Name
	}
	if c.Unit != nil {
		p.Unit = *c.Unit
	}
	if c.Household != nil {
		p.Household = *c.Household
	}
	if c.Groups != nil {
		p.Groups = *c.Groups
	}
	if c.Kind != nil {
		p.Kind = *c.Kind
		if p.Kind != Child {
			p.ChildUntil = ""
		}
	}
	if c.Escort != nil {
		p.Escort = *c.Escort
	}
	if c.ChildUntil != nil {
		p.ChildUntil = *c.ChildUntil
	}
	if c.Active != nil && *c.Active != p.Active {
		p.Active, p.LeftAt = *c.Active, nil
		if !p.Active {
			t := now()
			p.LeftAt = &t
		}
	}
}

func setGroups(ctx context.Context, tx *sql.Tx, person string, groups []string) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM access_members WHERE person = ?", person); err != nil {
		return fmt.Errorf("set groups: %w", err)
	}
	for _, g := range groups {
		if _, err := tx.ExecContext(ctx, "INSERT INTO access_members(person, grp) VALUES (?, ?) ON CONFLICT DO NOTHING", person, g); err != nil {
			return fmt.Errorf("set groups: %w", err)
		}
	}
	return nil
}

// querier is a transaction or the reading side.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

const personColumns = `id, name, unit, household, kind, escort, host, child_until, created_at, left_at,
	EXISTS (SELECT 1 FROM access_consents WHERE child = access_people.id AND ended_at = 0)`

func readPerson(ctx context.Context, q querier, id string) (PersonInfo, error) {
	p, err := scanPerson(q.QueryRowContext(ctx, "SELECT "+personColumns+" FROM access_people WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		return p, fmt.Errorf("%w: person %s", ErrNotFound, id)
	}
	if err != nil {
		return p, fmt.Errorf("read person: %w", err)
	}
	p.Groups, err = groupsOf(ctx, q, id)
	return p, err
}

// knownPerson checks a reference to a person.
func knownPerson(ctx context.Context, q querier, id string) error {
	_, err := readPerson(ctx, q, id)
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: person %q is not known", ErrInvalid, id)
	}
	return err
}

func scanPerson(row interface{ Scan(...any) error }) (p PersonInfo, err error) {
	var until, created, left int64
	err = row.Scan(&p.ID, &p.Name, &p.Unit, &p.Household, &p.Kind, &p.Escort, &p.Host, &until, &created, &left, &p.Consent)
	if until != 0 {
		p.ChildUntil = time.UnixMilli(until).UTC().Format(time.DateOnly)
	}
	p.CreatedAt, p.LeftAt, p.Active = time.UnixMilli(created).UTC(), at(left), left == 0
	return p, err
}

func groupsOf(ctx context.Context, q querier, person string) ([]string, error) {
	rows, err := q.QueryContext(ctx, "SELECT grp FROM access_members WHERE person = ? ORDER BY grp", person)
	if err != nil {
		return nil, fmt.Errorf("read groups: %w", err)
	}
	defer func() { _ = rows.Close() }()
	gs := []string{}
	for rows.Next() {
		var g string
		if err := rows.Scan(&g); err != nil {
			return nil, fmt.Errorf("read groups: %w", err)
		}
		gs = append(gs, g)
	}
	return gs, rows.Err()
}

// PeopleFilter limits PeopleBy; empty fields do not.
type PeopleFilter struct {
	Unit string // a zone and what lies within
	Q    string // part of the name, or the number of the flat
	Kind Kind
}

// People lists people by id; unit limits to a zone and what lies within, q to
// names that contain it.
func (x *Access) People(ctx context.Context, unit, q, after string, limit int) ([]PersonInfo, error) {
	return x.PeopleBy(ctx, PeopleFilter{Unit: unit, Q: q}, after, limit)
}

// PeopleBy lists people by id.
func (x *Access) PeopleBy(ctx context.Context, f PeopleFilter, after string, limit int) ([]PersonInfo, error) {
	var ps []PersonInfo
	err := x.each(ctx, "SELECT "+personColumns+` FROM access_people
		WHERE id > ? AND (? = '' OR unit = ? OR substr(unit, 1, length(?) + 1) = ? || '/') AND (? = '' OR instr(name, ?) > 0 OR household = ?)
		AND (? = '' OR kind = ?) ORDER BY id LIMIT ?`, []any{after, f.Unit, f.Unit, f.Unit, f.Unit, f.Q, f.Q, f.Q, f.Kind, f.Kind, limit}, func(rows *sql.Rows) error {
		p, err := scanPerson(rows)
		ps = append(ps, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range ps {
		if ps[i].Groups, err = groupsOf(ctx, x.db.Read(), ps[i].ID); err != nil {
			return nil, err
		}
	}
	return ps, nil
}
