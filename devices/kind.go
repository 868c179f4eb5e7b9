package devices

import (
	"strings"
	"time"

	"dongyue/internal/event"
)

// Kind is what the registry asks of a kind's folder. Implementations keep no
// state; what is missing or wrong is noted in the Fields, and unknown types are
// refused with CodeEvent or CodeCommand.
type Kind interface {
	// Name is the second level of the kind's topics.
	Name() event.Kind
	// CheckEvent judges an event's type, part and data. A part that stands in
	// the data only is returned, so that the event gets it.
	CheckEvent(typ, part string, data Fields) (string, error)
	// CheckState judges a reported state.
	CheckState(state Fields) error
	// CheckTelemetry judges measured values.
	CheckTelemetry(part string, values Fields) error
	// CheckCommand judges a command's type and arguments before it is stored.
	CheckCommand(typ string, args Fields) error
	// Health is the device's health after a message: the one before, or what
	// the message says about it.
	Health(before Health, e *event.Event, data Fields) Health
}

// Hasty is a kind some of whose commands soon mean something else than was meant: who was
// to be let in is no longer there.
type Hasty interface {
	// MostTTL is how long a command may wait at most; 0: as long as any.
	MostTTL(typ string) time.Duration
}

// Health says whether a device can do its work.
type Health string

// The healths. A device is unknown until it has said anything.
const (
	Unknown Health = "unknown"
	OK      Health = "ok"
	Fault   Health = "fault"
)

// ReportedHealth is what a state says in the members every kind may use:
// `"fault":true|false` or `"health":"ok|fault"`; before where it says neither.
func ReportedHealth(before Health, state Fields) Health {
	if state.Has("fault") {
		if state.OptBool("fault") {
			return Fault
		}
		return OK
	}
	if h := Health(state.OptText("health", 16)); h == OK || h == Fault {
		return h
	}
	return Heard(before)
}

// Heard is the health after a message that says nothing about it: a device that
// speaks is well until it says otherwise.
func Heard(before Health) Health {
	if before == Fault {
		return Fault
	}
	return OK
}

// CheckReportedHealth judges those members.
func CheckReportedHealth(state Fields) {
	state.OptBool("fault")
	state.OptEnum("health", "ok", "fault")
}

// Measured judges telemetry by the units in the names, protocol.md: a name with
// a unit carries a number that such a thing can have, others a finite number, a
// flag or a short text. It refuses nothing for being new, so that a sensor that
// is put on a pole needs no new hub.
func Measured(values Fields) error {
	values.Each(func(name string, value any) {
		if !validName(name) {
			values.Refuse(CodeValue, name, "names are lower-case letters, digits and _, at most 48")
			return
		}
		lo, hi, unit := limits(name)
		switch v := value.(type) {
		case float64:
			if unit && (v < lo || v > hi) {
				values.Refuse(CodeRange, name, "from "+short(lo)+" to "+short(hi)+" is wanted")
			}
		case string:
			if unit {
				values.Refuse(CodeType, name, "a number is wanted")
			} else if len(v) > 64 {
				values.Refuse(CodeValue, name, "at most 64 bytes")
			}
		case bool:
			if unit {
				values.Refuse(CodeType, name, "a number is wanted")
			}
		default:
			values.Refuse(CodeType, name, "a number, a flag or text is wanted")
		}
	})
	return values.Err()
}

// limits is the range of a unit: wide enough for every honest sensor (a fire is
// 1,200 °C), narrow enough that a broken one is seen.
func limits(name string) (lo, hi float64, ok bool) {
	i := strings.LastIndexByte(name, '_')
	switch name[i+1:] {
	case name: // no unit
		if name == "lux" {
			return 0, 1e6, true
		}
		return 0, 0, false
	case "c":
		return -100, 3000, true
	case "w", "v", "a":
		return -1e6, 1e6, true
	case "ma":
		return -1e9, 1e9, true
	case "wh", "kwh":
		return 0, 1e12, true
	case "lux":
		return 0, 1e6, true
	case "pct":
		return 0, 1000, true
	case "s", "ms":
		return 0, 1e12, true
	case "db", "dbm":
		return -300, 300, true
	case "m3":
		return 0, 1e7, true
	case "ppm":
		return 0, 1e6, true
	}
	return 0, 0, false
}

func validName(s string) bool {
	if s == "" || len(s) > 48 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// ValidPart reports whether a part's name has 1–32 letters, digits, . _ or -.
func ValidPart(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// PartOf is the event's part, or the one in its data; need refuses neither.
func PartOf(part string, data Fields, need bool) string {
	in := data.OptText("part", 32)
	switch {
	case in != "" && !ValidPart(in):
		data.Refuse(CodeValue, "part", "letters, digits, . _ - are wanted")
	case part == "" && in == "" && need:
		data.Refuse(CodeMissing, "part", "is missing")
	case part != "" && in != "" && part != in:
		data.Refuse(CodeValue, "part", "differs from the event's part")
	case part == "":
		return in
	}
	return part
}
