// Package lamp is the kind of the lamp poles: light, SOS button, weather. It
// must not plan when lamps burn. A Kind keeps no state and may be used from any
// goroutine.
package lamp

import (
	"dongyue/devices"
	"dongyue/internal/event"
)

// Kind judges what lamp poles say.
type Kind struct{}

// New makes the kind.
func New() Kind { return Kind{} }

// burning is the power above which a lamp head gives light: drivers on standby
// take 0.3 to 1 W, the smallest path light 8 W.
const burning = 5

// Name is event.Lamp.
func (Kind) Name() event.Kind { return event.Lamp }

// CheckEvent knows the pole's events, named as TALQ 2.7 does where it has them. A missing `pressed` does not refuse an
// SOS: somebody may be lying under the pole.
func (Kind) CheckEvent(typ, part string, data devices.Fields) (string, error) {
	switch typ {
	case "sos":
		data.OptBool("pressed")
	case "lamp_failure", "lamp_unexpected_on", "dimming_failure", "cycling_failure", "control_gear_failure", "relay_failure",
		"supply_loss", "high_temperature", "leakage", "tilt", "cabinet_open":
		data.OptBool("active")
		data.OptNumber("expected_pct", 0, 100)
		data.OptNumber("power_w", -1e6, 1e6)
		data.OptNumber("temp_c", -100, 3000)
		data.OptNumber("leakage_ma", 0, 1e6)
		data.OptNumber("angle_deg", -360, 360)
	case "panel_shown", "panel_refused":
		data.OptText("message", 64)
		data.OptText("sha256", 64)
		data.OptText("reason", 64)
	default:
		return part, devices.Refuse(devices.CodeEvent, "a lamp has no event %.40q", typ)
	}
	part = devices.PartOf(part, data, false)
	return part, data.Err()
}

// CheckState takes any report; the brightness must be one.
func (Kind) CheckState(state devices.Fields) error {
	devices.CheckReportedHealth(state)
	state.OptNumber("dim_pct", 0, 100)
	return state.Err()
}

// CheckTelemetry takes power, light and weather.
func (Kind) CheckTelemetry(_ string, values devices.Fields) error {
	values.OptNumber("dim_pct", 0, 100)
	return devices.Measured(values)
}

// CheckCommand knows dim, schedule, flash, and cut and restore of the supply.
func (Kind) CheckCommand(typ string, args devices.Fields) error {
	switch typ {
	case "dim":
		args.Number("pct", 0, 100)
	case "flash":
		args.OptNumber("for_s", 0.1, 3600)
	case "schedule", "cut", "restore":
	default:
		return devices.Refuse(devices.CodeCommand, "a lamp has no command %.40q", typ)
	}
	args.OptText("part", 32)
	return args.Err()
}

// Health is fault from a dark lamp until the meter shows that it burns again (a
// crew's word is not enough) or the pole reports that it is well. A leak is an
// alarm, not a fault: a leaking lamp may burn.
func (Kind) Health(before devices.Health, e *event.Event, data devices.Fields) devices.Health {
	switch e.Channel {
	case event.State:
		return devices.ReportedHealth(before, data)
	case event.Telemetry:
		w, metered := data.OptNumber("power_w", -1e6, 1e6)
		pct, told := data.OptNumber("dim_pct", 0, 100)
		if metered && w > burning && (!told || pct > 0) {
			return devices.OK
		}
	case event.Happening:
		if e.Type == "lamp_failure" {
			if data.Has("active") && !data.OptBool("active") {
				return devices.OK
			}
			return devices.Fault
		}
	case event.Presence, event.Reply, event.Command, event.Config, event.Quarantine:
	}
	return devices.Heard(before)
}
