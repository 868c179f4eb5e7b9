package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
			if asked := w.Header().Get("WWW-Authenticate") != ""; asked != (c.status == 401) {
				t.Fatalf("WWW-Authenticate %q", w.Header().Get("WWW-Authenticate"))
			}
		})
	}
}

// abroad is a handler for pages of other origins.
type abroad struct{ http.Handler }

func (abroad) Open(h http.Header) { h.Set("X-Open", "yes") }

func TestRefusalIsReadableAbroad(t *testing.T) {
	a := testAPI()
	a.Handle("GET", "//abroad", CamerasView, abroad{http.NotFoundHandler()})
	if w := answer(a, "GET", "/abroad", ""); w.Code != 401 || w.Header().Get("X-Open") != "yes" || w.Header().Get("WWW-Authenticate") != "Bearer" {
		t.Fatalf("%d %v", w.Code, w.Header())
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

// TestFilesStandInTheDocument: what takes or gives no JSON is found there as well, behind the
// same guard.
func TestFilesStandInTheDocument(t *testing.T) {
	a := testAPI()
	a.HandleAs(Op{Method: "PUT", Path: "/things/{id}/photos/{photo}", Action: UsersManage, Tag: "things", Summary: "Add a photo"},
		Raw{Takes: "image/jpeg", Gives: "application/json", Query: []RawParam{{Name: "when", Doc: "before or after", Must: true}}}, http.NotFoundHandler())
	a.HandleAs(Op{Method: "POST", Path: "/things/{id}/voice", Action: Public, Tag: "things", Summary: "Speak"}, Raw{Takes: "audio/ogg"}, http.NotFoundHandler())
	var doc struct {
		Paths map[string]map[string]struct {
			Summary    string
			Security   []map[string][]string
			Parameters []struct {
				Name, In string
				Required bool
			}
			RequestBody struct {
				Content map[string]struct{ Schema map[string]any }
			}
			Responses map[string]struct{ Content map[string]any }
		}
	}
	if err := json.Unmarshal(answer(a, "GET", "/api/v1/openapi.json", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	put, voice := doc.Paths["/api/v1/things/{id}/photos/{photo}"]["put"], doc.Paths["/api/v1/things/{id}/voice"]["post"]
	var params []string
	for _, p := range put.Parameters {
		params = append(params, fmt.Sprint(p.In, " ", p.Name, " ", p.Required))
	}
	if got := strings.Join(params, ", "); put.Summary != "Add a photo" || got != "path id true, path photo true, query when true" || len(put.Security) != 2 {
		t.Errorf("%s with %s, %v", put.Summary, got, put.Security)
	}
	if put.RequestBody.Content["image/jpeg"].Schema["format"] != "binary" || put.Responses["200"].Content["application/json"] == nil || put.Responses["default"].Content["application/problem+json"] == nil {
		t.Errorf("%+v", put)
	}
	if _, ok := voice.Responses["204"]; !ok || len(voice.Security) != 0 || len(voice.RequestBody.Content) != 1 {
		t.Errorf("%+v", voice)
	}
	if w := answer(a, "PUT", "/api/v1/things/a/photos/b", "op"); w.Code != 403 {
		t.Errorf("a role that may not: %d", w.Code)
	}
}

// answer asks as role and returns status, headers and body.
func answer(a *API, method, path, auth string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", strings.NewReader(""))
	r.URL.Path = path
	r.Header.Set("Authorization", auth)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

func TestWhatIsNotRoutedIsAProblem(t *testing.T) {
	a := testAPI()
	for _, c := range []struct {
		method, path string
		status       int
		code, allow  string
	}{
		{"GET", "/api/v1/nothing", 404, "request.no_route", ""},
		{"GET", "/api/v1/things/a/", 404, "request.no_route", ""},
		{"POST", "/api/v1//things/a", 404, "request.no_route", ""},
		{"GET", "/api/v1/things/../raw", 404, "request.no_route", ""},
		{"GET", "", 404, "request.no_route", ""},
		{"DELETE", "/api/v1/things/a", 405, "request.method", "GET, HEAD"},
		{"OPTIONS", "/raw", 405, "request.method", "GET, HEAD"},
		{"BREW", "/raw", 405, "request.method", "GET, HEAD"},
	} {
		w := answer(a, c.method, c.path, "root")
		if w.Code != c.status || !strings.Contains(w.Body.String(), `"code":"`+c.code+`"`) || w.Header().Get("Allow") != c.allow ||
			w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Location") != "" {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, w.Code, w.Header(), w.Body)
		}
	}
}

func TestAnswersStayOutOfCachesAndFrames(t *testing.T) {
	for _, path := range []string{"/api/v1/things/a", "/raw", "/api/v1/nothing", "/api/v1/openapi.json"} {
		h := answer(testAPI(), "GET", path, "root").Header()
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: %v", path, h)
		}
	}
}

// A body that is refused holds passwords; the refusal must not.
func TestProblemsDoNotRepeatTheRequest(t *testing.T) {
	type in struct {
		Body struct {
			URL  string `json:"url"`
			Name string `json:"name" maxLength:"5"`
		}
	}
	a := testAPI()
	Register(a, Op{Method: "POST", Path: "/things", Action: Public, Tag: "things"}, func(context.Context, *in) (*bodyOut, error) { return nil, nil })
	for _, body := range []string{
		`{"url":"rtsp://u:hunter2@cam/"}`, `{"url":"x","name":"hunter2hunter2"}`, `{"url":{"a":"hunter2"},"name":"a"}`, `hunter2`, `{"url":"hunter2`,
		`{"url":1,"url":"hunter2","name":"a"}`, `["hunter2"]`, `{"url":"","name":"a"` + strings.Repeat(`,"x":"hunter2"`, 3) + `}`,
	} {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/things", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		got := w.Body.String()
		if w.Code < 400 || w.Code > 422 || !strings.Contains(got, `"code":"request.invalid"`) || strings.Contains(got, "hunter2") ||
			strings.Contains(got, "unmarshal") || strings.Contains(got, "Go ") {
			t.Errorf("%s: %d %s", body, w.Code, got)
		}
	}
}
