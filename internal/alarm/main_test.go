package alarm

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

func TestMain(m *testing.M) {
	if arg := os.Getenv(childEnv); arg != "" {
		fmt.Println(child(arg))
		return
	}
	goleak.VerifyTestMain(m)
}

// desk is a hub's alarms on real files, with a clock of its own.
type desk struct {
	t      *testing.T
	path   string
	db     *db.DB
	feed   *web.Feed
	alarms *Alarms
	api    *web.API
	more   []func(*Options)

	mu  sync.Mutex
	now time.Time
}

func epoch() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func open(t *testing.T, more ...func(*Options)) *desk {
	d := &desk{t: t, path: filepath.Join(t.TempDir(), "hub.db"), now: epoch(), more: more}
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
	o := Options{
		DB: d.db, Feed: d.feed, Now: d.clock,
		Cameras: func(_ context.Context, _, zone string, n int) []string {
			return []string{"cam-1@" + zone, "cam-2", "cam-3"}[:n]
		},
		Device: func(_ context.Context, device string) (string, string) {
			if device == "unknown" {
				return "", ""
			}
			return "名" + device, "east/b01"
		},
		Zone: func(_ context.Context, zone string) event.Text {
			if zone == "east" {
				return event.Text{ZH: "东苑", EN: "East Court"}
			}
			return event.Text{}
		},
	}
	for _, f := range d.more {
		f(&o)
	}
	if d.alarms, err = New(ctx, o); err != nil {
		d.t.Fatal(err)
	}
	d.api = web.NewAPI("test", guard{}, slog.New(slog.DiscardHandler))
	d.alarms.Register(d.api)
}

func (d *desk) restart() {
	d.t.Helper()
	if err := d.db.Close(); err != nil {
		d.t.Fatal(err)
	}
	d.start()
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *desk) pass(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

func (d *desk) apply(signals ...Signal) []Change {
	d.t.Helper()
	var out []Change
	err := d.db.Tx(context.Background(), func(tx *sql.Tx) (err error) {
		out, err = d.alarms.Apply(context.Background(), tx, signals)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.alarms.Committed(context.Background()); err != nil {
		d.t.Fatal(err)
	}
	return out
}

// signal is raised now, by a plug that is measured.
func (d *desk) signal(device string, change func(*Signal)) Signal {
	s := Signal{
		Rule: "hot", Device: device, Part: "7", Kind: event.Charger, Raised: true, Measured: true, At: d.clock(),
		Priority: event.High, Title: event.Text{ZH: "{name} 7 号口过热", EN: "{name} port 7 overheats"}, Nearest: 2, Procedure: "charger_thermal",
		Evidence: event.Event{Seq: 5, ID: "e5", Device: device, Data: json.RawMessage(`{"temp_c":82}`)},
	}
	if change != nil {
		change(&s)
	}
	return s
}

func returned(s *Signal) { s.Raised = false }

// guard knows people by their bearer token, which is the role.
type guard struct{}

func (guard) Authenticate(r *http.Request) (web.Principal, bool) {
	role, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return web.Principal{ID: "id-" + role, Name: "陈" + role, Role: web.Role(role)}, ok
}

func (guard) Allowed(p web.Principal, a web.Action) bool {
	return p.Role != web.Resident && (a == web.AlarmsRead || p.Role != web.Integrator)
}

// ask sends a request as a role and decodes the answer; code is a problem's.
func (d *desk) ask(role web.Role, method, path, body string, into any) (status int, code string) {
	d.t.Helper()
	r := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
	if body == "" {
		r.Body = http.NoBody
		r.ContentLength = 0
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	if role != "" {
		r.Header.Set("Authorization", "Bearer "+string(role))
	}
	w := httptest.NewRecorder()
	d.api.ServeHTTP(w, r)
	text, _ := io.ReadAll(w.Body)
	var problem web.Problem
	if w.Code >= 400 {
		if err := json.Unmarshal(text, &problem); err != nil || problem.Code == "" || problem.Detail == "" {
			d.t.Errorf("%s %s: not a problem: %s", method, path, text)
		}
		if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
			d.t.Errorf("%s %s: problem as %s", method, path, ct)
		}
	} else if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			d.t.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
	return w.Code, problem.Code
}

// fire lets the timers do what is due by now.
func (d *desk) fire() {
	d.t.Helper()
	if err := d.alarms.fireDue(context.Background()); err != nil {
		d.t.Fatal(err)
	}
}

// alarm reads one as the desk does.
func (d *desk) alarm(id string) Alarm {
	d.t.Helper()
	var al Alarm
	d.must(web.Operator, "GET", "/alarms/"+id, "", &al)
	return al
}

// feedOf are the entries of a topic, decoded.
func feedOf[T any](d *desk, topic string) []T {
	d.t.Helper()
	rows, err := d.db.Read().Query("SELECT data FROM feed WHERE topic = ? ORDER BY seq", topic)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		var text string
		var v T
		if err := rows.Scan(&text); err != nil {
			d.t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			d.t.Fatal(err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		d.t.Fatal(err)
	}
	return out
}

// rung are the annunciations so far, as reason and title.
func (d *desk) rung() (out []string) {
	d.t.Helper()
	for _, c := range feedOf[IncidentChange](d, "incident") {
		if c.Annunciate {
			out = append(out, c.Reason+" "+c.Title.EN)
		}
	}
	return out
}

func (d *desk) must(role web.Role, method, path, body string, into any) {
	d.t.Helper()
	if status, code := d.ask(role, method, path, body, into); status != http.StatusOK {
		d.t.Fatalf("%s %s: %d %s", method, path, status, code)
	}
}
