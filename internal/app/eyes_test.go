package app

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/journal"
	"dongyue/streams"
	"dongyue/streams/onvif"
)

// presences are what the journal holds of a camera's coming and going, oldest first:
// "away" or "back", and the reason.
func (h *house) presences(id string) (all []string) {
	h.t.Helper()
	evs, err := h.app.journal.Query(h.t.Context(), journal.Filter{Device: id, Channel: event.Presence})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, ev := range evs {
		var d struct {
			Online bool
			By     string
			Reason string
		}
		if err := json.Unmarshal(ev.Data, &d); err != nil {
			h.t.Fatal(err)
		}
		if ev.Kind != event.Camera || d.By != hubActor || ev.Zone != "east/b01/u1" {
			h.t.Fatalf("got %+v, %s", ev, ev.Data)
		}
		all = append(all, strings.TrimSpace(map[bool]string{true: "back ", false: "away "}[d.Online]+d.Reason))
	}
	return all
}

// saw waits until the newest of them begins so.
func (h *house) saw(id string, n int, newest string) {
	h.t.Helper()
	var got []string
	for range 600 {
		if got = h.presences(id); len(got) >= n {
			if len(got) > n || !strings.HasPrefix(got[n-1], newest) {
				break
			}
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	h.t.Fatalf("%s: got %q, not %d of which the last is %q", id, got, n, newest)
}

// A camera that somebody wants and that sends nothing is told to the rules once, and its
// return once; what it was survives the hub's end, and one that is deleted is missed by nobody.
func TestEyesTellOfDarkCameras(t *testing.T) {
	h, sim := filmed(t, "cam-a", "cam-b")
	lease, err := h.app.streams.Open("cam-a", streams.Sub)
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Close()
	for range 600 {
		if v, err := h.app.streams.Get("cam-a"); err == nil && v.State == streams.Live {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	off := func() {
		t.Helper()
		if err := sim.Off("cam-a"); err != nil {
			t.Fatal(err)
		}
	}
	off()
	h.saw("cam-a", 1, "away camera.")
	lease.Close() // nobody watches any more: the hub looks by itself
	if err := sim.On("cam-a"); err != nil {
		t.Fatal(err)
	}
	h.saw("cam-a", 2, "back")

	lease, err = h.app.streams.Open("cam-a", streams.Sub)
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Close()
	off()
	h.saw("cam-a", 3, "away camera.")
	lease.Close()
	h.stop()
	again := openHouse(t, h.dir)
	time.Sleep(2 * lookEvery)
	again.saw("cam-a", 3, "away camera.") // not told twice
	if err := sim.On("cam-a"); err != nil {
		t.Fatal(err)
	}
	again.saw("cam-a", 4, "back")

	lease, err = again.app.streams.Open("cam-b", streams.Sub)
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Close()
	if err := sim.Off("cam-b"); err != nil {
		t.Fatal(err)
	}
	again.saw("cam-b", 1, "away camera.")
	again.call(http.MethodDelete, "/cameras/cam-b", nil, nil)
	again.saw("cam-b", 2, "back camera.unknown")
}

// What a camera notices is in the journal under its own zone; an input keeps its name.
func TestEyesTellWhatCamerasNotice(t *testing.T) {
	h, _ := filmed(t, "cam-a")
	for _, n := range []onvif.Noticed{
		{Camera: "cam-a", Kind: "motion", Source: "VideoSource_1", Active: true, At: time.Now()},
		{Camera: "cam-a", Kind: "input", Source: "DI-1", Active: false, At: time.Now()},
	} {
		if err := h.app.eyes.Notice(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	evs, err := h.app.journal.Query(t.Context(), journal.Filter{Device: "cam-a", Channel: event.Happening})
	if err != nil || len(evs) != 2 {
		t.Fatalf("got %d events, %v", len(evs), err)
	}
	for i, want := range []struct{ kind, part, data string }{
		{"motion", "", `{"active":true,"source":"VideoSource_1"}`}, {"input", "DI-1", `{"active":false,"source":"DI-1"}`},
	} {
		if e := evs[i]; e.Type != want.kind || e.Part != want.part || string(e.Data) != want.data || e.Zone != "east/b01/u1" || e.Kind != event.Camera {
			t.Errorf("got %+v, %s", e, e.Data)
		}
	}
}
