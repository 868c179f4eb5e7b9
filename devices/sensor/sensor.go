// Package sensor is the kind of the small sensors: smoke, water, gas, motion,
// buttons. It must not judge thresholds; the rules do. A Kind keeps no state and
// may be used from any goroutine.
package sensor

import (
	"dongyue/devices"
	"dongyue/internal/event"
)

// Kind judges what sensors say.
type Kind struct{}

// New makes the kind.
func New() Kind { return Kind{} }

// flat is the charge in per cent from which a battery counts as a fault: makers
// of ten-year cells ask for a change within 30 days below it.
const flat = 5

// Name is event.Sensor.
func (Kind) Name() event.Kind { return event.Sensor }

// CheckEvent knows the sensor's events. An `active` that is missing means that
// it begins.
func (Kind) CheckEvent(typ, part string, data devices.Fields) (string, error) {
	switch typ {
	case "smoke", "water", "gas", "motion", "button":
		data.OptBool("active")
	default:
		return part, devices.Refuse(devices.CodeEvent, "a sensor has no event %.40q", typ)
	}
	part = devices.PartOf(part, data, false)
	return part, data.Err()
}

// CheckState takes any report; the battery must be one.
func (Kind) CheckState(state devices.Fields) error {
	devices.CheckReportedHealth(state)
	state.OptNumber("battery_pct", 0, 100)
	return state.Err()
}

// CheckTelemetry takes what is measured, by the units in the names.
func (Kind) CheckTelemetry(_ string, values devices.Fields) error {
	values.OptNumber("battery_pct", 0, 100)
	return devices.Measured(values)
}

// CheckCommand knows test and silence.
func (Kind) CheckCommand(typ string, args devices.Fields) error {
	switch typ {
	case "test":
	case "silence":
		args.OptNumber("for_s", 1, 86400)
	default:
		return devices.Refuse(devices.CodeCommand, "a sensor has no command %.40q", typ)
	}
	return args.Err()
}

// Health is fault while the battery is flat, and as reported.
func (Kind) Health(before devices.Health, e *event.Event, data devices.Fields) devices.Health {
	switch e.Channel {
	case event.State:
		return devices.ReportedHealth(before, data)
	case event.Telemetry:
		if pct, ok := data.OptNumber("battery_pct", 0, 100); ok {
			if pct <= flat {
				return devices.Fault
			}
			return devices.OK
		}
	case event.Presence, event.Happening, event.Reply, event.Command, event.Config, event.Quarantine:
	}
	return devices.Heard(before)
}
