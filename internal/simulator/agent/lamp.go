package agent

import (
	"encoding/json"
	"errors"
	"math"
	"time"
)

// Lamp is a lamp pole: light, SOS button, weather.
type Lamp struct {
	Device
	times Times

	dim      float64 // as commanded; negative: by the plan
	plan     lampPlan
	version  int  // of the configuration that it has; kept, as in flash memory
	cut      bool // the pole's contactor is open
	leaks    bool
	failed   bool
	pressed  bool
	flashing int        // counts flashes; 0 for none
	panel    *textPanel // nil: the pole has none
}

// lampFull is the power of the lamp head at 100 % in watts, lampIdle that of the
// controller alone.
const (
	lampFull = 80.0
	lampIdle = 2.5
)

// activeData says whether a condition begins or ends.
type activeData struct {
	Active bool `json:"active"`
}

type lampState struct {
	Dim    float64 `json:"dim_pct"`
	Auto   bool    `json:"schedule"`
	Flash  bool    `json:"flash"`
	SOS    bool    `json:"sos"`
	Feeder string  `json:"feeder"`
	Fault  bool    `json:"fault"`
	Cut    bool    `json:"cut"`

	Panel *panelState `json:"panel,omitempty"`

	Version int `json:"config_version"`
}

// lampPlan is the member "lighting" of the configuration: switching times, and what
// is stronger for a while.
type lampPlan struct {
	Points []struct {
		At  time.Time `json:"at"`
		Pct float64   `json:"pct"`
		On  float64   `json:"on_below_lux"`
		Off float64   `json:"off_above_lux"`
	} `json:"points"`
	Override *struct {
		Pct   float64   `json:"pct"`
		Until time.Time `json:"until"`
	} `json:"override"`
}

// level is the planned brightness at a time; ok is false without a plan. Where a
// photocell decides, it reads the sky: its hood keeps the lamp's own light off.
func (p *lampPlan) level(now time.Time) (pct float64, ok bool) {
	if p.Override != nil && now.Before(p.Override.Until) {
		return p.Override.Pct, true
	}
	for _, x := range p.Points {
		if x.At.After(now) {
			break
		}
		pct, ok = x.Pct, true
		if x.On > 0 && max(0, daylight(now))*38000 > x.On {
			pct = 0
		}
	}
	return pct, ok
}

func (l *Lamp) start() {
	l.dim, l.pressed, l.flashing = -1, false, 0
	l.every(l.times.Lamp, func() { l.tell(time.Now()) })
}

func (l *Lamp) state() any {
	return lampState{l.level(time.Now()), l.dim < 0, l.flashing > 0, l.pressed, l.spec.Labels["feeder"], l.failed, l.cut, l.panel.state(), l.version}
}

// config takes the plan. It measures at once, and when an override ends.
func (l *Lamp) config(payload []byte) {
	var c struct {
		Version  int          `json:"version"`
		Lighting *lampPlan    `json:"lighting"`
		Panel    *signedPanel `json:"panel"`
	}
	if json.Unmarshal(payload, &c) != nil || c.Version <= l.version {
		return
	}
	l.version = c.Version
	if c.Lighting != nil {
		l.plan = *c.Lighting
	}
	if l.panel != nil && c.Panel != nil {
		l.show(c.Panel)
	}
	l.report()
	l.tell(time.Now())
	if o := l.plan.Override; o != nil {
		if left := time.Until(o.Until); left > 0 {
			l.after(left+10*time.Millisecond, func() {
				l.report()
				l.tell(time.Now())
			})
		}
	}
}

// SOS presses the button on the pole for a while.
func (l *Lamp) SOS(hold time.Duration) {
	type sos struct {
		Pressed bool `json:"pressed"`
	}
	l.do(func() {
		if l.pressed {
			return
		}
		l.pressed = true
		l.happen("sos", "", sos{true})
		l.report()
		l.after(hold, func() {
			l.pressed = false
			l.happen("sos", "", sos{false})
			l.report()
		})
	})
}

// Fail breaks the lamp head; Repair makes it burn again.
func (l *Lamp) Fail() { l.do(func() { l.fail(true) }) }

// Repair ends Fail. The meter shows it, as the crew's proof.
func (l *Lamp) Repair() { l.do(func() { l.fail(false) }) }

func (l *Lamp) fail(broken bool) {
	if l.failed == broken {
		return
	}
	l.failed = broken
	l.happen("lamp_failure", "", activeData{broken})
	l.report()
	l.tell(time.Now())
}

// Leak begins or ends a fault to earth. Its own breaker is slower than a hand.
func (l *Lamp) Leak(on bool) {
	type leak struct {
		Active bool    `json:"active"`
		MA     float64 `json:"leakage_ma"`
	}
	l.do(func() {
		if l.leaks == on {
			return
		}
		l.leaks = on
		now := leak{Active: on}
		if on {
			now.MA = 43
		}
		l.happen("leakage", "", now)
	})
}

func (l *Lamp) command(c command) (func(), error) {
	a, err := args[struct {
		Pct *float64 `json:"pct"`
		For float64  `json:"for_s"`
	}](c)
	if err != nil {
		return nil, err
	}
	switch c.Type {
	case "dim":
		if a.Pct == nil || *a.Pct < 0 || *a.Pct > 100 {
			return nil, errors.New("pct must be from 0 to 100")
		}
		return func() { l.set(c.ID, *a.Pct) }, nil
	case "schedule":
		return func() { l.set(c.ID, -1) }, nil
	case "cut":
		return func() { l.supply(c.ID, true) }, nil
	case "restore":
		if l.leaks {
			return nil, errors.New("it still leaks to earth")
		}
		return func() { l.supply(c.ID, false) }, nil
	case "flash":
		hold := time.Duration(max(0.1, min(a.For, 3600)) * float64(time.Second))
		return func() { l.flash(c.ID, hold) }, nil
	}
	return nil, errUnknown
}

func (l *Lamp) set(id string, dim float64) {
	l.dim = dim
	l.report()
	l.tell(time.Now())
	l.finish(id, map[string]any{"dim_pct": l.level(time.Now())})
}

func (l *Lamp) supply(id string, cut bool) {
	l.cut = cut
	l.report()
	l.tell(time.Now())
	l.finish(id, map[string]any{"cut": cut})
}

func (l *Lamp) flash(id string, hold time.Duration) {
	l.flashing++
	n := l.flashing
	l.report()
	l.finish(id, nil)
	l.after(hold, func() {
		if l.flashing == n {
			l.flashing = 0
			l.report()
		}
	})
}

// level is the brightness in per cent: as commanded, full while it flashes, by the
// hub's plan, or, without one, by the clock.
func (l *Lamp) level(now time.Time) float64 {
	switch {
	case l.flashing > 0 || l.pressed:
		return 100
	case l.dim >= 0:
		return l.dim
	}
	if pct, ok := l.plan.level(now); ok {
		return pct
	}
	return scheduled(now)
}

// site is the offset of China Standard Time; the estate has no other.
const site = 8 * time.Hour

// daylight is the sun's height as a number from -1 (midnight) to 1 (noon).
func daylight(now time.Time) float64 {
	t := now.UTC().Add(site)
	hours := float64(t.Hour()) + float64(t.Minute())/60
	return -math.Cos(hours / 24 * 2 * math.Pi)
}

// scheduled is the calendar's brightness: dark by day, full in the evening, 60 %
// after 23 h.
func scheduled(now time.Time) float64 {
	h := now.UTC().Add(site).Hour()
	switch {
	case daylight(now) > -0.05:
		return 0
	case h >= 23 || h < 5:
		return 60
	}
	return 100
}

// tell measures and sends.
func (l *Lamp) tell(now time.Time) {
	dim, sun := l.level(now), daylight(now)
	burning := dim
	if l.failed || l.cut {
		burning = 0
	}
	volt := 228 + 4*l.rand.Float64()
	power := lampIdle + lampFull*burning/100*(0.98+0.04*l.rand.Float64())
	l.measure("", map[string]any{
		"power_w": round(power, 1), "voltage_v": round(volt, 1), "current_a": round(power/volt/0.95, 3), "dim_pct": dim,
		"lux":        round(max(0, sun)*38000*(0.9+0.2*l.rand.Float64())+burning*0.22, 0),
		"temp_c":     round(16+6*sun+l.rand.Float64(), 1),
		"noise_db":   round(48+6*sun+5*l.rand.Float64(), 1),
		"pm25_ug_m3": round(28+8*l.rand.Float64(), 0),
	})
}

func round(x float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(x*p) / p
}
