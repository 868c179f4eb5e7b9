package health

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"dongyue/internal/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// guard knows the tokens "operator" and "resident".
type guard struct{}

func (guard) Authenticate(r *http.Request) (web.Principal, bool) {
	role, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return web.Principal{ID: role, Role: web.Role(role)}, ok
}

func (guard) Allowed(p web.Principal, _ web.Action) bool { return p.Role == web.Operator }

func newHealth(t *testing.T, o Options) (*Health, *web.API) {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Version = "1.2.3"
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	a := web.NewAPI("test", guard{}, o.Log)
	h.Register(a)
	return h, a
}

func get(a *web.API, path, from string, headers ...string) (int, string) {
	r := httptest.NewRequest("GET", path, nil)
	r.RemoteAddr = from
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

const (
	here  = "127.0.0.1:5000"
	there = "192.0.2.7:5000"
)

func TestReady(t *testing.T) {
	h, a := newHealth(t, Options{OpenOnLoopback: true})
	var disk, influx error
	h.Add("journal", func(context.Context) error { return disk })
	h.Warn("influx", func(context.Context) error { return influx })
	for _, c := range []struct {
		name         string
		disk, influx error
		held         string
		from         string
		path         string
		status       int
		body         string
	}{
		{"well", nil, nil, "", there, "/readyz", 200, "ready\n"},
		{"well, in words", nil, nil, "", there, "/readyz?verbose", 200, "[+] journal ok\n[+] influx ok\nready\n"},
		{"a warning", nil, errors.New("connection refused"), "", here, "/readyz?verbose", 200, "[+] journal ok\n[!] influx ill: connection refused\nready\n"},
		{"ill", errors.New("disk full"), nil, "", here, "/readyz?verbose", 503, "[-] journal ill: disk full\n[+] influx ok\nnot ready\n"},
		{"ill, seen by a stranger", errors.New("disk full"), nil, "", there, "/readyz?verbose", 503, "[-] journal ill\n[+] influx ok\nnot ready\n"},
		{"ill, in a word", errors.New("disk full"), nil, "", there, "/readyz", 503, "not ready\n"},
		{"stopping", nil, nil, "stopping", there, "/readyz?verbose", 503, "[-] stopping\n[+] journal ok\n[+] influx ok\nnot ready\n"},
		{"alive though ill", errors.New("disk full"), nil, "", there, "/livez", 200, "ok\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk, influx = c.disk, c.influx
			h.Hold(c.held)
			status, body := get(a, c.path, c.from)
			if status != c.status || body != c.body {
				t.Errorf("got %d %q, want %d %q", status, body, c.status, c.body)
			}
		})
	}
}

func TestReadyAsJSON(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	h, a := newHealth(t, Options{OpenOnLoopback: true, Now: func() time.Time { return at }})
	err := errors.New("disk full")
	h.Add("journal", func(context.Context) error { return err })
	ill := at
	get(a, "/readyz", there)
	at = at.Add(time.Hour)
	var r Report
	status, body := get(a, "/readyz?verbose", here, "Accept", "application/json")
	if e := json.Unmarshal([]byte(body), &r); e != nil || status != 503 {
		t.Fatal(status, body, e)
	}
	want := Report{Version: "1.2.3", Conditions: []Condition{{Name: "journal", Since: ill, Error: "disk full"}}}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	err = nil
	if r := h.Report(t.Context()); !r.Ready || !r.Conditions[0].Since.Equal(at) {
		t.Errorf("got %+v", r)
	}
}

// A check that hangs costs a probe two seconds, one that panics its own part.
func TestChecksThatMisbehave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newHealth(t, Options{})
		h.Add("hangs", func(ctx context.Context) error { <-ctx.Done(); return nil })
		h.Add("panics", func(context.Context) error { panic("boom") })
		h.Add("well", func(context.Context) error { return nil })
		start := time.Now()
		r := h.Report(t.Context())
		if took := time.Since(start); took != probeTime {
			t.Errorf("took %s", took)
		}
		if r.Ready || r.Conditions[0].OK || r.Conditions[1].Error != "check panicked: boom" || !r.Conditions[2].OK {
			t.Errorf("got %+v", r)
		}
	})
}

func TestMetrics(t *testing.T) {
	for _, c := range []struct {
		name    string
		open    bool
		from    string
		headers []string
		status  int
	}{
		{"from here", true, here, nil, 200},
		{"from here, over IPv6", true, "[::1]:5000", nil, 200},
		{"from here, closed", false, here, nil, 401},
		{"from here, by a proxy", true, here, []string{"X-Forwarded-For", "192.0.2.7"}, 401},
		{"from elsewhere", true, there, nil, 401},
		{"a resident", true, there, []string{"Authorization", "Bearer resident"}, 403},
		{"an operator", true, there, []string{"Authorization", "Bearer operator"}, 200},
		{"an operator, closed", false, there, []string{"Authorization", "Bearer operator"}, 200},
		{"a resident, closed", false, there, []string{"Authorization", "Bearer resident"}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, a := newHealth(t, Options{OpenOnLoopback: c.open})
			h.Add("journal", func(context.Context) error { return errors.New("ill") })
			if err := errors.Join(
				h.Gauge("dongyue_test", "A gauge.", func() float64 { return 7 }),
				h.Counter("dongyue_test_total", "A counter.", func() float64 { return 8 }),
			); err != nil {
				t.Fatal(err)
			}
			if err := h.Gauge("dongyue_test", "Again.", nil); err == nil {
				t.Error("one name for two metrics")
			}
			status, body := get(a, "/metrics", c.from, c.headers...)
			if status != c.status {
				t.Fatalf("got %d %s", status, body)
			}
			if status != 200 {
				return
			}
			for _, want := range []string{
				`dongyue_build_info{version="1.2.3"} 1`, `dongyue_ready 0`, `dongyue_condition_ok{condition="journal"} 0`,
				"dongyue_test 7", "dongyue_test_total 8", "go_goroutines ", "process_resident_memory_bytes ",
			} {
				if !strings.Contains(body, "\n"+want) {
					t.Errorf("no line %s", want)
				}
			}
		})
	}
}

func TestOnlyChangesAreLogged(t *testing.T) {
	var b bytes.Buffer
	h, _ := newHealth(t, Options{Log: slog.New(slog.NewTextHandler(&b, nil))})
	var err error
	h.Add("journal", func(context.Context) error { return err })
	for _, err = range []error{nil, nil, errors.New("x"), errors.New("y"), nil, nil} {
		h.Report(t.Context())
	}
	if n := strings.Count(b.String(), "\n"); n != 2 {
		t.Errorf("%d lines:\n%s", n, b.String())
	}
}
