package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"dongyue/internal/doorlist"
)

// CredentialInfo is a credential as the API shows it; its value is not kept.
type CredentialInfo struct {
	ID        string     `json:"id"`
	Person    string     `json:"person"`
	Type      string     `json:"type"` // card, pin, qr, mobile, plate
	Last4     string     `json:"last4"`
	Class     string     `json:"class,omitempty"` // card: uid, crypto; qr: fixed, rotating
	Duress    bool       `json:"duress,omitempty"`
	MaxUses   int        `json:"max_uses,omitempty"` // at each door
	State     string     `json:"state"`              // active, revoked, lost
	ValidFrom *time.Time `json:"valid_from,omitempty"`
	ValidTo   *time.Time `json:"valid_to,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	// ShowOnce is of a card that was registered before doors kept lists: until it was shown
	// once at a door that is connected, no door that is alone knows it.
	ShowOnce bool `json:"show_once,omitempty" doc:"not yet in the lists of doors: show the card once at a door that is connected"`

	Plate    string `json:"plate,omitempty"` // of type plate
	CountsAs string `json:"-"`               // credential whose uses its own are
	Confirm  bool   `json:"-"`               // the host is asked at the door
}

// NewCredential is what AddCredential needs.
type NewCredential struct {
	Person, Type, Value string
	Class               string // of a card; empty: uid
	Duress              bool   // of a PIN: opens, and calls for help in silence
	MaxUses             int    // at each door; 0: as often as wanted
	ValidFrom, ValidTo  *time.Time
}

// minPIN digits: a shorter one is found by trying within a day at 275 doors.
const minPIN = 6

// mostUses bounds what is counted.
const mostUses = 10_000

func checkCredential(n *NewCredential, value string) error {
	switch {
	case n.Type == "card" && n.Class == "":
		n.Class = ClassUID // nobody may take a card for better than it is
	case n.Type == "card" && n.Class != ClassUID && n.Class != ClassCrypto:
		return fmt.Errorf("%w: class %q of a card is not one of uid, crypto", ErrInvalid, n.Class)
	case n.Type == "qr":
		n.Class = ClassFixed
	case n.Type != "card" && n.Class != "":
		return fmt.Errorf("%w: only a card has a class", ErrInvalid)
	}
	switch {
	case n.Duress && n.Type != "pin":
		return fmt.Errorf("%w: only a PIN can be for duress", ErrInvalid)
	case n.MaxUses < 0 || n.MaxUses > mostUses:
		return fmt.Errorf("%w: max_uses is 0 to %d", ErrInvalid, mostUses)
	}
	switch n.Type {
	case "plate":
		if _, err := doorlist.ParsePlate(value); err != nil {
			return fmt.Errorf("%w: plate %.20q %w", ErrInvalid, value, err)
		}
	case "card", "qr", "mobile":
		if len(value) < 4 || len(value) > 512 {
			return fmt.Errorf("%w: value must have 4 to 512 characters", ErrInvalid)
		}
	case "pin":
		if len(value) < minPIN || len(value) > 16 || strings.Trim(value, "0123456789") != "" {
			return fmt.Errorf("%w: a PIN has %d to 16 digits", ErrInvalid, minPIN)
		}
	default:
		return fmt.Errorf("%w: type %q is not one of card, pin, qr, mobile, plate", ErrInvalid, n.Type)
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
	if err := checkCredential(&n, value); err != nil {
		return CredentialInfo{}, err
	}
	c := CredentialInfo{
		ID: newID("c-"), Person: n.Person, Type: n.Type, Class: n.Class, Duress: n.Duress, MaxUses: n.MaxUses, Last4: last4(n.Type, value), State: "active",
		ValidFrom: n.ValidFrom, ValidTo: n.ValidTo, CreatedAt: now(),
	}
	err := x.changed(ctx, func(tx *sql.Tx) error {
		if err := knownPerson(ctx, tx, n.Person); err != nil {
			return err
		}
		if err := x.mayManageID(ctx, tx, n.Person); err != nil {
			return err
		}
		if err := x.insertCredential(ctx, tx, c, value); err != nil {
			return err
		}
		return x.audit.Audit(ctx, tx, actor, "credential.created", c.ID, map[string]any{"person": c.Person, "type": c.Type, "class": c.Class, "last4": c.Last4})
	}, func(ctx context.Context) error { return x.refreshPerson(ctx, c.Person) })
	return c, err
}

// insertCredential writes a credential whose value nobody else has. x.change is
// held, so the index knows of all others.
func (x *Access) insertCredential(ctx context.Context, tx *sql.Tx, c CredentialInfo, value string) error {
	m, salt, tag, plate := x.mac(c.Type, value), []byte{}, anyTag, ""
	var taken int
	if c.Type == "plate" { // a family has one car: a plate may be with several
		plate, m = value, x.mac("plate", c.ID)
	} else if c.Type == "pin" {
		var err error
		if salt, err = newSalt(); err != nil {
			return fmt.Errorf("add credential: %w", err)
		}
		m, tag = x.pinMAC(salt, value), x.pinTag(value)
		x.mu.RLock()
		if old := x.findPIN(value); old != nil && old.Revoked == 0 {
			taken = 1
		}
		x.mu.RUnlock()
	} else if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM access_credentials WHERE mac = ? AND revoked_at = 0", m[:]).Scan(&taken); err != nil {
		return fmt.Errorf("add credential: %w", err)
	}
	if taken > 0 {
		return ErrTaken
	}
	offline, err := x.forDoors(c.ID, c.Type, c.Class, value)
	if err != nil {
		return fmt.Errorf("add credential: %w", err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO access_credentials(id, person, type, class, mac, last4, duress, max_uses, salt, tag, offline, valid_from, valid_to, created_at, plate, counts_as)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, c.ID, c.Person, c.Type, c.Class, m[:], c.Last4, c.Duress, c.MaxUses, salt, tag, offline,
		ms(c.ValidFrom), ms(c.ValidTo), c.CreatedAt.UnixMilli(), plate, c.CountsAs)
	if err != nil {
		return fmt.Errorf("add credential: %w", err)
	}
	return nil
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
		if err := x.mayManageID(ctx, tx, person); err != nil {
			return err
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
	err := x.each(ctx, `SELECT id, person, type, class, last4, duress, max_uses, valid_from, valid_to, created_at, revoked_at, lost, plate,
		type NOT IN ('pin', 'plate') AND class <> 'rotating' AND revoked_at = 0 AND length(offline) = 0 FROM access_credentials
		WHERE id > ? AND (? = '' OR person = ?) ORDER BY id LIMIT ?`, []any{after, person, person, limit}, func(rows *sql.Rows) error {
		var c CredentialInfo
		var from, to, created, revoked int64
		var lost bool
		if err := rows.Scan(&c.ID, &c.Person, &c.Type, &c.Class, &c.Last4, &c.Duress, &c.MaxUses, &from, &to, &created, &revoked, &lost, &c.Plate, &c.ShowOnce); err != nil {
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
