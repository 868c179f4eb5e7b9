package charger

import (
	"testing"

	"dongyue/devices"
	"dongyue/devices/kindtest"
	"dongyue/internal/event"
)

func TestMessages(t *testing.T) {
	kindtest.Messages(t, New(), []kindtest.Message{
		kindtest.Says(event.Happening, "session_started", "7", `{"user":"p-1"}`, ""),
		kindtest.Says(event.Happening, "session_ended", "", `{"part":"7","user":"p-1","energy_wh":512.5,"reason":"full"}`, ""),
		kindtest.Says(event.Happening, "session_ended", "7", `{"energy_wh":-1}`, devices.CodeRange),
		kindtest.Says(event.Happening, "session_ended", "7", `{"energy_wh":"512"}`, devices.CodeType),
		kindtest.Says(event.Happening, "session_started", "", `{}`, devices.CodeMissing),
		kindtest.Says(event.Happening, "session_started", "7", `{"part":"8"}`, devices.CodeValue),
		kindtest.Says(event.Happening, "session_started", "", `{"part":7}`, devices.CodeType),
		kindtest.Says(event.Happening, "unplugged", "7", `{}`, ""),
		kindtest.Says(event.Happening, "smoke", "", `{}`, ""),
		kindtest.Says(event.Happening, "fault", "", `{"code":"E7"}`, ""),
		kindtest.Says(event.Happening, "fault", "", `{}`, devices.CodeMissing),
		kindtest.Says(event.Telemetry, "", "", `{"state":"charging","power_w":310,"leakage_ma":0.4,"energy_wh":120}`, ""),
		kindtest.Says(event.Telemetry, "", "", `{"state":3}`, devices.CodeType),
		kindtest.Says(event.Telemetry, "", "", `{"leakage_ma":-3}`, devices.CodeRange),
		kindtest.Says(event.State, "", "", `{"ports":{"7":{"state":"cut"}},"fault":false}`, ""),
		kindtest.Says(event.State, "", "", `{"fault":"no"}`, devices.CodeType),
	})
}

func TestCommands(t *testing.T) {
	kindtest.Commands(t, New(), []kindtest.Command{
		kindtest.Told("start", `{"part": "7", "user": "p-1", "limit_wh": 800}`, ""),
		kindtest.Told("start", `{"user": "p-1"}`, devices.CodeMissing),
		kindtest.Told("start", `{"part": "7", "limit_wh": 0}`, devices.CodeRange),
		kindtest.Told("stop", `{"part": "7"}`, ""),
		kindtest.Told("stop", `{"part": "a b"}`, devices.CodeValue),
		kindtest.Told("cut", `{"part": "7"}`, ""),
		kindtest.Told("cut", `{"feeder": true}`, ""),
		kindtest.Told("cut", `{"feeder": true, "part": "7"}`, devices.CodeValue),
		kindtest.Told("cut", `{}`, devices.CodeMissing),
		kindtest.Told("restore", `{"part": "7"}`, ""),
		kindtest.Told("restore", `{}`, ""),
		kindtest.Told("play", `{}`, devices.CodeCommand),
	})
}

func FuzzCheck(f *testing.F) {
	kindtest.Fuzz(f, New(), "session_started", `{"user":"p-1"}`)
}

func TestNumbered(t *testing.T) {
	for part, want := range map[string]struct {
		row string
		n   int
		ok  bool
	}{"7": {"", 7, true}, "B-07": {"B-", 7, true}, "A12": {"A", 12, true}, "left": {"left", 0, false}, "": {"", 0, false}, "9999999999999999999999": {"", 9223372036854775807, false}} {
		row, n, ok := Numbered(part)
		if row != want.row || ok != want.ok || ok && n != want.n {
			t.Errorf("%q: %q %d %v", part, row, n, ok)
		}
	}
}
