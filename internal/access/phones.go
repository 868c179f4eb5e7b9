package access

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Phone is a phone that can prove itself.
type Phone struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	CreatedAt time.Time  `json:"created_at"`
	UsedAt    *time.Time `json:"used_at,omitempty"`
}

// phoneKey is what is kept of a phone. Site is the host name under which it was
// registered; a key is good under no other.
type phoneKey struct {
	Site string              `json:"site"`
	Key  webauthn.Credential `json:"key"`
}

const (
	mostPhones   = 5 // of one person
	ceremonyTime = 2 * time.Minute
	maxPhoneName = 60
)

// owner is a person as WebAuthn sees it. Its name there is the id: names of people
// have no business in an authenticator's store.
type owner struct {
	id   string
	keys []webauthn.Credential
}

func (o *owner) WebAuthnID() []byte                         { return []byte(o.id) }
func (o *owner) WebAuthnName() string                       { return o.id }
func (o *owner) WebAuthnDisplayName() string                { return o.id }
func (o *owner) WebAuthnCredentials() []webauthn.Credential { return o.keys }

// ceremonies are the questions that wait for a phone's answer; one of each kind
// for a person, so their number is bounded by that of the residents, whatever doors they
// ask for.
type ceremonies struct {
	mu   sync.Mutex
	open map[string]ceremony
}

type ceremony struct {
	session webauthn.SessionData
	door    string // for which it is; empty: for none
	until   time.Time
}

func (c *ceremonies) put(key, door string, s *webauthn.SessionData) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := time.Now()
	for k, o := range c.open {
		if n.After(o.until) {
			delete(c.open, k)
		}
	}
	c.open[key] = ceremony{*s, door, n.Add(ceremonyTime)}
}

// take takes a question out: it may be answered once, and for the door that it was put for.
func (c *ceremonies) take(key, door string) (webauthn.SessionData, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o, ok := c.open[key]
	delete(c.open, key)
	return o.session, ok && o.door == door && time.Now().Before(o.until)
}

// relying makes the party that asks, for the address under which it is asked.
// Browsers let only https pages and those of the own machine ask at all.
func relying(host string) (*webauthn.WebAuthn, string, error) {
	site := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		site = h
	}
	if site == "" || net.ParseIP(strings.Trim(site, "[]")) != nil {
		return nil, "", fmt.Errorf("%w: a phone proves itself to a host name, not to an address; open the hub under its name", ErrInvalid)
	}
	origins := []string{"https://" + host}
	if site == "localhost" {
		origins = append(origins, "http://"+host)
	}
	w, err := webauthn.New(&webauthn.Config{RPID: site, RPDisplayName: "Dongyue Hub", RPOrigins: origins})
	if err != nil {
		return nil, "", fmt.Errorf("%w: %s is no host name to prove oneself to", ErrInvalid, clip(site, 80))
	}
	return w, site, nil
}

// phoneRow is a phone in the table.
type phoneRow struct {
	Phone
	key phoneKey
}

func (x *Access) phoneRows(ctx context.Context, person string) (rows []phoneRow, err error) {
	err = x.each(ctx, "SELECT id, name, body, created_at, used_at FROM access_phones WHERE person = ? AND revoked_at = 0 ORDER BY created_at", []any{person}, func(r *sql.Rows) error {
		var p phoneRow
		var body string
		var created, used int64
		if err := r.Scan(&p.ID, &p.Name, &body, &created, &used); err != nil {
			return err
		}
		p.CreatedAt, p.UsedAt = time.UnixMilli(created).UTC(), at(used)
		rows = append(rows, p)
		return json.Unmarshal([]byte(body), &rows[len(rows)-1].key)
	})
	return rows, err
}

// Phones lists the phones of a person.
func (x *Access) Phones(ctx context.Context, person string) ([]Phone, error) {
	rows, err := x.phoneRows(ctx, person)
	ps := make([]Phone, len(rows))
	for i, r := range rows {
		ps[i] = r.Phone
	}
	return ps, err
}

func (x *Access) owner(ctx context.Context, person, site string) (*owner, []phoneRow, error) {
	rows, err := x.phoneRows(ctx, person)
	o := &owner{id: person}
	for _, r := range rows {
		if r.key.Site == site {
			o.keys = append(o.keys, r.key.Key)
		}
	}
	return o, rows, err
}

// BeginPhone asks a person's phone to make a key.
func (x *Access) BeginPhone(ctx context.Context, person, host string) (*protocol.CredentialCreation, error) {
	w, site, err := relying(host)
	if err != nil {
		return nil, err
	}
	o, rows, err := x.owner(ctx, person, site)
	if err != nil {
		return nil, err
	}
	if len(rows) >= mostPhones {
		return nil, fmt.Errorf("%w: %d phones are registered; take one away first", ErrInvalid, mostPhones)
	}
	options, session, err := w.BeginRegistration(o, webauthn.WithExclusions(webauthn.Credentials(o.keys).CredentialDescriptors()))
	if err != nil {
		return nil, fmt.Errorf("begin phone: %w", err)
	}
	x.phones.put("new:"+person, "", session)
	return options, nil
}

// AddPhone takes the key that the phone made.
func (x *Access) AddPhone(ctx context.Context, actor, person, host, name string, response []byte) (Phone, error) {
	if name = strings.TrimSpace(name); name == "" || len(name) > 3*maxPhoneName {
		return Phone{}, fmt.Errorf("%w: name the phone in 1 to %d characters", ErrInvalid, maxPhoneName)
	}
	w, site, err := relying(host)
	if err != nil {
		return Phone{}, err
	}
	session, ok := x.phones.take("new:"+person, "")
	if !ok {
		return Phone{}, ErrPhone
	}
	o, rows, err := x.owner(ctx, person, site)
	if err != nil {
		return Phone{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil || len(rows) >= mostPhones {
		return Phone{}, ErrPhone
	}
	key, err := w.CreateCredential(o, session, parsed)
	if err != nil {
		return Phone{}, ErrPhone
	}
	p := Phone{ID: newID("ph-"), Name: name, CreatedAt: now()}
	body, err := json.Marshal(phoneKey{site, *key})
	if err != nil {
		return Phone{}, fmt.Errorf("add phone: %w", err)
	}
	return p, x.db.Tx(ctx, func(tx *sql.Tx) error {
		if err := knownPerson(ctx, tx, person); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO access_phones(id, person, name, body, created_at) VALUES (?, ?, ?, ?, ?)",
			p.ID, person, name, string(body), p.CreatedAt.UnixMilli()); err != nil {
			return fmt.Errorf("add phone: %w", err)
		}
		return x.audit.Audit(ctx, tx, actor, "phone.added", p.ID, map[string]any{"person": person})
	})
}

// EndPhone takes a phone away; person limits it to the own ones, empty: any.
func (x *Access) EndPhone(ctx context.Context, actor, person, id string) error {
	return x.db.Tx(ctx, func(tx *sql.Tx) error {
		if person == "" {
			if err := x.mayEndPhone(ctx, tx, id); err != nil {
				return err
			}
		}
		res, err := tx.ExecContext(ctx, "UPDATE access_phones SET revoked_at = ? WHERE id = ? AND revoked_at = 0 AND (? = '' OR person = ?)", now().UnixMilli(), id, person, person)
		if err != nil {
			return fmt.Errorf("end phone: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(fmt.Errorf("%w: phone %s", ErrNotFound, id), err)
		}
		return x.audit.Audit(ctx, tx, actor, "phone.ended", id, nil)
	})
}

// mayEndPhone checks that the desk acts where the owner of a phone lives.
func (x *Access) mayEndPhone(ctx context.Context, tx *sql.Tx, id string) error {
	var owner string
	if err := optional(tx.QueryRowContext(ctx, "SELECT person FROM access_phones WHERE id = ?", id).Scan(&owner)); err != nil || owner == "" {
		return err
	}
	return x.mayManageID(ctx, tx, owner)
}

// BeginProof asks a person's phones to prove themselves for one door.
func (x *Access) BeginProof(ctx context.Context, person, host, door string) (*protocol.CredentialAssertion, error) {
	w, site, err := relying(host)
	if err != nil {
		return nil, err
	}
	o, _, err := x.owner(ctx, person, site)
	if err != nil {
		return nil, err
	}
	if len(o.keys) == 0 {
		return nil, fmt.Errorf("%w: no phone is registered here", ErrNotFound)
	}
	options, session, err := w.BeginLogin(o)
	if err != nil {
		return nil, fmt.Errorf("begin proof: %w", err)
	}
	x.phones.put("open:"+person, door, session)
	return options, nil
}

// Prove checks a phone's answer for one door. A phone whose counter went back may
// have been copied: it is refused.
func (x *Access) Prove(ctx context.Context, person, host, door string, response []byte) error {
	w, site, err := relying(host)
	if err != nil {
		return err
	}
	session, ok := x.phones.take("open:"+person, door)
	if !ok {
		return ErrPhone
	}
	o, rows, err := x.owner(ctx, person, site)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return ErrPhone
	}
	key, err := w.ValidateLogin(o, session, parsed)
	if err != nil || key.Authenticator.CloneWarning {
		return ErrPhone
	}
	for _, r := range rows {
		if r.key.Site != site || string(r.key.Key.ID) != string(key.ID) {
			continue
		}
		body, err := json.Marshal(phoneKey{site, *key})
		if err != nil {
			return fmt.Errorf("prove: %w", err)
		}
		return x.db.Tx(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE access_phones SET body = ?, used_at = ? WHERE id = ? AND revoked_at = 0", string(body), now().UnixMilli(), r.ID)
			return err
		})
	}
	return ErrPhone
}
