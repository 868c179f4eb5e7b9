package devices_test

import (
	"errors"
	"testing"
	"time"

	"dongyue/devices"
	"dongyue/internal/event"
)

func TestEventsSayWhatTheDeviceHangsOn(t *testing.T) {
	f := fresh(t)
	hangs := func(id, on string) {
		t.Helper()
		d := devices.Device{ID: id, Kind: event.Lamp, Name: id, Zone: "east"}
		if on != "" {
			d.Labels = map[string]string{devices.UpstreamLabel: on}
		}
		if _, err := f.Create(t.Context(), d, "s"); err != nil {
			t.Fatal(err)
		}
	}
	hangs("lamp-leaf", "switch-e03") // before its switch is known
	hangs("switch-e03", "feeder-e")
	hangs("lamp-root", "")
	hangs("lamp-a", "lamp-b")
	hangs("lamp-b", "lamp-a")
	for id, want := range map[string]string{"lamp-leaf": "feeder-e/switch-e03", "switch-e03": "feeder-e", "lamp-root": ""} {
		ev, err := f.Decode("dy/v1/lamp/"+id+"/presence", []byte(`{"online":true}`), time.Now())
		if err != nil || ev.Via != want {
			t.Errorf("%s hangs on %q, %v; want %q", id, ev.Via, err, want)
		}
	}
	if ev, err := f.Decode("dy/v1/lamp/lamp-a/presence", []byte(`{"online":true}`), time.Now()); err != nil || len(ev.Via) > 100 {
		t.Errorf("a circle gives %q, %v", ev.Via, err)
	}
	for _, bad := range []string{"", "Feeder", "lamp-x"} {
		d := devices.Device{ID: "lamp-x", Kind: event.Lamp, Zone: "east", Labels: map[string]string{devices.UpstreamLabel: bad}}
		var refused *devices.Refusal
		if _, err := f.Create(t.Context(), d, "s"); !errors.As(err, &refused) {
			t.Errorf("upstream %q: %v", bad, err)
		}
	}
}
