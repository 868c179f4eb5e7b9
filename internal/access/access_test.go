package access

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

// sent is one command that the room ordered.
type sent struct {
	device, typ, key, actor, ref string
	args                         map[string]any
	ttl                          time.Duration
}

// desk stands for devices: it knows doors and takes commands.
type desk struct {
	mu    sync.Mutex
	doors map[string]Door
	sent  []sent
	keys  map[string]string
	err   error
}

func newDesk() *desk {
	d := &desk{doors: map[string]Door{}, keys: map[string]string{}}
	for _, x := range []Door{
		{"door-1", "东苑 1 栋 1 单元", "east/b01/u1", true, false},
		{"door-2", "东苑 1 栋 2 单元", "east/b01/u2", true, false},
		{"door-off", "东苑 2 栋 1 单元", "east/b02/u1", false, false},
		{"gate", "东苑大门", "east", true, false},
		{"barrier", "东门道闸", "gate-east", true, true},
	} {
		d.doors[x.ID] = x
	}
	return d
}

func (d *desk) Command(_ context.Context, device, typ string, args any, ttl time.Duration, key, actor, ref string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return "", d.err
	}
	if id, again := d.keys[key]; again {
		return id, nil
	}
	raw, err := json.Marshal(args)
	if err != nil {
		return "", err
	}
	s := sent{device: device, typ: typ, key: key, actor: actor, ref: ref, ttl: ttl}
	if err := json.Unmarshal(raw, &s.args); err != nil {
		return "", err
	}
	d.sent = append(d.sent, s)
	d.keys[key] = fmt.Sprint("cmd-", len(d.sent))
	return d.keys[key], nil
}

func (d *desk) Door(id string) (Door, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x, ok := d.doors[id]
	return x, ok
}

func (d *desk) DoorsIn(zone string) (in []Door) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range d.doors {
		if event.Within(x.Zone, zone) {
			in = append(in, x)
		}
	}
	return in
}

func (d *desk) take() []sent {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sent
	d.sent = nil
	return s
}

// house is the room on a real database, with the real identity in front.
type house struct {
	*Access
	t    testing.TB
	path string
	db   *db.DB
	feed *web.Feed
	desk *desk
	who  *identity.Identity
	srv  *httptest.Server
	seq  uint64
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, path: filepath.Join(t.TempDir(), "hub.db"), desk: newDesk()}
	h.start()
	return h
}

// start opens everything; a second time it is a restart.
func (h *house) start() {
	h.t.Helper()
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	if h.db != nil {
		h.srv.Close()
		if err := h.db.Close(); err != nil {
			h.t.Fatal(err)
		}
	}
	var err error
	must := func() {
		h.t.Helper()
		if err != nil {
			h.t.Fatal(err)
		}
	}
	h.db, err = db.Open(ctx, h.path)
	must()
	d := h.db
	h.t.Cleanup(func() { _ = d.Close() })
	h.feed, err = web.NewFeed(ctx, h.db)
	must()
	h.who, err = identity.New(identity.Options{DB: h.db, Log: log, Argon2: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}})
	must()
	h.Access, err = New(Options{DB: h.db, Feed: h.feed, Log: log, Commander: h.desk, Doors: h.desk, Audit: h.who})
	must()
	a := web.NewAPI("test", h.who, log)
	h.Register(a)
	h.who.Register(a)
	h.srv = httptest.NewServer(a)
	h.t.Cleanup(h.srv.Close)
}

// login makes an account and returns its cookie.
func (h *house) login(login string, role web.Role, person string) string {
	h.t.Helper()
	ctx := context.Background()
	if err := h.who.Seed(ctx, []identity.SeedUser{{Login: login, Name: login, Role: role, Password: "password", Person: person}}); err != nil {
		h.t.Fatal(err)
	}
	token, _, _, err := h.who.SignIn(ctx, login, "password", "192.0.2.1:1")
	if err != nil {
		h.t.Fatal(err)
	}
	return token
}

func (h *house) do(method, path, body, cookie string, headers ...string) (int, map[string]any) {
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
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &v); err != nil {
			h.t.Fatalf("%s %s: %s", method, path, raw)
		}
	}
	return res.StatusCode, v
}

func (h *house) want(status int, method, path, body, cookie string, headers ...string) map[string]any {
	h.t.Helper()
	got, v := h.do(method, path, body, cookie, headers...)
	if got != status {
		h.t.Fatalf("%s %s %s: %d %v, want %d", method, path, body, got, v, status)
	}
	return v
}

// resident adds a person with a card and a right to a door, and returns its id.
func (h *house) resident(name, card, door string) string {
	h.t.Helper()
	ctx := context.Background()
	p, err := h.AddPerson(ctx, "test", PersonInfo{Name: name, Unit: "east/b01/u1"})
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.AddCredential(ctx, "test", NewCredential{Person: p.ID, Type: "card", Value: card}); err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.AddRight(ctx, "test", RightInfo{Person: p.ID, Door: door}); err != nil {
		h.t.Fatal(err)
	}
	return p.ID
}

// badge makes a badge event that arrives now.
func (h *house) badge(door, typ, value, decision string) event.Event {
	h.seq++
	n := time.Now()
	data, err := json.Marshal(map[string]any{
		"credential": map[string]string{"type": typ, "value": value}, "side": "in", "decision": decision,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return event.Event{
		Seq: h.seq, ID: fmt.Sprint("ev-", h.seq), Device: door, Kind: event.Door, Zone: "east/b01/u1", Channel: event.Happening,
		Type: "badge", At: n, ReceivedAt: n, Data: data,
	}
}

// handle carries events through as the follower does.
func (h *house) handle(evs ...event.Event) {
	h.t.Helper()
	ctx := context.Background()
	if err := h.db.Tx(ctx, func(tx *sql.Tx) error { return h.Handle(ctx, tx, evs) }); err != nil {
		h.t.Fatal(err)
	}
	h.Committed(ctx)
}

// swipe lets a card ask and returns the answer.
func (h *house) swipe(door, card string) sent {
	h.t.Helper()
	h.handle(h.badge(door, "card", card, "ask"))
	s := h.desk.take()
	if len(s) != 1 {
		h.t.Fatalf("%d answers", len(s))
	}
	return s[0]
}

func (h *house) log() []Badge {
	h.t.Helper()
	bs, err := h.Badges(context.Background(), BadgeFilter{}, 100)
	if err != nil {
		h.t.Fatal(err)
	}
	return bs
}

func TestNewWantsItsParts(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Fatal("no error")
	}
}

func TestGroupsAndZones(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	p, err := h.AddPerson(ctx, "test", PersonInfo{Name: "王师傅", Groups: []string{"crew"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.AddCredential(ctx, "test", NewCredential{Person: p.ID, Type: "card", Value: "CREWCARD"}); err != nil {
		t.Fatal(err)
	}
	if got := h.swipe("door-1", "CREWCARD").args["reason"]; got != "wrong_door" {
		t.Fatalf("got %v", got)
	}
	r, err := h.AddRight(ctx, "test", RightInfo{Group: "crew", Zone: "east/b01"})
	if err != nil {
		t.Fatal(err)
	}
	for door, typ := range map[string]string{"door-1": "unlock", "door-2": "unlock", "gate": "deny", "door-off": "deny"} {
		if got := h.swipe(door, "CREWCARD").typ; got != typ {
			t.Errorf("%s: got %s", door, got)
		}
	}
	if _, err := h.ChangePerson(ctx, "test", p.ID, PersonChange{Groups: &[]string{}}); err != nil {
		t.Fatal(err)
	}
	if got := h.swipe("door-1", "CREWCARD").typ; got != "deny" {
		t.Fatal("out of the group, but still in")
	}
	if _, err := h.ChangePerson(ctx, "test", p.ID, PersonChange{Groups: &[]string{"crew"}}); err != nil {
		t.Fatal(err)
	}
	if err := h.EndRight(ctx, "test", r.ID); err != nil {
		t.Fatal(err)
	}
	if got := h.swipe("door-1", "CREWCARD").typ; got != "deny" {
		t.Fatal("the group's right is gone, but the door opens")
	}
	if err := h.EndRight(ctx, "test", r.ID); !errors.Is(err, ErrNotFound) {
		t.Fatalf("got %v", err)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	lost := h.resident("李秀英", "0011223344", "door-1")
	cs, err := h.Credentials(ctx, lost, "", 10)
	if err != nil || len(cs) != 1 {
		t.Fatal(err)
	}
	if err := h.RevokeCredential(ctx, "test", cs[0].ID, true); err != nil {
		t.Fatal(err)
	}
	h.start()
	if s := h.swipe("door-1", "04:a1:b2:c3:d4"); s.typ != "unlock" {
		t.Fatalf("got %+v", s)
	}
	if s := h.swipe("door-1", "0011223344"); s.args["reason"] != "lost_stolen" {
		t.Fatalf("got %+v", s)
	}
	if b := h.log()[1]; b.Person != id || b.PersonName != "陈建国" || b.Last4 != "C3D4" || b.Decision != Granted {
		t.Fatalf("got %+v", b)
	}
	var raw string
	if err := h.db.Read().QueryRow("SELECT group_concat(hex(mac) || last4 || type) FROM access_credentials").Scan(&raw); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(raw, "04A1B2C3D4") {
		t.Fatal("the card's value is in the table")
	}
}

func TestSeed(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	var people []SeedPerson
	for n := range 3000 {
		people = append(people, SeedPerson{
			ID: fmt.Sprintf("p-%04d", n), Name: "陈", Unit: "east/b01/u1", Groups: []string{"residents"},
			Cards: []string{fmt.Sprintf("%010d", n)}, Doors: []string{"door-1"},
		})
	}
	rights := []RightInfo{{Group: "residents", Door: "gate"}}
	if err := h.Seed(ctx, people, rights); err != nil {
		t.Fatal(err)
	}
	for _, door := range []string{"door-1", "gate"} {
		if s := h.swipe(door, "0000002999"); s.typ != "unlock" {
			t.Fatalf("%s: got %+v", door, s)
		}
	}
	// What was changed since stays changed, with the same list and with a longer one.
	cs, err := h.Credentials(ctx, "p-0007", "", 10)
	if err != nil || len(cs) != 1 {
		t.Fatalf("%v, %d", err, len(cs))
	}
	if err := h.RevokeCredential(ctx, "test", cs[0].ID, false); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		h.start()
		if err := h.Seed(ctx, people, rights); err != nil {
			t.Fatal(err)
		}
		if s := h.swipe("door-1", "0000000007"); s.args["reason"] != "inactive" {
			t.Fatalf("got %+v", s)
		}
		people = append(people, SeedPerson{ID: "p-new", Name: "新", Cards: []string{"9999999999"}, Zones: []string{"east"}})
	}
	if s := h.swipe("door-2", "9999999999"); s.typ != "unlock" {
		t.Fatalf("got %+v", s)
	}
	var n int
	if err := h.db.Read().QueryRow("SELECT count(*) FROM access_rights").Scan(&n); err != nil || n != 3002 {
		t.Fatalf("%d rights, %v", n, err)
	}
	for name, bad := range map[string]SeedPerson{"name": {ID: "x"}, "card": {ID: "x", Name: "x", Cards: []string{"1"}}, "door": {ID: "x", Name: "x", Doors: []string{"NO"}}} {
		if err := h.Seed(ctx, []SeedPerson{bad}, nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
