package door

import (
	"testing"

	"dongyue/devices"
	"dongyue/devices/kindtest"
	"dongyue/internal/event"
)

func TestMessages(t *testing.T) {
	kindtest.Messages(t, New(), []kindtest.Message{
		kindtest.Says(event.Happening, "badge", "", `{"credential":{"type":"card","value":"04A2"},"side":"in","decision":"ask"}`, ""),
		kindtest.Says(event.Happening, "badge", "", `{"credential":{"type":"pin","value":"1234"},"decision":"denied","reason":"unknown"}`, ""),
		kindtest.Says(event.Happening, "badge", "", `{"credential":{"type":"plate","value":"川A·12345"},"side":"out","decision":"ask"}`, ""),
		kindtest.Says(event.Happening, "badge", "", `{}`, devices.CodeMissing),
		kindtest.Says(event.Happening, "overstay", "", `{"active":true}`, devices.CodeEvent),
		kindtest.Says(event.Happening, "badge", "", `{"credential":"04A2","decision":"ask"}`, devices.CodeType),
		kindtest.Says(event.Happening, "badge", "", `{"credential":{"type":"face","value":"x"},"decision":"ask"}`, devices.CodeValue),
		kindtest.Says(event.Happening, "badge", "", `{"credential":{"type":"card","value":4711},"decision":"ask"}`, devices.CodeType),
		kindtest.Says(event.Happening, "badge", "", `{"credential":{"type":"card","value":""},"decision":"ask"}`, devices.CodeMissing),
		kindtest.Says(event.Happening, "badge", "", `{"credential":{"type":"card","value":"x"},"decision":"open"}`, devices.CodeValue),
		kindtest.Says(event.Happening, "badge", "", `{"credential":{"type":"card","value":"x"},"decision":"ask","side":"up"}`, devices.CodeValue),
		kindtest.Says(event.Happening, "badge", "", `{"credential":{"type":"card","value":"x"}}`, devices.CodeMissing),
		kindtest.Says(event.Happening, "fire_input", "", `{"active":true}`, ""),
		kindtest.Says(event.Happening, "fire_input", "", `{"active":1}`, devices.CodeType),
		kindtest.Says(event.Happening, "fire_input", "", `{}`, devices.CodeMissing),
		kindtest.Says(event.Happening, "ring", "", `{"flat":"0302"}`, ""),
		kindtest.Says(event.Happening, "ring", "", `{"flat":"0302","unit":"east/b01/u1"}`, ""),
		kindtest.Says(event.Happening, "ring", "", `{}`, devices.CodeMissing),
		kindtest.Says(event.Happening, "ring", "", `{"flat":302}`, devices.CodeType),
		kindtest.Says(event.Happening, "opened", "", `{}`, ""),
		kindtest.Says(event.Happening, "closed", "", `{}`, ""),
		kindtest.Says(event.Happening, "forced_open", "", `{}`, ""),
		kindtest.Says(event.Happening, "held_open", "", `{}`, ""),
		kindtest.Says(event.Happening, "rex", "", `{}`, ""),
		kindtest.Says(event.Happening, "tamper", "", `{}`, ""),
		kindtest.Says(event.Happening, "duress", "", `{}`, ""),
		kindtest.Says(event.Happening, "lock_fault", "", `{}`, ""),
		kindtest.Says(event.Happening, "sos", "", `{}`, devices.CodeEvent),
		kindtest.Says(event.Telemetry, "", "", `{"temp_c":21}`, ""),
		kindtest.Says(event.State, "", "", `{"mode":7}`, devices.CodeType),
		kindtest.Says(event.State, "", "", `{"lock":"secured","position":0}`, devices.CodeType),
		kindtest.Says(event.State, "", "", `{"rights":{"version":7,"hash":"00ff"}}`, ""),
		kindtest.Says(event.State, "", "", `{"rights":{"version":"7"}}`, devices.CodeType),
		kindtest.Says(event.State, "", "", `{"rights":7}`, devices.CodeType),
		kindtest.Says(event.State, "", "", `{"rights":{"version":-1}}`, devices.CodeRange),
		kindtest.Says(event.Happening, "rights_refused", "", `{"version":8,"reason":"wrong_signature","have":7}`, ""),
		kindtest.Says(event.Happening, "rights_refused", "", `{"version":8}`, devices.CodeMissing),
		kindtest.Says(event.Happening, "rights_wanted", "", `{}`, ""),
		kindtest.Says(event.Happening, "reader_link", "", `{"link":"clear_text"}`, ""),
		kindtest.Says(event.Happening, "reader_link", "", `{"link":"default_key"}`, ""),
		kindtest.Says(event.Happening, "reader_link", "", `{"link":"rs485"}`, devices.CodeValue),
		kindtest.Says(event.Happening, "reader_link", "", `{}`, devices.CodeMissing),
		kindtest.Says(event.Happening, "contact_fault", "", `{"active":true,"cause":"shorted"}`, ""),
		kindtest.Says(event.Happening, "contact_fault", "", `{"cause":"rust"}`, devices.CodeValue),
		kindtest.Says(event.Happening, "contact_fault", "", `{"active":"yes"}`, devices.CodeType),
		kindtest.Says(event.Happening, "badge_replayed", "", `{}`, devices.CodeEvent),
		kindtest.Says(event.State, "", "", `{"lock":"secured","position":"cut","lift":{"floor":3,"serves":"1-6"}}`, ""),
		kindtest.Says(event.State, "", "", `{"lift":3}`, devices.CodeType),
		kindtest.Says(event.Happening, "revoked_used", "", `{}`, devices.CodeEvent),
	})
}

func TestCommands(t *testing.T) {
	kindtest.Commands(t, New(), []kindtest.Command{
		kindtest.Told("unlock", `{"for_s": 5, "ref": "e-42"}`, ""),
		kindtest.Told("unlock", `{}`, ""),
		kindtest.Told("unlock", `{"for_s": 0}`, devices.CodeRange),
		kindtest.Told("unlock", `{"for_s": 86400}`, devices.CodeRange),
		kindtest.Told("unlock", `{"for_s": "5"}`, devices.CodeType),
		kindtest.Told("deny", `{"reason": "expired", "ref": "e-42"}`, ""),
		kindtest.Told("lock", `{}`, ""),
		kindtest.Told("call", `{"floor": 3, "ref": "e-42"}`, ""),
		kindtest.Told("call", `{"floor": -1}`, ""),
		kindtest.Told("call", `{}`, devices.CodeMissing),
		kindtest.Told("call", `{"floor": 1000}`, devices.CodeRange),
		kindtest.Told("call", `{"floor": "3"}`, devices.CodeType),
		kindtest.Told("warn", `{"for_s": 60}`, ""),
		kindtest.Told("warn", `{"for_s": 0}`, devices.CodeRange),
		kindtest.Told("set_mode", `{"mode": "lockdown"}`, ""),
		kindtest.Told("set_mode", `{}`, devices.CodeMissing),
		kindtest.Told("sync", `{}`, ""),
		kindtest.Told("cut", `{"part": "7"}`, devices.CodeCommand),
	})
}

func FuzzCheck(f *testing.F) {
	kindtest.Fuzz(f, New(), "badge", `{"credential":{"type":"card","value":"04A2"},"side":"in","decision":"ask"}`)
}
