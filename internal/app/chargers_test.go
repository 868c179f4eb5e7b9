package app

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestACutByHandNeedsALookOnSite: whoever orders the cut, power comes back only after the
// cabinet has said that somebody was there; it is asked for by API and refused.
func TestACutByHandNeedsALookOnSite(t *testing.T) {
	h := openHouse(t, t.TempDir())
	_, publish, commands := h.register("charger", "charger-1")
	order := func(typ, args string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.app.URL()+"/api/v1/devices/charger-1/commands", strings.NewReader(`{"type":"`+typ+`","args":`+args+`}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := h.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if got := order("restore", `{"part":"3"}`); got >= 300 {
		t.Fatalf("what was not cut: %d", got)
	}
	receive(t, commands)
	if got := order("cut", `{"part":"3"}`); got >= 300 {
		t.Fatalf("the cut: %d", got)
	}
	receive(t, commands)
	for typ, args := range map[string]string{"restore": `{"part":"3"}`, "start": `{"part":"3","user":"p-1"}`} {
		if got := order(typ, args); got < 400 {
			t.Errorf("%s before anybody was there: %d", typ, got)
		}
	}
	if got := order("restore", `{"part":"4"}`); got >= 300 {
		t.Errorf("its neighbour: %d", got)
	}
	publish("event", fmt.Sprintf(`{"id":"r1","at":%q,"type":"reset","part":"3","data":{}}`, now()))
	h.until("it may have power again", func() bool { return order("restore", `{"part":"3"}`) < 300 })
}

// TestAFireThatNoLoudspeakerTellsOf is one alarm of its own, beside that of the smoke.
func TestAFireThatNoLoudspeakerTellsOf(t *testing.T) {
	h := openHouse(t, t.TempDir())
	_, publish, _ := h.register("charger", "charger-1")
	publish("event", fmt.Sprintf(`{"id":"s1","at":%q,"type":"smoke","part":"3","data":{"active":true}}`, now()))
	h.until("somebody is told to go there", func() bool {
		open := h.openAlarms()
		return slices.Contains(open, "broadcast.unheard true") && slices.Contains(open, "charger.smoke true")
	})
}
