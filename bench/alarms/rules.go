package main

import (
	"fmt"
	"strings"
)

// perFile keeps the rule files below the loader's limit of 256 KiB.
const perFile = 400

// zones of the bench's devices: a community of 25 buildings with 8 units each.
const zones = 200

func zone(i int) string { return fmt.Sprintf("east/b%02d/u%d", i%zones/8+1, i%8+1) }

// ruleSet is n rules: the one that the probes set off, and others of the make that
// a large installation has. Half are limits of one unit's meters, a quarter watch
// the events of one unit, the rest are limits for all chargers and rules for other
// kinds. None of them fires.
func ruleSet(n int) map[string]string {
	files := map[string]string{"probe.yaml": `rules:
  - id: bench.probe
    title: {zh: "{name}[ {part} 号口]故障", en: "{name}[ port {part}] reports a fault"}
    on: {kind: charger, type: fault}
    when: data.code == "probe" && (!has(data.active) || data.active)
    clear: {when: has(data.active) && !data.active}
    priority: high
`}
	var b strings.Builder
	for i := 1; i < n; i++ {
		if b.Len() == 0 {
			b.WriteString("rules:\n")
		}
		on, when := "", ""
		switch i % 20 {
		case 0, 2, 4, 6, 8, 10, 12, 14, 16, 18:
			on, when = fmt.Sprintf("{kind: charger, channel: telemetry, zone: %s}", zone(i/2)), fmt.Sprintf("data.temp_c > %d", 200+i)
		case 1, 5, 9, 13, 17:
			on, when = fmt.Sprintf("{kind: charger, type: session_started, zone: %s}", zone(i)), fmt.Sprintf("has(data.energy_wh) && data.energy_wh > %d", 60_000+i)
		case 3, 11, 19:
			on, when = "{kind: charger, channel: telemetry}", fmt.Sprintf("data.leakage_ma > %d", 100_000+i)
		default:
			on, when = "{kind: door, type: held_open}", fmt.Sprintf("has(data.open_s) && data.open_s > %d", i)
		}
		fmt.Fprintf(&b, "  - {id: bench.r%d, title: {zh: \"{name}\", en: \"{name}\"}, on: %s, when: %q, priority: low}\n", i, on, when)
		if i%perFile == 0 || i == n-1 {
			files[fmt.Sprintf("r%05d.yaml", i)] = b.String()
			b.Reset()
		}
	}
	return files
}
