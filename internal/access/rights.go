package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"dongyue/internal/event"
)

// RightInfo is a right as the API shows it: who (Person or Group) may pass where
// (Door, every door of DoorGroup, or every door in Zone), and when.
type RightInfo struct {
	ID        string     `json:"id"`
	Person    string     `json:"person,omitempty"`
	Group     string     `json:"group,omitempty"`
	Door      string     `json:"door,omitempty"`
	DoorGroup string     `json:"door_group,omitempty"`
	Zone      string     `json:"zone,omitempty"`
	First     bool       `json:"first,omitempty"`    // opens the day at a door that waits for its first person
	Lockdown  bool       `json:"lockdown,omitempty"` // holds while the door is locked down, too
	Schedule  string     `json:"schedule"`
	ValidFrom *time.Time `json:"valid_from,omitempty"`
	ValidTo   *time.Time `json:"valid_to,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
}

func checkRight(r *RightInfo) error {
	switch {
	case (r.Person == "") == (r.Group == ""):
		return fmt.Errorf("%w: name either person or group", ErrInvalid)
	case places(r) != 1:
		return fmt.Errorf("%w: name one of door, door_group and zone", ErrInvalid)
	case r.DoorGroup != "" && !validName(r.DoorGroup):
		return fmt.Errorf("%w: door group %q: use 1 to 63 of a-z 0-9 -", ErrInvalid, r.DoorGroup)
	case r.Group != "" && !validName(r.Group):
		return fmt.Errorf("%w: group %q: use 1 to 63 of a-z 0-9 -", ErrInvalid, r.Group)
	case r.Door != "" && !event.ValidDevice(r.Door):
		return fmt.Errorf("%w: door %q is not a device id", ErrInvalid, r.Door)
	case r.Zone != "" && !validZone(r.Zone):
		return fmt.Errorf("%w: zone %q: write a zone such as east/b01/u1", ErrInvalid, r.Zone)
	}
	s, err := ParseSchedule(r.Schedule)
	if err != nil {
		return err
	}
	r.Schedule = s.String()
	return checkValidity(r.ValidFrom, r.ValidTo)
}

// places counts how many ways a right says where.
func places(r *RightInfo) (n int) {
	for _, p := range []string{r.Door, r.DoorGroup, r.Zone} {
		if p != "" {
			n++
		}
	}
	return n
}

// AddRight adds a right. One that exists in the same words is returned instead
// of a second one, so that taking it away takes away all of it.
func (x *Access) AddRight(ctx context.Context, actor string, r RightInfo) (RightInfo, error) {
	r.ID, r.CreatedAt = newID("r-"), now()
	if err := checkRight(&r); err != nil {
		return RightInfo{}, err
	}
	if _, ok := x.doors.Door(r.Door); r.Door != "" && !ok {
		return RightInfo{}, fmt.Errorf("%w: door %s is not registered", ErrInvalid, r.Door)
	}
	if err := x.mayGive(ctx, &r); err != nil {
		return RightInfo{}, err
	}
	err := x.changed(ctx, func(tx *sql.Tx) error {
		if r.Person != "" {
			if err := knownPerson(ctx, tx, r.Person); err != nil {
				return err
			}
		}
		if there, err := sameRight(ctx, tx, &r); err != nil || there {
			return err
		}
		if err := insertRight(ctx, tx, r); err != nil {
			return err
		}
		return x.audit.Audit(ctx, tx, actor, "right.created", r.ID, r)
	}, func(ctx context.Context) error { return x.refreshHolder(ctx, r.Person, r.Group) })
	return r, err
}

// sameRight looks for a right in the same words, and takes its id and time.
func sameRight(ctx context.Context, tx *sql.Tx, r *RightInfo) (bool, error) {
	var created int64
	err := tx.QueryRowContext(ctx, findSame(r.Person != ""),
		r.Person, r.Group, r.Door, r.DoorGroup, r.Zone, r.Schedule, ms(r.ValidFrom), ms(r.ValidTo), r.First, r.Lockdown).Scan(&r.ID, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("add right: %w", err)
	}
	r.CreatedAt = time.UnixMilli(created).UTC()
	return true, nil
}

// findSame is the statement of sameRight. One of person and grp is empty in nearly all
// rows, and so is the end: by their indexes all rights would be read, once for each
// line of an import. The signs keep the database from them.
func findSame(ofPerson bool) string {
	holder := "+person = ? AND grp = ?"
	if ofPerson {
		holder = "person = ? AND +grp = ?"
	}
	return `SELECT id, created_at FROM access_rights WHERE ` + holder + ` AND door = ? AND door_group = ? AND zone = ?
		AND schedule = ? AND valid_from = ? AND +valid_to = ? AND first = ? AND lockdown = ? AND ended_at = 0`
}

func insertRight(ctx context.Context, tx *sql.Tx, r RightInfo) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO access_rights(id, person, grp, door, door_group, zone, schedule, valid_from, valid_to, first, lockdown, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO NOTHING`,
		r.ID, r.Person, r.Group, r.Door, r.DoorGroup, r.Zone, r.Schedule, ms(r.ValidFrom), ms(r.ValidTo), r.First, r.Lockdown, r.CreatedAt.UnixMilli())
	if err != nil {
		return fmt.Errorf("add right: %w", err)
	}
	return nil
}

func (x *Access) refreshHolder(ctx context.Context, person, group string) error {
	if person != "" {
		return x.refreshPerson(ctx, person)
	}
	return x.refreshGroup(ctx, group)
}

// EndRight takes a right away; the next badge is judged without it.
func (x *Access) EndRight(ctx context.Context, actor, id string) error {
	var r RightInfo
	return x.changed(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT person, grp, door, door_group, zone FROM access_rights WHERE id = ? AND ended_at = 0", id).
			Scan(&r.Person, &r.Group, &r.Door, &r.DoorGroup, &r.Zone)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: right %s", ErrNotFound, id)
		}
		if err != nil {
			return fmt.Errorf("end right: %w", err)
		}
		if err := x.mayEnd(ctx, tx, &r); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE access_rights SET ended_at = ? WHERE id = ?", now().UnixMilli(), id); err != nil {
			return fmt.Errorf("end right: %w", err)
		}
		return x.audit.Audit(ctx, tx, actor, "right.ended", id, map[string]any{"person": r.Person, "group": r.Group})
	}, func(ctx context.Context) error { return x.refreshHolder(ctx, r.Person, r.Group) })
}

// RightsFilter limits Rights; empty fields do not.
type RightsFilter struct{ Person, Group, Door, DoorGroup, Zone string }

// Rights lists rights that were not taken away, by id.
func (x *Access) Rights(ctx context.Context, f RightsFilter, after string, limit int) ([]RightInfo, error) {
	rs := []RightInfo{}
	err := x.each(ctx, `SELECT id, person, grp, door, door_group, zone, schedule, valid_from, valid_to, first, lockdown, created_at FROM access_rights
		WHERE id > ? AND ended_at = 0 AND (? = '' OR person = ?) AND (? = '' OR grp = ?) AND (? = '' OR door = ?) AND (? = '' OR door_group = ?) AND (? = '' OR zone = ?)
		ORDER BY id LIMIT ?`, []any{after, f.Person, f.Person, f.Group, f.Group, f.Door, f.Door, f.DoorGroup, f.DoorGroup, f.Zone, f.Zone, limit}, func(rows *sql.Rows) error {
		var r RightInfo
		var from, to, created int64
		if err := rows.Scan(&r.ID, &r.Person, &r.Group, &r.Door, &r.DoorGroup, &r.Zone, &r.Schedule, &from, &to, &r.First, &r.Lockdown, &created); err != nil {
			return err
		}
		r.ValidFrom, r.ValidTo, r.CreatedAt = at(from), at(to), time.UnixMilli(created).UTC()
		rs = append(rs, r)
		return nil
	})
	return rs, err
}
