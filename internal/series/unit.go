package series

import "strings"

// UnitOf reads the unit off a metric's name, as docs/protocol.md has them; empty
// for a bare number.
func UnitOf(metric string) string {
	for _, u := range [...]struct{ suffix, unit string }{
		{"_ug_m3", "µg/m³"}, {"_lux", "lx"}, {"_pct", "%"}, {"_wh", "Wh"}, {"_ma", "mA"}, {"_db", "dB"}, {"_ppm", "ppm"}, {"_hz", "Hz"},
		{"_mm", "mm"}, {"_kw", "kW"}, {"_kwh", "kWh"}, {"_c", "°C"}, {"_w", "W"}, {"_v", "V"}, {"_a", "A"}, {"_s", "s"}, {"_m", "m"},
	} {
		if strings.HasSuffix(metric, u.suffix) {
			return u.unit
		}
	}
	if metric == "lux" {
		return "lx"
	}
	return ""
}
