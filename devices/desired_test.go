package devices_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"dongyue/devices"
	"dongyue/internal/event"

	"github.com/google/go-cmp/cmp"
)

// configs are the members of what was published on a config topic.
func (w *wire) configs() (all []map[string]any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sent {
		if s.Raw != nil {
			m := map[string]any{"retained": s.Retain}
			_ = json.Unmarshal(s.Raw, &m)
			all = append(all, m)
		}
	}
	return all
}

func TestDesiredVersions(t *testing.T) {
	h := fresh(t)
	for i, c := range []struct {
		method, query, match, body string
		status                     int
		version                    float64
		desired                    any
	}{
		{"GET", "", "", "", 200, 0, nil},
		{"PUT", "?version=1", "", `{"interval_s":10}`, 412, 0, nil},
		{"PUT", "", `"0"`, `{"interval_s":10,"mode":{"night":true,"day":1}}`, 200, 1, map[string]any{"interval_s": 10.0, "mode": map[string]any{"night": true, "day": 1.0}}},
		{"PUT", "", "", `{"mode":{"day":1,"night":true},"interval_s":10}`, 200, 1, map[string]any{"interval_s": 10.0, "mode": map[string]any{"night": true, "day": 1.0}}}, // the same
		{"PATCH", "?version=1", "", `{"mode":{"day":null},"volume_pct":30}`, 200, 2, map[string]any{"interval_s": 10.0, "mode": map[string]any{"night": true}, "volume_pct": 30.0}},
		{"PATCH", "", `"1"`, `{"volume_pct":40}`, 412, 0, nil},
		{"PATCH", "", `x`, `{"volume_pct":40}`, 400, 0, nil},
		{"PUT", "", "", `{"version":7}`, 422, 0, nil},
		{"PUT", "", `W/"2"`, `{}`, 200, 3, map[string]any{}},
	} {
		var header []string
		if c.match != "" {
			header = []string{"If-Match", c.match}
		}
		status, got := h.ask(c.method, "/devices/door-1/desired"+c.query, c.body, header...)
		if status != c.status {
			t.Fatalf("%d: status %d, want %d: %v", i, status, c.status, got)
		}
		if status == 200 && (got["version"] != c.version || !cmp.Equal(got["desired"], c.desired)) {
			t.Errorf("%d: got %v", i, got)
		}
	}
	if status, _ := h.ask("PUT", "/devices/door-9/desired", `{}`); status != 404 {
		t.Errorf("an unknown device: %d", status)
	}
	want := []map[string]any{
		{"retained": true, "version": 1.0, "interval_s": 10.0, "mode": map[string]any{"night": true, "day": 1.0}},
		{"retained": true, "version": 2.0, "interval_s": 10.0, "mode": map[string]any{"night": true}, "volume_pct": 30.0},
		{"retained": true, "version": 3.0},
	}
	if diff := cmp.Diff(want, h.wire.configs()); diff != "" {
		t.Error(diff)
	}
}

func TestDesiredIsReconciled(t *testing.T) {
	path := t.TempDir() + "/hub.db"
	synctest.Test(t, func(t *testing.T) {
		p := &paper{}
		live(t, path, p, func(h *hub) {
			register(t, h)
			h.ask("PUT", "/devices/door-1/desired", `{"hold_s":5,"mode":"day"}`)
			state := func(text string, in bool) {
				t.Helper()
				time.Sleep(time.Second)
				p.Append(h.decode("door-1", event.State, `{"at":"`+time.Now().UTC().Format(time.RFC3339)+`","state":`+text+`}`, time.Now()), func(uint64, bool, error) {})
				p.play(h)
				if d := h.get("door-1"); d.InSync != in {
					t.Errorf("%s: in sync %v", text, d.InSync)
				}
			}
			state(`{"hold_s":5}`, false)
			n := len(h.entries("device"))
			state(`{"hold_s":5,"mode":"day","lock":"locked"}`, true) // every member
			if len(h.entries("device")) != n+1 {
				t.Error("the change was not shown")
			}
			state(`{"config_version":0,"hold_s":5,"mode":"day"}`, false) // says that it has not taken it
			state(`{"config_version":1}`, true)
			state(`{"hold_s":5,"mode":"night"}`, false)

			h.wire.set("door-1", true)
			h.Connected("door-1") // with the session it had
			synctest.Wait()
			all := h.wire.configs()
			if diff := cmp.Diff(map[string]any{"retained": false, "version": 1.0, "delta": true, "mode": "day"}, all[len(all)-1]); diff != "" {
				t.Error(diff)
			}
			state(`{"hold_s":5,"mode":"day"}`, true)
			h.Connected("door-1")
			synctest.Wait()
			if len(h.wire.configs()) != len(all) {
				t.Error("a delta to a device in sync")
			}
		})
	})
	h := open(t, path)
	if d := h.get("door-1"); d.Version != 1 || !d.InSync || string(devices.ConfigPayload(&d)) != `{"hold_s":5,"mode":"day","version":1}` {
		t.Errorf("after a restart: %+v", d.Desired)
	}
}
