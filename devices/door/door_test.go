package door

import (
	"testing"

	"dongyue/devices"
	"dongyue/devices/kindtest"
	"dongyue/internal/event"
)

func TestMessages(t *testing.T) {
	kindtest.Messages(t, New(), []kindtest.Message{
		{event.Happening, "badge", "", `{"credential":{"type":"card","value":"04A2"},"side":"in","decision":"ask"}`, ""},
		{event.Happening, "badge", "", `{"credential":{"type":"pin","value":"1234"},"decision":"denied","reason":"unknown"}`, ""},
		{event.Happening, "badge", "", `{}`, devices.CodeMissing},
		{event.Happening, "badge", "", `{"credential":"04A2","decision":"ask"}`, devices.CodeType},
		{event.Happening, "badge", "", `{"credential":{"type":"face","value":"x"},"decision":"ask"}`, devices.CodeValue},
		{event.Happening, "badge", "", `{"credential":{"type":"card","value":4711},"decision":"ask"}`, devices.CodeType},
		{event.Happening, "badge", "", `{"credential":{"type":"card","value":""},"decision":"ask"}`, devices.CodeMissing},
		{event.Happening, "badge", "", `{"credential":{"type":"card","value":"x"},"decision":"open"}`, devices.CodeValue},
		{event.Happening, "badge", "", `{"credential":{"type":"card","value":"x"},"decision":"ask","side":"up"}`, devices.CodeValue},
		{event.Happening, "badge", "", `{"credential":{"type":"card","value":"x"}}`, devices.CodeMissing},
		{event.Happening, "fire_input", "", `{"active":true}`, ""},
		{event.Happening, "fire_input", "", `{"active":1}`, devices.CodeType},
		{event.Happening, "fire_input", "", `{}`, devices.CodeMissing},
		{event.Happening, "opened", "", `{}`, ""},
		{event.Happening, "closed", "", `{}`, ""},
		{event.Happening, "forced_open", "", `{}`, ""},
		{event.Happening, "held_open", "", `{}`, ""},
		{event.Happening, "rex", "", `{}`, ""},
		{event.Happening, "tamper", "", `{}`, ""},
		{event.Happening, "duress", "", `{}`, ""},
		{event.Happening, "lock_fault", "", `{}`, ""},
		{event.Happening, "sos", "", `{}`, devices.CodeEvent},
		{event.Telemetry, "", "", `{"temp_c":21}`, ""},
		{event.State, "", "", `{"mode":7}`, devices.CodeType},
	})
}

func TestCommands(t *testing.T) {
	kindtest.Commands(t, New(), []kindtest.Command{
		{"unlock", `{"for_s": 5, "ref": "e-42"}`, ""},
		{"unlock", `{}`, ""},
		{"unlock", `{"for_s": 0}`, devices.CodeRange},
		{"unlock", `{"for_s": 86400}`, devices.CodeRange},
		{"unlock", `{"for_s": "5"}`, devices.CodeType},
		{"deny", `{"reason": "expired", "ref": "e-42"}`, ""},
		{"lock", `{}`, ""},
		{"set_mode", `{"mode": "lockdown"}`, ""},
		{"set_mode", `{}`, devices.CodeMissing},
		{"sync", `{}`, ""},
		{"cut", `{"part": "7"}`, devices.CodeCommand},
	})
}

func FuzzCheck(f *testing.F) { kindtest.Fuzz(f, New(), "badge", `{"credential":{"type":"card","value":"04A2"},"side":"in","decision":"ask"}`) }
