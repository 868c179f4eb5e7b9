package rules

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

type guard struct{}

func (guard) Authenticate(r *http.Request) (web.Principal, bool) {
	return web.Principal{ID: "u1"}, r.Header.Get("Authorization") != ""
}

func (guard) Allowed(_ web.Principal, a web.Action) bool { return a == web.RulesRead }

func TestAPI(t *testing.T) {
	e := mustNew(t, hot)
	e.Process([]event.Event{reading(0, "7", `{"t":80}`)})
	a := web.NewAPI("test", guard{}, slog.New(slog.DiscardHandler))
	e.Register(a)
	ask := func(method, path, body string, into any) {
		t.Helper()
		r := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
		r.Header.Set("Authorization", "yes")
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatal(err)
		}
	}
	var list struct{ Items []RuleView }
	ask("GET", "/rules", "", &list)
	if len(list.Items) != 1 || list.Items[0].Firing != 1 || list.Items[0].Raised != 1 || list.Items[0].When != "data.t >= 70" {
		t.Errorf("%+v", list)
	}
	var check struct {
		OK       bool
		Rules    []string
		Problems []Problem
	}
	body, _ := json.Marshal(map[string]string{"text": strings.Replace(hot, "when", "wenn", 1)})
	ask("POST", "/rules/check", string(body), &check)
	if check.OK || len(check.Problems) != 2 || check.Problems[1].Line != 6 {
		t.Errorf("%+v", check)
	}
	body, _ = json.Marshal(map[string]string{"text": hot, "file": "hot.yaml"})
	ask("POST", "/rules/check", string(body), &check)
	if !check.OK || len(check.Rules) != 1 || len(check.Problems) != 0 {
		t.Errorf("%+v", check)
	}
}
