// Package charger is the kind of the e-bike charging cabinets: a feeder with
// ports, each with its own meter. It must not judge temperatures; the rules do,
// and the cabinet's own protection works without the hub. A Kind keeps no state
// and may be used from any goroutine.
package charger

import (
	"strconv"
	"strings"

	"dongyue/devices"
	"dongyue/internal/event"
)

// Kind judges what charging cabinets say.
type Kind struct{}

// New makes the kind.
func New() Kind { return Kind{} }

// maxWh bounds a session's energy: the largest e-bike battery has 4 kWh, a cargo
// tricycle 10.
const maxWh = 50_000

// Name is event.Charger.
func (Kind) Name() event.Kind { return event.Charger }

// CheckEvent knows the cabinet's events. A session belongs to a port; smoke may
// be the cabinet's.
func (Kind) CheckEvent(typ, part string, data devices.Fields) (string, error) {
	port := false
	switch typ {
	case "session_started", "session_ended":
		port = true
		data.OptText("user", 128)
		data.OptText("battery", 128)
		data.OptText("session", 64)
		data.OptText("reason", 64)
		data.OptNumber("energy_wh", 0, maxWh)
	case "unplugged":
		port = true
	case "smoke":
		data.OptBool("active")
	case "fault", "anomaly":
		data.Text("code", 64)
		data.OptBool("active")
	case "reset":
		port = true
	default:
		return part, devices.Refuse(devices.CodeEvent, "a charger has no event %.40q", typ)
	}
	part = devices.PartOf(part, data, port)
	return part, data.Err()
}

// CheckState takes any report; ports are told by name.
func (Kind) CheckState(state devices.Fields) error {
	devices.CheckReportedHealth(state)
	if state.Has("feeder") {
		state.OptText("feeder", 32)
	}
	return state.Err()
}

// CheckTelemetry takes the meter of a port, or of the cabinet where no part is
// named; `state` is a word.
func (Kind) CheckTelemetry(_ string, values devices.Fields) error {
	values.OptText("state", 32)
	values.OptNumber("leakage_ma", 0, 1e6)
	return devices.Measured(values)
}

// CheckCommand knows start, stop, cut and restore. Whether a cut port may have
// power again is for the cabinet: only it knows that somebody reset it on site.
func (Kind) CheckCommand(typ string, args devices.Fields) error {
	switch typ {
	case "start":
		args.OptText("user", 128)
		args.OptText("battery", 128)
		args.OptText("session", 64)
		args.OptNumber("limit_wh", 1, maxWh)
		return port(args)
	case "stop":
		return port(args)
	case "cut":
		return cut(args)
	case "restore":
		if args.Has("part") {
			return port(args)
		}
	default:
		return devices.Refuse(devices.CodeCommand, "a charger has no command %.40q", typ)
	}
	return args.Err()
}

func port(args devices.Fields) error {
	if p := args.Text("part", 32); p != "" && !devices.ValidPart(p) {
		args.Refuse(devices.CodeValue, "part", "letters, digits, . _ - are wanted")
	}
	return args.Err()
}

// cut takes a port or the feeder, never both: a cut that is read in two ways
// may leave the burning port on.
func cut(args devices.Fields) error {
	if !args.Has("feeder") {
		return port(args)
	}
	if args.Has("part") {
		args.Refuse(devices.CodeValue, "part", "either part or feeder is wanted")
	}
	return args.Err()
}

// Numbered takes a socket's name apart, as "7" or "B-07": its row, and its place there. ok
// is false where it has no number.
func Numbered(part string) (row string, n int, ok bool) {
	row = strings.TrimRight(part, "0123456789")
	n, err := strconv.Atoi(part[len(row):])
	return row, n, err == nil
}

// Health is fault from a reported fault until the next session starts, the fault
// is taken back, or the cabinet reports that it is well.
func (Kind) Health(before devices.Health, e *event.Event, data devices.Fields) devices.Health {
	switch e.Channel {
	case event.State:
		return devices.ReportedHealth(before, data)
	case event.Happening:
		switch {
		case e.Type == "session_started":
			return devices.OK
		case e.Type == "fault" && data.Has("active") && !data.OptBool("active"):
			return devices.OK
		case e.Type == "fault":
			return devices.Fault
		}
	case event.Presence, event.Telemetry, event.Reply, event.Command, event.Config, event.Quarantine:
	}
	return devices.Heard(before)
}
