package lamp

import (
	"testing"

	"dongyue/devices"
	"dongyue/devices/kindtest"
	"dongyue/internal/event"
)

func TestMessages(t *testing.T) {
	kindtest.Messages(t, New(), []kindtest.Message{
		kindtest.Says(event.Happening, "sos", "", `{"pressed":true}`, ""),
		kindtest.Says(event.Happening, "sos", "", `{}`, ""),
		kindtest.Says(event.Happening, "sos", "", `{"pressed":"yes"}`, devices.CodeType),
		kindtest.Says(event.Happening, "lamp_failure", "2", `{}`, ""),
		kindtest.Says(event.Happening, "lamp_unexpected_on", "", `{"active":true,"expected_pct":0,"power_w":81.5,"seen_by":"hub"}`, ""),
		kindtest.Says(event.Happening, "dimming_failure", "", `{"expected_pct":120}`, devices.CodeRange),
		kindtest.Says(event.Happening, "cycling_failure", "", `{}`, ""),
		kindtest.Says(event.Happening, "high_temperature", "", `{"temp_c":"hot"}`, devices.CodeType),
		kindtest.Says(event.Happening, "leakage", "", `{"leakage_ma":-1}`, devices.CodeRange),
		kindtest.Says(event.Happening, "tilt", "", `{"angle_deg":12}`, ""),
		kindtest.Says(event.Happening, "cabinet_open", "", `{}`, ""),
		kindtest.Says(event.Happening, "badge", "", `{}`, devices.CodeEvent),
		kindtest.Says(event.Telemetry, "", "", `{"power_w":60,"voltage_v":228,"current_a":0.3,"dim_pct":80,"lux":12,"temp_c":-20,"noise_db":48,"pm25_ug_m3":35}`, ""),
		kindtest.Says(event.Telemetry, "", "", `{"dim_pct":101}`, devices.CodeRange),
		kindtest.Says(event.Telemetry, "", "", `{"lux":-1}`, devices.CodeRange),
		kindtest.Says(event.Telemetry, "", "", `{"temp_c":true}`, devices.CodeType),
		kindtest.Says(event.Telemetry, "", "", `{"wind":{"x":1}}`, devices.CodeType),
		kindtest.Says(event.State, "", "", `{"dim_pct":"80"}`, devices.CodeType),
	})
}

func TestCommands(t *testing.T) {
	kindtest.Commands(t, New(), []kindtest.Command{
		kindtest.Told("dim", `{"pct": 100}`, ""),
		kindtest.Told("dim", `{"pct": 101}`, devices.CodeRange),
		kindtest.Told("dim", `{"percent": 50}`, devices.CodeMissing),
		kindtest.Told("flash", `{"for_s": 30}`, ""),
		kindtest.Told("schedule", `{"on": "18:30"}`, ""),
		kindtest.Told("cut", `{}`, ""),
		kindtest.Told("restore", `{}`, ""),
		kindtest.Told("explode", `{}`, devices.CodeCommand),
	})
}

func FuzzCheck(f *testing.F) { kindtest.Fuzz(f, New(), "sos", `{"pressed":true}`) }
