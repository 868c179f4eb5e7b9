// Package kindtest tests a kind of device by tables: what it takes, what it
// refuses and with which code, and that nothing that a device could send makes it
// fail in another way. It is for tests only.
package kindtest

import (
	"errors"
	"testing"

	"dongyue/devices"
	"dongyue/internal/event"
)

// Message is a case of what a device says.
type Message struct {
	channel               event.Channel
	typ, part, data, code string
}

// Says is a message and the code with which it is refused, empty for one that is
// right.
func Says(ch event.Channel, typ, part, data, code string) Message {
	return Message{ch, typ, part, data, code}
}

// Command is a case of what a device may be told.
type Command struct{ typ, args, code string }

// Told is a command and the code with which it is refused, empty for one that is
// right.
func Told(typ, args, code string) Command { return Command{typ, args, code} }

// Messages plays the cases.
func Messages(t *testing.T, k devices.Kind, cases []Message) {
	t.Helper()
	for _, c := range cases {
		if err := check(k, c.channel, c.typ, c.part, object(t, c.data)); code(err) != c.code {
			t.Errorf("%s %s %s: got %v, want %q", c.channel, c.typ, c.data, err, c.code)
		}
	}
}

// Commands plays the cases.
func Commands(t *testing.T, k devices.Kind, cases []Command) {
	t.Helper()
	for _, c := range cases {
		if err := k.CheckCommand(c.typ, object(t, c.args)); code(err) != c.code {
			t.Errorf("%s %s: got %v, want %q", c.typ, c.args, err, c.code)
		}
	}
}

// Fuzz sees to it that, whatever stands in a message, the kind answers with a
// refusal that has a code or with nothing, and the health is one of the three.
// typ and data are an event that is right.
func Fuzz(f *testing.F, k devices.Kind, typ, data string) {
	f.Helper()
	f.Add("event", typ, "", []byte(data))
	f.Add("telemetry", "", "7", []byte(`{"temp_c":41.2,"state":"x","battery_pct":3}`))
	f.Add("state", "", "", []byte(`{"fault":true,"health":"ok"}`))
	f.Fuzz(func(t *testing.T, ch, typ, part string, text []byte) {
		data, err := devices.ParseObject(text)
		if err != nil || ch != "event" && ch != "telemetry" && ch != "state" {
			return
		}
		e := &event.Event{Channel: event.Channel(ch), Type: typ, Part: part}
		err = check(k, e.Channel, typ, part, data)
		if _, ok := errors.AsType[*devices.Refusal](err); err != nil && !ok {
			t.Fatal(err)
		}
		for _, before := range []devices.Health{devices.Unknown, devices.OK, devices.Fault} {
			if h := k.Health(before, e, data); h != devices.OK && h != devices.Fault {
				t.Fatalf("health %q", h)
			}
		}
	})
}

func code(err error) string {
	if r, ok := errors.AsType[*devices.Refusal](err); ok {
		return r.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func object(t testing.TB, text string) devices.Fields {
	t.Helper()
	f, err := devices.ParseObject([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f
}

// check judges a message as the decoder would.
func check(k devices.Kind, ch event.Channel, typ, part string, data devices.Fields) error {
	switch ch {
	case event.Happening:
		_, err := k.CheckEvent(typ, part, data)
		return err
	case event.Telemetry:
		return k.CheckTelemetry(part, data)
	case event.State:
		return k.CheckState(data)
	case event.Presence, event.Reply, event.Command, event.Config, event.Quarantine:
	}
	return errors.New("not for a kind")
}
