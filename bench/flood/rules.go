package main

import "fmt"

// The rules of the flood: a supply that is lost at a port, the court without power
// that is the cause of a thousand of them, and two things that have nothing to do
// with it. With quorum 0 no rule knows the cause.
func ruleSet(quorum int) map[string]string {
	cause := fmt.Sprintf(`  - id: power.area_lost
    title: {zh: "{name}停电", en: "{name} is without power"}
    on: {kind: charger, type: fault}
    when: data.code == "supply_lost" && data.active
    clear: {when: data.code == "supply_lost" && !data.active}
    quorum: {of: %d, share_pct: 30, by: court}
    incident: {cause: power, place: court}
    priority: critical
`, quorum)
	depends := "\n    depends_on: [{rule: power.area_lost, scope: zone}]"
	if quorum == 0 {
		cause, depends = "", ""
	}
	return map[string]string{"flood.yaml": `rules:
` + cause + `  - id: charger.supply_lost
    title: {zh: "{name}[ {part} 号口]失电", en: "{name}[ port {part}] has no supply"}
    on: {kind: charger, type: fault}
    when: data.code == "supply_lost" && data.active
    clear: {when: data.code == "supply_lost" && !data.active}
    priority: medium` + depends + `
  - id: door.forced_open
    title: {zh: "{name}被强行打开", en: "{name} was forced open"}
    on: {kind: door, type: forced_open}
    clear: {type: closed}
    priority: high
  - id: sensor.smoke
    title: {zh: "{name}烟雾报警", en: "Smoke: {name}"}
    on: {kind: sensor, type: smoke}
    when: data.active
    clear: {when: "!data.active"}
    priority: critical
    life_safety: true
`}
}
