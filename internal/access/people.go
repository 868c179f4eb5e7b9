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
	Active    bool       `json:"active"`
	CreatedAt time.Time  `json:"created_at"`
	LeftAt    *time.Time `json:"left_at,omitempty"`
}

// PersonChange of a person; nil leaves a field as it is.
type PersonChange struct {
	Name, Unit, Household *string
	Groups                *[]string
	Active                *bool // false: moved out, every right is dead at once
}

func checkPerson(p PersonInfo) error {
	switch {
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
	if err := checkPerson(p); err != nil {
		return PersonInfo{}, err
	}
	err := x.changed(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO access_people(id, name, unit, household, created_at) VALUES (?, ?, ?, ?, ?)",
			p.ID, p.Name, p.Unit, p.Household, p.CreatedAt.UnixMilli()); err != nil {
			return fmt.Errorf("add person: %w", err)
		}
		if err := setGroups(ctx, tx, p.ID, p.Groups); err != nil {
			return err
		}
		return x.audit.Audit(ctx, tx, actor, "person.created", p.ID, map[string]any{"unit": p.Unit, "groups": p.Groups})
	}, func(ctx context.Context) error { return x.refreshPerson(ctx, p.ID) })
	return p, err
}

// ChangePerson changes a person.
func (x *Access) ChangePerson(ctx context.Context, actor, id string, c PersonChange) (PersonInfo, error) {
	var p PersonInfo
	err := x.changed(ctx, func(tx *sql.Tx) (err error) {
		if p, err = readPerson(ctx, tx, id); err != nil {
			return err
		}
		c.apply(&p)
		if err := checkPerson(p); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE access_people SET name = ?, unit = ?, household = ?, left_at = ? WHERE id = ?",
			p.Name, p.Unit, p.Household, ms(p.LeftAt), id); err != nil {
			return fmt.Errorf("change person: %w", err)
		}
		if err := setGroups(ctx, tx, id, p.Groups); err != nil {
			return err
		}
		return x.audit.Audit(ctx, tx, actor, "person.changed", id, map[string]any{"unit": p.Unit, "groups": p.Groups, "active": p.Active})
	}, func(ctx context.Context) error { return x.refreshPerson(ctx, id) })
	return p, err
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

const personColumns = "id, name, unit, household, created_at, left_at"

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
	var created, left int64
	err = row.Scan(&p.ID, &p.Name, &p.Unit, &p.Household, &created, &left)
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

// People lists people by id; unit limits to a zone and what lies within, q to
// names that contain it.
func (x *Access) People(ctx context.Context, unit, q, after string, limit int) ([]PersonInfo, error) {
	var ps []PersonInfo
	err := x.each(ctx, "SELECT "+personColumns+` FROM access_people
		WHERE id > ? AND (? = '' OR unit = ? OR substr(unit, 1, length(?) + 1) = ? || '/') AND (? = '' OR instr(name, ?) > 0)
		ORDER BY id LIMIT ?`, []any{after, unit, unit, unit, unit, q, q, limit}, func(rows *sql.Rows) error {
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
