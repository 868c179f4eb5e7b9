package speaker

import (
	"testing"

	"dongyue/devices"
	"dongyue/devices/kindtest"
	"dongyue/internal/event"
)

func TestMessages(t *testing.T) {
	kindtest.Messages(t, New(), []kindtest.Message{
		kindtest.Says(event.Happening, "playing", "", `{"message":"m-1"}`, ""),
		kindtest.Says(event.Happening, "finished", "", `{"message":"m-1"}`, ""),
		kindtest.Says(event.Happening, "overridden", "", `{"message":"m-1"}`, ""),
		kindtest.Says(event.Happening, "overridden", "", `{"message":"m-1","position_ms":1200,"level_db":88.5}`, ""),
		kindtest.Says(event.Happening, "overridden", "", `{"message":"m-1","position_ms":-1}`, devices.CodeRange),
		kindtest.Says(event.Happening, "buffered", "", `{"message":"m-1"}`, ""),
		kindtest.Says(event.Happening, "broken", "", `{"message":"m-1","code":"stream"}`, ""),
		kindtest.Says(event.Happening, "playing", "", `{}`, devices.CodeMissing),
		kindtest.Says(event.Happening, "playing", "", `{"message":1}`, devices.CodeType),
		kindtest.Says(event.Happening, "fault", "", `{}`, ""),
		kindtest.Says(event.Telemetry, "", "", `{"level_db":72,"volume_pct":80}`, ""),
		kindtest.Says(event.Telemetry, "", "", `{"volume_pct":180}`, devices.CodeRange),
		kindtest.Says(event.State, "", "", `{"volume_pct":180}`, devices.CodeRange),
	})
}

func TestCommands(t *testing.T) {
	kindtest.Commands(t, New(), []kindtest.Command{
		kindtest.Told("play", `{"message": "m-1", "text": "請疏散", "priority": 1, "repeat": 2, "volume_pct": 90}`, ""),
		kindtest.Told("play", `{"message": "m-1"}`, devices.CodeMissing),
		kindtest.Told("play", `{"message": "m-1", "rtp": {"ssrc": 7}, "position_ms": 900}`, ""),
		kindtest.Told("play", `{"message": "m-1", "url": "x", "position_ms": -1}`, devices.CodeRange),
		kindtest.Told("play", `{"text": "x"}`, devices.CodeMissing),
		kindtest.Told("play", `{"message": "m-1", "url": "x", "priority": 9}`, devices.CodeRange),
		kindtest.Told("stop", `{"message": "m-1"}`, ""),
		kindtest.Told("dim", `{}`, devices.CodeCommand),
	})
}

func FuzzCheck(f *testing.F) {
	kindtest.Fuzz(f, New(), "playing", `{"message":"m-1"}`)
}
