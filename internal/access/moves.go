package access

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dongyue/internal/event"
)

// Sessions ends what a person is signed in with.
type Sessions interface {
	// EndPerson ends every session of the accounts of a person, switches the
	// accounts off, and says how many of each there were.
	EndPerson(ctx context.Context, actor, person string) (accounts, sessions int, err error)
	// ForgetPerson takes a person's name and login out of accounts that are switched off.
	ForgetPerson(ctx context.Context, actor, person string) error
}

// Receipt says what was ended when somebody moved out.
type Receipt struct {
	Person      string    `json:"person"`
	At          time.Time `json:"at"`
	Credentials int       `json:"credentials"` // cards, PINs, codes
	Rights      int       `json:"rights"`
	Passes      int       `json:"passes"` // given to visitors
	Phones      int       `json:"phones"`
	Accounts    int       `json:"accounts"`
	Sessions    int       `json:"sessions"`
}

// MoveInfo is a move of a person, as the API shows it.
type MoveInfo struct {
	ID            string    `json:"id"`
	Person        string    `json:"person"`
	At            time.Time `json:"at"`
	Actor         string    `json:"actor"`
	FromUnit      string    `json:"from_unit"`
	FromHousehold string    `json:"from_household"`
	ToUnit        string    `json:"to_unit"`
	ToHousehold   string    `json:"to_household"`
	Receipt       *Receipt  `json:"receipt,omitempty"` // of a move out
}

// moved writes a move down, and ends what opens when it is one out. The person's
// credentials and rights stay in the tables; that the person has left is enough
// to refuse them, and lets their later use be recognised.
func (x *Access) moved(ctx context.Context, tx *sql.Tx, actor string, was, is PersonInfo) error {
	out := was.Active && !is.Active
	if !out && was.Active == is.Active && was.Unit == is.Unit && was.Household == is.Household {
		return nil
	}
	m := MoveInfo{
		ID: newID("m-"), Person: is.ID, At: now(), Actor: actor,
		FromUnit: was.Unit, FromHousehold: was.Household, ToUnit: is.Unit, ToHousehold: is.Household,
	}
	receipt := ""
	if was.Unit != is.Unit { // also of one who comes back, into another home
		if err := x.endOldHome(ctx, tx, actor, was, is); err != nil {
			return err
		}
	}
	switch {
	case out:
		m.ToUnit, m.ToHousehold = "", ""
		r, err := x.endAll(ctx, tx, is.ID, m.At)
		if err != nil {
			return err
		}
		body, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("move: %w", err)
		}
		receipt = string(body)
	case !was.Active:
		m.FromUnit, m.FromHousehold = "", ""
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO access_moves(id, person, at, actor, from_unit, from_household, to_unit, to_household, receipt)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, m.ID, m.Person, m.At.UnixMilli(), actor, m.FromUnit, m.FromHousehold, m.ToUnit, m.ToHousehold, receipt)
	if err != nil {
		return fmt.Errorf("move: %w", err)
	}
	return nil
}

// endOldHome takes away a person's own rights to the stair that it has left for another
// one. What leads to both, and what its groups may, stays.
func (x *Access) endOldHome(ctx context.Context, tx *sql.Tx, actor string, was, is PersonInfo) error {
	if was.Unit == "" || was.Kind != Resident && was.Kind != Child {
		return nil
	}
	rows, err := tx.QueryContext(ctx, "SELECT id, door, zone FROM access_rights WHERE person = ? AND ended_at = 0", is.ID)
	if err != nil {
		return fmt.Errorf("end rights to the old home: %w", err)
	}
	defer func() { _ = rows.Close() }()
	old := []string{}
	for rows.Next() {
		var id, door, zone string
		if err := rows.Scan(&id, &door, &zone); err != nil {
			return fmt.Errorf("end rights to the old home: %w", err)
		}
		if d, ok := x.doors.Door(door); ok {
			zone = d.Zone
		}
		if zone != "" && event.Within(zone, was.Unit) && !event.Within(zone, is.Unit) && !event.Within(is.Unit, zone) {
			old = append(old, id)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("end rights to the old home: %w", err)
	}
	for _, id := range old {
		if _, err := tx.ExecContext(ctx, "UPDATE access_rights SET ended_at = ? WHERE id = ?", now().UnixMilli(), id); err != nil {
			return fmt.Errorf("end rights to the old home: %w", err)
		}
		if err := x.audit.Audit(ctx, tx, actor, "right.ended", id, map[string]any{"person": is.ID, "why": "moved", "from": was.Unit, "to": is.Unit}); err != nil {
			return err
		}
	}
	return nil
}

// endAll ends everything that a person opens with, and counts it.
func (x *Access) endAll(ctx context.Context, tx *sql.Tx, person string, t time.Time) (r Receipt, err error) {
	r = Receipt{Person: person, At: t}
	n := t.UnixMilli()
	for _, c := range []struct {
		into *int
		ends string
		args []any
	}{
		{&r.Credentials, "UPDATE access_credentials SET revoked_at = ? WHERE person = ? AND revoked_at = 0 AND type IN ('qr', 'mobile')", []any{n, person}},
		// A guest's code does not come back with a host who does.
		{nil, "UPDATE access_credentials SET revoked_at = ?1 WHERE revoked_at = 0 AND person IN (SELECT person FROM access_passes WHERE host = ?2 OR person = ?2)", []any{n, person}},
		{&r.Passes, "UPDATE access_passes SET ended_at = ?, ended_why = 'host_left' WHERE host = ? AND ended_at = 0", []any{n, person}},
		{nil, "UPDATE access_passes SET ended_at = ?, ended_why = 'left' WHERE person = ? AND ended_at = 0", []any{n, person}},
		{&r.Phones, "UPDATE access_phones SET revoked_at = ? WHERE person = ? AND revoked_at = 0", []any{n, person}},
		{nil, "UPDATE access_consents SET ended_at = ? WHERE (guardian = ? OR child = ?) AND ended_at = 0", []any{n, person, person}},
		{nil, "DELETE FROM access_whereabouts WHERE person = ?", []any{person}},
	} {
		res, err := tx.ExecContext(ctx, c.ends, c.args...)
		if err != nil {
			return r, fmt.Errorf("end what %s opens with: %w", person, err)
		}
		if c.into != nil {
			count, err := res.RowsAffected()
			if err != nil {
				return r, err
			}
			*c.into = int(count)
		}
	}
	var others int // cards and PINs are dead with the person, and come back if it does
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM access_credentials WHERE person = ? AND revoked_at = 0", person).Scan(&others); err != nil {
		return r, fmt.Errorf("end what %s opens with: %w", person, err)
	}
	r.Credentials += others
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM access_rights WHERE person = ? AND ended_at = 0", person).Scan(&r.Rights); err != nil {
		return r, fmt.Errorf("end what %s opens with: %w", person, err)
	}
	return r, nil
}

// refreshMoved brings a changed person into the index; of one who has left the guests,
// too, and children whose guardian it was.
func (x *Access) refreshMoved(ctx context.Context, p PersonInfo) error {
	if err := x.refreshPerson(ctx, p.ID); err != nil {
		return err
	}
	if p.Active {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	var theirs []string
	err := x.each(ctx, "SELECT child FROM access_consents WHERE guardian = ?1 UNION SELECT person FROM access_passes WHERE host = ?1", []any{p.ID}, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		theirs = append(theirs, id)
		return err
	})
	for _, id := range theirs {
		if err == nil {
			err = x.refreshPerson(ctx, id)
		}
	}
	return err
}

// MoveOut ends everything that a person opens with, sessions too, and returns the
// receipt. Doors refuse from the next badge on.
func (x *Access) MoveOut(ctx context.Context, actor, person string) (Receipt, error) {
	left := false
	if _, err := x.ChangePerson(ctx, actor, person, PersonChange{Active: &left}); err != nil {
		return Receipt{}, err
	}
	ms, err := x.Moves(ctx, person, 1)
	if err != nil || len(ms) == 0 || ms[0].Receipt == nil {
		return Receipt{Person: person, At: now()}, err
	}
	return *ms[0].Receipt, nil
}

// endSessions signs out who has moved out, and adds it to the receipt. It comes
// after the doors: an account without a person's rights opens nothing.
func (x *Access) endSessions(ctx context.Context, actor string, p PersonInfo) error {
	if x.sessions == nil || p.Active {
		return nil
	}
	accounts, sessions, err := x.sessions.EndPerson(context.WithoutCancel(ctx), actor, p.ID)
	if err != nil {
		return fmt.Errorf("sign %s out: %w", p.ID, err)
	}
	ms, err := x.Moves(ctx, p.ID, 1)
	if err != nil || len(ms) == 0 || ms[0].Receipt == nil {
		return err
	}
	r := ms[0].Receipt
	r.Accounts, r.Sessions = r.Accounts+accounts, r.Sessions+sessions
	return x.db.Tx(ctx, func(tx *sql.Tx) error {
		return putBody(ctx, tx, "UPDATE access_moves SET receipt = ?2 WHERE id = ?1", ms[0].ID, r)
	})
}

// Moves lists the moves of a person, newest first.
func (x *Access) Moves(ctx context.Context, person string, limit int) ([]MoveInfo, error) {
	all := []MoveInfo{}
	err := x.each(ctx, `SELECT id, person, at, actor, from_unit, from_household, to_unit, to_household, receipt FROM access_moves
		WHERE person = ? ORDER BY at DESC, rowid DESC LIMIT ?`, []any{person, limit}, func(rows *sql.Rows) error {
		var m MoveInfo
		var when int64
		var receipt string
		if err := rows.Scan(&m.ID, &m.Person, &when, &m.Actor, &m.FromUnit, &m.FromHousehold, &m.ToUnit, &m.ToHousehold, &receipt); err != nil {
			return err
		}
		m.At = time.UnixMilli(when).UTC()
		if receipt != "" {
			m.Receipt = &Receipt{}
			if err := json.Unmarshal([]byte(receipt), m.Receipt); err != nil {
				return err
			}
		}
		all = append(all, m)
		return nil
	})
	return all, err
}
