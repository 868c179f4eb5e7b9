package journal

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

type everyone struct{}

func (everyone) Authenticate(*http.Request) (web.Principal, bool) {
	return web.Principal{ID: "1"}, true
}
func (everyone) Allowed(_ web.Principal, a web.Action) bool { return a == web.EventsRead }

type page struct {
	Items []map[string]any `json:"items"`
	Next  string           `json:"next"`
	Code  string           `json:"code"`
}

func get(t *testing.T, h http.Handler, query string, status int) (p page) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/events"+query, nil))
	if w.Code != status {
		t.Fatalf("GET %s: %d %s", query, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEventsAPI(t *testing.T) {
	j := running(t, filepath.Join(t.TempDir(), "journal.db"))
	var es []event.Event
	for i := range 25 {
		es = append(es, ev("door-1", fmt.Sprint(i)))
	}
	other := ev("lamp-1", "x")
	other.Type, other.At = "sos", t0.Add(3600e9)
	state := ev("lamp-1", "")
	state.Channel = event.State
	appendWait(t, j, append(es, other, state)...)
	api := web.NewAPI("test", everyone{}, slog.New(slog.DiscardHandler))
	j.Register(api)

	var seqs []float64
	for after := "0"; ; {
		p := get(t, api, "?limit=10&after="+after, http.StatusOK)
		for _, e := range p.Items {
			seqs = append(seqs, e["seq"].(float64))
		}
		if after = p.Next; after == "" {
			break
		}
	}
	if len(seqs) != 26 || seqs[0] != 1 || seqs[25] != 26 {
		t.Fatalf("pages: %v", seqs)
	}
	first := get(t, api, "?limit=1", http.StatusOK).Items[0]
	if first["at"] != "2026-03-01T08:00:00.123Z" || first["late"] != false || first["data"].(map[string]any)["side"] != "in" || first["kind"] != "door" {
		t.Fatalf("got %v", first)
	}
	for query, want := range map[string]int{
		"?device=lamp-1":                     1,
		"?device=lamp-1&channel=all":         2,
		"?channel=state":                     1,
		"?type=sos":                          1,
		"?from=2026-03-01T09:00:00Z":         1,
		"?to=2026-03-01T09:00:00Z&limit=500": 25,
		"?device=nobody":                     0,
	} {
		if got := len(get(t, api, query, http.StatusOK).Items); got != want {
			t.Errorf("%s: %d items, want %d", query, got, want)
		}
	}
	newest := get(t, api, "?order=desc&limit=2", http.StatusOK)
	if newest.Items[0]["seq"] != 26.0 || newest.Next != "25" {
		t.Fatalf("newest: %v", newest)
	}
	if next := get(t, api, "?order=desc&limit=2&after=25", http.StatusOK); next.Items[0]["seq"] != 24.0 {
		t.Fatalf("older: %v", next)
	}
	if p := get(t, api, "?after=x", http.StatusBadRequest); p.Code != "event.bad_cursor" {
		t.Fatalf("got %+v", p)
	}
	if p := get(t, api, "?channel=command", http.StatusBadRequest); p.Code != "event.bad_channel" {
		t.Fatalf("got %+v", p)
	}
	get(t, api, "?limit=0", http.StatusUnprocessableEntity)
}
