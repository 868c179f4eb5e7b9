package agent

import (
	"errors"
	"fmt"
	"time"
)

var (
	errNoPort    = errors.New("no such port")
	errBusy      = errors.New("port is in use")
	errCut       = errors.New("port is cut")
	errNotBusy   = errors.New("port is not charging")
	errNotReset  = errors.New("port was not reset on site")
	errNotCut    = errors.New("port is not cut")
	errAmbiguous = errors.New("either part or feeder is wanted")
)

type chargerArgs struct {
	Part    string  `json:"part"`
	Feeder  any     `json:"feeder"`
	User    string  `json:"user"`
	Session string  `json:"session"`
	Battery string  `json:"battery"`
	Limit   float64 `json:"limit_wh"`
}

func (c *Charger) command(m command) (func(), error) {
	a, err := args[chargerArgs](m)
	if err != nil {
		return nil, err
	}
	if m.Type == "cut" || m.Type == "restore" && a.Part == "" {
		return c.relays(m, a)
	}
	i, p, ok := c.port(a.Part)
	if !ok {
		return nil, errNoPort
	}
	switch {
	case m.Type == "start" && p.state == cut:
		return nil, errCut
	case m.Type == "start" && p.state == charging:
		return nil, errBusy
	case m.Type == "stop" && p.state != charging:
		return nil, errNotBusy
	case m.Type == "restore":
		if err := restorable(p); err != nil {
			return nil, err
		}
	}
	return func() { c.act(m, a, i) }, errIf(m.Type != "start" && m.Type != "stop" && m.Type != "restore", errUnknown)
}

func errIf(bad bool, err error) error {
	if bad {
		return err
	}
	return nil
}

func restorable(p *port) error {
	switch {
	case p.state != cut:
		return errNotCut
	case !p.reset:
		return errNotReset
	}
	return nil
}

func (c *Charger) act(m command, a chargerArgs, i int) {
	switch m.Type {
	case "start":
		c.beginAs(i, a)
	case "stop":
		c.ports[i].to(stopped)
		c.ended(i, "stopped")
	case "restore":
		c.close(i)
	}
	c.report()
	c.finish(m.ID, map[string]any{"part": a.Part, "state": string(c.ports[i].state)})
}

// relays cuts a port or the feeder, or restores all that was reset. The reply
// carries the power that the meters still read, so that the hub can tell a
// relay that sticks.
func (c *Charger) relays(m command, a chargerArgs) (func(), error) {
	whole := a.Part == ""
	if m.Type == "cut" && whole == (a.Feeder == nil || a.Feeder == false || a.Feeder == "") {
		return nil, errAmbiguous
	}
	if !whole {
		if _, _, ok := c.port(a.Part); !ok {
			return nil, fmt.Errorf("%w: %.32q", errNoPort, a.Part)
		}
	}
	return func() {
		c.move(time.Now())
		var watts float64
		for i, p := range c.ports {
			if whole || part(i) == a.Part {
				c.relay(i, m.Type == "cut", whole)
				watts += p.power
			}
		}
		c.report()
		c.finish(m.ID, map[string]any{"power_w": round(watts, 1)})
	}, nil
}

// relay opens or closes one port; welded contacts need the feeder's.
func (c *Charger) relay(i int, cut, feeder bool) {
	p := c.ports[i]
	switch {
	case cut && (feeder || !p.stuck):
		c.open(i, "cut")
	case !cut && restorable(p) == nil:
		c.close(i)
	}
}

// close closes a relay; what was plugged in is gone by then.
func (c *Charger) close(i int) {
	p := c.ports[i]
	p.to(idle)
	p.user, p.energy, p.reset = "", 0, false
	c.tell(i)
}

// Overheat makes a battery run away: its plug warms from 38 °C on by rate kelvin
// per second until the port is cut, by the hub or by the shed itself at 82 °C. A
// port that is not charging gets a bike first.
func (c *Charger) Overheat(name string, rate float64) {
	c.do(func() {
		i, p, ok := c.port(name)
		if !ok || p.state == cut || p.runaway > 0 {
			return
		}
		c.move(time.Now())
		if p.state != charging {
			c.begin(i, c.users())
			c.report()
		}
		p.runaway, p.temp = rate, max(p.temp, 38)
		c.watch(i)
	})
}

// Plug takes away what is at a socket and lets somebody charge there; without effect
// where a session of theirs runs already, or where the socket is cut.
func (c *Charger) Plug(name, user string) {
	c.do(func() {
		i, p, ok := c.port(name)
		if !ok || p.state == cut || p.state == charging && p.user == user {
			return
		}
		c.move(time.Now())
		if p.state == charging {
			p.to(stopped)
			c.ended(i, "stopped")
		}
		if p.state != idle {
			c.leave(i)
		}
		c.begin(i, user)
		c.report()
	})
}

// BurnDown makes a battery run away that nothing stops: its plug warms from a
// temperature on by rate kelvin per second, its power swings from 54 °C on, its relay
// sticks, and when the feeder has taken the power away its cells go on by themselves.
// It smokes at 70 °C. Reset ends it.
func (c *Charger) BurnDown(name string, from, rate float64) {
	c.do(func() {
		i, p, ok := c.port(name)
		if !ok || p.state != charging || p.runaway > 0 {
			return
		}
		c.move(time.Now())
		p.runaway, p.wild, p.stuck, p.temp = rate, true, true, max(p.temp, from)
		c.watch(i)
	})
}

// watch reports a port every second while it is hot.
func (c *Charger) watch(i int) {
	c.move(time.Now())
	c.tell(i)
	if c.ports[i].wild {
		c.tellFeeder()
	}
	if p := c.ports[i]; p.runaway > 0 || p.temp > 45 {
		c.after(c.times.Hot, func() { c.watch(i) })
	}
}

// Stick welds a port's relay: a cut of the port alone will not take its power
// away, and its meter will say so.
func (c *Charger) Stick(name string) {
	c.do(func() {
		if _, p, ok := c.port(name); ok {
			p.stuck = true
		}
	})
}

// Smoke begins or ends smoke in the shed.
func (c *Charger) Smoke(active bool) {
	c.do(func() { c.smoke("", active) })
}

func (c *Charger) smoke(name string, active bool) {
	if c.smoking != active {
		c.smoking = active
		c.happen("smoke", name, activeData{active})
		c.report()
	}
}

// Puff tells of smoke once more, as a detector does that was reset and still finds it.
func (c *Charger) Puff(name string) {
	c.do(func() {
		if c.smoking {
			c.happen("smoke", name, activeData{true})
		}
	})
}

// Occupy lets somebody charge at a socket that nobody uses.
func (c *Charger) Occupy(name string) {
	c.do(func() {
		if i, p, ok := c.port(name); ok && p.state == idle {
			c.move(time.Now())
			c.begin(i, c.users())
			c.report()
		}
	})
}

// ResetAll is the crew's round through the whole shed: every socket that was cut.
func (c *Charger) ResetAll() {
	for i := range c.sockets() {
		c.Reset(part(i))
	}
}

// Reset is the crew's act on site: the smoke has gone, the bike is out, the
// relay may close again. It closes by the hub's restore, or by the crew's key
// when the hub leaves it out.
func (c *Charger) Reset(name string) {
	c.do(func() {
		i, p, ok := c.port(name)
		if !ok {
			return
		}
		c.smoke(name, false)
		p.stuck, p.wild = false, false
		if p.state != cut {
			if p.runaway > 0 {
				p.to(stopped)
				c.ended(i, "stopped")
				c.report()
			}
			return
		}
		p.reset, p.runaway, p.temp = true, 0, min(p.temp, ambient+15)
		c.happen("reset", name, nil)
		c.happen("fault", name, faultData{"over_temperature", false})
		c.report()
		c.after(c.times.Key, func() {
			if restorable(p) == nil && c.ports[i] == p {
				c.close(i)
				c.report()
			}
		})
	})
}
