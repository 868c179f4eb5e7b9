package main

import (
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"
	"time"

	"dongyue/internal/event"
	"dongyue/rules"
)

// mix is a set of rules that can be made of any size, and events for it. The
// events are the same for every size, and each is of what the first 100 rules
// watch, so that only what is beside those differs.
type mix struct {
	name  string
	what  string
	rule  func(i int) string // the body of rule i: on, when …
	event func(i int) event.Event
}

const (
	chargers = 20 // that send, each in a zone of its own
	zones    = 500
	types    = 20
)

// mixes are the shapes that rule sets of a community take.
func mixes() []mix {
	return []mix{
		{
			"thresholds", "one metric of one kind, every rule its own limit",
			func(i int) string {
				return fmt.Sprintf("on: {kind: charger, channel: telemetry}, when: data.temp_c >= %.4f", 60+float64(i)/250)
			},
			func(i int) event.Event { return reading(i, 20+float64(i%350)/10) },
		},
		{
			"routes", "kinds, types and zones",
			func(i int) string {
				return fmt.Sprintf("on: {kind: %s, type: t%d, zone: %s}, when: data.level >= %d", kind(i), i%types, zone(i/types), 50+i%40)
			},
			func(i int) event.Event {
				r := i % 100
				e := base(i, kind(r))
				e.Channel, e.Type, e.Zone = event.Happening, fmt.Sprintf("t%d", r%types), zone(r/types)+"/u1"
				e.Data = fmt.Appendf(nil, `{"level":%d,"active":true}`, i%40)
				return e
			},
		},
		{
			"devices", "one rule for each device",
			func(i int) string {
				return fmt.Sprintf("on: {kind: charger, channel: telemetry, where: 'device == \"%s\"'}, when: data.temp_c >= %d", device(i), 60+i%20)
			},
			func(i int) event.Event { return reading(i, 20+float64(i%350)/10) },
		},
		{
			"windows", "averages and slopes, every rule its own limit",
			func(i int) string {
				f := []string{"avg", "max", "rise", "rate"}[i%4]
				m := []string{"power_w", "temp_c", "temp_c", "energy_wh"}[i%4]
				return fmt.Sprintf("on: {kind: charger, channel: telemetry}, when: '%s(\"%s\", \"2m\") > %.3f'", f, m, 2000+float64(i)/4)
			},
			func(i int) event.Event { return reading(i, 20+float64(i%350)/10) },
		},
		{
			"words", "one code of an event, every rule its own",
			func(i int) string {
				return fmt.Sprintf("on: {kind: charger, type: fault}, when: data.code == \"E%05d\" && data.active == true", i)
			},
			func(i int) event.Event {
				e := base(i, event.Charger)
				e.Channel, e.Type = event.Happening, "fault"
				e.Data = fmt.Appendf(nil, `{"code":"W%05d","active":true}`, i%100)
				return e
			},
		},
		{
			"community", "all of these together, as shipped rules are written",
			func(i int) string {
				switch i % 5 {
				case 0:
					return fmt.Sprintf("on: {kind: charger, channel: telemetry, zone: %s}, when: 'data.temp_c >= %.3f || (data.temp_c >= 60 && rise(\"temp_c\", \"1m\") >= 5)', clear: {when: data.temp_c < 55}", zone(i/5), 70+float64(i)/1000)
				case 1:
					return fmt.Sprintf("on: {kind: %s, type: t%d, zone: %s}, when: '!has(data.active) || data.active != false', clear: {when: has(data.active) && data.active == false}", kind(i/5), i%types, zone(i/5))
				case 2:
					return fmt.Sprintf("on: {kind: charger, channel: telemetry, where: 'device == \"%s\"'}, when: data.leakage_ma > %d, clear: {when: data.leakage_ma < 20}", device(i), 30+i%10)
				case 3:
					return fmt.Sprintf("on: {kind: charger, channel: telemetry, zone: %s}, when: 'data.power_w > %d && avg(\"power_w\", \"5m\") > 900.0'", zone(i/5), 900+i%100)
				}
				return fmt.Sprintf("on: {kind: charger, type: fault, zone: %s}, when: 'data.code in [\"E%d\", \"E%d\"]'", zone(i/5), i, i+1)
			},
			func(i int) event.Event {
				if i%4 == 0 {
					e := base(i, event.Charger)
					e.Channel, e.Type, e.Data = event.Happening, "fault", []byte(`{"code":"W1","active":true}`)
					return e
				}
				return reading(i, 20+float64(i%350)/10)
			},
		},
	}
}

func kind(i int) event.Kind {
	return []event.Kind{event.Charger, event.Door, event.Lamp, event.Sensor, event.Speaker}[i%5]
}

func zone(i int) string   { return fmt.Sprintf("east/b%03d", i%zones) }
func device(i int) string { return fmt.Sprintf("charger-%05d", i) }

func base(i int, k event.Kind) event.Event {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Second / 100)
	d := i % chargers
	return event.Event{Seq: uint64(i + 1), ID: fmt.Sprint(i), Device: device(d), Kind: k, Zone: zone(d) + "/s1", At: at, ReceivedAt: at}
}

// reading is a charging port's, as the simulated ones send it.
func reading(i int, temp float64) event.Event {
	e := base(i, event.Charger)
	e.Channel, e.Type, e.Part = event.Telemetry, string(event.Telemetry), fmt.Sprint(i/chargers%10)
	e.Data = fmt.Appendf(nil, `{"state":"charging","power_w":%.1f,"current_a":1.41,"voltage_v":221.5,"temp_c":%.1f,"energy_wh":%d,"leakage_ma":0.4}`,
		300+float64(i%17), temp, i/chargers)
	return e
}

// files writes n rules of a mix as rule files.
func (m mix) files(n int) fs.FS {
	const perFile = 400 // a file has a largest size
	out := fstest.MapFS{}
	for first := 0; first < n; first += perFile {
		var b strings.Builder
		b.WriteString("rules:\n")
		for i := first; i < min(n, first+perFile); i++ {
			fmt.Fprintf(&b, "  - {id: r%d, title: {zh: \"{name}[ {part} 号口]过限[ {data.temp_c}]\", en: \"{name}[ port {part}] is over its limit[ at {data.temp_c}]\"}, %s, priority: low}\n", i, m.rule(i))
		}
		out[fmt.Sprintf("f%03d.yaml", first/perFile)] = &fstest.MapFile{Data: []byte(b.String())}
	}
	return out
}

// load makes the set of n rules.
func (m mix) load(n int) (*rules.Set, error) {
	set, problems := rules.Load(m.files(n))
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s: %d problems, the first: %s", m.name, len(problems), problems[0])
	}
	return set, nil
}

// stream is what is played: more than the caches hold.
func (m mix) stream(n int) []event.Event {
	out := make([]event.Event, n)
	for i := range out {
		out[i] = m.event(i)
	}
	return out
}
