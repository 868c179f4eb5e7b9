package devices

import (
	"encoding/json"
	"maps"
	"strings"
	"time"

	"dongyue/internal/event"
)

// Device is a registered device with its twin, as a copy.
type Device struct {
	ID     string
	Kind   event.Kind
	Name   string            // as people call it: 12 栋 1 单元门
	Zone   string            // east/b01/u1; "" is the whole community
	Labels map[string]string // free: maker, circuit …; see UpstreamLabel
	X, Y   float64           // place on the plan, metres

	Online   bool
	LastSeen time.Time // of the last message or connection; zero: never
	Firmware string
	Boot     string // the boot id last reported
	Health   Health

	Desired
	Disabled bool // may not sign in

	Twin
}

// Desired is what a device is wanted to be.
type Desired struct {
	Want    json.RawMessage // an object, nil: nothing is wanted
	Version uint64          // of Want, from 1
	InSync  bool            // the device has reported it, or nothing is wanted
}

// Twin is what the device last said of itself.
type Twin struct {
	State   json.RawMessage // the object of the state channel, nil: none yet
	StateAt time.Time
	Values  map[string]map[string]Value // part ("" for none) → metric → newest value

	Gaps        uint64 // events that the current boot counted and the hub has not seen
	Quarantined uint64 // messages that could not be read
}

// Value is one measured value. Text is for those that are words, such as a
// port's state; V is then 0. A flag is 0 or 1.
type Value struct {
	V    float64
	Text string
	At   time.Time // device clock, never ahead of the hub's on arrival
}

// Zone is a place in the address tree.
type Zone struct {
	ID     string     `json:"id" doc:"path from the community: east/b01/u1"`
	Kind   string     `json:"kind" enum:"community,court,group,building,unit,shed,plaza,road"`
	Name   event.Text `json:"name"`
	Parent string     `json:"parent"`
	Shape  [4]float64 `json:"shape" doc:"x, y, width, height on the plan, metres; all 0: not drawn"`
}

// The kinds of zones.
const (
	Community = "community"
	Court     = "court"
	Group     = "group"
	Building  = "building"
	Unit      = "unit"
	Shed      = "shed"
	Plaza     = "plaza"
	Road      = "road"
)

// Site is what a community is made of, for Seed.
type Site struct {
	Zones   []Zone
	Devices []SeedDevice
}

// SeedDevice is a device to register. An empty secret keeps the one it has, or
// makes one that nobody knows, so the device can't sign in until it gets its own.
type SeedDevice struct {
	Device
	Secret string
}

// ValidZone reports whether a path has the form a/b/c with parts of lower-case
// letters, digits, - and _, at most 128 bytes; "" is the community.
func ValidZone(zone string) bool {
	if zone == "" {
		return true
	}
	if len(zone) > 128 {
		return false
	}
	for part := range strings.SplitSeq(zone, "/") {
		if part == "" || part[0] == '-' || part[0] == '_' {
			return false
		}
		for i := range len(part) {
			if c := part[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// parent is the zone around a zone; "" is around all.
func parent(zone string) string {
	if i := strings.LastIndexByte(zone, '/'); i >= 0 {
		return zone[:i]
	}
	return ""
}

// plain is the zone that is made for a device whose zone nobody has described:
// named by its path, its kind guessed from the depth.
func plain(id string) Zone {
	name := id[strings.LastIndexByte(id, '/')+1:]
	kind := Court
	switch n := strings.Count(id, "/"); {
	case strings.HasPrefix(name, "shed"):
		kind = Shed
	case n == 1:
		kind = Building
	case n > 1:
		kind = Unit
	}
	return Zone{ID: id, Kind: kind, Name: event.Text{ZH: name, EN: name}, Parent: parent(id)}
}

func validZoneKind(k string) bool {
	switch k {
	case Community, Court, Group, Building, Unit, Shed, Plaza, Road:
		return true
	}
	return false
}

// check judges what a person or a program registers.
func (d *Device) check(kinds map[event.Kind]Kind) error {
	switch {
	case !event.ValidDevice(d.ID):
		return Refuse(CodeValue, "id: 1–63 lower-case letters, digits and -, not - first")
	case kinds[d.Kind] == nil:
		return Refuse(CodeValue, "kind: %.40q is no kind of device", d.Kind)
	case len(d.Name) > 200:
		return Refuse(CodeValue, "name: at most 200 bytes")
	case !ValidZone(d.Zone):
		return Refuse(CodeValue, "zone: a path such as east/b01/u1 of lower-case letters, digits, - and _ is wanted")
	case len(d.Labels) > 32:
		return Refuse(CodeValue, "labels: at most 32")
	}
	for k, v := range d.Labels {
		if k == "" || len(k) > 64 || len(v) > 256 {
			return Refuse(CodeValue, "labels: names of at most 64 bytes, values of at most 256")
		}
	}
	return d.checkUpstream()
}

// clone is a copy that shares nothing that changes. State is replaced, never
// written to, so it is shared.
func (d *Device) clone() Device {
	c := *d
	c.Labels = maps.Clone(d.Labels)
	c.Values = make(map[string]map[string]Value, len(d.Values))
	for part, m := range d.Values {
		c.Values[part] = maps.Clone(m)
	}
	return c
}
