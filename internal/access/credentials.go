package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// CredentialInfo is a credential as the API shows it; its value is not kept.
type CredentialInfo struct {
	ID        string     `json:"id"`
	Person    string     `json:"person"`
	Type      string     `json:"type"` // card, pin, qr, mobile
	Last4     string     `json:"last4"`
	State     string     `json:"state"` // active, revoked, lost
	ValidFrom *time.Time `json:"valid_from,omitempty"`
	ValidTo   *time.Time `json:"valid_to,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
}

// NewCredential is what AddCredential needs.
type NewCredential struct {
	Person, Type, Value string
	ValidFrom, ValidTo  *time.Time
}

// minPIN digits: a shorter one is found by trying within a day at 275 doors.
const minPIN = 6

func checkCredential(n NewCredential, value string) error {
	switch n.Type {
	case "card", "qr", "mobile":
		if len(value) < 4 || len(value) > 512 {
			return fmt.Errorf("%w: value must have 4 to 512 characters", ErrInvalid)
		}
	case "pin":
		if len(value) < minPIN || len(value) > 16 || strings.Trim(value, "0123456789") != "" {
			return fmt.Errorf("%w: a PIN has %d to 16 digits", ErrInvalid, minPIN)
		}
	default:
		return fmt.Errorf("%w: type %q is not one of card, pin, qr, mobile", ErrInvalid, n.Type)
	}
	return checkValidity(n.ValidFrom, n.ValidTo)
}

func checkValidity(from, to *time.Time) error {
	if from != nil && to != nil && !from.Before(*to) {
		return fmt.Errorf("%w: valid_to must be behind valid_from", ErrInvalid)
	}
	return nil
}

// AddCredential gives a person a credential. A value that opens for somebody
// already is refused.
func (x *Access) AddCredential(ctx context.Context, actor string, n NewCredential) (CredentialInfo, error) {
	value := normal(n.Type, n.Value)
	if err := checkCredential(n, value); err != nil {
		return CredentialInfo{}, err
	}
	c := CredentialInfo{
		ID: newID("c-"), Person: n.Person, Type: n.Type, Last4: last4(n.Type, value), State: "active",
		ValidFrom: n.ValidFrom, ValidTo: n.ValidTo, CreatedAt: now(),
	}
	m := x.mac(n.Type, value)
	err := x.changed(ctx, func(tx *sql.Tx) error {
		if err := knownPerson(ctx, tx, n.Person); err != nil {
			return err
		}
		var taken int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM access_credentials WHERE mac = ? AND revoked_at = 0", m[:]).Scan(&taken); err != nil {
			return fmt.Errorf("add credential: %w", err)
		}
		if taken > 0 {
			return ErrTaken
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO access_credentials(id, person, type, mac, last4, valid_from, valid_to, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, c.ID, c.Person, c.Type, m[:], c.Last4, ms(c.ValidFrom), ms(c.ValidTo), c.CreatedAt.UnixMilli()); err != nil {
			return fmt.Errorf("add credential: %w", err)
		}
		return x.audit.Audit(ctx, tx, actor, "credential.created", c.ID, map[string]any{"person": c.Person, "type": c.Type, "last4": c.Last4})
	}, func(ctx context.Context) error { return x.refreshPerson(ctx, c.Person) })
	return c, err
}

// RevokeCredential ends a credential; a lost one is refused under its own
// reason. It stays known, so that its later use is recognised. A credential that
// is revoked already may still be marked as lost.
func (x *Access) RevokeCredential(ctx context.Context, actor, id string, lost bool) error {
	var person string
	return x.changed(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT person FROM access_credentials WHERE id = ?", id).Scan(&person)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: credential %s", ErrNotFound, id)
		}
		if err != nil {
			return fmt.Errorf("revoke credential: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE access_credentials SET lost = max(lost, ?),
			revoked_at = CASE WHEN revoked_at = 0 THEN ? ELSE revoked_at END WHERE id = ?`, lost, now().UnixMilli(), id); err != nil {
			return fmt.Errorf("revoke credential: %w", err)
		}
		return x.audit.Audit(ctx, tx, actor, "credential.revoked", id, map[string]any{"person": person, "lost": lost})
	}, func(ctx context.Context) error { return x.refreshPerson(ctx, person) })
}

// Credentials lists credentials by id, of one person or of all.
func (x *Access) Credentials(ctx context.Context, person, after string, limit int) ([]CredentialInfo, error) {
	cs := []CredentialInfo{}
	err := x.each(ctx, `SELECT id, person, type, last4, valid_from, valid_to, created_at, revoked_at, lost FROM access_credentials
		WHERE id > ? AND (? = '' OR person = ?) ORDER BY id LIMIT ?`, []any{after, person, person, limit}, func(rows *sql.Rows) error {
		var c CredentialInfo
		var from, to, created, revoked int64
		var lost bool
		if err := rows.Scan(&c.ID, &c.Person, &c.Type, &c.Last4, &from, &to, &created, &revoked, &lost); err != nil {
			return err
		}
		c.ValidFrom, c.ValidTo, c.RevokedAt, c.CreatedAt = at(from), at(to), at(revoked), time.UnixMilli(created).UTC()
		switch {
		case lost:
			c.State = "lost"
		case revoked != 0:
			c.State = "revoked"
		default:
			c.State = "active"
		}
		cs = append(cs, c)
		return nil
	})
	return cs, err
}
