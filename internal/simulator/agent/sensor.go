package agent

import (
	"slices"
	"time"
)

// Sensor is a small sensor: smoke in the staircases, and whatever else it is
// made to report.
type Sensor struct {
	Device
	times Times

	active  map[string]bool // what it reports now: smoke, water …
	silent  bool
	battery float64
}

type sensorState struct {
	Active  []string `json:"active"`
	Silent  bool     `json:"silenced"`
	Battery float64  `json:"battery_pct"`
	Fault   bool     `json:"fault"`
}

func (s *Sensor) start() {
	s.active, s.silent = map[string]bool{}, false
	s.battery = 70 + float64(s.rand.IntN(31))
	s.every(s.times.Slow, s.tell)
}

func (s *Sensor) state() any {
	list := []string{}
	for what, on := range s.active {
		if on {
			list = append(list, what)
		}
	}
	slices.Sort(list)
	return sensorState{list, s.silent, s.battery, false}
}

func (s *Sensor) config([]byte) {}

// Set begins or ends what the sensor senses: smoke, water, gas, motion, button.
func (s *Sensor) Set(what string, active bool) {
	s.do(func() {
		if s.active[what] == active {
			return
		}
		s.active[what] = active
		s.silent = false
		s.happen(what, "", activeData{active})
		s.report()
		s.tell()
	})
}

func (s *Sensor) command(c command) (func(), error) {
	a, err := args[struct {
		For float64 `json:"for_s"`
	}](c)
	if err != nil {
		return nil, err
	}
	switch c.Type {
	case "test": // the chamber is heated and read; no alarm is made of it
		return func() { s.finish(c.ID, map[string]any{"ok": true, "battery_pct": s.battery}) }, nil
	case "silence":
		hold := 10 * time.Minute // as EN 14604 allows for hush buttons: up to 15 min
		if a.For > 0 {
			hold = time.Duration(min(a.For, 86400) * float64(time.Second))
		}
		return func() { s.hush(c.ID, hold) }, nil
	}
	return nil, errUnknown
}

func (s *Sensor) hush(id string, hold time.Duration) {
	s.silent = true
	s.report()
	s.finish(id, nil)
	s.after(hold, func() {
		s.silent = false
		s.report()
	})
}

func (s *Sensor) tell() {
	temp, smoke := 19+2*s.rand.Float64(), 0.1*s.rand.Float64()
	if s.active["smoke"] {
		temp, smoke = temp+14, 6+4*s.rand.Float64()
	}
	s.measure("", map[string]any{"temp_c": round(temp, 1), "smoke_pct": round(smoke, 2), "battery_pct": s.battery})
}
