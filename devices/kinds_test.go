package devices_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"dongyue/devices"
	"dongyue/internal/event"
)

func TestCommandArguments(t *testing.T) {
	h := fresh(t)
	for _, c := range []struct {
		args any
		code string
	}{
		{nil, ""},
		{map[string]any{"for_s": 5}, ""},
		{map[string]any{"for_s": "5"}, devices.CodeType},
		{[]int{1}, devices.CodeSyntax},
		{make(chan int), devices.CodeSyntax},
		{map[string]any{"ref": strings.Repeat("x", devices.MaxPayload)}, devices.CodeTooLarge},
	} {
		_, err := h.Command(context.Background(), devices.CommandRequest{Device: "door-1", Type: "unlock", Args: c.args})
		if refused(err) != c.code {
			t.Errorf("%.80v: got %v, want %q", c.args, err, c.code)
		}
	}
	for _, ttl := range []time.Duration{-1, devices.MaxTTL + 1} {
		if _, err := h.Command(context.Background(), devices.CommandRequest{Device: "door-1", Type: "lock", TTL: ttl}); refused(err) != devices.CodeTTL {
			t.Errorf("TTL %v: got %v", ttl, err)
		}
	}
}

// An order to open must not wait until somebody else stands at the door.
func TestOpeningDoesNotWaitForLong(t *testing.T) {
	h := fresh(t)
	for typ, args := range map[string]any{"unlock": nil, "call": map[string]any{"floor": 3}} {
		q := devices.CommandRequest{Device: "door-1", Type: typ, Args: args, TTL: 10 * time.Minute}
		if _, err := h.Command(context.Background(), q); refused(err) != devices.CodeTTL {
			t.Errorf("%s in ten minutes: %v", typ, err)
		}
		q.TTL = time.Minute
		if _, err := h.Command(context.Background(), q); err != nil {
			t.Errorf("%s in a minute: %v", typ, err)
		}
	}
	if _, err := h.Command(context.Background(), devices.CommandRequest{Device: "door-1", Type: "lock", TTL: 10 * time.Minute}); err != nil {
		t.Errorf("a door may be shut later: %v", err)
	}
}

func TestHealth(t *testing.T) {
	h := fresh(t)
	seq := uint64(0)
	for _, c := range []struct {
		device string
		ch     event.Channel
		body   string
		want   devices.Health
	}{
		{"door-1", event.Presence, `{"online":true}`, devices.OK},
		{"door-1", event.Happening, `{"id":"1",` + at + `,"type":"lock_fault"}`, devices.Fault},
		{"door-1", event.Happening, `{"id":"2",` + at + `,"type":"opened"}`, devices.Fault},
		{"door-1", event.State, `{` + at + `,"state":{"fault":false}}`, devices.OK},
		{"lamp-1", event.Happening, `{"id":"1",` + at + `,"type":"lamp_failure"}`, devices.Fault},
		{"lamp-1", event.Telemetry, `{` + at + `,"values":{"power_w":0.5,"dim_pct":80}}`, devices.Fault},
		{"lamp-1", event.Telemetry, `{` + at + `,"values":{"power_w":58,"dim_pct":80}}`, devices.OK},
		{"charger-1", event.Happening, `{"id":"1",` + at + `,"type":"fault","data":{"code":"E7"}}`, devices.Fault},
		{"charger-1", event.Happening, `{"id":"2",` + at + `,"type":"session_started","part":"1"}`, devices.OK},
		{"speaker-1", event.Happening, `{"id":"1",` + at + `,"type":"fault"}`, devices.Fault},
		{"speaker-1", event.Happening, `{"id":"2",` + at + `,"type":"playing","data":{"message":"m"}}`, devices.OK},
		{"speaker-1", event.Happening, `{"id":"3","at":"2026-11-23T07:00:00Z","type":"fault"}`, devices.OK}, // late: it was then
		{"sensor-1", event.Telemetry, `{` + at + `,"values":{"battery_pct":3}}`, devices.Fault},
		{"sensor-1", event.Telemetry, `{` + at + `,"values":{"battery_pct":99}}`, devices.OK},
	} {
		seq++
		e := h.decode(c.device, c.ch, c.body, now)
		e.Seq = seq
		h.handle(e)
		if got := h.get(c.device).Health; got != c.want {
			t.Errorf("%s after %s: %s, want %s", c.device, c.body, got, c.want)
		}
	}
	if n := len(h.entries("device")); n < 10 {
		t.Errorf("%d device entries in the feed", n)
	}
}
