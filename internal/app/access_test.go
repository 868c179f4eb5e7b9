package app

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"dongyue/internal/config"
	"dongyue/internal/web"
)

// visitor asks the hub's API as one role.
type visitor struct {
	name   string
	header http.Header
}

// visitors are one of each role, and a stranger.
func (h *house) visitors() []visitor {
	h.t.Helper()
	vs := []visitor{{"stranger", http.Header{}}}
	for _, role := range []web.Role{web.Admin, web.Supervisor, web.Operator, web.Crew, web.Integrator} {
		var t struct{ Token string }
		h.call(http.MethodPost, "/tokens", map[string]any{"name": "test " + role, "role": role}, &t)
		vs = append(vs, visitor{string(role), http.Header{"Authorization": {"Bearer " + t.Token}}})
	}
	var p struct{ ID string }
	h.call(http.MethodPost, "/people", map[string]string{"name": "郭家豪", "unit": "east/b01/u1"}, &p)
	h.call(http.MethodPost, "/users", map[string]any{"login": "resident", "name": "居民", "role": web.Resident, "person": p.ID, "password": testPassword}, nil)
	return append(vs, h.resident())
}

// ask puts a request to the handlers that the port has.
func (v visitor) ask(h *house, method, target, ct, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(h.t.Context(), method, "/", strings.NewReader(body))
	path, query, _ := strings.Cut(target, "?")
	r.URL.Path, r.URL.RawQuery, r.RemoteAddr = path, query, "192.0.2.7:1000"
	maps.Copy(r.Header, v.header)
	if ct != "" {
		r.Header.Set("Content-Type", ct)
	}
	ctx, cancel := context.WithCancel(r.Context())
	if strings.HasSuffix(path, "/stream") { // it would not end
		cancel()
	}
	defer cancel()
	w := httptest.NewRecorder()
	h.app.http.srv.Handler.ServeHTTP(w, r.WithContext(ctx))
	return w
}

func withVideo(c *config.Config) { c.WebRTC.Addr = "127.0.0.1:0" }

// The table in testdata is the decision who may do what; a new route or a changed
// role shows here and has to be written down.
func TestWhoMayDoWhat(t *testing.T) {
	h := openHouse(t, t.TempDir(), withVideo)
	vs := h.visitors()
	var got []string
	for _, route := range h.app.api.Routes() {
		path := fill(route.Path)
		var may []string
		for _, v := range vs {
			w := v.ask(h, route.Method, path, "application/json", "{}")
			var p web.Problem
			_ = json.Unmarshal(w.Body.Bytes(), &p)
			switch {
			case p.Code == "auth.required" && w.Code == http.StatusUnauthorized:
				if v.name != "stranger" {
					t.Errorf("%s %s: %s is taken for a stranger", route.Method, route.Path, v.name)
				}
			case p.Code == "auth.forbidden" && w.Code == http.StatusForbidden:
				if v.name == "stranger" {
					t.Errorf("%s %s: a stranger is told of roles", route.Method, route.Path)
				}
			default:
				may = append(may, v.name)
			}
			if route.Path == "/api/v1/session" && route.Method == http.MethodDelete && v.name == string(web.Resident) {
				vs[len(vs)-1] = h.resident()
			}
		}
		slices.Sort(may)
		got = append(got, strings.Join(append([]string{route.Method, route.Path}, may...), " "))
	}
	slices.Sort(got)
	const file = "testdata/access.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(strings.Split(string(text), "\n"), func(l string) bool { return l == "" || strings.HasPrefix(l, "#") })
	for _, l := range got {
		if !slices.Contains(want, l) {
			t.Errorf("%s does not have: %s", file, l)
		}
	}
	for _, l := range want {
		if !slices.Contains(got, l) {
			t.Errorf("%s has, but the hub does not: %s", file, l)
		}
	}
	h.checkDescription()
}

// checkDescription: what the document shows is what is registered, and only Public
// operations are shown without a lock.
func (h *house) checkDescription() {
	h.t.Helper()
	var doc struct {
		Paths map[string]map[string]struct{ Security []any }
	}
	h.call(http.MethodGet, "/openapi.json", nil, &doc)
	actions := map[string]web.Action{}
	for _, r := range h.app.api.Routes() {
		actions[strings.ToLower(r.Method)+" "+r.Path] = r.Action
	}
	for path, ops := range doc.Paths {
		for method, op := range ops {
			action, ok := actions[method+" "+path]
			if !ok || (action == web.Public) != (len(op.Security) == 0) {
				h.t.Errorf("%s %s is described with %v, but needs %q", method, path, op.Security, action)
			}
		}
	}
}

// resident signs the resident in.
func (h *house) resident() visitor {
	w := visitor{}.ask(h, http.MethodPost, "/api/v1/session", "application/json", `{"username":"resident","password":"`+testPassword+`"}`)
	cookie, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
	return visitor{string(web.Resident), http.Header{"Cookie": {cookie}}}
}

// fill puts an id that nobody has into each place of a route.
func fill(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			parts[i] = "nobody"
		}
	}
	return strings.Join(parts, "/")
}
