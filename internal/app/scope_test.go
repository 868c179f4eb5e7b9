package app

import (
	"slices"
	"testing"

	"dongyue/internal/config"
)

// What a fire input releases: by the configuration, by the door's own label, and where
// the site names no building or unit around it.
func TestScopeOfAFire(t *testing.T) {
	r := registry(t)
	site := `
zones:
  - {id: east, kind: court, name: {zh: 东苑, en: East}}
  - {id: east/g1, kind: group, name: {zh: 一组团, en: Group 1}}
  - {id: east/g1/b01, kind: building, name: {zh: 1栋, en: Block 1}}
  - {id: east/g1/b01/u1, kind: unit, name: {zh: 1单元, en: Unit 1}}
  - {id: east/g1/b01/u1/hall, kind: plaza, name: {zh: 门厅, en: Hall}}
  - {id: east/g1/yard, kind: plaza, name: {zh: 院子, en: Yard}}
devices:
  - {id: door-1, kind: door, zone: east/g1/b01/u1/hall}
  - {id: door-own, kind: door, zone: east/g1/b01/u1/hall, labels: {fire_scope: zone}}
  - {id: door-unit, kind: door, zone: east/g1/b01/u1/hall, labels: {fire_scope: unit}}
  - {id: door-building, kind: door, zone: east/g1/b01/u1, labels: {fire_scope: building}}
  - {id: door-yard, kind: door, zone: east/g1/yard}
  - {id: door-gate, kind: door, zone: east}
`
	if done, err := r.ImportSite(t.Context(), []byte(site)); err != nil || len(done.Errors) != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	for _, c := range []struct{ scope, door, zone, want string }{
		{config.FireBuilding, "door-1", "east/g1/b01/u1/hall", "east/g1/b01"},
		{config.FireUnit, "door-1", "east/g1/b01/u1/hall", "east/g1/b01/u1"},
		{config.FireZone, "door-1", "east/g1/b01/u1/hall", "east/g1/b01/u1/hall"},
		{config.FireBuilding, "door-own", "east/g1/b01/u1/hall", "east/g1/b01/u1/hall"},
		{config.FireBuilding, "door-unit", "east/g1/b01/u1/hall", "east/g1/b01/u1"},
		{config.FireZone, "door-building", "east/g1/b01/u1", "east/g1/b01"},
		{config.FireBuilding, "door-yard", "east/g1/yard", "east/g1"}, // no building around it: the group
		{config.FireUnit, "door-yard", "east/g1/yard", "east/g1/yard"},
		{config.FireBuilding, "door-gate", "east", "east"},
		{config.FireUnit, "door-gate", "east", "east"},
		{config.FireBuilding, "door-none", "east/g1/b01/u1", "east/g1/b01"}, // removed since: its zone is known
		{config.FireBuilding, "door-1", "nowhere", "nowhere"},
	} {
		if got := (doorways{devices: r, fireScope: c.scope}).Scope(c.door, c.zone); got != c.want {
			t.Errorf("%s at %s in %s: %q, want %q", c.scope, c.door, c.zone, got, c.want)
		}
	}
}

func TestFloorsOfALabel(t *testing.T) {
	for label, want := range map[string][]int{
		"1-6": {1, 2, 3, 4, 5, 6}, "-1,1,3-4": {-1, 1, 3, 4}, "-2--1": {-2, -1}, "5": {5}, " 1 , 2 ": {1, 2}, "1-2,2-3": {1, 2, 3},
		"": nil, "six": nil, "3-1": nil, "1-x,7": {7}, "0-1000": nil,
	} {
		if got := parseFloors(label); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", label, got, want)
		}
	}
}
