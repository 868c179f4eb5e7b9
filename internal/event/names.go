package event

import "strings"

// Kind says what a device is; it is the second level of its topics.
type Kind string

// The kinds that have a folder under devices/.
const (
	Door    Kind = "door"
	Lamp    Kind = "lamp"
	Charger Kind = "charger"
	Speaker Kind = "speaker"
	Sensor  Kind = "sensor"
)

// Camera is the kind of the cameras, which are no devices either: what they notice
// and whether pictures come is in the journal for the rules, never on the broker.
const Camera Kind = "camera"

// Hub is the kind of the hub itself, which is no device: its events in the journal
// are for the rules, under the name HubDevice.
const (
	Hub       Kind   = "hub"
	HubDevice string = "hub"
)

// Priority of an alarm (ISA-18.2 asks for few: about 5 % critical and high, 15 %
// medium, 80 % low).
type Priority string

// Priorities, most urgent first.
const (
	Critical Priority = "critical"
	High     Priority = "high"
	Medium   Priority = "medium"
	Low      Priority = "low"
)

// Rank orders priorities: 1 critical … 4 low, 5 anything else.
func (p Priority) Rank() int {
	switch p {
	case Critical:
		return 1
	case High:
		return 2
	case Medium:
		return 3
	case Low:
		return 4
	}
	return 5
}

// Text is a sentence in the languages of the screens. ZH is simplified Chinese;
// the traditional form is made from it.
type Text struct {
	ZH string `json:"zh" yaml:"zh"`
	EN string `json:"en" yaml:"en"`
}

// Within reports whether a zone lies in another: "east/b01/u1" is within "east",
// "east/b01" and itself, not within "east/b0". Every zone is within "".
func Within(zone, outer string) bool {
	if outer == "" || zone == outer {
		return true
	}
	return strings.HasPrefix(zone, outer) && zone[len(outer)] == '/'
}

// ValidDevice reports whether an id has the form [a-z0-9][a-z0-9-]{0,62}.
func ValidDevice(id string) bool {
	if id == "" || len(id) > 63 || id[0] == '-' {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// Topic returns dy/v1/{kind}/{device}/{channel}.
func Topic(k Kind, device string, c Channel) string {
	return "dy/v1/" + string(k) + "/" + device + "/" + string(c)
}

// ParseTopic takes a topic apart; ok is false for any other form.
func ParseTopic(topic string) (k Kind, device string, c Channel, ok bool) {
	rest, ok := strings.CutPrefix(topic, "dy/v1/")
	if !ok {
		return "", "", "", false
	}
	kind, rest, ok1 := strings.Cut(rest, "/")
	device, channel, ok2 := strings.Cut(rest, "/")
	if !ok1 || !ok2 || kind == "" || strings.Contains(channel, "/") || !ValidDevice(device) {
		return "", "", "", false
	}
	return Kind(kind), device, Channel(channel), true
}
