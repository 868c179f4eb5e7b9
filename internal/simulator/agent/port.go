package agent

import (
	"math"
	"math/rand/v2"
	"time"
)

// portState is what a socket does; the word is what telemetry tells.
type portState string

const (
	idle     portState = "idle"     // nothing plugged in
	charging portState = "charging" //
	full     portState = "full"     // floating, the bike is still there
	stopped  portState = "stopped"  // ended by command, the bike is still there
	cut      portState = "cut"      // relay open until somebody resets it on site
)

// port is one socket with its meter: a pure model that time moves on.
type port struct {
	state   portState
	user    string
	session string // of the hub that asked for it; "": by card
	battery string
	peak    float64       // W in the constant-current phase
	need    float64       // Wh until the battery is full
	limit   float64       // Wh after which it ends, 0 for none
	energy  float64       // Wh of this session
	power   float64       // W
	temp    float64       // °C at the plug
	leak    float64       // mA
	age     time.Duration // since the state began
	runaway float64       // °C per second, 0 for a healthy battery
	reset   bool          // somebody was on site since the cut
	stuck   bool          // the relay's contacts are welded: only the feeder takes the power away
	wild    bool          // the cells feed themselves: taking the power away does not cool them
}

// Constants of the model. A lead-acid or lithium e-bike battery of 0.5 to 1.2 kWh
// takes constant current to about 80 %, then the current decays.
const (
	ambient    = 22.0
	knee       = 0.8
	floating   = 4.0 // W of a charger with a full battery
	plugRise   = 9.0 // K that a clean plug warms at its peak
	plugTau    = 4 * time.Minute
	coolTau    = 40 * time.Second // of a socket without current; short, so that a newcomer sees it
	mainsVolts = 228.0
	hottest    = 95.0
	swingsAt   = 54.0            // °C from which a wild battery's protection trips and comes back
	swing      = 0.28            // of its power, either way
	swingHalf  = 2 * time.Second // of a wave
	smokesAt   = 70.0            // °C at which a wild battery vents
)

// plug begins a session.
func (p *port) plug(user string, limit float64, r *rand.Rand) {
	*p = port{
		state: charging, user: user, limit: limit, stuck: p.stuck, temp: max(p.temp, ambient), leak: 0.4 + 0.6*r.Float64(),
		peak: 140 + 220*r.Float64(), need: 400 + 800*r.Float64(),
	}
	p.power = p.peak
}

// advance moves the model on by a step of at most a few seconds; ended tells
// why a session came to its end within it.
func (p *port) advance(dt time.Duration, r *rand.Rand) (ended string) {
	if p.state == "" {
		p.state, p.temp = idle, ambient
	}
	p.age += dt
	switch p.state {
	case charging:
		p.power = p.draw(r)
		p.energy += p.power * dt.Hours()
		switch {
		case p.energy >= p.need && p.runaway == 0:
			p.to(full)
			ended = "full"
		case p.limit > 0 && p.energy >= p.limit:
			p.to(stopped)
			ended = "limit"
		}
	case full:
		p.power = floating
	case idle, stopped, cut:
		p.power = 0
	}
	p.warm(dt, r)
	return ended
}

// draw is the power of a charging battery. One in runaway swings by a fifth, as
// the cells' separators give way one after the other.
func (p *port) draw(r *rand.Rand) float64 {
	part := p.energy / p.need
	w := p.peak
	if part > knee {
		w *= math.Exp(-3 * (part - knee) / (1 - knee))
	}
	switch {
	case p.wild && p.temp >= swingsAt && p.age/swingHalf%2 == 0:
		return p.peak * (1 + swing)
	case p.wild && p.temp >= swingsAt:
		return p.peak * (1 - swing)
	case p.wild:
		return p.peak * (0.99 + 0.02*r.Float64())
	case p.runaway > 0:
		return p.peak * (0.8 + 0.4*r.Float64())
	}
	return max(w, 2*floating) * (0.99 + 0.02*r.Float64())
}

func (p *port) warm(dt time.Duration, r *rand.Rand) {
	if p.runaway > 0 && (p.state == charging || p.wild) {
		p.temp = min(p.temp+p.runaway*dt.Seconds(), hottest)
		return
	}
	target, tau := ambient, coolTau
	if p.power > 0 {
		target, tau = ambient+plugRise*p.power/300, plugTau
	}
	p.temp += (target - p.temp) * (1 - math.Exp(-dt.Seconds()/tau.Seconds()))
	p.temp += 0.05 * (r.Float64() - 0.5)
}

func (p *port) to(s portState) {
	p.state, p.age = s, 0
	if s != charging {
		p.power = 0
		if !p.wild {
			p.runaway = 0
		}
	}
}

// values is what the meter tells.
func (p *port) values() map[string]any {
	v := map[string]any{
		"state": string(p.state), "power_w": round(p.power, 1), "current_a": round(p.power/mainsVolts, 3),
		"voltage_v": mainsVolts, "temp_c": round(p.temp, 1), "energy_wh": round(p.energy, 1), "leakage_ma": round(p.leak, 2),
	}
	if p.state == cut || p.state == stopped { // the meter sits behind the relay
		v["voltage_v"], v["leakage_ma"] = 0.0, 0.0
	}
	return v
}
