package incident

import (
	"context"
	"fmt"
	"time"

	"dongyue/internal/simulator/agent"
	"dongyue/internal/simulator/community"
)

// The story of shed B: acceptance scenario S1. It begins at 46 °C and not at 38, so
// that the cut is owed to the temperature and not to two minutes of heating; at 8 K
// a minute it is three minutes to the smoke.
const (
	shedBFor     = 3 * time.Minute // unless the caller chooses
	shedBFrom    = 46.0            // °C
	shedBSmokes  = 70.0            // °C
	shedBSwings  = 54.0            // °C
	shedBPort    = "7"
	shedBSettles = 130 * time.Second // of a charge that the hub must have seen before it judges its curve
	shedBAgain   = 20 * time.Second  // after the first smoke, the second
	shedBCrew    = 2 * time.Minute   // until somebody is there: the telephone has gone two steps
	shedBReset   = time.Minute       // what was cut before must be closed again
)

// others charge beside the one that burns.
func shedBOthers() []string { return []string{"2", "3", "5", "6", "8", "9", "12", "15", "20"} }

// shedB plays a battery that nothing stops: its curve swings, its plug heats, its
// relay sticks, and it smokes although the feeder is off. The bike is the first
// resident's, who can see on the phone what it comes to.
func (s *Script) shedB(ctx context.Context, last time.Duration) error {
	id, free, err := s.pick([]string{community.ShedB})
	if err != nil {
		return err
	}
	defer free()
	c, ok := s.opts.Fleet.Charger(id)
	if !ok {
		return fmt.Errorf("%s is not simulated", id)
	}
	defer c.ResetAll()
	began, err := s.fill(ctx, c)
	if err != nil || !began {
		return err
	}
	if p, ok := c.Port(ctx, shedBPort); ok {
		swings := time.Duration(float64(last) * (shedBSwings - shedBFrom) / (shedBSmokes - shedBFrom))
		s.rest(ctx, s.pace(shedBSettles-swings)-p.Since)
	}
	c.BurnDown(shedBPort, shedBFrom, (shedBSmokes-shedBFrom)/s.pace(last).Seconds())
	for {
		if !s.wait(ctx, lookEvery) {
			return nil
		}
		if p, ok := c.Port(ctx, shedBPort); !ok || p.Temp >= shedBSmokes {
			break
		}
	}
	if s.wait(ctx, shedBAgain) {
		c.Puff(shedBPort)
		s.wait(ctx, shedBCrew-shedBAgain)
	}
	return nil
}

// fill lets ten bikes charge, the one of the story among them.
func (s *Script) fill(ctx context.Context, c *agent.Charger) (began bool, err error) {
	for _, p := range shedBOthers() {
		c.Occupy(p)
	}
	user := ""
	if all := s.opts.Fleet.People(); len(all) > 0 {
		user = all[0].ID
	}
	for end, asked := time.Now().Add(s.pace(shedBReset)), false; ; {
		c.Plug(shedBPort, user)
		p, ok := c.Port(ctx, shedBPort)
		switch {
		case !ok:
			return false, nil
		case p.State == "charging":
			return true, nil
		case time.Now().After(end):
			return false, fmt.Errorf("%s: port %s is %s and nobody resets it", c.ID(), shedBPort, p.State)
		}
		if !asked { // as the crew would
			c.Reset(shedBPort)
			asked = true
		}
		if !s.wait(ctx, lookEvery) {
			return false, nil
		}
	}
}

// rest is wait for a time that is not stretched; nothing for one that has passed.
func (s *Script) rest(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
