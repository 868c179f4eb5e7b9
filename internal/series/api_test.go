package series

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dongyue/internal/web"
)

// anyone lets everybody in.
type anyone struct{}

func (anyone) Authenticate(*http.Request) (web.Principal, bool) { return web.Principal{ID: "1"}, true }
func (anyone) Allowed(_ web.Principal, action web.Action) bool  { return action == web.SeriesRead }

func TestAPI(t *testing.T) {
	s := open(t, Options{})
	put(t, s, telemetry("c1", "7", noon, map[string]any{"temp_c": 20.5}), telemetry("c1", "", noon, map[string]any{"power_w": 3}))
	api := web.NewAPI("test", anyone{}, slog.New(slog.DiscardHandler))
	s.Register(api)
	for _, c := range []struct {
		path   string
		status int
		want   string
	}{
		{"/devices/c1/series", 200, `{"device":"c1","items":[{"metric":"power_w","part":"","unit":"W"},{"metric":"temp_c","part":"7","unit":"°C"}],"next":""}`},
		{"/devices/none/series", 200, `{"device":"none","items":[],"next":""}`},
		{"/devices/c1/series?metric=temp_c&part=7&from=2026-11-23T12:00:00Z&to=2026-11-23T12:10:00.000Z&step=60", 200,
			`{"device":"c1","metric":"temp_c","part":"7","unit":"°C","step_s":60,"points":[{"at":"2026-11-23T12:00:00Z","min":20.5,"max":20.5,"avg":20.5}]}`},
		{"/devices/c1/series?metric=temp_c&step=1h", 200, `{"device":"c1","metric":"temp_c","unit":"°C","step_s":3600,"points":[]}`},
		{"/devices/c1/series?metric=temp_c&step=1s", 422, `"series.too_many"`},
		{"/devices/c1/series?metric=temp_c&step=often", 422, `"series.bad_step"`},
		{"/devices/c1/series?metric=temp_c&step=-5s", 422, `"series.bad_step"`},
		{"/devices/c1/series?metric=temp_c&from=2030-01-01T00:00:00Z", 422, `"series.bad_span"`},
		{"/devices/c1/series?metric=temp_c&from=yesterday", 422, `"request.invalid"`},
	} {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1"+c.path, nil))
		if w.Code != c.status {
			t.Errorf("%s: %d %s", c.path, w.Code, w.Body)
			continue
		}
		got := w.Body.Bytes()
		if c.status != 200 {
			var p struct{ Code json.RawMessage }
			if err := json.Unmarshal(got, &p); err != nil {
				t.Fatal(err)
			}
			got = p.Code
		}
		var a, b any
		if err := json.Unmarshal(got, &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(c.want), &b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b, a); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.path, diff)
		}
	}
}
