package identity

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dongyue/internal/db"
)

func TestSessionsExpire(t *testing.T) {
	for name, c := range map[string]struct {
		use  time.Duration // between requests
		for_ time.Duration
		good bool
	}{
		"used within the shift":     {11 * time.Hour, 44 * time.Hour, true},
		"idle for 12 h":             {12 * time.Hour, 12 * time.Hour, false},
		"just under 12 h":           {12*time.Hour - time.Second, 12*time.Hour - time.Second, true},
		"used all the time for 7 d": {6 * time.Hour, 7 * 24 * time.Hour, false},
		"used for nearly 7 d":       {6 * time.Hour, 7*24*time.Hour - 6*time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "hub.db")
			synctest.Test(t, func(t *testing.T) {
				ctx := context.Background()
				d, err := db.Open(ctx, path)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = d.Close() }()
				i := open(t, d)
				mustSeed(t, i, operator())
				token := signIn(t, i, "operator", "correct horse")
				var ok bool
				for past := time.Duration(0); past < c.for_; past += c.use {
					time.Sleep(c.use)
					_, ok = i.bySession(ctx, token)
				}
				if ok != c.good {
					t.Errorf("good: %v, want %v", ok, c.good)
				}
				// The next start judges the same, from the stored times.
				if _, ok := open(t, d).bySession(ctx, token); ok != c.good {
					t.Errorf("good after a restart: %v, want %v", ok, c.good)
				}
			})
		})
	}
}

func TestSignInDropsDeadSessions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	synctest.Test(t, func(t *testing.T) {
		d, err := db.Open(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		i := open(t, d)
		mustSeed(t, i, operator())
		signIn(t, i, "operator", "correct horse")
		time.Sleep(8 * 24 * time.Hour)
		signIn(t, i, "operator", "correct horse")
		var n int
		if err := d.Read().QueryRow("SELECT count(*) FROM sessions").Scan(&n); err != nil || n != 1 || len(i.sessions) != 1 {
			t.Fatalf("%d stored, %d in memory, %v", n, len(i.sessions), err)
		}
	})
}

// Who watches asks for nothing any more: the end of the session has to be told.
func TestTheEndOfASessionIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	synctest.Test(t, func(t *testing.T) {
		d, err := db.Open(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		var revoked []string
		i := open(t, d, func(o *Options) { o.OnRevoked = func(id string) { revoked = append(revoked, id) } })
		mustSeed(t, i, operator())
		signIn(t, i, "operator", "correct horse")
		time.Sleep(6 * time.Hour)
		signIn(t, i, "operator", "correct horse")
		for _, c := range []struct {
			after time.Duration
			want  int
		}{{0, 0}, {7 * time.Hour, 0}, {6 * time.Hour, 1}, {time.Hour, 1}} {
			time.Sleep(c.after)
			if i.Expire(); len(revoked) != c.want {
				t.Errorf("%s later: told %v, want %d", c.after, revoked, c.want)
			}
		}
	})
}

func TestSignOut(t *testing.T) {
	ctx := context.Background()
	var revoked []string
	i := fresh(t, func(o *Options) { o.OnRevoked = func(id string) { revoked = append(revoked, id) } })
	mustSeed(t, i, operator())
	a, b := signIn(t, i, "operator", "correct horse"), signIn(t, i, "operator", "correct horse")
	if err := i.SignOut(ctx, a); err != nil {
		t.Fatal(err)
	}
	if _, ok := i.bySession(ctx, a); ok || len(revoked) != 0 {
		t.Fatalf("signed out: good %v, revoked %v", ok, revoked)
	}
	if _, ok := i.bySession(ctx, b); !ok {
		t.Fatal("the other session ended too")
	}
	if err := i.SignOut(ctx, b); err != nil || len(revoked) != 1 {
		t.Fatalf("%v, revoked %v", err, revoked)
	}
	if err := i.SignOut(ctx, "nothing"); err != nil {
		t.Fatal(err)
	}
}

func TestBruteForceIsLimited(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		d, err := db.Open(ctx, path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		i := open(t, d)
		mustSeed(t, i, operator())
		// One login, many addresses.
		checked := 0
		for n := range 1000 {
			_, _, _, err := i.SignIn(ctx, "operator", fmt.Sprint("guess ", n), fmt.Sprintf("10.1.%d.%d:99", n/250, n%250))
			if errors.Is(err, ErrRefused) {
				checked++
			} else if !errors.As(err, new(*LimitedError)) {
				t.Fatal(err)
			}
		}
		if checked != 10 {
			t.Errorf("%d passwords were tried at one login, want 10", checked)
		}
		// The right password has to wait as well, so the limit tells nothing …
		var limited *LimitedError
		if _, _, _, err := i.SignIn(ctx, "operator", "correct horse", "192.0.2.9:1"); !errors.As(err, &limited) {
			t.Fatalf("got %v", err)
		}
		time.Sleep(limited.Wait)
		signIn(t, i, "operator", "correct horse") // … but not for long.

		// One address, many logins.
		checked = 0
		for n := range 1000 {
			_, _, _, err := i.SignIn(ctx, fmt.Sprint("user", n), "guess", "203.0.113.5:99")
			if errors.Is(err, ErrRefused) {
				checked++
			}
		}
		if checked != 30 {
			t.Errorf("%d passwords were tried from one address, want 30", checked)
		}
		signIn(t, i, "operator", "correct horse") // from another one
	})
}

func TestTriesAtTheSameMomentCount(t *testing.T) {
	i := fresh(t)
	mustSeed(t, i, operator())
	var wg sync.WaitGroup
	var mu sync.Mutex
	checked := 0
	for range 60 {
		wg.Go(func() {
			if _, _, _, err := i.SignIn(context.Background(), "operator", "guess", "192.0.2.7:1"); errors.Is(err, ErrRefused) {
				mu.Lock()
				checked++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if checked > 10 {
		t.Fatalf("%d passwords were tried at once", checked)
	}
}

func TestGoodSignInsAreNotLimited(t *testing.T) {
	i := fresh(t)
	mustSeed(t, i, operator())
	for range 100 {
		signIn(t, i, "operator", "correct horse")
	}
}

// A password that is reset while it is being checked is the old one.
func TestResetDuringSignIn(t *testing.T) {
	ctx := context.Background()
	i := fresh(t)
	mustSeed(t, i, operator())
	id := userID(t, i, "operator")
	var wg sync.WaitGroup
	tokens := make(chan string, 50)
	for range 50 {
		wg.Go(func() {
			if token, _, _, err := i.SignIn(ctx, "operator", "correct horse", "192.0.2.1:1"); err == nil {
				tokens <- token
			}
		})
	}
	if _, _, err := i.ChangeUser(ctx, "admin", id, Change{Password: new("battery staple")}); err != nil {
		t.Error(err)
	}
	wg.Wait()
	close(tokens)
	for token := range tokens {
		if _, ok := i.bySession(ctx, token); ok {
			t.Fatal("a session of the old password is good")
		}
	}
}

func TestDisabledAndUnknownLookTheSame(t *testing.T) {
	ctx := context.Background()
	i := fresh(t)
	mustSeed(t, i, operator())
	if _, _, err := i.ChangeUser(ctx, "admin", userID(t, i, "operator"), Change{Disabled: new(true)}); err != nil {
		t.Fatal(err)
	}
	for login, password := range map[string]string{"operator": "correct horse", "nobody": "correct horse", "": ""} {
		if _, _, _, err := i.SignIn(ctx, login, password, "192.0.2.1:1"); err == nil || err.Error() != ErrRefused.Error() {
			t.Errorf("%q: got %v", login, err)
		}
	}
}

func TestLimiterForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(Limit{Burst: 2, Every: time.Minute})
		for n := range maxBuckets + 500 {
			l.take(fmt.Sprint(n))
		}
		if len(l.buckets) > maxBuckets {
			t.Fatalf("%d buckets", len(l.buckets))
		}
		time.Sleep(2 * time.Minute)
		l.take("new one")
		if len(l.buckets) > 1 {
			t.Fatalf("%d buckets after they faded", len(l.buckets))
		}
	})
}

func TestAddressKey(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1:80":              "192.0.2.1",
		"192.0.2.1":                 "192.0.2.1",
		"[::ffff:192.0.2.1]:80":     "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64",
		"[2001:db8:1:2:aaaa::1]:9":  "2001:db8:1:2::/64",
		"[fe80::1%eth0]:9":          "fe80::/64",
		"not an address":            "not an address",
		"":                          "",
	} {
		if got := addressKey(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestHasherStopsWaiting(t *testing.T) {
	h, err := newHasher(cheap(), 1)
	if err != nil {
		t.Fatal(err)
	}
	h.slots <- struct{}{}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.check(ctx, "x", ""); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if _, err := h.create(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}
