package agent

import (
	"cmp"
	"math"
	"strconv"
	"time"

	"dongyue/internal/simulator/community"
)

// Charger is a charging shed: ten sockets or more on one feeder, each with its meter and
// its relay.
type Charger struct {
	Device
	times Times
	users func() string     // who plugs in
	first map[string]string // who is there from the beginning, by socket

	ports   []*port // port "1" is ports[0]
	last    time.Time
	turn    int // which of the quiet ports reports next
	fast    bool
	smoking bool
	gas     float64   // ppm that the sensor under the roof breathes
	total   float64   // Wh that went through the feeder's meter
	alone   time.Time // since when there is no hub; zero: there is one
}

// Habits of the residents, from which the share of busy ports follows: about two
// fifths, some 240 of 600.
const (
	busyAtStart  = 0.4
	meanIdle     = 3 * time.Hour
	meanFullStay = 40 * time.Minute
)

// ownLimit is the temperature in °C at which the shed cuts a port by itself and
// tells of smoke: protection must not need the hub.
const ownLimit = 82.0

type (
	sessionData struct {
		Part    string  `json:"part"`
		User    string  `json:"user"`
		Session string  `json:"session,omitempty"` // the hub's, where it asked for it
		Battery string  `json:"battery,omitempty"`
		Energy  float64 `json:"energy_wh"`
		Reason  string  `json:"reason"`
	}
	faultData struct {
		Code   string `json:"code"`
		Active bool   `json:"active"`
	}
	chargerState struct {
		Feeder string            `json:"feeder"`
		Ports  map[string]string `json:"ports"`
		Smoke  bool              `json:"smoke"`
		Fault  bool              `json:"fault"`
	}
)

func (c *Charger) start() {
	old := c.ports
	c.ports = make([]*port, c.sockets())
	for i := range c.ports {
		p := &port{state: idle, temp: ambient}
		c.ports[i] = p
		switch {
		case old != nil && old[i].state == cut: // the relay latches; power alone does not close it
			p.state, p.reset = cut, old[i].reset
		case old == nil && (c.rand.Float64() < busyAtStart || c.first[part(i)] != ""):
			p.plug(cmp.Or(c.first[part(i)], c.users()), 0, c.rand)
			p.energy = p.need * c.rand.Float64() * 0.95
			if c.first[part(i)] != "" { // who has just come: the hub hears of it, and it takes a while
				p.energy = 0
				c.happen("session_started", part(i), sessionData{part(i), p.user, "", "", 0, ""})
			}
			p.temp = ambient + plugRise*p.peak/300
		}
	}
	c.last, c.fast, c.smoking, c.gas, c.alone = time.Now(), false, false, cleanAir, time.Time{}
	c.every(c.times.Port, c.tick)
}

// sockets is how many there are on the wall.
func (c *Charger) sockets() int {
	if n, err := strconv.Atoi(c.spec.Labels["ports"]); err == nil && n > 0 {
		return n
	}
	return community.PortsPerShed
}

func (c *Charger) state() any {
	s := chargerState{Feeder: c.spec.Labels["feeder"], Ports: map[string]string{}, Smoke: c.smoking}
	for i, p := range c.ports {
		s.Ports[part(i)] = string(p.state)
		s.Fault = s.Fault || p.state == cut
	}
	return s
}

func (c *Charger) config([]byte) {}

func part(i int) string { return strconv.Itoa(i + 1) }

// port finds a port by its name.
func (c *Charger) port(name string) (int, *port, bool) {
	n, err := strconv.Atoi(name)
	if err != nil || n < 1 || n > len(c.ports) || part(n-1) != name {
		return 0, nil, false
	}
	return n - 1, c.ports[n-1], true
}

// tick is the regular report: every charging port, and one of the quiet ones.
func (c *Charger) tick() {
	c.move(time.Now())
	c.lonely(time.Now())
	c.tellFeeder()
	for i, p := range c.ports {
		if p.state == charging || p.state == full {
			c.tell(i)
		}
	}
	if c.turn++; c.turn%3 == 0 {
		if i := c.turn / 3 % len(c.ports); c.ports[i].state != charging {
			c.tell(i)
		}
	}
	c.habits()
}

// move brings all ports to now.
func (c *Charger) move(now time.Time) {
	dt := now.Sub(c.last)
	c.last = now
	changed := false
	for i, p := range c.ports {
		if why := p.advance(dt, c.rand); why != "" {
			c.ended(i, why)
			changed = true
		}
		if p.temp >= ownLimit && p.state == charging {
			c.burn(i)
			changed = true
		}
		if p.wild && p.temp >= smokesAt {
			c.smoke(part(i), true)
		}
	}
	c.feed(dt)
	if changed {
		c.report()
	}
}

// What the shed's own sensor breathes: clean air, and the vapour of cells that vent
// before they smoke.
const (
	cleanAir = 0.3  // ppm
	ventsAt  = 62.0 // °C
	vents    = 3.0  // ppm a second
	thickest = 60.0 // ppm
	airTau   = time.Minute
)

// feed moves the feeder's meter and the air on.
func (c *Charger) feed(dt time.Duration) {
	venting := false
	for _, p := range c.ports {
		c.total += p.power * dt.Hours()
		venting = venting || p.wild && p.temp >= ventsAt
	}
	if venting {
		c.gas = min(c.gas+vents*dt.Seconds(), thickest)
	} else {
		c.gas += (cleanAir - c.gas) * (1 - math.Exp(-dt.Seconds()/airTau.Seconds()))
	}
}

// tellFeeder tells of the cabinet as a whole: its meter and its air.
func (c *Charger) tellFeeder() {
	var watts float64
	for _, p := range c.ports {
		watts += p.power
	}
	c.measure("", map[string]any{
		"power_w": round(watts, 1), "current_a": round(watts/mainsVolts, 3), "voltage_v": mainsVolts, "energy_wh": round(c.total, 1), "voc_ppm": round(c.gas, 2),
	})
}

// lonely ends what charges when there has been no hub for half an hour: nobody would
// see it burn. Until then the sessions go on.
func (c *Charger) lonely(now time.Time) {
	switch {
	case c.Online():
		c.alone = time.Time{}
		return
	case c.alone.IsZero():
		c.alone = now
		return
	case now.Sub(c.alone) < c.times.Alone:
		return
	}
	for i, p := range c.ports {
		if p.state == charging {
			p.to(stopped)
			c.ended(i, "hub_away")
		}
	}
	c.report()
}

// habits lets people come and go.
func (c *Charger) habits() {
	for i, p := range c.ports {
		switch {
		case p.state == idle && c.Online() && c.chance(meanIdle): // a cabinet without a hub begins nothing
			c.begin(i, c.users())
		case (p.state == full || p.state == stopped) && c.chance(meanFullStay):
			c.leave(i)
		default:
			continue
		}
		c.report()
	}
}

// chance is true once per mean, tick by tick.
func (c *Charger) chance(mean time.Duration) bool {
	return c.rand.Float64() < c.times.Port.Seconds()/mean.Seconds()
}

func (c *Charger) begin(i int, user string) {
	c.beginAs(i, chargerArgs{User: user})
}

// beginAs is begin for a session that the hub has asked for.
func (c *Charger) beginAs(i int, a chargerArgs) {
	p := c.ports[i]
	p.plug(a.User, a.Limit, c.rand)
	p.session, p.battery = a.Session, a.Battery
	c.happen("session_started", part(i), sessionData{part(i), a.User, a.Session, a.Battery, 0, ""})
	c.tell(i)
}

func (c *Charger) ended(i int, why string) {
	p := c.ports[i]
	c.happen("session_ended", part(i), sessionData{part(i), p.user, p.session, p.battery, round(p.energy, 1), why})
	c.tell(i)
}

// leave pulls the plug.
func (c *Charger) leave(i int) {
	c.ports[i].to(idle)
	c.ports[i].user, c.ports[i].energy, c.ports[i].leak = "", 0, 0
	c.happen("unplugged", part(i), nil)
	c.tell(i)
}

// open opens a port's relay until it is reset on site.
func (c *Charger) open(i int, why string) {
	p := c.ports[i]
	busy := p.state == charging
	p.to(cut)
	p.reset = false
	if busy {
		c.ended(i, why)
	} else {
		c.tell(i)
	}
}

// burn is what happens when nobody has cut a port in runaway: smoke, and the
// shed's own protection.
func (c *Charger) burn(i int) {
	c.smoking = true
	c.happen("smoke", part(i), activeData{true})
	c.open(i, "over_temperature")
	c.happen("fault", part(i), faultData{"over_temperature", true})
}

func (c *Charger) tell(i int) { c.measure(part(i), c.ports[i].values()) }
