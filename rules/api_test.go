package rules

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// guard lets in whoever names a role; an administrator and a supervisor may do
// all that there is.
type guard struct{}

func (guard) Authenticate(r *http.Request) (web.Principal, bool) {
	role := r.Header.Get("Authorization")
	return web.Principal{ID: "u1", Role: web.Role(role)}, role != ""
}

func (guard) Allowed(p web.Principal, a web.Action) bool {
	return a == web.RulesRead || a == web.RulesWrite && p.Role != web.Operator
}

// desk asks the operations of a library.
type desk struct {
	*library
	api  *web.API
	role web.Role
}

func newDesk(t testing.TB, files map[string]string) *desk {
	t.Helper()
	d := &desk{library: newLibrary(t, files), api: web.NewAPI("test", guard{}, slog.New(slog.DiscardHandler)), role: web.Supervisor}
	Operations{Engine: d.engine, Book: d.Book}.Register(d.api)
	return d
}

// ask puts a request and returns the status; a header is "Name: value".
func (d *desk) ask(method, path string, body, into any, headers ...string) int {
	d.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	r := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(string(text)))
	r.Header.Set("Authorization", string(d.role))
	r.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	d.api.ServeHTTP(w, r)
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			d.t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
	}
	return w.Code
}

// Whoever reads the rules sees how each of them judges and what becomes of its
// alarms.
func TestRulesAreToldWhole(t *testing.T) {
	d := newDesk(t, map[string]string{"a.yaml": fullRule})
	var list struct{ Items []RuleView }
	if code := d.ask("GET", "/rules", nil, &list); code != http.StatusOK {
		t.Fatal(code)
	}
	by := map[string]RuleView{}
	for _, v := range list.Items {
		by[v.ID] = v
	}
	v := by["a.b"]
	if !v.Life || !v.Latch || v.ReAlarmS != 600 || v.KeepS != 5400 || v.Escalates != "night" || v.Incident != (RuleIncident{"fire", Unit}) || v.Quorum != nil {
		t.Errorf("%+v", v)
	}
	if v = by["d"]; v.AbsentS != 30 || v.SettleS != 60 || v.Incident != (RuleIncident{"d", Building}) ||
		!slices.Equal(v.DependsOn, []string{"e", "a.b"}) || !slices.Equal(v.Scopes, []Scope{Upstream, SameZone}) {
		t.Errorf("%+v", v)
	}
	if v = by["e"]; v.Quorum == nil || *v.Quorum != (RuleQuorum{3, 30, ByVia, 2}) {
		t.Errorf("%+v", v)
	}
}

func TestRulesAndCheckAPI(t *testing.T) {
	d := newDesk(t, map[string]string{"a.yaml": hot})
	d.engine.Process([]event.Event{reading(0, "7", `{"t":80}`)})
	var list struct {
		BookState
		Items []RuleView
	}
	if code := d.ask("GET", "/rules", nil, &list); code != http.StatusOK {
		t.Fatal(code)
	}
	if len(list.Items) != 1 || list.Items[0].Firing != 1 || list.Items[0].Raised != 1 || list.Items[0].When != "data.t >= 70" || len(list.Items[0].Version) != 12 {
		t.Errorf("%+v", list)
	}
	if list.Disk != Same || list.Version == "" || list.LoadedAt.IsZero() || list.Problems == nil {
		t.Errorf("%+v", list.BookState)
	}
	var check struct {
		OK       bool
		Rules    []string
		Problems []Problem
	}
	d.ask("POST", "/rules/check", map[string]string{"text": strings.Replace(hot, "when", "wenn", 1)}, &check)
	if check.OK || len(check.Problems) != 2 || check.Problems[1].Line != 6 {
		t.Errorf("%+v", check)
	}
	d.ask("POST", "/rules/check", map[string]string{"text": hot, "file": "hot.yaml"}, &check)
	if !check.OK || len(check.Rules) != 1 || len(check.Problems) != 0 {
		t.Errorf("%+v", check)
	}
}

func TestRulesTestAPI(t *testing.T) {
	d := newDesk(t, map[string]string{"a.yaml": ruleNamed("hot", "data.t >= 70")})
	var a struct {
		OK       bool
		Problems []Problem
		Results  []TestResult
	}
	test := func(body map[string]any) int { t.Helper(); return d.ask("POST", "/rules/test", body, &a) }
	if code := test(map[string]any{"files": Files{"a.test.yaml": hotTest}}); code != http.StatusOK || !a.OK || len(a.Results) != 1 {
		t.Errorf("%d %+v", code, a)
	}
	if test(map[string]any{"files": Files{"a.test.yaml": hotTest, "a.yaml": ruleNamed("hot", "data.t >= 71")}}); a.OK || a.Results[0].OK {
		t.Errorf("%+v", a)
	}
	if test(map[string]any{"files": Files{"a.yaml": ruleNamed("hot", "data.t >=")}}); a.OK || len(a.Problems) != 1 || len(a.Results) != 0 {
		t.Errorf("%+v", a)
	}
	if test(map[string]any{"files": Files{"b.yaml": ruleNamed("hot", "data.t >= 1")}, "only": true}); !a.OK {
		t.Errorf("with no other file the id is free: %+v", a)
	}
	if code := test(map[string]any{"files": Files{"../b.yaml": ""}}); code != http.StatusUnprocessableEntity {
		t.Errorf("a path: %d", code)
	}
	if got := d.Files()["a.yaml"]; got != ruleNamed("hot", "data.t >= 70") {
		t.Errorf("a trial changes what is in force: %s", got)
	}
}

func TestFilesAPI(t *testing.T) {
	d := newDesk(t, map[string]string{"a.yaml": ruleNamed("hot", "data.t >= 70"), "a.test.yaml": hotTest})
	var list struct {
		Writable bool
		Items    []FileView
	}
	d.ask("GET", "/rules/files", nil, &list)
	if !list.Writable || len(list.Items) != 2 || list.Items[1].Name != "a.yaml" || list.Items[1].Rules[0] != "hot" || list.Items[1].Text != ruleNamed("hot", "data.t >= 70") {
		t.Fatalf("%+v", list)
	}
	colder := map[string]string{"text": ruleNamed("hot", "data.t >= 75")}
	for _, c := range []struct {
		what, method, path string
		role               web.Role
		body               any
		match, code        string
		status             int
	}{
		{"an operator", "PUT", "/rules/files/a.yaml", web.Operator, colder, "", "auth.forbidden", 403},
		{"a test fails", "PUT", "/rules/files/a.yaml", web.Supervisor, colder, "", "rules.tests_failed", 422},
		{"force without being allowed", "PUT", "/rules/files/a.yaml?force=true", web.Supervisor, colder, "", "rules.force", 403},
		{"another hash", "PUT", "/rules/files/a.yaml?force=true", web.Admin, colder, `"abc"`, "rules.file_changed", 412},
		{"force", "PUT", "/rules/files/a.yaml?force=true", web.Admin, colder, `"` + list.Items[1].Hash + `"`, "", 200},
		{"a mistake", "PUT", "/rules/files/b.yaml", web.Admin, map[string]string{"text": "rules: [{}]"}, "", "rules.bad_files", 422},
		{"a name", "PUT", "/rules/files/B.yaml", web.Admin, colder, "", "rules.file_name", 422},
		{"not there", "DELETE", "/rules/files/b.yaml", web.Admin, nil, "", "rules.no_file", 404},
		{"gone", "DELETE", "/rules/files/a.yaml", web.Supervisor, nil, "", "", 200},
	} {
		d.role = c.role
		var p web.Problem
		code := d.ask(c.method, c.path, c.body, &p, "If-Match: "+c.match)
		if code != c.status || p.Code != c.code || c.status == 422 && c.code != "rules.file_name" && len(p.Errors) == 0 {
			t.Errorf("%s: %d %+v", c.what, code, p)
		}
	}
	d.put("c.yaml", ruleNamed("c", "data.t >= 1"))
	var r Reloaded
	if code := d.ask("POST", "/rules/reload", nil, &r); code != http.StatusOK || !r.Changed || r.Rules != 1 {
		t.Errorf("reload: %d %+v", code, r)
	}
	d.put("c.yaml", "x: y")
	var p web.Problem
	if code := d.ask("POST", "/rules/reload", nil, &p); code != 422 || p.Code != "rules.bad_files" || p.Errors[0].Location != "c.yaml:1:1" {
		t.Errorf("reload of a bad file: %d %+v", code, p)
	}
}
