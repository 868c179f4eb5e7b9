package access

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"dongyue/internal/doorlist"
)

// Code is a rotating code to be shown to a reader.
type Code struct {
	QR     string    `json:"qr" doc:"to be drawn as a QR code; good for one opening"`
	StepS  int       `json:"step_s" doc:"ask again within so many seconds"`
	Until  time.Time `json:"until" doc:"refused after"`
	Server time.Time `json:"server" doc:"the hub's clock"`
}

// makeCode makes the code of a credential for one door, or for all of its holder's.
func (x *Access) makeCode(credential, door string) (Code, error) {
	t := time.Now()
	qr, err := x.signCode(refOf(x.mac("rotating code", credential)), door, t)
	if err != nil {
		return Code{}, err
	}
	until := t.Truncate(doorlist.CodeStep).Add((1 + doorlist.CodeSlack) * doorlist.CodeStep)
	return Code{QR: qr, StepS: int(doorlist.CodeStep / time.Second), Until: until.UTC(), Server: t.UTC().Truncate(time.Millisecond)}, nil
}

// HomeCode is the code of a resident's phone, for one of the own doors or for all.
// The first time it makes the credential, which the desk can revoke.
func (x *Access) HomeCode(ctx context.Context, actor, person, door string) (Code, error) {
	found := false
	for _, d := range x.doorsOf(person, gradeHours) {
		found = found || door == "" || d.ID == door
	}
	if !found {
		return Code{}, ErrNotYours
	}
	id, err := x.codeOf(ctx, actor, person, false)
	if err != nil {
		return Code{}, err
	}
	return x.makeCode(id, door)
}

// RenewCode gives a person a fresh rotating code after the old one was revoked;
// what was shown by then stays dead.
func (x *Access) RenewCode(ctx context.Context, actor, person string) error {
	if err := x.mayManageID(ctx, x.db.Read(), person); err != nil {
		return err
	}
	_, err := x.codeOf(ctx, actor, person, true)
	return err
}

// codeOf finds the credential of a person's codes, or makes it.
func (x *Access) codeOf(ctx context.Context, actor, person string, again bool) (id string, err error) {
	fresh := false
	err = x.changed(ctx, func(tx *sql.Tx) error {
		p, err := readPerson(ctx, tx, person)
		if err != nil {
			return err
		}
		if !p.Active {
			return ErrNotYours
		}
		var revoked int64
		err = tx.QueryRowContext(ctx, "SELECT id, revoked_at FROM access_credentials WHERE person = ? AND class = ? ORDER BY revoked_at = 0 DESC, created_at DESC LIMIT 1",
			person, ClassRotating).Scan(&id, &revoked)
		switch {
		case optional(err) != nil:
			return optional(err)
		case err == nil && revoked == 0:
			return nil
		case err == nil && !again:
			return ErrCodeRevoked
		}
		c := CredentialInfo{ID: newID("c-"), Person: person, CreatedAt: now()}
		if err := x.insertCode(ctx, tx, c); err != nil {
			return err
		}
		id, fresh = c.ID, true
		return x.audit.Audit(ctx, tx, actor, "credential.created", c.ID, map[string]any{"person": person, "type": "qr", "class": ClassRotating})
	}, func(ctx context.Context) error {
		if !fresh {
			return nil
		}
		return x.refreshPerson(ctx, person)
	})
	if err != nil {
		return "", fmt.Errorf("code of %s: %w", person, err)
	}
	return id, nil
}

// Residents lists who lives in a home now, children among them.
func (x *Access) Residents(unit, flat string) (people []string) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for id, p := range x.ix.people {
		if p.livesAt(unit, flat) {
			people = append(people, id)
		}
	}
	slices.Sort(people)
	return people
}

// At reports whether a person lives in a home now.
func (x *Access) At(person, unit, flat string) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	p := x.ix.people[person]
	return p != nil && p.livesAt(unit, flat)
}

// Home is the zone where a person lives; "" for nobody and for those who left.
func (x *Access) Home(person string) string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if p := x.ix.people[person]; p != nil && p.Left == 0 {
		return p.Unit
	}
	return ""
}

func (p *Person) livesAt(unit, flat string) bool {
	return flat != "" && p.Household == flat && p.Unit == unit && p.Left == 0 && (p.Kind == Resident || p.Kind == Child)
}
