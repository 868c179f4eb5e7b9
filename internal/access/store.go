package access

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// remember is how long a right that was taken away stays in the index, so that
// what a door did alone before is judged by what was true then. It is the
// longest time that a door may go on by its own list.
const remember = 30 * 24 * time.Hour

// readPeople reads all people, or one.
func (x *Access) readPeople(ctx context.Context, id string) ([]personRow, error) {
	where, args := "", []any{}
	if id != "" {
		where, args = " WHERE id = ?", append(args, id)
	}
	var all []personRow
	place := map[string]int{}
	err := x.each(ctx, `SELECT id, name, unit, household, kind, left_at, child_until, host, escort,
		EXISTS (SELECT 1 FROM access_consents c JOIN access_people g ON g.id = c.guardian
			WHERE c.child = access_people.id AND c.ended_at = 0 AND g.left_at = 0),
		EXISTS (SELECT 1 FROM access_passes v WHERE v.person = access_people.id AND v.leave = 1) FROM access_people`+where, args, func(rows *sql.Rows) error {
		var p personRow
		if err := rows.Scan(&p.id, &p.name, &p.unit, &p.household, &p.kind, &p.left, &p.childUntil, &p.host, &p.escort, &p.consent, &p.leave); err != nil {
			return err
		}
		place[p.id] = len(all)
		all = append(all, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if id != "" {
		where = " WHERE person = ?"
	}
	err = x.each(ctx, "SELECT person, grp FROM access_members"+where+" ORDER BY grp", args, func(rows *sql.Rows) error {
		var person, group string
		if err := rows.Scan(&person, &group); err != nil {
			return err
		}
		if i, ok := place[person]; ok {
			all[i].groups = append(all[i].groups, group)
		}
		return nil
	})
	return all, err
}

func (x *Access) readCredentials(ctx context.Context, person string) (all []credentialRow, err error) {
	where, args := "", []any{}
	if person != "" {
		where, args = " WHERE person = ?", append(args, person)
	}
	err = x.each(ctx, `SELECT id, person, type, class, mac, last4, valid_from, valid_to, revoked_at, lost, duress, max_uses, salt, tag, offline
		FROM access_credentials`+where, args,
		func(rows *sql.Rows) error {
			var c credentialRow
			var m, sealed []byte
			if err := rows.Scan(&c.id, &c.person, &c.typ, &c.class, &m, &c.last4, &c.from, &c.to, &c.revoked, &c.lost, &c.duress, &c.maxUses, &c.salt, &c.tag, &sealed); err != nil {
				return err
			}
			if len(m) != len(c.mac) {
				return fmt.Errorf("credential %s: hash has %d bytes", c.id, len(m))
			}
			c.mac = mac(m)
			c.offline = x.offlineOf(&c, sealed)
			all = append(all, c)
			return nil
		})
	return all, err
}

func (x *Access) readRights(ctx context.Context, where string, args ...any) (all []rightRow, err error) {
	args = append(args, time.Now().Add(-remember).UnixMilli())
	err = x.each(ctx, `SELECT id, person, grp, door, door_group, zone, schedule, valid_from, valid_to, ended_at, first, lockdown FROM access_rights
		WHERE `+where+` AND (ended_at = 0 OR ended_at > ?)`, args, func(rows *sql.Rows) error {
		var r rightRow
		if err := rows.Scan(&r.id, &r.person, &r.group, &r.door, &r.doorGroup, &r.zone, &r.schedule, &r.from, &r.to, &r.ended, &r.first, &r.lockdown); err != nil {
			return err
		}
		all = append(all, r)
		return nil
	})
	return all, err
}

// each runs a query and hands over its rows.
func (x *Access) each(ctx context.Context, query string, args []any, f func(*sql.Rows) error) error {
	rows, err := x.db.Read().QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("access: read: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := f(rows); err != nil {
			return fmt.Errorf("access: read: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("access: read: %w", err)
	}
	return nil
}

// changed runs a change and then brings it into the index.
func (x *Access) changed(ctx context.Context, f func(tx *sql.Tx) error, refresh func(context.Context) error) error {
	x.change.Lock()
	defer x.change.Unlock()
	if err := x.db.Tx(ctx, f); err != nil {
		return err
	}
	return refresh(ctx)
}
