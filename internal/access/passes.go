package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dongyue/internal/doorlist"
)

// Bounds of a pass.
const (
	maxPassFor   = 31 * 24 * time.Hour
	courierFor   = time.Hour // a courier's way is short: to the gate, to one stair, and back
	mostPasses   = 20        // of one host at a time
	mostPassUses = 100
	mostDoors    = 32
)

// Why a pass ended.
const (
	passRevoked = "revoked"
	passLeft    = "left"
)

// NewPass is what a host gives to a visitor.
type NewPass struct {
	Host     string
	Kind     Kind     // Visitor, or Courier for one way within the hour; empty: Visitor
	Doors    []string // empty: all that the host may open; of a courier the gates and the host's own stair
	Name     string   // of the visitor
	Plate    string   // of the one car that comes in; needed at barriers
	From, To time.Time
	Uses     int  // at each door; 0: as often as wanted. A courier's is 1
	Leave    bool // the pass ends when the visitor goes out; with one use it always does
	Confirm  bool // at doors for people the host is asked, by the doorbell
}

// PassInfo is a pass as the API shows it.
type PassInfo struct {
	ID         string     `json:"id"`
	Kind       Kind       `json:"kind" enum:"visitor,courier"`
	Host       string     `json:"host"`
	Person     string     `json:"person"` // the visitor, in the badge log
	Credential string     `json:"credential"`
	Name       string     `json:"name"`
	Plate      string     `json:"plate,omitempty"`
	Doors      []string   `json:"doors"`
	From       time.Time  `json:"from"`
	To         time.Time  `json:"to"`
	Uses       int        `json:"uses,omitempty"` // at each door; 0: as often as wanted
	Used       int        `json:"used"`           // openings, of all doors together
	Leave      bool       `json:"end_on_leave"`   // ends when the visitor goes out
	Confirm    bool       `json:"confirm"`        // the host is asked at the door
	State      string     `json:"state"`          // early, good, used_up, expired, revoked, left, host_left
	Inside     *time.Time `json:"inside_since,omitempty" doc:"when the car came in that is inside now"`
	Overstay   bool       `json:"overstay" doc:"the car, or the guest, is inside though the pass has ended"`
	OnFoot     bool       `json:"on_foot,omitempty" doc:"with overstay: the guest was not seen leaving"`
	CreatedAt  time.Time  `json:"created_at"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
}

func (n *NewPass) check(t time.Time) error {
	n.Name = strings.TrimSpace(n.Name)
	if n.From.IsZero() {
		n.From = t
	}
	if n.Plate = strings.TrimSpace(n.Plate); n.Plate != "" {
		plate, err := doorlist.ParsePlate(n.Plate)
		if err != nil {
			return fmt.Errorf("%w: plate %.20q %w", ErrInvalid, n.Plate, err)
		}
		n.Plate = plate
	}
	if err := n.checkKind(); err != nil {
		return err
	}
	switch {
	case n.Name == "" || len(n.Name) > 200:
		return fmt.Errorf("%w: say in 1 to 200 bytes who comes", ErrInvalid)
	case len(n.Doors) > mostDoors:
		return fmt.Errorf("%w: a pass opens at most %d doors", ErrInvalid, mostDoors)
	case !n.From.Before(n.To):
		return fmt.Errorf("%w: to must be behind from", ErrInvalid)
	case !t.Before(n.To):
		return fmt.Errorf("%w: to is over already", ErrInvalid)
	case n.To.Sub(t) > maxPassFor || n.To.Sub(n.From) > maxPassFor:
		return fmt.Errorf("%w: a pass ends within %d days", ErrInvalid, maxPassFor/(24*time.Hour))
	case n.Uses < 0 || n.Uses > mostPassUses:
		return fmt.Errorf("%w: uses is 0 to %d", ErrInvalid, mostPassUses)
	}
	return nil
}

// AddPass lets a host give a pass for doors of its own. The token is part of the
// link for the visitor; it is shown once and not kept.
func (x *Access) AddPass(ctx context.Context, actor string, n NewPass) (p PassInfo, token string, err error) {
	t := now()
	if err := n.check(t); err != nil {
		return PassInfo{}, "", err
	}
	doors, err := x.passDoors(&n)
	if err != nil {
		return PassInfo{}, "", err
	}
	if err := x.mayChange(ctx, doors...); err != nil {
		return PassInfo{}, "", err
	}
	token = strings.ToLower(rand.Text())
	p = PassInfo{
		ID: newID("v-"), Host: n.Host, Person: newID("p-"), Credential: newID("c-"), Name: n.Name, Plate: n.Plate, Doors: doors,
		From: n.From.UTC(), To: n.To.UTC(), Uses: n.Uses, Leave: n.Leave || n.Uses == 1, CreatedAt: t, Kind: n.Kind, Confirm: n.Confirm,
	}
	p.State = p.stateAt(t, "")
	err = x.changed(ctx, func(tx *sql.Tx) error {
		host, err := readPerson(ctx, tx, n.Host)
		if err != nil {
			return err
		}
		if host.Host != "" {
			return fmt.Errorf("%w: %s is a guest, and guests have no guests", ErrInvalid, n.Host)
		}
		if err := roomForPass(ctx, tx, n.Host, t); err != nil {
			return err
		}
		if err := x.insertPass(ctx, tx, host, p, token); err != nil {
			return err
		}
		return x.audit.Audit(ctx, tx, actor, "pass.created", p.ID, map[string]any{"host": p.Host, "doors": p.Doors, "from": p.From, "to": p.To, "uses": p.Uses, "end_on_leave": p.Leave, "kind": p.Kind, "confirm": p.Confirm})
	}, func(ctx context.Context) error { return x.refreshPerson(ctx, p.Person) })
	return p, token, err
}

// roomForPass refuses one more good pass to a host who has as many as one may have.
func roomForPass(ctx context.Context, tx *sql.Tx, host string, t time.Time) error {
	var open int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM access_passes p JOIN access_credentials c ON c.id = p.credential
		WHERE p.host = ? AND p.ended_at = 0 AND c.valid_to > ?`, host, t.UnixMilli()).Scan(&open); err != nil {
		return fmt.Errorf("count passes: %w", err)
	}
	if open >= mostPasses {
		return ErrTooManyPasses
	}
	return nil
}

func (x *Access) insertPass(ctx context.Context, tx *sql.Tx, host PersonInfo, p PassInfo, token string) error {
	visitor := PersonInfo{ID: p.Person, Name: p.Name, Unit: host.Unit, Household: host.Household, Kind: p.Kind, Host: host.ID, CreatedAt: p.CreatedAt}
	if err := insertPerson(ctx, tx, visitor); err != nil {
		return err
	}
	if err := x.insertCode(ctx, tx, CredentialInfo{
		ID: p.Credential, Person: p.Person, MaxUses: p.Uses, ValidFrom: &p.From, ValidTo: &p.To, CreatedAt: p.CreatedAt, Confirm: p.Confirm,
	}); err != nil {
		return err
	}
	if p.Plate != "" {
		k := CredentialInfo{
			ID: newID("c-"), Person: p.Person, Type: "plate", Last4: last4("plate", p.Plate), MaxUses: p.Uses, CountsAs: p.Credential,
			ValidFrom: &p.From, ValidTo: &p.To, CreatedAt: p.CreatedAt,
		}
		if err := x.insertCredential(ctx, tx, k, p.Plate); err != nil {
			return err
		}
	}
	for _, d := range p.Doors {
		r := RightInfo{ID: newID("r-"), Person: p.Person, Door: d, Schedule: Always, ValidFrom: &p.From, ValidTo: &p.To, CreatedAt: p.CreatedAt}
		if err := insertRight(ctx, tx, r); err != nil {
			return err
		}
	}
	link := sha256.Sum256([]byte(token))
	if _, err := tx.ExecContext(ctx, "INSERT INTO access_passes(id, person, host, credential, plate, link, created_at, leave) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		p.ID, p.Person, p.Host, p.Credential, p.Plate, link[:], p.CreatedAt.UnixMilli(), p.Leave); err != nil {
		return fmt.Errorf("add pass: %w", err)
	}
	return nil
}

// insertCode writes the credential of rotating codes. It has no value: what is
// kept in its place is a random number that names it within the codes.
func (x *Access) insertCode(ctx context.Context, tx *sql.Tx, c CredentialInfo) error {
	m := x.mac("rotating code", c.ID)
	_, err := tx.ExecContext(ctx, `INSERT INTO access_credentials(id, person, type, class, mac, max_uses, valid_from, valid_to, created_at, confirm)
		VALUES (?, ?, 'qr', ?, ?, ?, ?, ?, ?, ?)`, c.ID, c.Person, ClassRotating, m[:], c.MaxUses, ms(c.ValidFrom), ms(c.ValidTo), c.CreatedAt.UnixMilli(), c.Confirm)
	if err != nil {
		return fmt.Errorf("add code: %w", err)
	}
	return nil
}

// EndPass ends a pass; the next badge with it is refused. host limits it to the
// host's own; empty: any.
func (x *Access) EndPass(ctx context.Context, actor, host, id string) error {
	var visitor string
	return x.changed(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT person FROM access_passes WHERE id = ? AND (? = '' OR host = ?)", id, host, host).Scan(&visitor)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: pass %s", ErrNotFound, id)
		}
		if err != nil {
			return fmt.Errorf("end pass: %w", err)
		}
		if err := x.mayEndPass(ctx, tx, host, visitor); err != nil {
			return err
		}
		if err := endPass(ctx, tx, visitor, passRevoked); err != nil {
			return err
		}
		if host != "" { // who takes the pass back knows of the guest
			if err := x.footGone(ctx, tx, visitor, now()); err != nil {
				return err
			}
		}
		return x.audit.Audit(ctx, tx, actor, "pass.ended", id, map[string]any{"why": passRevoked})
	}, func(ctx context.Context) error { return x.refreshPerson(ctx, visitor) })
}

func endPass(ctx context.Context, tx *sql.Tx, visitor, why string) error {
	n := now().UnixMilli()
	for _, q := range []string{
		"UPDATE access_credentials SET revoked_at = ?1 WHERE person = ?2 AND revoked_at = 0",
		"UPDATE access_passes SET ended_at = ?1, ended_why = ?3 WHERE person = ?2 AND ended_at = 0",
	} {
		if _, err := tx.ExecContext(ctx, q, n, visitor, why); err != nil {
			return fmt.Errorf("end pass: %w", err)
		}
	}
	return nil
}

// visitorLeft ends the pass, where it was given so, of somebody who goes out: who came by
// car, when the car does. It is part of the follower's transaction; Committed brings it
// into the index.
func (x *Access) visitorLeft(ctx context.Context, tx *sql.Tx, c *Credential) error {
	if c == nil || c.Class != ClassRotating && c.Type != "plate" {
		return nil
	}
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM access_passes WHERE person = ? AND ended_at = 0 AND leave = 1
		AND NOT EXISTS (SELECT 1 FROM access_cars a WHERE a.person = access_passes.person AND a.out_at = 0)`, c.Person.ID).Scan(&n); err != nil {
		return fmt.Errorf("visitor left: %w", err)
	}
	if n == 0 {
		return nil
	}
	x.pending.changed = append(x.pending.changed, c.Person.ID)
	return endPass(ctx, tx, c.Person.ID, passLeft)
}

// stateAt is what a pass is good for; why is the reason of its end.
func (p *PassInfo) stateAt(t time.Time, why string) string {
	switch {
	case why != "":
		return why
	case !t.Before(p.To):
		return string(Expired)
	case p.Uses > 0 && p.Used >= p.Uses*len(p.Doors):
		return string(UsedUp)
	case t.Before(p.From):
		return "early"
	}
	return "good"
}

// PassFilter limits Passes; empty fields do not.
type PassFilter struct{ Host, Plate string }

//nolint:gosec // names of columns, no secret
const passColumns = `p.id, p.host, p.person, p.credential, v.name, p.plate, c.valid_from, c.valid_to, c.max_uses, p.leave, p.created_at, p.ended_at, p.ended_why,
	(SELECT coalesce(group_concat(door), '') FROM access_rights WHERE person = p.person AND ended_at = 0),
	CASE WHEN c.max_uses > 0 THEN (SELECT coalesce(sum(used), 0) FROM access_uses WHERE credential = p.credential)
		ELSE (SELECT count(*) FROM access_badges WHERE person = p.person AND side = 'in' AND decision = 'granted') END, v.kind, c.confirm,
	(SELECT coalesce(max(in_at), 0) FROM access_cars WHERE person = p.person AND out_at = 0 AND plate <> ''),
	EXISTS (SELECT 1 FROM access_cars WHERE person = p.person AND out_at = 0 AND plate = '' AND host_told_at <> 0)
	FROM access_passes p JOIN access_people v ON v.id = p.person JOIN access_credentials c ON c.id = p.credential`

func scanPass(row interface{ Scan(...any) error }) (p PassInfo, err error) {
	var from, to, created, ended, inside int64
	var why, doors string
	if err := row.Scan(&p.ID, &p.Host, &p.Person, &p.Credential, &p.Name, &p.Plate, &from, &to, &p.Uses, &p.Leave, &created, &ended, &why, &doors, &p.Used, &p.Kind, &p.Confirm, &inside, &p.OnFoot); err != nil {
		return p, err
	}
	p.From, p.To, p.CreatedAt, p.EndedAt = time.UnixMilli(from).UTC(), time.UnixMilli(to).UTC(), time.UnixMilli(created).UTC(), at(ended)
	p.Doors = slices.Sorted(strings.SplitSeq(doors, ","))
	p.State, p.Inside = p.stateAt(now(), why), at(inside)
	p.Overstay = (p.Inside != nil || p.OnFoot) && (!now().Before(p.To) || p.EndedAt != nil)
	p.OnFoot = p.OnFoot && p.Overstay
	return p, nil
}

// Passes lists passes, newest first.
func (x *Access) Passes(ctx context.Context, f PassFilter, before string, limit int) ([]PassInfo, error) {
	ps := []PassInfo{}
	err := x.each(ctx, "SELECT "+passColumns+` WHERE (? = '' OR p.host = ?) AND (? = '' OR p.plate = ?)
		AND (? = '' OR p.rowid < (SELECT rowid FROM access_passes WHERE id = ?)) ORDER BY p.rowid DESC LIMIT ?`,
		[]any{f.Host, f.Host, f.Plate, f.Plate, before, before, limit}, func(rows *sql.Rows) error {
			p, err := scanPass(rows)
			ps = append(ps, p)
			return err
		})
	return ps, err
}

// VisitorCode is what the holder of a link shows now.
func (x *Access) VisitorCode(ctx context.Context, token string) (Code, error) {
	p, err := x.passOf(ctx, token)
	if err != nil {
		return Code{}, err
	}
	if p.State != "good" {
		return Code{}, fmt.Errorf("%w: the pass is %s", ErrInvalid, p.State)
	}
	return x.makeCode(p.Credential, "")
}

// passOf finds the pass of a link.
func (x *Access) passOf(ctx context.Context, token string) (PassInfo, error) {
	link := sha256.Sum256([]byte(strings.ToLower(token)))
	p, err := scanPass(x.db.Read().QueryRowContext(ctx, "SELECT "+passColumns+" WHERE p.link = ?", link[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return p, fmt.Errorf("%w: this link", ErrNotFound)
	}
	if err != nil {
		return p, fmt.Errorf("find pass: %w", err)
	}
	return p, nil
}
