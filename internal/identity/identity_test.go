package identity

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"

	"github.com/alexedwards/argon2id"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

// cheap makes password checks fast; what they cost is not under test.
func cheap() *argon2id.Params {
	return &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

func openDB(t *testing.T, path string) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func open(t *testing.T, d *db.DB, more ...func(*Options)) *Identity {
	t.Helper()
	o := Options{DB: d, Log: slog.New(slog.DiscardHandler), Argon2: cheap()}
	for _, f := range more {
		f(&o)
	}
	i, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func fresh(t *testing.T, more ...func(*Options)) *Identity {
	t.Helper()
	return open(t, openDB(t, filepath.Join(t.TempDir(), "hub.db")), more...)
}

func mustSeed(t *testing.T, i *Identity, us ...SeedUser) {
	t.Helper()
	if err := i.Seed(context.Background(), us); err != nil {
		t.Fatal(err)
	}
}

func operator() SeedUser {
	return SeedUser{Login: "operator", Name: "陈静", Role: web.Operator, Password: "correct horse"}
}

func userID(t *testing.T, i *Identity, login string) string {
	t.Helper()
	i.mu.RLock()
	defer i.mu.RUnlock()
	id, ok := i.logins[login]
	if !ok {
		t.Fatalf("no user %s", login)
	}
	return id
}

func signIn(t *testing.T, i *Identity, login, password string) string {
	t.Helper()
	token, _, _, err := i.SignIn(context.Background(), login, password, "192.0.2.1:1234")
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestNewWantsItsParts(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Fatal("no error without a database")
	}
}

func TestEnsureAdmin(t *testing.T) {
	ctx := context.Background()
	i := fresh(t)
	made, err := i.EnsureAdmin(ctx, "")
	if err != nil || len(made) != 19 {
		t.Fatalf("got %q, %v", made, err)
	}
	signIn(t, i, "Admin", made)
	if u, _ := i.User(userID(t, i, "admin")); !u.MustChange {
		t.Fatal("a made password must be changed")
	}
	for _, p := range []string{"", "another one"} {
		if again, err := i.EnsureAdmin(ctx, p); err != nil || again != "" {
			t.Fatalf("a second call made %q, %v", again, err)
		}
	}
	signIn(t, i, "admin", made)

	j := fresh(t)
	if made, err := j.EnsureAdmin(ctx, "short"); err != nil || made != "" {
		t.Fatalf("got %q, %v", made, err)
	}
	signIn(t, j, "admin", "short")
	if u, _ := j.User(userID(t, j, "admin")); u.MustChange {
		t.Fatal("a chosen password need not be changed")
	}
}

func TestEnsureAdminRevivesADisabledOne(t *testing.T) {
	ctx := context.Background()
	i := fresh(t)
	if _, err := i.EnsureAdmin(ctx, "first password"); err != nil {
		t.Fatal(err)
	}
	if _, err := i.db.Read().Exec("UPDATE users SET disabled = 1"); err != nil { // by hand, as a lock-out
		t.Fatal(err)
	}
	i = open(t, i.db)
	if _, err := i.EnsureAdmin(ctx, "second password"); err != nil {
		t.Fatal(err)
	}
	signIn(t, i, "admin", "second password")
}

func TestSeedIsIdempotent(t *testing.T) {
	ctx := context.Background()
	i := fresh(t)
	mustSeed(t, i, operator())
	id := userID(t, i, "operator")
	if err := i.SetPassword(ctx, id, "correct horse", "battery staple", "", "192.0.2.1:1"); err != nil {
		t.Fatal(err)
	}
	i = open(t, i.db)
	mustSeed(t, i, operator(), SeedUser{Login: "crew", Name: "王师傅", Role: web.Crew, Password: "x"})
	if got := userID(t, i, "operator"); got != id {
		t.Fatalf("id changed from %s to %s", id, got)
	}
	signIn(t, i, "operator", "battery staple")
	signIn(t, i, "crew", "x")
	for name, u := range map[string]SeedUser{
		"login":    {Login: "a b", Name: "x", Role: web.Crew},
		"role":     {Login: "a", Name: "x", Role: "root"},
		"resident": {Login: "a", Name: "x", Role: web.Resident},
		"name":     {Login: "a", Name: " ", Role: web.Crew},
	} {
		if err := i.Seed(ctx, []SeedUser{u}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestTheLastAdminStays(t *testing.T) {
	ctx := context.Background()
	i := fresh(t)
	if _, err := i.EnsureAdmin(ctx, "long enough"); err != nil {
		t.Fatal(err)
	}
	admin := userID(t, i, "admin")
	crew := web.Crew
	for name, c := range map[string]Change{"disable": {Disabled: new(true)}, "demote": {Role: &crew}} {
		if _, _, err := i.ChangeUser(ctx, admin, admin, c); !errors.Is(err, ErrLastAdmin) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, _, err := i.AddUser(ctx, admin, NewUser{Login: "second", Name: "李明辉", Role: web.Admin}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := i.ChangeUser(ctx, admin, admin, Change{Disabled: new(true)}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := i.AddUser(ctx, admin, NewUser{Login: "SECOND", Name: "x", Role: web.Crew}); !errors.Is(err, ErrLoginTaken) {
		t.Fatalf("got %v", err)
	}
}

func TestWhatEndsSessions(t *testing.T) {
	crew, person := web.Crew, "p-1"
	for name, c := range map[string]struct {
		change Change
		ends   bool
	}{
		"disabled":       {Change{Disabled: new(true)}, true},
		"password reset": {Change{Password: new("")}, true},
		"password set":   {Change{Password: new("12345678")}, true},
		"role":           {Change{Role: &crew}, true},
		"person":         {Change{Person: &person}, true},
		"name":           {Change{Name: new("陈安静")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			var revoked []string
			i := fresh(t, func(o *Options) { o.OnRevoked = func(id string) { revoked = append(revoked, id) } })
			mustSeed(t, i, operator())
			id, token := userID(t, i, "operator"), signIn(t, i, "operator", "correct horse")
			u, made, err := i.ChangeUser(ctx, "admin", id, c.change)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := i.bySession(ctx, token); ok == c.ends {
				t.Errorf("session good: %v", ok)
			}
			if (len(revoked) == 1 && revoked[0] == id) != c.ends {
				t.Errorf("revoked %v", revoked)
			}
			if c.change.Password != nil && *c.change.Password == "" {
				if len(made) != 19 || !u.MustChange {
					t.Errorf("made %q, must change %v", made, u.MustChange)
				}
				signIn(t, i, "operator", made)
			}
			// A restart finds the same.
			if _, ok := open(t, i.db).bySession(ctx, token); ok == c.ends {
				t.Errorf("session good after a restart: %v", ok)
			}
		})
	}
}

func TestSetPasswordKeepsOnlyTheOwnSession(t *testing.T) {
	ctx := context.Background()
	var revoked []string
	i := fresh(t, func(o *Options) { o.OnRevoked = func(id string) { revoked = append(revoked, id) } })
	mustSeed(t, i, operator())
	id := userID(t, i, "operator")
	mine, other := signIn(t, i, "operator", "correct horse"), signIn(t, i, "operator", "correct horse")
	if err := i.SetPassword(ctx, id, "wrong", "battery staple", mine, "a"); !errors.Is(err, ErrRefused) {
		t.Fatalf("got %v", err)
	}
	if err := i.SetPassword(ctx, id, "correct horse", "short", mine, "a"); !errors.Is(err, ErrInvalid) {
		t.Fatalf("got %v", err)
	}
	if err := i.SetPassword(ctx, id, "correct horse", "battery staple", mine, "a"); err != nil {
		t.Fatal(err)
	}
	if len(revoked) != 1 || revoked[0] != id { // who watches with the other session sees nothing more
		t.Errorf("revoked %v", revoked)
	}
	if err := i.SetPassword(ctx, id, "battery staple", "battery staple 2", mine, "a"); err != nil || len(revoked) != 1 {
		t.Errorf("with no other session: %v, revoked %v", err, revoked)
	}
	for _, j := range []*Identity{i, open(t, i.db)} {
		if _, ok := j.bySession(ctx, mine); !ok {
			t.Error("the own session ended")
		}
		if _, ok := j.bySession(ctx, other); ok {
			t.Error("the other session goes on")
		}
	}
	if _, _, _, err := i.SignIn(ctx, "operator", "correct horse", "a"); !errors.Is(err, ErrRefused) {
		t.Fatalf("the old password: %v", err)
	}
}

func TestTokens(t *testing.T) {
	ctx := context.Background()
	var revoked []string
	i := fresh(t, func(o *Options) { o.OnRevoked = func(id string) { revoked = append(revoked, id) } })
	tok, secret, err := i.AddToken(ctx, "admin", "city platform", web.Integrator)
	if err != nil {
		t.Fatal(err)
	}
	j := open(t, i.db) // a restart
	p, ok := j.VerifyToken(ctx, secret)
	if !ok || p.Role != web.Integrator || p.ID != tok.ID || p.Name != "city platform" {
		t.Fatalf("got %+v, %v", p, ok)
	}
	for _, s := range []string{"", secret[1:], secret + "x", tok.ID} {
		if _, ok := i.VerifyToken(ctx, s); ok {
			t.Errorf("%q is taken for a token", s)
		}
	}
	if err := i.RevokeToken(ctx, "admin", tok.ID); err != nil {
		t.Fatal(err)
	}
	if _, ok := i.VerifyToken(ctx, secret); ok || len(revoked) != 1 || revoked[0] != tok.ID {
		t.Fatalf("still good: %v, revoked %v", ok, revoked)
	}
	if _, ok := open(t, i.db).VerifyToken(ctx, secret); ok {
		t.Fatal("good again after a restart")
	}
	if err := i.RevokeToken(ctx, "admin", tok.ID); !errors.Is(err, ErrNotFound) {
		t.Fatalf("got %v", err)
	}
	for _, role := range []web.Role{web.Resident, "root", ""} {
		if _, _, err := i.AddToken(ctx, "admin", "x", role); !errors.Is(err, ErrInvalid) {
			t.Errorf("role %q: got %v", role, err)
		}
	}
	var kept string
	if err := i.db.Read().QueryRow("SELECT group_concat(hex(hash) || name) FROM tokens").Scan(&kept); err != nil || len(kept) == 0 {
		t.Fatal(err)
	}
}

func TestStaff(t *testing.T) {
	i := open(t, openDB(t, filepath.Join(t.TempDir(), "hub.db")))
	mustSeed(t, i,
		SeedUser{Login: "wang", Name: "王", Role: web.Crew, Password: "a-long-password"},
		SeedUser{Login: "gone", Name: "旧", Role: web.Operator, Password: "a-long-password"},
		SeedUser{Login: "home", Name: "民", Role: web.Resident, Person: "p-1", Password: "a-long-password"}, operator(),
	)
	for _, u := range i.Staff() {
		if u.Login == "gone" {
			if _, _, err := i.ChangeUser(t.Context(), "test", u.ID, Change{Disabled: new(true)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	var logins []string
	for _, u := range i.Staff() {
		logins = append(logins, u.Login)
	}
	want := []string{operator().Login, "wang"}
	slices.Sort(want)
	if !slices.Equal(logins, want) {
		t.Errorf("%q", logins)
	}
}
