package identity

import (
	"context"
	"database/sql"
	"strings"

	"dongyue/internal/web"
)

// SeedUser is an account that Seed makes sure of.
type SeedUser struct {
	Login, Name string
	Role        web.Role
	Password    string
	Person      string
}

// EnsureAdmin makes the account "admin" when no administrator can sign in. It
// takes the password given, or makes one and returns it, once. A short given
// password is taken, with a warning: the installer has decided.
func (i *Identity) EnsureAdmin(ctx context.Context, password string) (generated string, err error) {
	i.change.Lock()
	defer i.change.Unlock()
	if i.admins() > 0 {
		return "", nil
	}
	if password == "" {
		generated = newPassword()
		password = generated
	} else if len(password) < minPassword {
		i.log.WarnContext(ctx, "the administrator's password is short", "bytes", len(password), "want", minPassword)
	}
	hash, err := i.hash.create(ctx, password)
	if err != nil {
		return "", err
	}
	u := User{
		ID: newID("u-"), Login: "admin", Name: "管理员", Role: web.Admin, MustChange: generated != "", CreatedAt: now(),
	}
	i.mu.RLock()
	id, taken := i.logins[u.Login]
	if taken { // somebody disabled or demoted it by hand in the database
		u = i.users[id]
		u.Role, u.Disabled, u.MustChange = web.Admin, false, generated != ""
	}
	i.mu.RUnlock()
	err = i.db.Tx(ctx, func(tx *sql.Tx) error {
		if taken {
			return i.writeChange(ctx, tx, Hub, u, hash, true)
		}
		if err := insertUser(ctx, tx, u, hash); err != nil {
			return err
		}
		return i.Audit(ctx, tx, Hub, "user.created", u.ID, map[string]any{"login": u.Login, "role": u.Role})
	})
	if err != nil {
		return "", err
	}
	i.put(u)
	return generated, nil
}

// Seed makes the accounts whose login does not exist yet. One that exists is
// left as it is, password included, so a restart undoes nobody's change.
func (i *Identity) Seed(ctx context.Context, users []SeedUser) error {
	i.change.Lock()
	defer i.change.Unlock()
	var fresh []User
	var hashes []string
	for _, s := range users {
		u := User{ID: newID("u-"), Login: strings.ToLower(s.Login), Name: s.Name, Role: s.Role, Person: s.Person, CreatedAt: now()}
		i.mu.RLock()
		_, exists := i.logins[u.Login]
		i.mu.RUnlock()
		if exists {
			continue
		}
		if err := i.checkUser(u); err != nil {
			return err
		}
		hash, err := i.hash.create(ctx, s.Password)
		if err != nil {
			return err
		}
		fresh, hashes = append(fresh, u), append(hashes, hash)
	}
	if len(fresh) == 0 {
		return nil
	}
	err := i.db.Tx(ctx, func(tx *sql.Tx) error {
		for n, u := range fresh {
			if err := insertUser(ctx, tx, u, hashes[n]); err != nil {
				return err
			}
		}
		return i.Audit(ctx, tx, Hub, "users.seeded", "", map[string]any{"count": len(fresh)})
	})
	if err != nil {
		return err
	}
	for _, u := range fresh {
		i.put(u)
	}
	return nil
}
