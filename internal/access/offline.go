package access

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"dongyue/internal/doorlist"
)

// What a door compares is stretched: a hash that takes milliseconds. The hub does it
// once for each credential, not while somebody waits for the answer to a new card,
// and keeps it sealed, as the value until then.

const (
	sealedValue     = 0
	sealedStretched = 1
)

// offlineKey is how a credential is known to doors that are alone; the zero value
// is not.
type offlineKey struct {
	kind  offlineKind
	value doorlist.Stretched
	ref   doorlist.Ref
}

type offlineKind uint8

const (
	notOffline offlineKind = iota
	byValue
	byRef // of rotating codes
)

// at is the key at one door.
func (k *offlineKey) at(salt doorlist.Salt) doorlist.Key {
	if k.kind == byRef {
		return doorlist.KeyOfCode(salt, k.ref)
	}
	return doorlist.KeyOf(salt, k.value)
}

// goesOffline reports whether doors may know a credential. PINs they may not: six
// digits are found by trying, whatever the hash. Number plates neither: everybody reads
// them, and whether the car is inside already only the hub knows.
func goesOffline(typ, class string) bool {
	return typ != "pin" && typ != "plate" && class != ClassRotating
}

func newSealer(key mac) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("access: %w", err)
	}
	s, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("access: %w", err)
	}
	return s, nil
}

// seal closes a value for a credential; only under its id it opens again.
func (x *Access) seal(kind byte, credential string, text []byte) ([]byte, error) {
	out := make([]byte, 1+x.sealer.NonceSize(), 1+x.sealer.NonceSize()+len(text)+x.sealer.Overhead())
	out[0] = kind
	if _, err := rand.Read(out[1:]); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return x.sealer.Seal(out, out[1:], text, append([]byte{kind}, credential...)), nil //nolint:gosec // the nonce was just drawn
}

var errSeal = errors.New("was sealed under another key")

func (x *Access) unseal(credential string, b []byte) (text []byte, err error) {
	n := 1 + x.sealer.NonceSize()
	if len(b) < n {
		return nil, errSeal
	}
	if text, err = x.sealer.Open(nil, b[1:n], b[n:], append([]byte{b[0]}, credential...)); err != nil {
		return nil, errSeal
	}
	return text, nil
}

// offlineOf reads the column of a credential. What can't be read is not known to
// doors: the card goes on to open while the hub is there.
func (x *Access) offlineOf(c *credentialRow, sealed []byte) (k offlineKey) {
	if c.class == ClassRotating {
		return offlineKey{kind: byRef, ref: refOf(c.mac)}
	}
	if len(sealed) == 0 || sealed[0] != sealedStretched {
		return k
	}
	text, err := x.unseal(c.id, sealed)
	if err != nil || len(text) != len(k.value) {
		return k
	}
	return offlineKey{kind: byValue, value: doorlist.Stretched(text)}
}

// forDoors is the column of a new credential.
func (x *Access) forDoors(id, typ, class, value string) ([]byte, error) {
	if !goesOffline(typ, class) {
		return []byte{}, nil
	}
	x.toStretch.Store(true)
	return x.seal(sealedValue, id, []byte(value))
}

// learn keeps the value of a credential of before, when it is shown.
func (x *Access) learn(ctx context.Context, tx *sql.Tx, c *Credential, value string) error {
	if c == nil || c.offline.kind != notOffline || !goesOffline(c.Type, c.Class) || c.Revoked != 0 {
		return nil
	}
	b, err := x.forDoors(c.ID, c.Type, c.Class, value)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE access_credentials SET offline = ? WHERE id = ? AND offline = x''", b, c.ID); err != nil {
		return fmt.Errorf("learn credential: %w", err)
	}
	return nil
}

// keepStretching stretches new credentials as they come.
func (x *Access) keepStretching(ctx context.Context) {
	tick := time.NewTicker(stretchPause)
	defer tick.Stop()
	for {
		if x.toStretch.Swap(false) {
			if err := x.stretchAll(ctx); err != nil && ctx.Err() == nil {
				x.log.ErrorContext(ctx, "credentials not ready for doors", "err", err)
				x.toStretch.Store(true)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// rawCredential waits to be stretched.
type rawCredential struct {
	id, person, typ string
	sealed          []byte
}

const (
	stretchBatch = 64
	stretchPause = 200 * time.Millisecond
)

// stretchAll stretches what waits; the people's cards are known to the doors then.
func (x *Access) stretchAll(ctx context.Context) error {
	for ctx.Err() == nil {
		var raw []rawCredential
		err := x.each(ctx, `SELECT id, person, type, offline FROM access_credentials WHERE substr(offline, 1, 1) = x'00' LIMIT ?`, []any{stretchBatch}, func(rows *sql.Rows) error {
			var c rawCredential
			err := rows.Scan(&c.id, &c.person, &c.typ, &c.sealed)
			raw = append(raw, c)
			return err
		})
		if err != nil || len(raw) == 0 {
			return err
		}
		if err := x.stretchSome(ctx, raw); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (x *Access) stretchSome(ctx context.Context, raw []rawCredential) error {
	people := map[string]bool{}
	for i := range raw {
		c := &raw[i]
		people[c.person] = true
		value, err := x.unseal(c.id, c.sealed)
		if err == nil {
			var v doorlist.Stretched
			if v, err = x.stretch.Of(c.typ, string(value)); err != nil {
				return fmt.Errorf("stretch credential %s: %w", c.id, err)
			}
			c.sealed, err = x.seal(sealedStretched, c.id, v[:])
		}
		if err != nil { // of another key: it is learned anew
			x.log.WarnContext(ctx, "credential not readable for doors", "credential", c.id, "err", err)
			c.sealed = []byte{}
		}
	}
	return x.changed(ctx, func(tx *sql.Tx) error {
		for _, c := range raw {
			if _, err := tx.ExecContext(ctx, "UPDATE access_credentials SET offline = ? WHERE id = ? AND substr(offline, 1, 1) = x'00'", c.sealed, c.id); err != nil {
				return fmt.Errorf("stretch credential: %w", err)
			}
		}
		return nil
	}, func(ctx context.Context) error {
		for p := range people {
			if err := x.refreshPerson(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
}
