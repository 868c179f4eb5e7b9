package identity

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dongyue/internal/web"
)

// site is the room behind a real server.
type site struct {
	*Identity
	t   *testing.T
	srv *httptest.Server
}

func newSite(t *testing.T, tls bool) *site {
	t.Helper()
	i := fresh(t)
	if _, err := i.EnsureAdmin(t.Context(), "admin password"); err != nil {
		t.Fatal(err)
	}
	mustSeed(t, i, operator(), SeedUser{Login: "resident", Name: "陈建国", Role: web.Resident, Password: "resident pw", Person: "p-1"})
	a := web.NewAPI("test", i, slog.New(slog.DiscardHandler))
	i.Register(a)
	s := &site{Identity: i, t: t}
	if tls {
		s.srv = httptest.NewTLSServer(a)
	} else {
		s.srv = httptest.NewServer(a)
	}
	t.Cleanup(s.srv.Close)
	return s
}

// do sends a request with a cookie or, when it begins with "Bearer ", a token.
func (s *site) do(method, path, body, auth string) (*http.Response, map[string]any) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.srv.URL+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if strings.Contains(auth, " ") {
		r.Header.Set("Authorization", auth)
	} else if auth != "" {
		r.AddCookie(&http.Cookie{Name: web.SessionCookie, Value: auth})
	}
	res, err := s.srv.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var v map[string]any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &v); err != nil {
			s.t.Fatalf("%s %s: %s", method, path, raw)
		}
	}
	return res, v
}

func (s *site) want(status int, method, path, body, auth string) map[string]any {
	s.t.Helper()
	res, v := s.do(method, path, body, auth)
	if res.StatusCode != status {
		s.t.Fatalf("%s %s: %d %v, want %d", method, path, res.StatusCode, v, status)
	}
	return v
}

func (s *site) signIn(login, password string) string {
	s.t.Helper()
	res, v := s.do("POST", "/session", `{"username":"`+login+`","password":"`+password+`"}`, "")
	if res.StatusCode != http.StatusOK || len(res.Cookies()) != 1 {
		s.t.Fatalf("sign in: %d %v", res.StatusCode, v)
	}
	return res.Cookies()[0].Value
}

func TestSessionOverHTTP(t *testing.T) {
	for _, tls := range []bool{false, true} {
		s := newSite(t, tls)
		res, v := s.do("POST", "/session", `{"username":"operator","password":"correct horse"}`, "")
		c := res.Cookies()[0]
		if c.Name != web.SessionCookie || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure != tls {
			t.Fatalf("cookie %+v", c)
		}
		u := v["user"].(map[string]any)
		if u["name"] != "陈静" || u["role"] != "operator" || u["login"] != "operator" || u["id"] == "" {
			t.Fatalf("user %v", u)
		}
		if len(v["actions"].([]any)) < 10 || strings.Contains(res.Header.Get("Set-Cookie"), "correct") {
			t.Fatalf("answer %v", v)
		}
		if got := s.want(200, "GET", "/session", "", c.Value)["user"].(map[string]any); got["id"] != u["id"] {
			t.Fatalf("who am I: %v", got)
		}
		res, _ = s.do("DELETE", "/session", "", c.Value)
		if res.StatusCode != http.StatusNoContent || len(res.Cookies()) != 1 || res.Cookies()[0].MaxAge >= 0 {
			t.Fatalf("sign out: %d %v", res.StatusCode, res.Cookies())
		}
		s.want(401, "GET", "/session", "", c.Value)
	}
}

func TestRefusedSignIns(t *testing.T) {
	s := newSite(t, false)
	for body, status := range map[string]int{
		`{"username":"operator","password":"wrong"}`: 401,
		`{"username":"nobody","password":"wrong"}`:   401,
		`{"username":"operator","password":""}`:      422,
		`{"username":"operator"}`:                    422,
		`{"username":["operator"],"password":"x"}`:   422,
		`{"username":"x' OR 1=1 --","password":"x"}`: 401,
		`not json`: 400,
		`{"username":"operator","password":"` + strings.Repeat("x", 5000) + `"}`: 413,
		`{"username":"operator","password":"` + strings.Repeat("x", 300) + `"}`:  422,
	} {
		v := s.want(status, "POST", "/session", body, "")
		if v["code"] == "" {
			t.Errorf("%s: no code", body)
		}
	}
	for range 20 {
		if res, v := s.do("POST", "/session", `{"username":"operator","password":"wrong"}`, ""); res.StatusCode == 429 {
			if res.Header.Get("Retry-After") == "" || v["code"] != "auth.too_many_tries" {
				t.Fatalf("%v %v", res.Header, v)
			}
			return
		}
	}
	t.Fatal("never limited")
}

func TestBadAuthentication(t *testing.T) {
	s := newSite(t, false)
	good := s.signIn("operator", "correct horse")
	tok, secret, err := s.AddToken(t.Context(), "admin", "x", web.Operator)
	if err != nil {
		t.Fatal(err)
	}
	s.want(200, "GET", "/session", "", "Bearer "+secret)
	s.want(200, "GET", "/session", "", "bearer "+secret)
	for _, auth := range []string{
		"", "x", good[1:], good + "x", strings.ToUpper(good), secret, tok.ID, "Bearer " + good, "Bearer ", "Bearer " + secret + "x",
		"Basic " + secret, "Bearer " + strings.Repeat("x", 5000), "Bearer eyJhbGciOiJub25lIn0.e30.",
	} {
		s.want(401, "GET", "/session", "", auth)
	}
}

func TestUsersAndTokensOverHTTP(t *testing.T) {
	s := newSite(t, false)
	admin := s.signIn("admin", "admin password")
	u := s.want(201, "POST", "/users", `{"login":"crew2","name":"王师傅","role":"crew"}`, admin)
	pw := u["password"].(string)
	s.signIn("crew2", pw)
	s.want(409, "POST", "/users", `{"login":"CREW2","name":"x","role":"crew"}`, admin)
	s.want(422, "POST", "/users", `{"login":"crew3","name":"x","role":"root"}`, admin)
	s.want(422, "POST", "/users", `{"login":"crew3","name":"x","role":"resident"}`, admin)
	s.want(422, "POST", "/users", `{"login":"crew3","name":"x","role":"crew","password":"short"}`, admin)
	list := s.want(200, "GET", "/users?limit=3", "", admin)
	if len(list["items"].([]any)) != 3 || list["next"] != "operator" {
		t.Fatalf("page %v", list)
	}
	if rest := s.want(200, "GET", "/users?limit=3&cursor=operator", "", admin); len(rest["items"].([]any)) != 1 || rest["next"] != "" {
		t.Fatalf("page %v", rest)
	}
	crew := s.signIn("crew2", pw)
	s.want(200, "PATCH", "/users/"+u["id"].(string), `{"disabled":true}`, admin)
	s.want(401, "GET", "/session", "", crew)
	back := s.want(200, "PATCH", "/users/"+u["id"].(string), `{"disabled":false,"reset_password":true}`, admin)
	s.signIn("crew2", back["password"].(string))
	s.want(404, "PATCH", "/users/u-none", `{"disabled":true}`, admin)

	tok := s.want(201, "POST", "/tokens", `{"name":"city","role":"integrator"}`, admin)
	bearer := "Bearer " + tok["token"].(string)
	if who := s.want(200, "GET", "/session", "", bearer)["user"].(map[string]any); who["role"] != "integrator" {
		t.Fatalf("who %v", who)
	}
	for _, item := range s.want(200, "GET", "/tokens", "", admin)["items"].([]any) {
		if _, shown := item.(map[string]any)["token"]; shown {
			t.Fatal("the list shows a secret")
		}
	}
	s.want(204, "DELETE", "/tokens/"+tok["id"].(string), "", admin)
	s.want(401, "GET", "/session", "", bearer)
	s.want(404, "DELETE", "/tokens/"+tok["id"].(string), "", admin)

	if c := s.want(200, "GET", "/audit/check", "", admin); c["ok"] != true {
		t.Fatalf("audit %v", c)
	}
	page := s.want(200, "GET", "/audit?limit=2", "", admin)
	s.want(200, "GET", "/audit?limit=2&cursor="+page["next"].(string), "", admin)
	s.want(400, "GET", "/audit?cursor=x", "", admin)
	for _, pw := range []string{pw, "admin password", tok["token"].(string)} {
		for _, e := range s.want(200, "GET", "/audit", "", admin)["items"].([]any) {
			if raw, _ := json.Marshal(e); strings.Contains(string(raw), pw) {
				t.Fatalf("the audit holds a secret: %s", raw)
			}
		}
	}
}

func TestOwnPassword(t *testing.T) {
	s := newSite(t, false)
	c := s.signIn("resident", "resident pw")
	s.want(401, "PUT", "/session/password", `{"old":"wrong","new":"battery staple"}`, c)
	s.want(422, "PUT", "/session/password", `{"old":"resident pw","new":"short"}`, c)
	s.want(204, "PUT", "/session/password", `{"old":"resident pw","new":"battery staple"}`, c)
	s.want(200, "GET", "/session", "", c)
	s.signIn("resident", "battery staple")
	_, secret, err := s.AddToken(t.Context(), "admin", "x", web.Operator)
	if err != nil {
		t.Fatal(err)
	}
	s.want(404, "PUT", "/session/password", `{"old":"resident pw","new":"battery staple"}`, "Bearer "+secret)
}

func TestEveryRouteIsGuarded(t *testing.T) {
	i := fresh(t)
	a := web.NewAPI("test", i, slog.New(slog.DiscardHandler))
	i.Register(a)
	for _, r := range a.Routes() {
		if (r.Action == web.Public) != (r.Method == "POST" && r.Path == "/api/v1/session") {
			t.Errorf("%s %s is %s", r.Method, r.Path, r.Action)
		}
	}
	s := newSite(t, false)
	for _, auth := range []string{s.signIn("operator", "correct horse"), s.signIn("resident", "resident pw")} {
		for _, r := range a.Routes() {
			if r.Action != web.Public && r.Action != web.Self {
				s.want(403, r.Method, strings.TrimPrefix(strings.ReplaceAll(r.Path, "{id}", "x"), "/api/v1"), "", auth)
			}
		}
	}
}
