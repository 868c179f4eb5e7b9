package config

import "slices"

// FireScopeLabel is the label of a door, in the site file, that says what its fire input
// releases where that is not doors.fire_scope.
const FireScopeLabel = "fire_scope"

// PassageLabel is the label of a door, in the site file, that says what passes: with
// Vehicles it is a barrier for cars, which guests open by their number plate.
const (
	PassageLabel = "passage"
	Vehicles     = "vehicles"
)

// What a fire input releases.
const (
	FireBuilding = "building"
	FireUnit     = "unit"
	FireZone     = "zone"
)

// ValidFireScope reports whether s is one of the three.
func ValidFireScope(s string) bool {
	return slices.Contains([]string{FireBuilding, FireUnit, FireZone}, s)
}
