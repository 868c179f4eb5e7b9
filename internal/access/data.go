package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// MyData is what is stored of a person, for that person.
type MyData struct {
	At          time.Time        `json:"at"`
	Person      PersonInfo       `json:"person"`
	Credentials []CredentialInfo `json:"credentials"`
	Rights      []RightInfo      `json:"rights"`
	Passes      []PassInfo       `json:"passes"`
	Phones      []Phone          `json:"phones"`
	Consents    []Consent        `json:"consents"`
	Moves       []MoveInfo       `json:"moves"`
	Calls       []HomeCall       `json:"calls" doc:"who rang at the door"`
	Badges      []homeBadge      `json:"badges" doc:"the newest 1,000; all of them under /home/badges"`
	Erasures    []Erasure        `json:"erasures" doc:"what was asked to be deleted, and the answer"`
	Kept        []Kept           `json:"kept"`
}

// HomeCall is a ring at the door of a person.
type HomeCall struct {
	At       time.Time `json:"at"`
	Door     string    `json:"door"`
	DoorName string    `json:"door_name"`
	State    string    `json:"state"`
}

// Rings knows who rang at a person's door, and how long that is kept.
type Rings interface {
	CallsOf(ctx context.Context, person string, limit int) (calls []HomeCall, keep time.Duration, err error)
	// ForgetCalls takes a person out of all of them.
	ForgetCalls(ctx context.Context, tx *sql.Tx, person string) error
}

// Kept says how long something is kept.
type Kept struct {
	What string `json:"what" enum:"person,credentials,passes,badges,calls,audit"`
	Days int    `json:"days" doc:"0: as long as you live here"`
	Then string `json:"then" enum:"deleted,pseudonymised,kept"`
}

// Erasure is a wish to be deleted.
type Erasure struct {
	ID      string     `json:"id"`
	Person  string     `json:"person"`
	AskedAt time.Time  `json:"asked_at"`
	Note    string     `json:"note,omitempty"`
	DoneAt  *time.Time `json:"done_at,omitempty"`
	Answer  string     `json:"answer,omitempty"`
}

// DataOf gathers what is stored of a person (PIPL, article 45).
func (x *Access) DataOf(ctx context.Context, person string) (d MyData, err error) {
	d.At = now()
	if d.Person, err = readPerson(ctx, x.db.Read(), person); err != nil {
		return d, err
	}
	var bs []Badge
	err = inTurn(
		func() (err error) { d.Credentials, err = x.Credentials(ctx, person, "", mostPerPerson); return err },
		func() (err error) {
			d.Rights, err = x.Rights(ctx, RightsFilter{Person: person}, "", mostPerPerson)
			return err
		},
		func() (err error) {
			d.Passes, err = x.Passes(ctx, PassFilter{Host: person}, "", mostPerPerson)
			return err
		},
		func() (err error) { d.Phones, err = x.Phones(ctx, person); return err },
		func() (err error) { d.Consents, err = x.Consents(ctx, person); return err },
		func() (err error) { d.Moves, err = x.Moves(ctx, person, mostPerPerson); return err },
		func() (err error) { d.Erasures, err = x.Erasures(ctx, person, false); return err },
		func() (err error) { bs, err = x.Badges(ctx, BadgeFilter{Person: person}, mostPerPerson); return err },
	)
	for i := range d.Credentials { // who looks over the shoulder must not learn which PIN calls for help
		d.Credentials[i].Duress = false
	}
	for i := range d.Moves {
		d.Moves[i].Actor = ""
	}
	d.Badges = ownBadges(bs)
	days := func(t time.Duration) int { return int(t / (24 * time.Hour)) }
	d.Kept = []Kept{
		{"person", 0, "deleted"}, {"credentials", 0, "deleted"}, {"passes", days(x.keepFor.Visitors), "deleted"},
		{"badges", days(x.keepFor.Badges), "pseudonymised"}, {"audit", 3 * 365, "kept"},
	}
	if d.Calls = []HomeCall{}; err != nil || x.rings == nil {
		return d, err
	}
	keep := time.Duration(0)
	d.Calls, keep, err = x.rings.CallsOf(ctx, person, mostPerPerson)
	d.Kept = slices.Insert(d.Kept, 4, Kept{"calls", days(keep), "deleted"})
	return d, err
}

// inTurn does things until one fails.
func inTurn(fs ...func() error) error {
	for _, f := range fs {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// ownBadges is what residents see of their own rows.
func ownBadges(bs []Badge) []homeBadge {
	mine := make([]homeBadge, len(bs))
	for i, b := range bs {
		mine[i] = homeBadge{b.ID, b.At, b.Door, b.DoorName, b.Type, b.Last4, b.Side, b.Decision, b.Reason, b.By, b.Late}
	}
	return mine
}

// AskErasure writes down that a person wants to be deleted. One wish at a time.
func (x *Access) AskErasure(ctx context.Context, actor, person, note string) (Erasure, error) {
	e := Erasure{ID: newID("er-"), Person: person, AskedAt: now(), Note: note}
	err := x.db.Tx(ctx, func(tx *sql.Tx) error {
		if err := knownPerson(ctx, tx, person); err != nil {
			return err
		}
		var asked int64
		err := tx.QueryRowContext(ctx, "SELECT id, asked_at, note FROM access_erasures WHERE person = ? AND done_at = 0", person).Scan(&e.ID, &asked, &e.Note)
		if err == nil {
			e.AskedAt = time.UnixMilli(asked).UTC()
			return nil
		}
		if err := optional(err); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO access_erasures(id, person, asked_at, note) VALUES (?, ?, ?, ?)", e.ID, person, e.AskedAt.UnixMilli(), note); err != nil {
			return fmt.Errorf("ask erasure: %w", err)
		}
		return x.audit.Audit(ctx, tx, actor, "erasure.asked", person, nil)
	})
	return e, err
}

// Erasures lists wishes to be deleted, oldest first: of one person or of all, all
// of them or those without an answer.
func (x *Access) Erasures(ctx context.Context, person string, openOnly bool) ([]Erasure, error) {
	es := []Erasure{}
	err := x.each(ctx, `SELECT id, person, asked_at, note, done_at, answer FROM access_erasures
		WHERE (? = '' OR person = ?) AND (NOT ? OR done_at = 0) ORDER BY asked_at LIMIT 1000`, []any{person, person, openOnly}, func(rows *sql.Rows) error {
		var e Erasure
		var asked, done int64
		err := rows.Scan(&e.ID, &e.Person, &asked, &e.Note, &done, &e.Answer)
		e.AskedAt, e.DoneAt = time.UnixMilli(asked).UTC(), at(done)
		es = append(es, e)
		return err
	})
	return es, err
}

// AnswerErasure ends a wish. With erase the person moves out, and name, values
// and trail go at once; without, the answer says why not.
func (x *Access) AnswerErasure(ctx context.Context, actor, id, answer string, erase bool) error {
	var person string
	err := x.db.Read().QueryRowContext(ctx, "SELECT person FROM access_erasures WHERE id = ? AND done_at = 0", id).Scan(&person)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%w: open wish %s", ErrNotFound, id)
	}
	if err != nil {
		return fmt.Errorf("answer erasure: %w", err)
	}
	if err := x.mayManageID(ctx, x.db.Read(), person); err != nil {
		return err
	}
	if erase {
		if _, err := x.MoveOut(ctx, actor, person); err != nil {
			return err
		}
		if x.sessions != nil { // ahead of the answer: what fails is done again with it
			if err := x.sessions.ForgetPerson(ctx, actor, person); err != nil {
				return fmt.Errorf("answer erasure: %w", err)
			}
		}
	}
	return x.changed(ctx, func(tx *sql.Tx) error {
		if erase {
			if err := x.erase(ctx, tx, person); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "UPDATE access_erasures SET done_at = ?, actor = ?, answer = ?, note = '' WHERE id = ?", now().UnixMilli(), actor, answer, id); err != nil {
			return fmt.Errorf("answer erasure: %w", err)
		}
		return x.audit.Audit(ctx, tx, actor, "erasure.answered", person, map[string]any{"erased": erase})
	}, func(ctx context.Context) error { return x.refreshPerson(ctx, person) })
}

// erase takes out of the tables who a person was. The record itself stays, since
// others point to it.
func (x *Access) erase(ctx context.Context, tx *sql.Tx, person string) error {
	n := now()
	for _, q := range []string{
		"UPDATE access_people SET name = '-', unit = '', household = '', child_until = 0, erased_at = ?2 WHERE id = ?1",
		"UPDATE access_credentials SET mac = randomblob(32), salt = x'', offline = x'', last4 = '', revoked_at = CASE WHEN revoked_at = 0 THEN ?2 ELSE revoked_at END WHERE person = ?1",
		"UPDATE access_rights SET ended_at = ?2 WHERE person = ?1 AND ended_at = 0",
		"UPDATE access_people SET name = '-', unit = '', household = '', erased_at = ?2 WHERE host = ?1",
		"UPDATE access_badges SET person_name = '-', unit = '' WHERE ?2 > 0 AND person IN (SELECT id FROM access_people WHERE host = ?1)",
		"UPDATE access_moves SET from_unit = '', from_household = '', to_unit = '', to_household = '' WHERE person = ?1 AND ?2 > 0",
		"UPDATE access_credentials SET plate = '', last4 = '' WHERE type = 'plate' AND ?2 > 0 AND person IN (SELECT id FROM access_people WHERE id = ?1 OR host = ?1)",
		"UPDATE access_passes SET plate = '' WHERE ?2 > 0 AND host = ?1",
		"DELETE FROM access_cars WHERE ?2 > 0 AND person IN (SELECT id FROM access_people WHERE host = ?1)",
		"DELETE FROM access_phones WHERE person = ?1 AND ?2 > 0",
	} {
		if _, err := tx.ExecContext(ctx, q, person, n.UnixMilli()); err != nil {
			return fmt.Errorf("erase %s: %w", person, err)
		}
	}
	if x.rings != nil {
		if err := x.rings.ForgetCalls(ctx, tx, person); err != nil {
			return err
		}
	}
	if err := x.eraseRolls(ctx, tx, person); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE access_badges SET person = ?, person_name = '', unit = '', credential = '', last4 = '',
		actor = CASE WHEN decided_by = 'app' THEN '' ELSE actor END, pseudonym = 1 WHERE person = ?`, x.alias(person, n.UnixMilli()), person)
	if err != nil {
		return fmt.Errorf("erase %s: %w", person, err)
	}
	return nil
}
