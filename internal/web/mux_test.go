package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOverlappingPatterns(t *testing.T) {
	m := &mux{}
	say := func(what string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, what, " ", r.PathValue("id"), r.PathValue("rule"))
		}
	}
	m.HandleFunc("GET /rules/replays/{id}", say("replay"))
	m.behind = true
	m.HandleFunc("GET /rules/{rule}/explain", say("explain"))
	m.behind = false
	m.HandleFunc("GET /rules", say("rules"))
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/rules", 200, "rules "},
		{"GET", "/rules/replays/7", 200, "replay 7"},
		{"GET", "/rules/replays/explain", 200, "replay explain"},
		{"GET", "/rules/a.b/explain", 200, "explain a.b"},
		{"POST", "/rules", 405, "Method Not Allowed\n"},
		{"POST", "/rules/a.b/explain", 405, "Method Not Allowed\n"},
		{"GET", "/elsewhere", 404, "404 page not found\n"},
	} {
		w := httptest.NewRecorder()
		m.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.status || w.Body.String() != c.body {
			t.Errorf("%s %s: %d %q", c.method, c.path, w.Code, w.Body)
		}
	}
}
