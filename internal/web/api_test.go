package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

type fakeGuard map[string]Principal

func (g fakeGuard) Authenticate(r *http.Request) (Principal, bool) {
	p, ok := g[r.Header.Get("Authorization")]
	return p, ok
}

func (g fakeGuard) Allowed(p Principal, a Action) bool {
	return p.Role == Admin || a == AlarmsRead && p.Role == Operator
}

type pathIn struct {
	ID string `path:"id" maxLength:"5"`
}

type bodyOut struct{ Body map[string]string }

func testAPI() *API {
	a := NewAPI("test", fakeGuard{"op": {Role: Operator}, "root": {Role: Admin}}, slog.New(slog.DiscardHandler))
	Register(a, Op{Method: "GET", Path: "/things/{id}", Action: AlarmsRead, Tag: "things"}, func(_ context.Context, in *pathIn) (*bodyOut, error) {
		switch in.ID {
		case "gone":
			return nil, Fail(http.StatusNotFound, "thing.unknown", "there is no such thing")
		case "boom":
			return nil, errors.New("secret detail")
		}
		return &bodyOut{Body: map[string]string{"id": in.ID}}, nil
	})
	a.Handle("GET", "//raw", UsersManage, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("raw")) }))
	return a
}

func TestAPIAnswers(t *testing.T) {
	a := testAPI()
	for _, c := range []struct {
		name, path, auth string
		status           int
		want, not        string
	}{
		{"allowed", "/api/v1/things/a", "op", 200, `{"id":"a"}`, "$schema"},
		{"anonymous", "/api/v1/things/a", "", 401, `"code":"auth.required"`, ""},
		{"role may not", "/raw", "op", 403, `"code":"auth.forbidden"`, "raw\""},
		{"raw", "/raw", "root", 200, "raw", ""},
		{"own problem", "/api/v1/things/gone", "op", 404, `"code":"thing.unknown"`, ""},
		{"inner error is not shown", "/api/v1/things/boom", "op", 500, `"code":"internal"`, "secret"},
		{"validation", "/api/v1/things/toolong", "op", 422, `"code":"request.invalid"`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, c.path, nil)
			r.Header.Set("Authorization", c.auth)
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			body := w.Body.String()
			if w.Code != c.status || !strings.Contains(body, c.want) || c.not != "" && strings.Contains(body, c.not) {
				t.Fatalf("%d %s", w.Code, body)
			}
			if c.status >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
				t.Fatalf("content type %q", w.Header().Get("Content-Type"))
			}
		})
	}
}

func TestRouteWithoutActionPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("a route without an action was registered")
		}
	}()
	testAPI().Handle("GET", "/open", "", http.NotFoundHandler())
}

func TestOpenAPIIsServed(t *testing.T) {
	w := httptest.NewRecorder()
	testAPI().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/openapi.json", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"openapi":"3.1.0"`) || !strings.Contains(w.Body.String(), "/api/v1/things/{id}") {
		t.Fatalf("%d %.200s", w.Code, w.Body)
	}
}
