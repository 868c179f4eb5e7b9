package alarm

import (
	"slices"
	"strings"

	"dongyue/internal/event"
)

// Where an incident is, and what comes from what. Everything here is a function
// of the alarms alone.

// The levels of an incident's place.
const (
	placeCommunity = "community"
	placeCourt     = "court"
	placeBuilding  = "building"
	placeUnit      = "unit"
	placeDevice    = "device"
)

// spotOf is the place of an alarm's incident: the zone at the level that the
// rule names, or the device. What is in no known zone is a place of its own.
func spotOf(level, zone, device string) string {
	depth := 2
	switch level {
	case placeCommunity:
		return "zone:"
	case placeCourt:
		depth = 1
	case placeUnit:
		depth = 3
	case placeDevice:
		return "device:" + device
	}
	if zone == "" {
		return "device:" + device
	}
	parts := strings.Split(zone, "/")
	return "zone:" + strings.Join(parts[:min(depth, len(parts))], "/")
}

// spotZone is the zone of an incident whose root is the alarm.
func spotZone(al *Alarm) string {
	if zone, ok := strings.CutPrefix(al.Spot, "zone:"); ok {
		return zone
	}
	return al.Zone
}

// causeOf is the word for an incident of a rule that names none: charger, door …
func causeOf(rule string) string {
	first, _, _ := strings.Cut(rule, ".")
	return first
}

// group is the zone that a group subject stands for.
func group(device string) (zone string, ok bool) { return strings.CutPrefix(device, "zone:") }

// hangsOn reports whether a path of what a device hangs on has the other in it.
func hangsOn(via, device string) bool {
	return via != "" && slices.Contains(strings.Split(via, "/"), device)
}

// comesFrom reports whether an alarm is a consequence of another: its rule names
// the other's as one that silences it, and the other stands for the same device,
// for what the device hangs on, or for a group whose zone the device is in. A
// name may carry its scope (rule@zone, rule@via, rule@device); @zone also takes a
// single device's alarm for its whole zone.
func comesFrom(al, cause *Alarm) bool {
	if al.Drill != cause.Drill || al.ID == cause.ID {
		return false
	}
	for _, c := range al.Causes {
		rule, scope, _ := strings.Cut(c, "@")
		if rule == cause.Rule && reaches(scope, al, cause) {
			return true
		}
	}
	return false
}

func reaches(scope string, al, cause *Alarm) bool {
	switch scope {
	case "device":
		return al.Device == cause.Device
	case "via":
		return hangsOn(al.Via, cause.Device)
	case "zone":
		zone, ok := group(cause.Device)
		if !ok {
			zone, ok = cause.Zone, cause.Zone != ""
		}
		return ok && event.Within(al.Zone, zone)
	}
	zone, ok := group(cause.Device)
	return al.Device == cause.Device || hangsOn(al.Via, cause.Device) || ok && event.Within(al.Zone, zone)
}

// prefixes are a zone and those around it, from the innermost.
func prefixes(zone string) []string {
	var out []string
	for zone != "" {
		out = append(out, zone)
		i := strings.LastIndexByte(zone, '/')
		zone = zone[:max(i, 0)]
	}
	return out
}
