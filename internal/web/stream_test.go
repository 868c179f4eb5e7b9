package web

import (
	"bufio"
	"context"
	"database/sql"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"dongyue/internal/db"
)

// roleGuard lets in whom it is told to, by role.
type roleGuard struct {
	role Role
	out  atomic.Bool
}

func (g *roleGuard) Authenticate(*http.Request) (Principal, bool) {
	return Principal{ID: "u", Role: g.role}, !g.out.Load()
}

func (g *roleGuard) Allowed(p Principal, a Action) bool {
	switch p.Role {
	case Admin:
		return true
	case Crew:
		return a == StreamRead || a == OrdersRead || a == AlarmsRead
	default:
		return a == StreamRead
	}
}

// readable serves a feed with an entry of each topic.
func readable(t *testing.T, g Guard) *httptest.Server {
	t.Helper()
	ctx := context.Background()
	d, err := db.Open(ctx, filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	f, err := NewFeed(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	err = d.Tx(ctx, func(tx *sql.Tx) error {
		for _, topic := range []string{"first", "alarm", "device", "command", "camera", "badge", "broadcast", "order", "unheard-of"} {
			if _, err := f.Append(ctx, tx, topic, map[string]int{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Committed(ctx); err != nil {
		t.Fatal(err)
	}
	a := NewAPI("test", g, slog.New(slog.DiscardHandler))
	a.Handle(http.MethodGet, "/stream", StreamRead, a.Stream(f))
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	return srv
}

func TestStreamSendsWhatTheReaderMayRead(t *testing.T) {
	for _, c := range []struct {
		role        Role
		query, want string
	}{
		{Admin, "", "alarm device command camera badge broadcast order"},
		{Admin, "topics=badge,order", "badge order"},
		{Crew, "", "alarm order"},
		{Crew, "topics=badge", ""},
		{Crew, "topics=badge,order", "order"},
		{Integrator, "", ""},
		{Integrator, "topics=", ""},
	} {
		t.Run(string(c.role)+" "+c.query, func(t *testing.T) {
			g := &roleGuard{role: c.role}
			srv := readable(t, g)
			t.Parallel()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/api/v1/stream?after=1&"+c.query, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			g.out.Store(true) // what is there has been sent; the next look ends the stream
			var got []string
			lines := bufio.NewScanner(res.Body)
			for lines.Scan() {
				if topic, ok := strings.CutPrefix(lines.Text(), "event: "); ok && topic != "hello" {
					got = append(got, topic)
				}
			}
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestHeadOfTheStreamEnds(t *testing.T) {
	w := httptest.NewRecorder()
	newFeed(t).ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/", nil))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/event-stream" || w.Body.Len() != 0 {
		t.Fatalf("%d %v %q", w.Code, w.Header(), w.Body)
	}
}
