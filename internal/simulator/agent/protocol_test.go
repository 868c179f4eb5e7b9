package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"dongyue/internal/event"
)

// vocabulary is docs/protocol.md once more, as the judge of the agents: the
// events of each kind with the members that their data may have, and the names
// of the telemetry.
var vocabulary = map[event.Kind]struct {
	events    map[string][]string
	telemetry []string
}{
	event.Door: {events: map[string][]string{
		"badge": {"credential", "side", "decision", "reason"}, "opened": {}, "closed": {}, "forced_open": {}, "held_open": {}, "pre_alarm": {},
		"rex": {"active"}, "tamper": {}, "duress": {}, "lock_fault": {}, "fire_input": {"active"}, "reader_link": {"link"}, "contact_fault": {"cause", "active"},
	}},
	event.Lamp: {
		events:    map[string][]string{"sos": {"pressed"}, "lamp_failure": {"active"}, "leakage": {"active"}, "tilt": {"active"}, "cabinet_open": {"active"}, "panel_shown": {"message", "sha256"}, "panel_refused": {"message", "reason"}},
		telemetry: []string{"power_w", "voltage_v", "current_a", "dim_pct", "lux", "temp_c", "noise_db", "pm25_ug_m3"},
	},
	event.Charger: {
		events: map[string][]string{
			"session_started": {"part", "user", "energy_wh", "reason"}, "session_ended": {"part", "user", "energy_wh", "reason"},
			"unplugged": {}, "reset": {}, "smoke": {"active"}, "fault": {"code", "active"},
		},
		telemetry: []string{"state", "power_w", "current_a", "voltage_v", "temp_c", "energy_wh", "leakage_ma", "voc_ppm"},
	},
	event.Speaker: {
		events:    map[string][]string{"buffered": {"message"}, "playing": {"message", "position_ms", "level_db"}, "finished": {"message", "position_ms", "level_db"}, "fault": {"message", "code", "active"}, "overridden": {"message", "position_ms", "level_db"}, "broken": {"message", "code", "position_ms"}},
		telemetry: []string{"level_db", "volume_pct"},
	},
	event.Sensor: {
		events:    map[string][]string{"smoke": {"active"}, "water": {"active"}, "gas": {"active"}, "motion": {"active"}, "button": {"active"}},
		telemetry: []string{"temp_c", "smoke_pct", "battery_pct"},
	},
}

var stampRE = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)

// conforms judges one message that went up or down.
func conforms(h heard) error {
	kind, device, channel, ok := event.ParseTopic(h.topic)
	if !ok {
		return fmt.Errorf("topic %q", h.topic)
	}
	words, ok := vocabulary[kind]
	cabinet := kind == event.Sensor && strings.HasPrefix(device, "switch-") // named after what it watches
	if !ok || !strings.HasPrefix(device, string(kind)+"-") && !cabinet {
		return fmt.Errorf("device %q of kind %q", device, kind)
	}
	if !channel.Up() {
		return nil // what the tests said
	}
	if len(h.payload) > maxPayload {
		return fmt.Errorf("%d bytes", len(h.payload))
	}
	dec := json.NewDecoder(bytes.NewReader(h.payload))
	var m map[string]any
	if err := dec.Decode(&m); err != nil || dec.More() {
		return fmt.Errorf("not one object: %w", err)
	}
	switch channel {
	case event.Presence:
		return all(members(m, "online:bool", "fw:string", "boot:string"), qos(h, 1))
	case event.State:
		return all(members(m, "at:time", "state:object"), qos(h, 1))
	case event.Telemetry:
		if err := members(m, "at:time", "part?:string", "values:object"); err != nil {
			return err
		}
		return measured(m["values"].(map[string]any), words.telemetry)
	case event.Happening:
		if err := all(members(m, "id:string", "boot:string", "seq:number", "at:time", "type:string", "part?:string", "data:object"), qos(h, 1)); err != nil {
			return err
		}
		return happened(m, words.events)
	case event.Reply:
		if !slices.Contains([]any{accepted, done, failed, expired}, m["status"]) {
			return fmt.Errorf("status %v", m["status"])
		}
		return all(members(m, "id:string", "status:string", "at:time", "error:string", "data:object"), qos(h, 1))
	case event.Command, event.Config, event.Quarantine:
	}
	return fmt.Errorf("channel %q", channel)
}

func happened(m map[string]any, events map[string][]string) error {
	typ := m["type"].(string)
	may, ok := events[typ]
	if !ok {
		return fmt.Errorf("event %q", typ)
	}
	data := m["data"].(map[string]any)
	for name := range data {
		if !slices.Contains(may, name) {
			return fmt.Errorf("data of %s has %q", typ, name)
		}
	}
	if strings.HasPrefix(typ, "session_") && (data["part"] != m["part"] || m["part"] == "") {
		return fmt.Errorf("part %v, in data %v", m["part"], data["part"])
	}
	if typ == "badge" {
		c, _ := data["credential"].(map[string]any)
		return all(members(c, "type:string", "value:string"),
			oneOf(c["type"], "card", "pin", "qr", "mobile"), oneOf(data["side"], "in", "out"), oneOf(data["decision"], "ask", "granted", "denied"))
	}
	return nil
}

func measured(values map[string]any, names []string) error {
	for name, v := range values {
		if !slices.Contains(names, name) {
			return fmt.Errorf("value %q", name)
		}
		if _, number := v.(float64); !number && name != "state" {
			return fmt.Errorf("value %s is %v", name, v)
		}
	}
	if len(values) == 0 {
		return fmt.Errorf("no values")
	}
	return nil
}

// members checks that an object has these members and no others.
func members(m map[string]any, want ...string) error {
	left := maps.Clone(m)
	for _, w := range want {
		name, typ, _ := strings.Cut(w, ":")
		name, optional := strings.CutSuffix(name, "?")
		v, there := m[name]
		if !there && optional {
			continue
		}
		delete(left, name)
		good := there
		switch typ {
		case "bool":
			_, good = v.(bool)
		case "number":
			_, good = v.(float64)
		case "string":
			_, good = v.(string)
		case "object":
			_, good = v.(map[string]any)
		case "time":
			s, _ := v.(string)
			_, err := time.Parse(time.RFC3339Nano, s)
			good = err == nil && stampRE.MatchString(s)
		}
		if !good {
			return fmt.Errorf("%s is %v", name, v)
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("members %v", keys(left))
	}
	return nil
}

func oneOf(v any, words ...any) error {
	if !slices.Contains(words, v) {
		return fmt.Errorf("%v is none of %v", v, words)
	}
	return nil
}

func qos(h heard, want byte) error {
	if h.qos != 0 && h.qos != want {
		return fmt.Errorf("qos %s", strconv.Itoa(int(h.qos)))
	}
	return nil
}

func all(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// deaf loses the first so many events that it is told, without a PUBACK.
type deaf struct {
	mochi.HookBase
	mu   sync.Mutex
	left int
	done bool
}

func (*deaf) ID() string           { return "deaf" }
func (*deaf) Provides(b byte) bool { return b == mochi.OnPublish }
func (d *deaf) OnPublish(_ *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if strings.HasSuffix(pk.TopicName, "/event") && d.left > 0 {
		d.left--
		d.done = true
		return pk, packets.ErrRejectPacket
	}
	return pk, nil
}

func (d *deaf) used() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.done
}
