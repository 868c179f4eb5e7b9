package lamp

import (
	"testing"

	"dongyue/devices"
	"dongyue/devices/kindtest"
	"dongyue/internal/event"
)

func TestMessages(t *testing.T) {
	kindtest.Messages(t, New(), []kindtest.Message{
		{event.Happening, "sos", "", `{"pressed":true}`, ""},
		{event.Happening, "sos", "", `{}`, ""},
		{event.Happening, "sos", "", `{"pressed":"yes"}`, devices.CodeType},
		{event.Happening, "lamp_failure", "2", `{}`, ""},
		{event.Happening, "leakage", "", `{"leakage_ma":-1}`, devices.CodeRange},
		{event.Happening, "tilt", "", `{"angle_deg":12}`, ""},
		{event.Happening, "cabinet_open", "", `{}`, ""},
		{event.Happening, "badge", "", `{}`, devices.CodeEvent},
		{event.Telemetry, "", "", `{"power_w":60,"voltage_v":228,"current_a":0.3,"dim_pct":80,"lux":12,"temp_c":-20,"noise_db":48,"pm25_ug_m3":35}`, ""},
		{event.Telemetry, "", "", `{"dim_pct":101}`, devices.CodeRange},
		{event.Telemetry, "", "", `{"lux":-1}`, devices.CodeRange},
		{event.Telemetry, "", "", `{"temp_c":true}`, devices.CodeType},
		{event.Telemetry, "", "", `{"wind":{"x":1}}`, devices.CodeType},
		{event.State, "", "", `{"dim_pct":"80"}`, devices.CodeType},
	})
}

func TestCommands(t *testing.T) {
	kindtest.Commands(t, New(), []kindtest.Command{
		{"dim", `{"pct": 100}`, ""},
		{"dim", `{"pct": 101}`, devices.CodeRange},
		{"dim", `{"percent": 50}`, devices.CodeMissing},
		{"flash", `{"for_s": 30}`, ""},
		{"schedule", `{"on": "18:30"}`, ""},
		{"explode", `{}`, devices.CodeCommand},
	})
}

func FuzzCheck(f *testing.F) { kindtest.Fuzz(f, New(), "sos", `{"pressed":true}`) }
