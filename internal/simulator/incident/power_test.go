package incident

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dongyue/internal/web"
)

// heard counts messages that contain all the words, by the device that sent them.
func (w *world) heard(words ...string) map[string]int {
	n := map[string]int{}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.got {
		if hasAll(m, words) {
			n[strings.Split(m, "/")[3]]++
		}
	}
	return n
}

func (w *world) eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// TestPowerCut: every device falls without a word, so that its Will is told, comes
// back, and has power at the end; the door that is broken open falls only once.
func TestPowerCut(t *testing.T) {
	w := start(t)
	all := w.fleet.In("east")
	if len(all) != 17 {
		t.Fatalf("%d devices stand in the East Court", len(all))
	}
	w.trigger(t, "power_cut")
	w.over(t, "power_cut")
	w.eventually(t, "all are back", func() bool { return w.fleet.Online() == len(all)+1 }) // and the barrier, which hangs elsewhere
	w.eventually(t, "the door tells of it", func() bool { return w.heard(`"forced_open"`)["door-e01-1"] == 1 })
	w.eventually(t, "and that it is shut", func() bool { return w.heard(`"type":"closed"`)["door-e01-1"] == 1 })
	wills, back := w.heard("/presence", `"online":false`), w.heard("/presence", `"online":true`)
	for _, d := range all {
		if n := wills[d.ID()]; n < 1 || n > comebacks {
			t.Errorf("%s left %d Wills", d.ID(), n)
		}
		if n := back[d.ID()]; n < 2 || n > 1+comebacks {
			t.Errorf("%s came %d times", d.ID(), n)
		}
	}
	if wills["door-e01-1"] != 1 {
		t.Errorf("the spared door fell %d times", wills["door-e01-1"])
	}
}

// TestSwitchDead: what is plugged into the cabinet goes, the lamps stay.
func TestSwitchDead(t *testing.T) {
	w := start(t)
	w.trigger(t, "switch_dead")
	w.over(t, "switch_dead")
	w.eventually(t, "all are back", func() bool { return w.fleet.Online() == 18 })
	wills := w.heard("/presence", `"online":false`)
	for _, id := range []string{"switch-e01", "door-e01-1", "charger-e02", "speaker-e01", "sensor-e01"} {
		if wills[id] != 1 {
			t.Errorf("%s left %d Wills", id, wills[id])
		}
	}
	if len(wills) != 5 {
		t.Errorf("gone: %v", wills)
	}
}

// TestLength chooses how long an incident lasts, where that can be.
func TestLength(t *testing.T) {
	w := start(t)
	w.trigger(t, "resident_badge") // the script runs
	for _, c := range []struct {
		id   string
		last time.Duration
		want error
	}{
		{"power_cut", 15 * time.Minute, nil},
		{"power_cut", Shortest - 1, ErrLength},
		{"power_cut", Longest + 1, ErrLength},
		{"power_cut", -time.Minute, ErrLength},
		{"smoke", time.Minute, ErrLength},
	} {
		if err := w.script.TriggerFor(t.Context(), c.id, c.last); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s for %s: %v", c.id, c.last, err)
		}
	}
	a := web.NewAPI("test", guard{}, nil)
	w.script.Register(a)
	for body, want := range map[string]string{`{"for_s":5}`: "demo.bad_length", `{"for_s":60}`: "", `{}`: "", `{"for_s":"x"}`: "422"} {
		r := httptest.NewRecorder()
		q := httptest.NewRequest(http.MethodPost, "/api/v1/demo/incidents/power_cut", strings.NewReader(body))
		q.Header.Set("Content-Type", "application/json")
		a.ServeHTTP(r, q)
		if ok := r.Code == http.StatusAccepted; ok != (want == "") || !strings.Contains(r.Body.String(), want) {
			t.Errorf("%s: %d %s", body, r.Code, r.Body)
		}
	}
}
