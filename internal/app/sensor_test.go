package app

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A measurement that can't be read is never a normal one. Through the broker: of each it
// is known why, what was measured before stays as it was, and of a temperature an alarm
// tells that the sensor is at fault.
func TestReadingsThatCannotBeRead(t *testing.T) {
	h := openHouse(t, t.TempDir())
	_, publish, _ := h.register("sensor", "sensor-1")
	_, lamp, _ := h.register("lamp", "lamp-1")
	said := func(values string) string { return fmt.Sprintf(`{"at":%q,"values":{%s}}`, now(), values) }
	publish("telemetry", said(`"temp_c":21,"noise_db":48,"lux":300,"level_mm":12,"humidity_pct":55`))
	lamp("telemetry", said(`"temp_c":21,"noise_db":48,"lux":300`))

	bad := map[string]func(channel, payload string){
		`"noise_db":"loud"`: publish, `"noise_db":NaN`: publish, `"noise_db":1e309`: publish,
		`"lux":-1`: publish, `"lux":null`: publish, `"level_mm":{"x":1}`: publish, `"level_mm":[12]`: publish, `"humidity_pct":"55"`: publish,
		`"noise_db":true`: lamp, `"lux":"dark"`: lamp,
	}
	for values, send := range bad {
		send("telemetry", said(values))
	}
	quarantined := func() (n int) {
		var q listed
		h.call(http.MethodGet, "/events?channel=quarantine&limit=100", nil, &q)
		return len(q.Items)
	}
	h.until("all are in quarantine", func() bool { return quarantined() == len(bad) })
	if open := h.openAlarms(); len(open) != 0 {
		t.Errorf("what is no temperature raised %v", open)
	}
	for i, values := range []string{`"temp_c":"21"`, `"temp_c":NaN`, `"temp_c":"hot","noise_db":48`, `"temp_c":5000`} {
		publish("telemetry", said(values))
		h.until(values+" is in quarantine", func() bool { return quarantined() == len(bad)+i+1 })
	}
	h.until("an alarm tells of it", func() bool { return slices.Contains(h.openAlarms(), "device.temperature_unreadable true") })

	lamp("telemetry", said(`"temp_c":"warm"`))
	h.until("of a pole's thermometer too", func() bool { return len(h.openAlarms()) == 2 })

	// A good reading afterwards does not make it good: a person looks, and closes it.
	publish("telemetry", said(`"temp_c":22`))
	var d struct {
		Values map[string]map[string]struct{ V float64 }
	}
	h.until("the good reading is there", func() bool {
		h.call(http.MethodGet, "/devices/sensor-1", nil, &d)
		return d.Values[""]["temp_c"].V == 22
	})
	if v := d.Values[""]; v["noise_db"].V != 48 || v["lux"].V != 300 || v["level_mm"].V != 12 || v["humidity_pct"].V != 55 {
		t.Errorf("what was measured before has changed: %v", v)
	}
	if open := h.openAlarms(); !slices.Contains(open, "device.temperature_unreadable true") {
		t.Errorf("open: %s", strings.Join(open, ", "))
	}
}
