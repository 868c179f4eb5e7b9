package event

import (
	"encoding/json"
	"time"
)

// Channel is the last level of a device's topic, dy/v1/{kind}/{device}/{channel}.
type Channel string

// The channels of docs/protocol.md. The first five go up, the last two down.
const (
	Presence  Channel = "presence"
	State     Channel = "state"
	Telemetry Channel = "telemetry"
	Happening Channel = "event"
	Reply     Channel = "reply"
	Command   Channel = "command"
	Config    Channel = "config"

	// Quarantine is not a topic: it marks what a device sent and the hub could
	// not read. Type is the reason's code, Data what arrived.
	Quarantine Channel = "quarantine"
)

// Up reports whether a device may publish on the channel.
func (c Channel) Up() bool {
	switch c {
	case Presence, State, Telemetry, Happening, Reply:
		return true
	case Command, Config, Quarantine:
	}
	return false
}

// LateAfter is the age on arrival from which an event is late: it is kept and
// shown, but never actuates anything.
const LateAfter = 60 * time.Second

// Event is one message of a device, decoded, checked and placed.
type Event struct {
	Seq     uint64  `json:"seq"`            // place in the journal, from 1; 0 for what is not journaled (QoS 0)
	ID      string  `json:"id"`             // unique per device; the command's id on Reply
	Device  string  `json:"device"`         //
	Kind    Kind    `json:"kind"`           //
	Zone    string  `json:"zone,omitempty"` // of the device when the event arrived
	Via     string  `json:"via,omitempty"`  // what the device hangs on when the event arrived, outermost first: feeder-e/switch-e03
	Channel Channel `json:"channel"`        //
	Type    string  `json:"type"`           // badge, smoke …; on other channels the channel's name
	Part    string  `json:"part,omitempty"` // port, lamp head …
	Boot    string  `json:"boot,omitempty"` // the device's boot id
	BootSeq uint64  `json:"boot_seq,omitempty"`

	At         time.Time `json:"at"`          // device clock, UTC
	ReceivedAt time.Time `json:"received_at"` // hub clock, UTC
	Late       bool      `json:"late"`

	// Reused says that the device has used the number for another event, or the boot is
	// over: the device's room sets it, in the journal's order, for those behind it.
	Reused bool `json:"-"`

	// Data is the event's data, the telemetry's values, the state object, or the
	// whole payload on Presence and Reply: always one JSON object.
	Data json.RawMessage `json:"data"`
}

// Numbers returns the numeric members of Data, nil when there are none. Booleans
// count as 0 and 1.
func (e *Event) Numbers() map[string]float64 {
	var all map[string]any
	if json.Unmarshal(e.Data, &all) != nil {
		return nil
	}
	var n map[string]float64
	for k, v := range all {
		var x float64
		switch v := v.(type) {
		case float64:
			x = v
		case bool:
			if v {
				x = 1
			}
		default:
			continue
		}
		if n == nil {
			n = make(map[string]float64, len(all))
		}
		n[k] = x
	}
	return n
}
