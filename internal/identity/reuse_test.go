package identity

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

// noticed keeps what identity tells.
func noticed(all *[]Notice) func(*Options) {
	return func(o *Options) { o.OnNotice = func(n Notice) { *all = append(*all, n) } }
}

func (i *Identity) asks(token string) bool {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", nil)
	r.RemoteAddr = "198.51.100.7:999"
	r.AddCookie(&http.Cookie{Name: web.SessionCookie, Value: token})
	_, ok := i.Authenticate(r)
	return ok
}

func kinds(ns []Notice) (ks []string) {
	for _, n := range ns {
		ks = append(ks, n.Kind)
	}
	return ks
}

func TestASignedOutTokenEndsTheFamily(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		d, err := db.Open(ctx, path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		var told []Notice
		var revoked []string
		i := open(t, d, noticed(&told), func(o *Options) { o.OnRevoked = func(id string) { revoked = append(revoked, id) } })
		mustSeed(t, i, operator())
		stolen, other := signIn(t, i, "operator", "correct horse"), signIn(t, i, "operator", "correct horse")
		if err := i.SignOut(ctx, stolen); err != nil {
			t.Fatal(err)
		}
		time.Sleep(inFlight - time.Millisecond)
		if i.asks(stolen) || !i.asks(other) || len(told) != 0 {
			t.Fatalf("a request that was under way: %v", told)
		}
		time.Sleep(time.Millisecond)
		i = open(t, d, noticed(&told), func(o *Options) { o.OnRevoked = func(id string) { revoked = append(revoked, id) } }) // a restart remembers
		if !i.asks(other) {
			t.Fatal("the restart has ended the other session")
		}
		if i.asks(stolen) || i.asks(other) {
			t.Fatal("a session of the family goes on")
		}
		if len(told) != 1 || told[0] != (Notice{Kind: SessionReused, Account: userID(t, i, "operator"), Name: "陈静", Address: "198.51.100.7"}) || len(revoked) != 1 {
			t.Fatalf("told %+v, revoked %v", told, revoked)
		}
		es, err := i.AuditOf(ctx, "session.reused", "", 10)
		if err != nil || len(es) != 1 {
			t.Fatalf("%d entries, %v", len(es), err)
		}
		fresh := signIn(t, i, "operator", "correct horse")
		if i.asks(stolen) || !i.asks(fresh) || len(told) != 1 {
			t.Errorf("the same token again ends what came after: %v", kinds(told))
		}
	})
}

func TestTokensOfWhoLeftAreToldOf(t *testing.T) {
	ctx := context.Background()
	var told []Notice
	i := fresh(t, noticed(&told))
	mustSeed(t, i, SeedUser{Login: "wang", Name: "王芳", Role: web.Resident, Password: "correct horse", Person: "p-1"}, operator())
	token, others := signIn(t, i, "wang", "correct horse"), signIn(t, i, "operator", "correct horse")
	if accounts, sessions, err := i.EndPerson(ctx, "test", "p-1"); err != nil || accounts != 1 || sessions != 1 {
		t.Fatalf("%d accounts, %d sessions, %v", accounts, sessions, err)
	}
	for range 2 {
		if i.asks(token) || !i.asks(others) {
			t.Error("who left is let in, or somebody else is not")
		}
	}
	if !slices.Equal(kinds(told), []string{SessionOfGone}) {
		t.Errorf("told %v", kinds(told))
	}
}

// An old tab after a new password is everyday: it is refused and nobody is called.
func TestOldTabsCallNobody(t *testing.T) {
	ctx := context.Background()
	var told []Notice
	i := fresh(t, noticed(&told))
	mustSeed(t, i, operator())
	id := userID(t, i, "operator")
	for _, c := range []Change{{Password: new("12345678")}, {Role: new(web.Crew)}} {
		token := signIn(t, i, "operator", map[bool]string{true: "correct horse", false: "12345678"}[c.Password != nil])
		if _, _, err := i.ChangeUser(ctx, "admin", id, c); err != nil {
			t.Fatal(err)
		}
		if i.asks(token) {
			t.Error("an ended session is good")
		}
	}
	if i.asks("never was"); len(told) != 0 {
		t.Errorf("told %v", kinds(told))
	}
}

func TestLimitedSignInsAreToldOf(t *testing.T) {
	var told []Notice
	i := fresh(t, noticed(&told), func(o *Options) { o.PerLogin = Limit{Burst: 2, Every: time.Hour} })
	mustSeed(t, i, operator())
	for range 3 {
		_, _, _, err := i.SignIn(context.Background(), "operator", "guess", "192.0.2.1:1")
		if err == nil {
			t.Fatal("a guess was right")
		}
	}
	want := Notice{Kind: SignInLimited, Account: userID(t, i, "operator"), Name: "陈静", Address: "192.0.2.1"}
	if len(told) != 1 || told[0] != want {
		t.Errorf("told %+v", told)
	}
}

func TestInspectionSeesWhatLooksWhole(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		sql string
		seq int64
	}{
		"changed":   {"UPDATE audit SET actor = 'x' WHERE seq = 3", 3},
		"cut off":   {"DELETE FROM audit WHERE seq > 18", 19},
		"all gone":  {"DELETE FROM audit", 1},
		"untouched": {"", 0},
	} {
		t.Run(name, func(t *testing.T) {
			i := chain(t, "key")
			var told []Notice
			i.opt.OnNotice = func(n Notice) { told = append(told, n) }
			if n, _, err := i.InspectAudit(ctx); err != nil || n != 20 {
				t.Fatalf("%d, %v", n, err)
			}
			if _, err := i.db.Read().Exec("DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; " + c.sql); err != nil {
				t.Fatal(err)
			}
			_, _, err := i.InspectAudit(ctx)
			broken, ok := errors.AsType[*AuditBrokenError](err)
			switch {
			case c.seq == 0 && (err != nil || len(told) != 0):
				t.Errorf("%v, told %v", err, told)
			case c.seq != 0 && (!ok || broken.Seq != c.seq || !slices.Equal(kinds(told), []string{AuditBroken})):
				t.Errorf("%v, told %v, want a break at %d", err, told, c.seq)
			}
		})
	}
	// Who holds the key, too, and makes a chain of his own as long as the old one.
	i := chain(t, "")
	if _, _, err := i.InspectAudit(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := i.db.Read().Exec("DROP TRIGGER audit_no_delete; DELETE FROM audit"); err != nil {
		t.Fatal(err)
	}
	for range 25 {
		if err := i.Audit(ctx, nil, "u-2", "nothing.happened", "", nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := i.CheckAudit(ctx); err != nil {
		t.Fatalf("the new chain is not whole in itself: %v", err)
	}
	if _, _, err := i.InspectAudit(ctx); !errors.As(err, new(*AuditBrokenError)) {
		t.Errorf("a chain made anew passes: %v", err)
	}
}

func TestZonesOfAnAccount(t *testing.T) {
	ctx := context.Background()
	i := fresh(t)
	for _, bad := range [][]string{{""}, {"/east"}, {"east/"}, {"East"}, {"a b"}, make([]string, mostZones+1)} {
		if _, _, err := i.AddUser(ctx, "test", NewUser{Login: "x", Name: "x", Role: web.Operator, Zones: bad}); !errors.Is(err, ErrInvalid) {
			t.Errorf("zones %q: %v", bad, err)
		}
	}
	u, _, err := i.AddUser(ctx, "test", NewUser{Login: "east", Name: "东苑值班", Role: web.Operator, Zones: []string{"east", "west/b05"}})
	if err != nil {
		t.Fatal(err)
	}
	i = open(t, i.db) // from the table
	for zone, want := range map[string]bool{"east": true, "east/b01/u1": true, "eastern": false, "west": false, "west/b05/u1": true, "": false} {
		p, _ := i.User(u.ID)
		if got := p.Principal().Covers(zone); got != want {
			t.Errorf("covers %q: %v", zone, got)
		}
	}
	if u, _, err = i.ChangeUser(ctx, "test", u.ID, Change{Zones: &[]string{}}); err != nil || !u.Principal().Covers("west") {
		t.Errorf("without zones: %v, %v", u.Zones, err)
	}
}

// Of somebody who is erased the account says nothing any more, after a restart neither; its
// login may be given to another. Who works here stays.
func TestAccountsOfWhoWasErased(t *testing.T) {
	ctx := context.Background()
	i := fresh(t)
	mustSeed(t, i, SeedUser{Login: "chen", Name: "陈建国", Role: web.Resident, Password: "correct horse", Person: "p-1"},
		SeedUser{Login: "li", Name: "李秀英", Role: web.Resident, Password: "correct horse", Person: "p-2"},
		SeedUser{Login: "guard", Name: "王强", Role: web.Operator, Password: "correct horse", Person: "p-1"})
	id := userID(t, i, "chen")
	if err := i.ForgetPerson(ctx, "test", "p-1"); err != nil { // not moved out yet
		t.Fatal(err)
	}
	if u, _ := i.User(id); u.Name != "陈建国" {
		t.Errorf("an account that is in use became %+v", u)
	}
	if _, _, err := i.EndPerson(ctx, "test", "p-1"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := i.ForgetPerson(ctx, "test", "p-1"); err != nil {
			t.Fatal(err)
		}
	}
	for _, j := range []*Identity{i, open(t, i.db)} {
		if u, ok := j.User(id); !ok || u.Name != "-" || u.Login != "gone-"+id || !u.Disabled {
			t.Errorf("%+v", u)
		}
		if _, _, _, err := j.SignIn(ctx, "gone-"+id, "correct horse", "192.0.2.1:1"); !errors.Is(err, ErrRefused) {
			t.Errorf("sign in: %v", err)
		}
		if u, _ := j.User(userID(t, j, "guard")); u.Name != "王强" {
			t.Errorf("of who works here: %+v", u)
		}
		if u, _ := j.User(userID(t, j, "li")); u.Name != "李秀英" || u.Disabled {
			t.Errorf("of somebody else: %+v", u)
		}
	}
	if _, _, err := i.AddUser(ctx, "test", NewUser{Login: "chen", Name: "陈静", Role: web.Operator, Password: "battery staple"}); err != nil {
		t.Errorf("the login is not free: %v", err)
	}
	if _, _, err := i.CheckAudit(ctx); err != nil {
		t.Error(err)
	}
}
