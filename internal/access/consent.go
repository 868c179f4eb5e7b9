package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Consent is a guardian's yes to a child's credentials.
type Consent struct {
	ID       string     `json:"id"`
	Child    string     `json:"child"`
	Guardian string     `json:"guardian"`
	GivenAt  time.Time  `json:"given_at"`
	EndedAt  *time.Time `json:"ended_at,omitempty"`
}

// GiveConsent writes down that a guardian agreed. The guardian is a grown-up who
// lives here; one who gives it as a resident must be of the child's household.
func (x *Access) GiveConsent(ctx context.Context, actor, child, guardian string) (Consent, error) {
	c := Consent{ID: newID("g-"), Child: child, Guardian: guardian, GivenAt: now()}
	err := x.changed(ctx, func(tx *sql.Tx) error {
		k, err := readPerson(ctx, tx, child)
		if err != nil {
			return err
		}
		if err := x.mayManage(ctx, &k); err != nil {
			return err
		}
		g, err := readPerson(ctx, tx, guardian)
		switch {
		case errors.Is(err, ErrNotFound):
			return fmt.Errorf("%w: guardian %q is not known", ErrInvalid, guardian)
		case err != nil:
			return err
		case k.Kind != Child:
			return fmt.Errorf("%w: %s is not a child", ErrInvalid, child)
		case g.Kind == Child || g.Host != "" || g.Kind == Visitor || !g.Active || g.ID == k.ID:
			return fmt.Errorf("%w: the guardian must be a grown-up who lives here", ErrInvalid)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO access_consents(id, child, guardian, given_at, actor) VALUES (?, ?, ?, ?, ?)",
			c.ID, child, guardian, c.GivenAt.UnixMilli(), actor); err != nil {
			return fmt.Errorf("give consent: %w", err)
		}
		return x.audit.Audit(ctx, tx, actor, "consent.given", child, map[string]any{"guardian": guardian})
	}, func(ctx context.Context) error { return x.refreshPerson(ctx, child) })
	return c, err
}

// EndConsent takes every consent for a child back; from the next badge on its
// credentials are refused.
func (x *Access) EndConsent(ctx context.Context, actor, child string) error {
	return x.changed(ctx, func(tx *sql.Tx) error {
		if err := x.mayManageID(ctx, tx, child); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "UPDATE access_consents SET ended_at = ? WHERE child = ? AND ended_at = 0", now().UnixMilli(), child)
		if err != nil {
			return fmt.Errorf("end consent: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(fmt.Errorf("%w: no consent for %s", ErrNotFound, child), err)
		}
		return x.audit.Audit(ctx, tx, actor, "consent.ended", child, nil)
	}, func(ctx context.Context) error { return x.refreshPerson(ctx, child) })
}

// Consents lists those given for a child, newest first.
func (x *Access) Consents(ctx context.Context, child string) ([]Consent, error) {
	all := []Consent{}
	err := x.each(ctx, "SELECT id, child, guardian, given_at, ended_at FROM access_consents WHERE child = ? ORDER BY given_at DESC", []any{child}, func(rows *sql.Rows) error {
		var c Consent
		var given, ended int64
		err := rows.Scan(&c.ID, &c.Child, &c.Guardian, &given, &ended)
		c.GivenAt, c.EndedAt = time.UnixMilli(given).UTC(), at(ended)
		all = append(all, c)
		return err
	})
	return all, err
}

// Household is a home with those who live in it.
type Household struct {
	ID     string `json:"id"`
	Unit   string `json:"unit"` // zone of the stair; court and building are the zones around it
	Number string `json:"number"`
	People int    `json:"people"`
}

// Households lists homes by id; unit limits to a zone and what lies within.
func (x *Access) Households(ctx context.Context, unit, after string, limit int) ([]Household, error) {
	hs := []Household{}
	err := x.each(ctx, `SELECT id, unit, number, (SELECT count(*) FROM access_people p
			WHERE p.unit = h.unit AND p.household = h.number AND p.left_at = 0 AND p.kind <> 'visitor' AND p.host = '')
		FROM access_households h WHERE id > ? AND (? = '' OR unit = ? OR substr(unit, 1, length(?) + 1) = ? || '/') ORDER BY id LIMIT ?`,
		[]any{after, unit, unit, unit, unit, limit}, func(rows *sql.Rows) error {
			var h Household
			err := rows.Scan(&h.ID, &h.Unit, &h.Number, &h.People)
			hs = append(hs, h)
			return err
		})
	return hs, err
}
