package workorder

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/identity"
	"dongyue/internal/web"
)

// house is the room on a real database, with the real identity in front.
type house struct {
	*Orders
	t    *testing.T
	who  *identity.Identity
	srv  *httptest.Server
	path string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, path: filepath.Join(t.TempDir(), "hub.db")}
	h.start()
	return h
}

// start opens everything; a second time it is a restart.
func (h *house) start() {
	h.t.Helper()
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	if h.Orders != nil {
		h.srv.Close()
		if err := h.db.Close(); err != nil {
			h.t.Fatal(err)
		}
	}
	d, err := db.Open(ctx, h.path)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = d.Close() })
	feed, err := web.NewFeed(ctx, d)
	if err != nil {
		h.t.Fatal(err)
	}
	h.who, err = identity.New(identity.Options{DB: d, Log: log, Argon2: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.Orders, err = New(Options{DB: d, Feed: feed, Log: log, Staff: h.who})
	if err != nil {
		h.t.Fatal(err)
	}
	a := web.NewAPI("test", h.who, log)
	h.Register(a)
	h.srv = httptest.NewServer(a)
	h.t.Cleanup(h.srv.Close)
}

// login makes an account and returns its cookie and who it is.
func (h *house) login(login string, role web.Role, person string) (string, web.Principal) {
	h.t.Helper()
	ctx := context.Background()
	if err := h.who.Seed(ctx, []identity.SeedUser{{Login: login, Name: login, Role: role, Password: "password", Person: person}}); err != nil {
		h.t.Fatal(err)
	}
	token, u, _, err := h.who.SignIn(ctx, login, "password", "192.0.2.1:1")
	if err != nil {
		h.t.Fatal(err)
	}
	return token, u.Principal()
}

func (h *house) want(status int, method, path, body, cookie string, headers ...string) map[string]any {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.srv.URL+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.AddCookie(&http.Cookie{Name: web.SessionCookie, Value: cookie})
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(raw, &v); err != nil || res.StatusCode != status {
		h.t.Fatalf("%s %s %s: %d %s, want %d", method, path, body, res.StatusCode, raw, status)
	}
	return v
}

func (h *house) fromAlarm(a AlarmOrder) Order {
	h.t.Helper()
	var o Order
	err := h.db.Tx(context.Background(), func(tx *sql.Tx) (err error) {
		o, err = h.FromAlarm(context.Background(), tx, a)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return o
}

func lampOut(n int) AlarmOrder {
	return AlarmOrder{
		Alarm: fmt.Sprint("a-", n), Title: event.Text{ZH: "灯杆故障", EN: "Lamp failure"}, Priority: event.Low, Device: "lamp-e01", Zone: "east/p01",
	}
}

func crew(n int) web.Principal {
	return web.Principal{ID: fmt.Sprint("u-", n), Name: fmt.Sprint("师傅", n), Role: web.Crew}
}

func TestNewWantsItsParts(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Fatal("no error")
	}
}

func TestFromAlarmOncePerAlarm(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	o := h.fromAlarm(lampOut(1))
	if o.Number != 1 || o.State != Open || o.Source != FromAlarmSource || o.Title.EN != "Lamp failure" || o.DueAt.Sub(o.CreatedAt) != 7*24*time.Hour {
		t.Fatalf("got %+v", o)
	}
	if _, err := h.Take(ctx, crew(1), o.ID, ""); err != nil {
		t.Fatal(err)
	}
	h.start()
	if again := h.fromAlarm(lampOut(1)); again.ID != o.ID || again.State != Taken {
		t.Fatalf("got %+v", again)
	}
	if other := h.fromAlarm(lampOut(2)); other.Number != 2 {
		t.Fatalf("got %+v", other)
	}
	odd := lampOut(3)
	if odd.Priority = "shouting"; h.fromAlarm(odd).Priority != event.Medium {
		t.Fatal("an unknown priority was kept")
	}
	err := h.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := h.FromAlarm(ctx, tx, AlarmOrder{})
		return err
	})
	if !errors.Is(err, ErrInvalid) {
		t.Fatalf("got %v", err)
	}
}

// An action is known by its key: two actions of an alarm make two orders, each
// once; what comes back joins the order that is not done.
func TestFromAlarmByKey(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	ask := func(key, title string) Order {
		a := lampOut(1)
		a.Key, a.Title = key, event.Text{ZH: title, EN: title}
		return h.fromAlarm(a)
	}
	lamp, cable := ask("a-1.1", "lamp"), ask("a-1.2", "cable")
	if lamp.ID == cable.ID {
		t.Fatal("two actions made one order")
	}
	h.start()
	if again := ask("a-1.1", "lamp"); again.ID != lamp.ID {
		t.Error("the same action made two orders")
	}
	if back := ask("a-1.3", "lamp"); back.ID != lamp.ID {
		t.Error("what came back made an order of its own beside the open one")
	}
	if _, err := h.Take(ctx, crew(1), lamp.ID, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Done(ctx, crew(1), lamp.ID, "ok", false, ""); err != nil {
		t.Fatal(err)
	}
	if late := ask("a-1.3", "lamp"); late.ID != lamp.ID {
		t.Error("a key that was served got another order after the first was done")
	}
	if fresh := ask("a-1.4", "lamp"); fresh.ID == lamp.ID || fresh.State != Open {
		t.Errorf("after the repair: %+v", fresh)
	}
}

func TestFromAlarmIsPartOfItsTransaction(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	boom := errors.New("boom")
	err := h.db.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := h.FromAlarm(ctx, tx, lampOut(1)); err != nil {
			return err
		}
		return boom
	})
	if os, lerr := h.List(ctx, Filter{}, 10); !errors.Is(err, boom) || lerr != nil || len(os) != 0 {
		t.Fatalf("%v, %v, %d orders", err, lerr, len(os))
	}
}

func TestDueByPriority(t *testing.T) {
	last := time.Duration(0)
	for _, p := range []event.Priority{event.Critical, event.High, event.Medium, event.Low} {
		if due(p) <= last {
			t.Errorf("%s is due after %s", p, due(p))
		}
		last = due(p)
	}
}

// Every step from every state, by who has it, by another, and by a manager.
func TestSteps(t *testing.T) {
	type who string
	const me, other who = "me", "other"
	for _, c := range []struct {
		state    string // open, given (to me, not taken), mine, done
		step     string
		by       who
		manager  bool
		err      error
		after    State
		assignee who
	}{
		{"open", "take", me, false, nil, Taken, me},
		{"given", "take", me, false, nil, Taken, me},
		{"given", "take", other, false, ErrTaken, Open, me},
		{"mine", "take", me, false, nil, Taken, me},
		{"mine", "take", other, false, ErrTaken, Taken, me},
		{"done", "take", me, false, ErrDone, Done, me},
		{"done", "take", other, false, ErrDone, Done, me},
		{"open", "done", me, false, ErrNotTaken, Open, ""},
		{"given", "done", me, false, ErrNotTaken, Open, me},
		{"given", "done", other, false, ErrTaken, Open, me},
		{"mine", "done", me, false, nil, Done, me},
		{"mine", "done", other, false, ErrTaken, Taken, me},
		{"mine", "done", other, true, nil, Done, me},
		{"open", "done", other, true, nil, Done, other},
		{"done", "done", me, false, nil, Done, me},
		{"done", "done", other, false, ErrDone, Done, me},
		{"done", "done", other, true, ErrDone, Done, me},
		{"open", "assign", me, true, nil, Open, me},
		{"mine", "assign", other, true, nil, Open, other},
		{"mine", "assign", me, true, nil, Taken, me},
		{"mine", "assign", "", true, nil, Open, ""},
		{"done", "assign", other, true, ErrDone, Done, me},
		{"done", "comment", other, false, nil, Done, me},
		{"mine", "comment", other, false, nil, Taken, me},
	} {
		t.Run(fmt.Sprintf("%s %s by %s %v", c.state, c.step, c.by, c.manager), func(t *testing.T) {
			ctx := context.Background()
			h := newHouse(t)
			people := map[who]web.Principal{"": {}}
			for _, w := range []who{me, other} {
				_, people[w] = h.login(string(w), web.Crew, "")
			}
			_, desk := h.login("desk", web.Operator, "")
			o := h.fromAlarm(lampOut(1))
			var err error
			switch c.state {
			case "given":
				_, err = h.Assign(ctx, desk, o.ID, people[me].ID)
			case "mine", "done":
				_, err = h.Take(ctx, people[me], o.ID, "")
			}
			if c.state == "done" && err == nil {
				_, err = h.Done(ctx, people[me], o.ID, "换了灯泡", false, "")
			}
			if err != nil {
				t.Fatal(err)
			}
			switch c.step {
			case "take":
				_, err = h.Take(ctx, people[c.by], o.ID, "")
			case "done":
				_, err = h.Done(ctx, people[c.by], o.ID, "", c.manager, "")
			case "assign":
				_, err = h.Assign(ctx, desk, o.ID, people[c.by].ID)
			case "comment":
				_, err = h.Comment(ctx, people[c.by], o.ID, "看过了", "")
			}
			if !errors.Is(err, c.err) {
				t.Fatalf("got %v", err)
			}
			got, err := h.Get(ctx, o.ID)
			if err != nil || got.State != c.after || got.Assignee != people[c.assignee].ID || !got.DueAt.Equal(o.DueAt) {
				t.Fatalf("got %+v, %v", got, err)
			}
			if (got.State == Done) != (got.DoneAt != nil) {
				t.Fatalf("done at %v", got.DoneAt)
			}
		})
	}
}

func TestOnlyOneTakesIt(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	o := h.fromAlarm(lampOut(1))
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for n := range 20 {
		wg.Go(func() {
			_, err := h.Take(ctx, crew(n), o.ID, "")
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if !errors.Is(err, ErrTaken) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := h.Get(ctx, o.ID)
	if err != nil || won != 1 || len(got.Log) != 2 {
		t.Fatalf("%d took it, log %+v, %v", won, got.Log, err)
	}
}

func TestAssignedTo(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	var ids []string
	for n := range 4 {
		ids = append(ids, h.fromAlarm(lampOut(n)).ID)
	}
	for n, who := range map[int]web.Principal{1: crew(1), 2: crew(2), 3: crew(1)} {
		if _, err := h.Take(ctx, who, ids[n], ""); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Done(ctx, crew(1), ids[3], "", false, ""); err != nil {
		t.Fatal(err)
	}
	os, err := h.AssignedTo(ctx, "u-1")
	if err != nil || len(os) != 2 || os[0].ID != ids[1] || os[1].ID != ids[0] {
		t.Fatalf("got %+v, %v", os, err)
	}
}

func TestHeadline(t *testing.T) {
	for in, want := range map[string]string{
		"三楼楼道灯不亮":                   "三楼楼道灯不亮",
		"  a\n\n b\t":               "a b",
		strings.Repeat("灯", 100):    strings.Repeat("灯", 59) + "…",
		strings.Repeat("ab ", 1000): strings.Repeat("ab ", 100)[:59] + "…",
	} {
		if got := headline(in); got.ZH != want || got.EN != want {
			t.Errorf("%.20q: got %q", in, got.ZH)
		}
	}
}
