// Package speaker is the kind of the loudspeakers. It must not choose what is
// played; broadcast does. A Kind keeps no state and may be used from any
// goroutine.
package speaker

import (
	"dongyue/devices"
	"dongyue/internal/event"
)

// Kind judges what loudspeakers say.
type Kind struct{}

// New makes the kind.
func New() Kind { return Kind{} }

// lowest is the last step of the priority ladder: 1 fire … 6 music.
const lowest = 6

// longestMS is a day: no message lasts longer.
const longestMS = 86_400_000

// Name is event.Speaker.
func (Kind) Name() event.Kind { return event.Speaker }

// CheckEvent knows the speaker's events. Those about a message name it: they
// are the proof that it was heard.
func (Kind) CheckEvent(typ, part string, data devices.Fields) (string, error) {
	switch typ {
	case "buffered", "playing", "finished", "overridden", "broken":
		data.Text("message", 128)
		data.OptText("code", 64)
		data.OptNumber("position_ms", 0, longestMS)
		data.OptNumber("level_db", -200, 200)
	case "fault":
		data.OptText("message", 128)
		data.OptText("code", 64)
		data.OptBool("active")
	default:
		return part, devices.Refuse(devices.CodeEvent, "a speaker has no event %.40q", typ)
	}
	part = devices.PartOf(part, data, false)
	return part, data.Err()
}

// CheckState takes any report; the volume must be one.
func (Kind) CheckState(state devices.Fields) error {
	devices.CheckReportedHealth(state)
	state.OptNumber("volume_pct", 0, 100)
	return state.Err()
}

// CheckTelemetry takes the sound level and the volume.
func (Kind) CheckTelemetry(_ string, values devices.Fields) error {
	values.OptNumber("volume_pct", 0, 100)
	return devices.Measured(values)
}

// CheckCommand knows play and stop. A play names its message, so that its proof
// can be told from another's, and has something to play.
func (Kind) CheckCommand(typ string, args devices.Fields) error {
	switch typ {
	case "play":
		args.Text("message", 128)
		if args.OptText("url", 2048) == "" && args.OptText("stream", 2048) == "" && args.OptText("text", 4096) == "" && !args.Has("rtp") {
			args.Refuse(devices.CodeMissing, "text", "a text, url, stream or rtp is wanted")
		}
		args.OptNumber("position_ms", 0, longestMS)
		args.OptNumber("priority", 1, lowest)
		args.OptNumber("repeat", 1, 100)
		args.OptNumber("volume_pct", 0, 100)
	case "stop":
		args.OptText("message", 128)
	default:
		return devices.Refuse(devices.CodeCommand, "a speaker has no command %.40q", typ)
	}
	return args.Err()
}

// Health is fault from a fault until it plays again or reports that it is well.
func (Kind) Health(before devices.Health, e *event.Event, data devices.Fields) devices.Health {
	switch e.Channel {
	case event.State:
		return devices.ReportedHealth(before, data)
	case event.Happening:
		switch e.Type {
		case "playing", "finished":
			return devices.OK
		case "fault":
			if data.Has("active") && !data.OptBool("active") {
				return devices.OK
			}
			return devices.Fault
		}
	case event.Presence, event.Telemetry, event.Reply, event.Command, event.Config, event.Quarantine:
	}
	return devices.Heard(before)
}
