package identity

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"dongyue/internal/web"
)

// User is an account of a person.
type User struct {
	ID         string    `json:"id"`
	Login      string    `json:"login"`
	Name       string    `json:"name"`
	Role       web.Role  `json:"role"`
	Person     string    `json:"person,omitempty"` // a resident's id in access
	Zones      []string  `json:"zones" doc:"where the account acts, each with all below; none: everywhere"`
	Disabled   bool      `json:"disabled"`
	MustChange bool      `json:"must_change"` // the password was made by the hub and should be replaced
	CreatedAt  time.Time `json:"created_at"`
}

// Principal is what the rooms see of the user.
func (u User) Principal() web.Principal {
	return web.Principal{ID: u.ID, Name: u.Name, Login: u.Login, Role: u.Role, Person: u.Person, Zones: strings.Join(u.Zones, " ")}
}

// NewUser is what AddUser needs.
type NewUser struct {
	Login, Name string
	Role        web.Role
	Person      string
	Password    string // empty: one is made and must be changed
	Zones       []string
}

// Change of a user; nil leaves a field as it is.
type Change struct {
	Name     *string
	Role     *web.Role
	Person   *string
	Zones    *[]string
	Disabled *bool
	Password *string // new password; all sessions end. Empty: one is made
}

const (
	loginForm = `^[a-z0-9][a-z0-9._@-]{0,62}$`
	zoneForm  = `^[a-z0-9-]+(/[a-z0-9-]+)*$`
)

func (i *Identity) checkUser(u User) error {
	switch {
	case !regexp.MustCompile(loginForm).MatchString(u.Login):
		return fmt.Errorf("%w: login %q: use 1 to 63 of a-z 0-9 . _ @ -", ErrInvalid, u.Login)
	case strings.TrimSpace(u.Name) == "" || len(u.Name) > 200:
		return fmt.Errorf("%w: name must have 1 to 200 bytes", ErrInvalid)
	case i.grants[u.Role] == nil:
		return fmt.Errorf("%w: role %q is not one of admin, supervisor, operator, crew, resident, integrator", ErrInvalid, u.Role)
	case u.Role == web.Resident && u.Person == "":
		return fmt.Errorf("%w: a resident needs the person whose doors these are", ErrInvalid)
	}
	return checkZones(u.Zones)
}

// mostZones bounds where one account acts.
const mostZones = 50

func checkZones(zones []string) error {
	if len(zones) > mostZones {
		return fmt.Errorf("%w: zones: at most %d", ErrInvalid, mostZones)
	}
	for _, z := range zones {
		if !regexp.MustCompile(zoneForm).MatchString(z) || len(z) > 128 {
			return fmt.Errorf("%w: zones: %.40q is not a zone such as east/b01", ErrInvalid, z)
		}
	}
	return nil
}

// AddUser makes an account and returns the password if one was made.
func (i *Identity) AddUser(ctx context.Context, actor string, n NewUser) (User, string, error) {
	u := User{
		ID: newID("u-"), Login: strings.ToLower(n.Login), Name: n.Name, Role: n.Role,
		Person: n.Person, Zones: append([]string{}, n.Zones...), MustChange: n.Password == "", CreatedAt: now(),
	}
	if err := i.checkUser(u); err != nil {
		return User{}, "", err
	}
	made, hash, err := i.choose(ctx, n.Password)
	if err != nil {
		return User{}, "", err
	}
	i.change.Lock()
	defer i.change.Unlock()
	err = i.db.Tx(ctx, func(tx *sql.Tx) error {
		if err := insertUser(ctx, tx, u, hash); err != nil {
			return err
		}
		return i.Audit(ctx, tx, actor, "user.created", u.ID, map[string]any{"login": u.Login, "role": u.Role, "zones": u.Zones})
	})
	if err != nil {
		return User{}, "", err
	}
	i.put(u)
	return u, made, nil
}

// choose hashes the password, or one that it makes and returns.
func (i *Identity) choose(ctx context.Context, password string) (made, hash string, err error) {
	if password == "" {
		made = newPassword()
		password = made
	}
	if len(password) < minPassword || len(password) > maxPassword {
		return "", "", fmt.Errorf("%w: a password has %d to %d bytes", ErrInvalid, minPassword, maxPassword)
	}
	hash, err = i.hash.create(ctx, password)
	return made, hash, err
}

// insertUser relies on the callers' i.change: between the look and the insert no
// other login can come in.
func insertUser(ctx context.Context, tx *sql.Tx, u User, hash string) error {
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM users WHERE login = ?", u.Login).Scan(&n); err != nil {
		return fmt.Errorf("add user %s: %w", u.Login, err)
	}
	if n > 0 {
		return fmt.Errorf("%w: %s", ErrLoginTaken, u.Login)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO users(id, login, name, role, person, zones, hash, must_change, disabled, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, u.ID, u.Login, u.Name, u.Role, u.Person, zonesText(u.Zones), hash, u.MustChange, u.Disabled, u.CreatedAt.UnixMilli())
	if err != nil {
		return fmt.Errorf("add user %s: %w", u.Login, err)
	}
	return nil
}

// ChangeUser changes an account and returns the password if one was made. A new
// password, another role or person, and switching off end the user's sessions.
func (i *Identity) ChangeUser(ctx context.Context, actor, id string, c Change) (User, string, error) {
	var made, hash string
	if c.Password != nil {
		var err error
		if made, hash, err = i.choose(ctx, *c.Password); err != nil {
			return User{}, "", err
		}
	}
	i.change.Lock()
	defer i.change.Unlock()
	old, ok := i.User(id)
	if !ok {
		return User{}, "", fmt.Errorf("%w: user %s", ErrNotFound, id)
	}
	u := c.apply(old, made != "")
	if err := i.checkUser(u); err != nil {
		return User{}, "", err
	}
	if isAdmin(old) && !isAdmin(u) && i.admins() == 1 {
		return User{}, "", ErrLastAdmin
	}
	ends := hash != "" || u.Role != old.Role || u.Person != old.Person || u.Disabled && !old.Disabled
	err := i.db.Tx(ctx, func(tx *sql.Tx) error {
		return i.writeChange(ctx, tx, actor, u, hash, ends)
	})
	if err != nil {
		return User{}, "", err
	}
	i.put(u)
	if ends {
		i.forget(func(s *session) bool { return s.user == id })
		i.opt.OnRevoked(id)
		if err := i.rememberEnded(ctx); err != nil {
			return User{}, "", err
		}
	}
	return u, made, nil
}

func (c Change) apply(u User, made bool) User {
	if c.Name != nil {
		u.Name = *c.Name
	}
	if c.Role != nil {
		u.Role = *c.Role
	}
	if c.Person != nil {
		u.Person = *c.Person
	}
	if c.Zones != nil {
		u.Zones = *c.Zones
	}
	if c.Disabled != nil {
		u.Disabled = *c.Disabled
	}
	if c.Password != nil {
		u.MustChange = made
	}
	return u
}

func (i *Identity) writeChange(ctx context.Context, tx *sql.Tx, actor string, u User, hash string, ends bool) error {
	_, err := tx.ExecContext(ctx, `UPDATE users SET name = ?, role = ?, person = ?, zones = ?, disabled = ?, must_change = ?,
		hash = CASE WHEN ? = '' THEN hash ELSE ? END WHERE id = ?`, u.Name, u.Role, u.Person, zonesText(u.Zones), u.Disabled, u.MustChange, hash, hash, u.ID)
	if err != nil {
		return fmt.Errorf("change user %s: %w", u.ID, err)
	}
	if ends {
		if u.Disabled { // an old tab after a new password is everyday; one of somebody who left is not
			if err := keepEnded(ctx, tx, now(), true, "account = ?", u.ID); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE account = ?", u.ID); err != nil {
			return fmt.Errorf("end sessions of %s: %w", u.ID, err)
		}
	}
	return i.Audit(ctx, tx, actor, "user.changed", u.ID, map[string]any{
		"login": u.Login, "role": u.Role, "zones": u.Zones, "disabled": u.Disabled, "password_reset": hash != "", "sessions_ended": ends,
	})
}

// User finds an account by id.
func (i *Identity) User(id string) (User, bool) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	u, ok := i.users[id]
	return u, ok
}

// Crew returns the accounts that work on orders, id to name; work orders ask it
// whom they can be given to.
func (i *Identity) Crew(context.Context) (map[string]string, error) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	who := map[string]string{}
	for id, u := range i.users {
		if !u.Disabled && i.grants[u.Role][web.OrdersWork] {
			who[id] = u.Name
		}
	}
	return who, nil
}

// Staff returns the accounts of those who work here and may sign in, by login;
// the rota asks whom it can put on duty.
func (i *Identity) Staff() []User {
	i.mu.RLock()
	defer i.mu.RUnlock()
	var us []User
	for _, u := range i.users {
		if !u.Disabled && i.grants[u.Role][web.DutyRead] {
			us = append(us, u)
		}
	}
	slices.SortFunc(us, func(a, b User) int { return strings.Compare(a.Login, b.Login) })
	return us
}

func (i *Identity) put(u User) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.users[u.ID] = u
	i.logins[u.Login] = u.ID
}

func isAdmin(u User) bool { return u.Role == web.Admin && !u.Disabled }

func (i *Identity) admins() (n int) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	for _, u := range i.users {
		if isAdmin(u) {
			n++
		}
	}
	return n
}

func (i *Identity) loadUsers(ctx context.Context) (map[string]User, map[string]string, error) {
	rows, err := i.db.Read().QueryContext(ctx, "SELECT id, login, name, role, person, zones, disabled, must_change, created_at FROM users")
	if err != nil {
		return nil, nil, fmt.Errorf("read users: %w", err)
	}
	defer func() { _ = rows.Close() }()
	users, logins := map[string]User{}, map[string]string{}
	for rows.Next() {
		var u User
		var created int64
		var zones string
		if err := rows.Scan(&u.ID, &u.Login, &u.Name, &u.Role, &u.Person, &zones, &u.Disabled, &u.MustChange, &created); err != nil {
			return nil, nil, fmt.Errorf("read users: %w", err)
		}
		if err := json.Unmarshal([]byte(zones), &u.Zones); err != nil {
			return nil, nil, fmt.Errorf("read users: zones of %s: %w", u.ID, err)
		}
		u.CreatedAt = at(created)
		users[u.ID], logins[u.Login] = u, u.ID
	}
	return users, logins, rows.Err()
}

// zonesText is the column of zones.
func zonesText(zones []string) string {
	if len(zones) == 0 {
		return "[]"
	}
	b, err := json.Marshal(zones)
	if err != nil { // text always encodes
		return "[]"
	}
	return string(b)
}

// passwordHash reads the stored hash; empty when there is no such user or it is
// disabled.
func passwordHash(ctx context.Context, q interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}, login string) (hash string, err error) {
	err = q.QueryRowContext(ctx, "SELECT hash FROM users WHERE login = ? AND disabled = 0", login).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read user: %w", err)
	}
	return hash, nil
}
