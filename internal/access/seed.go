package access

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// SeedPerson is a person that Seed makes sure of, with door cards and rights
// that always hold.
type SeedPerson struct {
	ID, Name, Unit, Household string
	Groups                    []string
	Cards                     []string
	Doors                     []string // device ids
	Zones                     []string // every door within
}

// Seed adds people with their cards and rights, and further rights, in one
// transaction. What is there already is left as it is, so a card that was
// revoked since stays revoked; the same list a second time costs next to
// nothing.
func (x *Access) Seed(ctx context.Context, people []SeedPerson, rights []RightInfo) error {
	list, err := json.Marshal([]any{people, rights})
	if err != nil {
		return fmt.Errorf("seed access: %w", err)
	}
	digest := sha256.Sum256(list)
	x.change.Lock()
	defer x.change.Unlock()
	done := false
	err = x.db.Tx(ctx, func(tx *sql.Tx) error {
		var old []byte
		err := tx.QueryRowContext(ctx, "SELECT value FROM access_meta WHERE name = 'seed'").Scan(&old)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("seed access: %w", err)
		}
		if done = bytes.Equal(old, digest[:]); done {
			return nil
		}
		for i := range people {
			if err := x.seedPerson(ctx, tx, people[i]); err != nil {
				return fmt.Errorf("seed person %s: %w", people[i].ID, err)
			}
		}
		for _, r := range rights {
			if err := seedRight(ctx, tx, r); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO access_meta(name, value) VALUES ('seed', ?)
			ON CONFLICT(name) DO UPDATE SET value = excluded.value`, digest[:]); err != nil {
			return fmt.Errorf("seed access: %w", err)
		}
		return x.audit.Audit(ctx, tx, "hub", "access.seeded", "", map[string]any{"people": len(people), "rights": len(rights)})
	})
	if err != nil || done {
		return err
	}
	return x.reload(context.WithoutCancel(ctx))
}

func (x *Access) seedPerson(ctx context.Context, tx *sql.Tx, s SeedPerson) error {
	p := PersonInfo{Name: s.Name, Unit: s.Unit, Household: s.Household, Groups: s.Groups}
	if err := checkPerson(&p); err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, "INSERT INTO access_people(id, name, unit, household, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT(id) DO NOTHING",
		s.ID, s.Name, s.Unit, s.Household, now().UnixMilli())
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	if err := setGroups(ctx, tx, s.ID, s.Groups); err != nil {
		return err
	}
	if err := ensureHousehold(ctx, tx, s.Unit, s.Household); err != nil {
		return err
	}
	for _, card := range s.Cards {
		value := normal("card", card)
		if err := checkCredential(&NewCredential{Type: "card"}, value); err != nil {
			return err
		}
		m := x.mac("card", value)
		id := "c-" + hex.EncodeToString(m[:8])
		offline, err := x.forDoors(id, "card", ClassUID, value)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO access_credentials(id, person, type, class, mac, last4, offline, created_at) VALUES (?, ?, 'card', 'uid', ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, id, s.ID, m[:], last4("card", value), offline, now().UnixMilli()); err != nil {
			return err
		}
	}
	for _, d := range s.Doors {
		if err := seedRight(ctx, tx, RightInfo{Person: s.ID, Door: d}); err != nil {
			return err
		}
	}
	for _, z := range s.Zones {
		if err := seedRight(ctx, tx, RightInfo{Person: s.ID, Zone: z}); err != nil {
			return err
		}
	}
	return nil
}

// seedRight gives the right an id made of its content: a second time it is the
// same, also when it was ended since.
func seedRight(ctx context.Context, tx *sql.Tx, r RightInfo) error {
	if err := checkRight(&r); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(r.Person + "\x00" + r.Group + "\x00" + r.Door + "\x00" + r.Zone + "\x00" + r.Schedule + r.DoorGroup))
	r.ID, r.CreatedAt = "r-"+hex.EncodeToString(sum[:8]), now()
	return insertRight(ctx, tx, r)
}
