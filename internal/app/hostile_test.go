package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"
)

// signIn is an account beside the administrator; what it gives asks, and tells the answer.
func (h *house) signIn(login, password string) func(method, path string, in any) (int, string) {
	h.t.Helper()
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	h.t.Cleanup(client.CloseIdleConnections)
	do := func(method, path string, in any) (int, string) {
		h.t.Helper()
		b, err := json.Marshal(in)
		if err != nil {
			h.t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(h.t.Context(), method, h.app.URL()+"/api/v1"+path, bytes.NewReader(b))
		if err != nil {
			h.t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			h.t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	if status, body := do(http.MethodPost, "/session", map[string]string{"username": login, "password": password}); status >= 300 {
		h.t.Fatalf("sign in: %d %s", status, body)
	}
	return do
}

// A badge that is recorded on the line and published again with a fresh time and a fresh
// name, but its old number; and who reads the journal for what opens doors.
func TestARecordedBadgeWithAFreshTime(t *testing.T) {
	h := openHouse(t, t.TempDir())
	_, publish, commands := h.register("door", "door-1")
	var p struct{ ID string }
	h.call(http.MethodPost, "/people", map[string]any{"name": "陈建国"}, &p)
	h.call(http.MethodPost, "/credentials", map[string]any{"person": p.ID, "type": "card", "value": "04A1B2C3D4"}, nil)
	h.call(http.MethodPost, "/rights", map[string]any{"person": p.ID, "door": "door-1"}, nil)
	ask := func(id string, seq int, typ, value string) {
		t.Helper()
		publish("event", fmt.Sprintf(`{"id":%q,"boot":"b1","seq":%d,"at":%q,"type":"badge","data":{"credential":{"type":%q,"value":%q},"side":"in","decision":"ask"}}`, id, seq, now(), typ, value))
	}
	answer := func() string {
		t.Helper()
		for {
			select {
			case c := <-commands:
				if args, ok := c["args"].(map[string]any); ok && args["ref"] != nil {
					return fmt.Sprint(args["ref"], " ", c["type"])
				}
			case <-time.After(10 * time.Second):
				t.Fatal("no answer")
			}
		}
	}
	for _, c := range []struct {
		id    string
		seq   int
		typ   string
		value string
		want  string // empty: not answered
	}{
		{"e-7", 7, "card", "04A1B2C3D4", "e-7 unlock"}, {"e-8", 8, "pin", "135790", "e-8 deny"}, {"again", 7, "card", "04A1B2C3D4", ""}, {"e-9", 9, "card", "04A1B2C3D4", "e-9 unlock"},
	} {
		ask(c.id, c.seq, c.typ, c.value)
		if c.want == "" {
			continue
		}
		if got := answer(); got != c.want { // of the one between, none has come before
			t.Fatalf("got %s, want %s", got, c.want)
		}
	}
	var said struct {
		Items []struct {
			Data struct{ Event, Decision, Reason string }
		}
	}
	h.until("the desk is told", func() bool {
		h.call(http.MethodGet, "/events?device=door-1&type=badge_replayed", nil, &said)
		return len(said.Items) == 1 && said.Items[0].Data.Event == "again"
	})
	var raw json.RawMessage
	h.call(http.MethodGet, "/events?device=door-1&type=badge", nil, &raw)
	if text := string(raw); strings.Contains(text, "135790") || strings.Contains(text, "04A1B2") || !strings.Contains(text, "…C3D4") {
		t.Errorf("the journal tells what opens doors: %s", text)
	}
}

// Who acts in one court holds no door of another open by hours.
func TestHoursHaveTheirZone(t *testing.T) {
	h := openHouse(t, t.TempDir())
	h.register("door", "door-1") // in the east
	h.call(http.MethodPost, "/users", map[string]any{"login": "xi", "name": "西苑主管", "role": "supervisor", "zones": []string{"west"}, "password": testPassword}, nil)
	h.call(http.MethodPost, "/users", map[string]any{"login": "dong", "name": "东苑主管", "role": "supervisor", "zones": []string{"east"}, "password": testPassword}, nil)
	for login, want := range map[string]int{"xi": 403, "dong": 204} {
		status, body := h.signIn(login, testPassword)(http.MethodPut, "/doors/door-1/hours", map[string]any{"schedule": "always", "first_in": false})
		if status != want || want == 403 && !strings.Contains(body, "doors.not_your_zone") {
			t.Errorf("%s: %d %s, want %d", login, status, body, want)
		}
	}
}
