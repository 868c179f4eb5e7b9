package sensor

import (
	"testing"

	"dongyue/devices"
	"dongyue/devices/kindtest"
	"dongyue/internal/event"
)

func TestMessages(t *testing.T) {
	kindtest.Messages(t, New(), []kindtest.Message{
		kindtest.Says(event.Happening, "smoke", "", `{"active":false}`, ""),
		kindtest.Says(event.Happening, "water", "", `{}`, ""),
		kindtest.Says(event.Happening, "gas", "", `{}`, ""),
		kindtest.Says(event.Happening, "motion", "", `{}`, ""),
		kindtest.Says(event.Happening, "button", "", `{}`, ""),
		kindtest.Says(event.Happening, "smoke", "", `{"active":0}`, devices.CodeType),
		kindtest.Says(event.Happening, "fire", "", `{}`, devices.CodeEvent),
		kindtest.Says(event.Telemetry, "", "", `{"battery_pct":80,"methane_ppm":12,"dust":0.1,"tilted":true,"unit":"x"}`, ""),
		kindtest.Says(event.Telemetry, "", "", `{"battery_pct":120}`, devices.CodeRange),
		kindtest.Says(event.State, "", "", `{"health":"great"}`, devices.CodeValue),
	})
}

func TestCommands(t *testing.T) {
	kindtest.Commands(t, New(), []kindtest.Command{
		kindtest.Told("test", `{}`, ""),
		kindtest.Told("silence", `{"for_s": 60}`, ""),
		kindtest.Told("unlock", `{}`, devices.CodeCommand),
	})
}

func FuzzCheck(f *testing.F) {
	kindtest.Fuzz(f, New(), "smoke", `{"active":false}`)
}
