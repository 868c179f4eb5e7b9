package rota

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a rota on real files, with a clock of its own.
type desk struct {
	*Rota
	t       *testing.T
	path    string
	db      *db.DB
	feed    *web.Feed
	api     *web.API
	staff   staff
	now     time.Time
	audited []string
}

type staff map[string]web.Role

func (s staff) Staff() (out []Person) {
	for _, id := range slices.Sorted(keys(s)) {
		out = append(out, Person{id, "名" + id, s[id]})
	}
	return out
}

func keys(s staff) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range s {
			if !yield(k) {
				return
			}
		}
	}
}

func (d *desk) Audit(_ context.Context, _ *sql.Tx, actor, action, target string, _ any) error {
	d.audited = append(d.audited, actor+" "+action+" "+target)
	return nil
}

type guard struct{}

func (guard) Authenticate(r *http.Request) (web.Principal, bool) {
	id, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return web.Principal{ID: id}, ok
}

func (guard) Allowed(p web.Principal, a web.Action) bool { return a == web.DutyRead || p.ID == "boss" }

func newDesk(t *testing.T) *desk {
	d := &desk{
		t: t, path: filepath.Join(t.TempDir(), "hub.db"), now: time.Date(2026, 11, 28, 4, 0, 0, 0, time.UTC), // noon on a Saturday
		staff: staff{"chen": web.Operator, "li": web.Operator, "wang": web.Crew, "boss": web.Supervisor, "root": web.Admin},
	}
	d.start()
	t.Cleanup(func() { _ = d.db.Close() })
	return d
}

func (d *desk) start() {
	d.t.Helper()
	ctx := context.Background()
	var err error
	if d.db, err = db.Open(ctx, d.path); err != nil {
		d.t.Fatal(err)
	}
	if d.feed, err = web.NewFeed(ctx, d.db); err != nil {
		d.t.Fatal(err)
	}
	d.Rota, err = New(ctx, Options{DB: d.db, Feed: d.feed, People: d.staff, Audit: d, Zone: place(d.t, "Asia/Shanghai"), Now: func() time.Time { return d.now }})
	if err != nil {
		d.t.Fatal(err)
	}
	d.api = web.NewAPI("test", guard{}, slog.New(slog.DiscardHandler))
	d.Register(d.api)
}

func (d *desk) ask(who, method, path, body string, into any) (int, web.Problem) {
	d.t.Helper()
	r := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+who)
	w := httptest.NewRecorder()
	d.api.ServeHTTP(w, r)
	text, _ := io.ReadAll(w.Body)
	var p web.Problem
	if w.Code >= 400 {
		if err := json.Unmarshal(text, &p); err != nil || p.Code == "" || p.Detail == "" {
			d.t.Errorf("%s %s: not a problem: %s", method, path, text)
		}
	} else if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			d.t.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
	return w.Code, p
}

func (d *desk) must(who, method, path, body string, into any) {
	d.t.Helper()
	if status, p := d.ask(who, method, path, body, into); status >= 300 {
		d.t.Fatalf("%s %s: %d %s %s", method, path, status, p.Code, p.Detail)
	}
}

const twoShifts = `{"shifts":[
	{"id":"day","name":{"zh":"白班","en":"Day"},"from":"07:00","to":"19:00","days":[1,2,3,4,5,6,7],"team":["chen"],"supervisor":"boss"},
	{"id":"night","name":{"zh":"夜班","en":"Night"},"from":"19:00","to":"07:00","days":[1,2,3,4,5,6,7],"team":["li"],"supervisor":""}]}`

func TestTheRotaIsKept(t *testing.T) {
	d := newDesk(t)
	d.must("boss", "PUT", "/rota/shifts", twoShifts, nil)
	var o Override
	d.must("boss", "POST", "/rota/overrides", `{"from":"2026-11-28T03:00:00Z","to":"2026-11-28T05:00:00Z","out":"chen","in":"wang","reason":"看病"}`, &o)
	d.must("boss", "PUT", "/rota/lists/night", `{"people":["wang","boss"]}`, nil)
	if err := d.db.Close(); err != nil {
		t.Fatal(err)
	}
	d.start()
	var all struct {
		TimeZone  string `json:"time_zone"`
		Shifts    []Shift
		Overrides []Override
		Lists     []CallList
		OnDuty    Now `json:"on_duty"`
	}
	d.must("chen", "GET", "/rota", "", &all)
	if all.TimeZone != "Asia/Shanghai" || len(all.Shifts) != 2 || len(all.Overrides) != 1 || all.Overrides[0].Reason != "看病" || all.Overrides[0].By != "boss" {
		t.Errorf("%+v", all)
	}
	if n := all.OnDuty; n.Shift != "day" || len(n.People) != 1 || n.People[0].ID != "wang" || n.People[0].Name != "名wang" || n.Supervisor.ID != "boss" || n.Fallback {
		t.Errorf("on duty %+v", n)
	}
	if len(all.Lists) != 1 || all.Lists[0].Name != "night" || all.Lists[0].People[1].ID != "boss" {
		t.Errorf("lists %+v", all.Lists)
	}
	d.must("boss", "DELETE", "/rota/overrides/"+o.ID, "", nil)
	var n Now
	d.must("chen", "GET", "/rota/on-duty?at=2026-11-28T04:00:00Z", "", &n)
	if n.People[0].ID != "chen" || n.From.Format(time.RFC3339) != "2026-11-27T23:00:00Z" {
		t.Errorf("%+v", n)
	}
	if want := []string{"boss rota.shifts ", "boss rota.override " + o.ID, "boss rota.list night", "boss rota.override_removed " + o.ID}; !slices.Equal(d.audited, want) {
		t.Errorf("%q", d.audited)
	}
	if d.feed.Last() != 4 {
		t.Errorf("%d entries in the feed", d.feed.Last())
	}
}

func TestWhoIsCalled(t *testing.T) {
	d := newDesk(t)
	ids := func(c Called) string {
		var out []string
		for _, p := range c.People {
			out = append(out, p.ID)
		}
		return fmt.Sprint(strings.Join(out, " "), " ", c.Gap)
	}
	check := func(what string, got Called, want string) {
		t.Helper()
		if ids(got) != want {
			t.Errorf("%s: %s, want %s", what, ids(got), want)
		}
	}
	check("no plan", d.OnDuty(d.now), "chen li true")
	check("no plan: next", d.NextOnDuty(d.now), "boss true")
	check("no plan: supervisor", d.Supervisor(d.now), "boss true")
	check("no such list", d.List("x"), "boss root true")
	d.must("boss", "PUT", "/rota/shifts", twoShifts, nil)
	d.must("boss", "PUT", "/rota/lists/x", `{"people":["wang"]}`, nil)
	check("day", d.OnDuty(d.now), "chen false")
	check("next", d.NextOnDuty(d.now), "li false")
	check("supervisor", d.Supervisor(d.now), "boss false")
	check("night has no supervisor", d.Supervisor(d.now.Add(8*time.Hour)), "boss true")
	check("list", d.List("x"), "wang false")
	check("one", d.User("li"), "li false")
	check("nobody", d.User("x"), " false")
	delete(d.staff, "chen") // has left
	check("the only one has left", d.OnDuty(d.now), "li true")
	from, to, name, ok := d.Shift(d.now)
	if !ok || name.EN != "Day" || to.Sub(from) != 12*time.Hour {
		t.Error(from, to, name, ok)
	}
	d.must("boss", "PUT", "/rota/shifts", `{"shifts":[]}`, nil)
	if _, _, _, ok := d.Shift(d.now); ok {
		t.Error("a shift in an empty plan")
	}
}

func TestWhatIsRefused(t *testing.T) {
	d := newDesk(t)
	shift := func(change string) string {
		s := `{"id":"a","name":{"zh":"甲","en":"A"},"from":"07:00","to":"19:00","days":[1],"team":[],"supervisor":""}`
		old, fresh, _ := strings.Cut(change, "=>")
		return `{"shifts":[` + strings.Replace(s, old, fresh, 1) + `]}`
	}
	over := func(out, in, from, to, reason string) string {
		return fmt.Sprintf(`{"out":%q,"in":%q,"from":%q,"to":%q,"reason":%q}`, out, in, from, to, reason)
	}
	const from, to = "2026-11-28T10:00:00Z", "2026-11-28T12:00:00Z"
	for _, c := range []struct {
		who, method, path, body string
		status                  int
		code, says              string
	}{
		{"chen", "PUT", "/rota/shifts", twoShifts, 403, "auth.forbidden", ""},
		{"boss", "PUT", "/rota/shifts", shift(`"en":"A"=>"en":" "`), 422, "rota.bad_shifts", "both languages"},
		{"boss", "PUT", "/rota/shifts", shift(`"07:00"=>"7:00"`), 422, "request.invalid", ""},
		{"boss", "PUT", "/rota/shifts", shift(`"days":[1]=>"days":[]`), 422, "rota.bad_shifts", "days"},
		{"boss", "PUT", "/rota/shifts", shift(`"days":[1]=>"days":[8]`), 422, "rota.bad_shifts", "days"},
		{"boss", "PUT", "/rota/shifts", shift(`"team":[]=>"team":["nobody"]`), 422, "rota.bad_shifts", "nobody"},
		{"boss", "PUT", "/rota/shifts", `{"shifts":[` + strings.Repeat(`{"id":"a","name":{"zh":"甲","en":"A"},"from":"07:00","to":"19:00","days":[1],"team":[],"supervisor":""},`, 1) + shift("x=>x")[11:], 422, "rota.bad_shifts", "there already"},
		{"boss", "POST", "/rota/overrides", over("", "", from, to, "x"), 422, "rota.bad_override", "name who"},
		{"boss", "POST", "/rota/overrides", over("li", "li", from, to, "x"), 422, "rota.bad_override", "same person"},
		{"boss", "POST", "/rota/overrides", over("no", "", from, to, "x"), 422, "rota.bad_override", "out:"},
		{"boss", "POST", "/rota/overrides", over("li", "no", from, to, "x"), 422, "rota.bad_override", "in:"},
		{"boss", "POST", "/rota/overrides", over("li", "", to, from, "x"), 422, "rota.bad_override", "after"},
		{"boss", "POST", "/rota/overrides", over("li", "", "2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z", "x"), 422, "rota.bad_override", "over already"},
		{"boss", "POST", "/rota/overrides", over("li", "", from, "2029-01-02T00:00:00Z", "x"), 422, "rota.bad_override", "year"},
		{"boss", "POST", "/rota/overrides", over("li", "", from, to, " "), 422, "rota.bad_override", "why"},
		{"boss", "DELETE", "/rota/overrides/o-1", "", 404, "rota.no_override", ""},
		{"boss", "PUT", "/rota/lists/night", `{"people":["no"]}`, 422, "rota.bad_list", "no"},
		{"boss", "PUT", "/rota/lists/a%20b", `{"people":[]}`, 422, "request.invalid", ""},
	} {
		status, p := d.ask(c.who, c.method, c.path, c.body, nil)
		if status != c.status || p.Code != c.code || !strings.Contains(p.Detail, c.says) {
			t.Errorf("%s %s %s: %d %s %q", c.method, c.path, c.body, status, p.Code, p.Detail)
		}
	}
	if d.feed.Last() != 0 || len(d.audited) > 0 {
		t.Error("something was changed")
	}
}
