// Package door is the kind of the unit doors: what a controller may say, when it
// counts as broken, and what it may be told. It must not decide who passes; that
// is for access. A Kind keeps no state and may be used from any goroutine.
package door

import (
	"time"

	"dongyue/devices"
	"dongyue/internal/event"
)

// Kind judges what doors say.
type Kind struct{}

// New makes the kind.
func New() Kind { return Kind{} }

// maxFor bounds how long a door is let free: an hour covers a removal van, and
// a controller whose clock jumps does not stay open for good.
const maxFor = 3600

// Floors that a lift may be called to.
const (
	lowestFloor  = -9
	highestFloor = 199
)

// Name is event.Door.
func (Kind) Name() event.Kind { return event.Door }

// CheckEvent knows the door's events. A badge must say what was shown and who
// decides; the rest may say more.
func (Kind) CheckEvent(typ, part string, data devices.Fields) (string, error) {
	switch typ {
	case "badge":
		c := data.Object("credential")
		c.Enum("type", "card", "pin", "qr", "mobile", "plate")
		c.Text("value", 256)
		data.OptEnum("side", "in", "out")
		data.Enum("decision", "ask", "granted", "denied")
		data.OptText("reason", 64)
	case "fire_input":
		data.Bool("active")
	case "ring": // which home; unit is the zone of its stair, where the door serves several
		data.Text("flat", 16)
		data.OptText("unit", 128)
		data.OptText("visitor", 200)
	case "rights_refused":
		data.Text("reason", 64)
		data.OptNumber("version", 0, 1<<53)
		data.OptNumber("have", 0, 1<<53)
	case "rights_wanted":
	case "reader_link":
		data.Enum("link", "secure", "default_key", "clear_text", "lost")
	case "contact_fault":
		data.OptEnum("cause", "cut", "shorted")
		if data.Has("active") {
			data.OptBool("active")
		}
	case "opened", "closed", "forced_open", "held_open", "pre_alarm", "no_entry", "rex", "rex_stuck", "tamper", "duress", "lock_fault", "mode_fault":
		if data.Has("active") {
			data.OptBool("active")
		}
	default:
		return part, devices.Refuse(devices.CodeEvent, "a door has no event %.40q", typ)
	}
	part = devices.PartOf(part, data, false)
	return part, data.Err()
}

// openWithin is how long an order to open may wait for its door.
const openWithin = time.Minute

// MostTTL implements devices.Hasty: a door that comes back after ten minutes must not
// open for somebody who has gone.
func (Kind) MostTTL(typ string) time.Duration {
	if typ == "unlock" || typ == "call" {
		return openWithin
	}
	return 0
}

// CheckState takes any report; the members that others read keep their types.
func (Kind) CheckState(state devices.Fields) error {
	devices.CheckReportedHealth(state)
	state.OptText("mode", 32)
	state.OptText("lock", 32)
	state.OptText("position", 32)
	if state.Has("lift") {
		state.Object("lift") // of a door whose controller calls a lift
	}
	if state.Has("rights") {
		r := state.Object("rights")
		r.OptNumber("version", 0, 1<<53)
		r.OptText("hash", 64)
	}
	return state.Err()
}

// CheckTelemetry takes what a controller measures.
func (Kind) CheckTelemetry(_ string, values devices.Fields) error { return devices.Measured(values) }

// CheckCommand knows unlock, deny, warn, call, lock, set_mode and sync. The ref of unlock
// and deny is the id of the badge event that they answer, that of call the id of the
// badge that it follows.
func (Kind) CheckCommand(typ string, args devices.Fields) error {
	switch typ {
	case "unlock":
		args.OptNumber("for_s", 0.1, maxFor)
		args.OptText("ref", 128)
	case "warn":
		args.OptNumber("for_s", 1, maxFor)
	case "call":
		args.Number("floor", lowestFloor, highestFloor)
		args.OptText("ref", 128)
	case "deny":
		args.OptText("reason", 64)
		args.OptText("ref", 128)
	case "set_mode":
		if _, ok := event.ParseRung(args.Text("mode", 32)); !ok && args.Err() == nil {
			return devices.Refuse(devices.CodeValue, "mode: a rung is wanted: controlled, schedule_free, manual_override, maintenance, lockdown or fire_release")
		}
	case "lock", "sync":
	default:
		return devices.Refuse(devices.CodeCommand, "a door has no command %.40q", typ)
	}
	return args.Err()
}

// Health is fault from a lock that does not follow or an opened housing until
// the controller reports that it is well.
func (Kind) Health(before devices.Health, e *event.Event, data devices.Fields) devices.Health {
	switch e.Channel {
	case event.State:
		return devices.ReportedHealth(before, data)
	case event.Happening:
		if e.Type == "lock_fault" || e.Type == "tamper" || e.Type == "contact_fault" {
			if data.Has("active") && !data.OptBool("active") {
				return devices.OK
			}
			return devices.Fault
		}
	case event.Presence, event.Telemetry, event.Reply, event.Command, event.Config, event.Quarantine:
	}
	return devices.Heard(before)
}
