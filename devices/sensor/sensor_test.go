package sensor

import (
	"errors"
	"testing"

	"dongyue/devices"
	"dongyue/internal/event"
)

func code(err error) string {
	if r, ok := errors.AsType[*devices.Refusal](err); ok {
		return r.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// object reads a JSON object that the test wrote.
func object(t testing.TB, text string) devices.Fields {
	t.Helper()
	f, err := devices.ParseObject([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f
}

// check judges a message as the decoder would.
func check(ch event.Channel, typ, part string, data devices.Fields) error {
	switch ch {
	case event.Happening:
		_, err := New().CheckEvent(typ, part, data)
		return err
	case event.Telemetry:
		return New().CheckTelemetry(part, data)
	case event.State:
		return New().CheckState(data)
	case event.Presence, event.Reply, event.Command, event.Config, event.Quarantine:
	}
	return errors.New("not for a kind")
}

func TestMessages(t *testing.T) {
	for _, c := range []struct {
		ch              event.Channel
		typ, part, data string
		code            string
	}{
		{event.Happening, "smoke", "", `{"active":false}`, ""},
		{event.Happening, "water", "", `{}`, ""},
		{event.Happening, "gas", "", `{}`, ""},
		{event.Happening, "motion", "", `{}`, ""},
		{event.Happening, "button", "", `{}`, ""},
		{event.Happening, "smoke", "", `{"active":0}`, devices.CodeType},
		{event.Happening, "fire", "", `{}`, devices.CodeEvent},
		{event.Telemetry, "", "", `{"battery_pct":80,"methane_ppm":12,"dust":0.1,"tilted":true,"unit":"x"}`, ""},
		{event.Telemetry, "", "", `{"battery_pct":120}`, devices.CodeRange},
		{event.State, "", "", `{"health":"great"}`, devices.CodeValue},
	} {
		if err := check(c.ch, c.typ, c.part, object(t, c.data)); code(err) != c.code {
			t.Errorf("%s %s %s: got %v, want %q", c.ch, c.typ, c.data, err, c.code)
		}
	}
}

func TestCommands(t *testing.T) {
	for _, c := range []struct{ typ, args, code string }{
		{"test", `{}`, ""},
		{"silence", `{"for_s": 60}`, ""},
		{"unlock", `{}`, devices.CodeCommand},
	} {
		if err := New().CheckCommand(c.typ, object(t, c.args)); code(err) != c.code {
			t.Errorf("%s %s: got %v, want %q", c.typ, c.args, err, c.code)
		}
	}
}

// FuzzCheck: whatever stands in a message, the kind answers with a refusal that
// has a code or with nothing, and its health is one of the three.
func FuzzCheck(f *testing.F) {
	f.Add("event", "smoke", "", []byte(`{"active":false}`))
	f.Add("telemetry", "", "7", []byte(`{"temp_c":41.2,"state":"x","battery_pct":3}`))
	f.Add("state", "", "", []byte(`{"fault":true,"health":"ok"}`))
	f.Fuzz(func(t *testing.T, ch, typ, part string, text []byte) {
		data, err := devices.ParseObject(text)
		if err != nil || ch != "event" && ch != "telemetry" && ch != "state" {
			return
		}
		e := &event.Event{Channel: event.Channel(ch), Type: typ, Part: part}
		err = check(e.Channel, typ, part, data)
		if _, ok := errors.AsType[*devices.Refusal](err); err != nil && !ok {
			t.Fatal(err)
		}
		for _, before := range []devices.Health{devices.Unknown, devices.OK, devices.Fault} {
			if h := New().Health(before, e, data); h != devices.OK && h != devices.Fault {
				t.Fatalf("health %q", h)
			}
		}
	})
}
