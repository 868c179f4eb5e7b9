package incident

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dongyue/internal/simulator/agent"
)

// How a visit goes. The gate has a moment before the visitor has parked and stands at the
// stair.
const (
	parkFor   = 8 * time.Second
	talkFor   = 12 * time.Second
	cloneGone = 10 * time.Second
	outFor    = 6 * time.Second
	ringFor   = 45 * time.Second
)

// visitorCar lets a guest drive in, go up, and drive out; a car with a copied plate is at
// the barrier while the guest is inside.
func (s *Script) visitorCar(ctx context.Context) error {
	if s.opts.Hosts == nil {
		return errors.New("nobody here has visitors")
	}
	g, err := s.opts.Hosts.Invite(ctx)
	if err != nil {
		return fmt.Errorf("invite a visitor: %w", err)
	}
	defer g.Over()
	barrier, ok := s.opts.Fleet.Door(g.Gate)
	stair, there := s.opts.Fleet.Door(g.Door)
	if !ok || !there {
		return fmt.Errorf("%s or %s is not simulated", g.Gate, g.Door)
	}
	barrier.Drive(g.Plate, false)
	if !s.wait(ctx, parkFor) {
		return nil
	}
	code, err := g.Code(ctx)
	if err != nil {
		return fmt.Errorf("look at the visitor's phone: %w", err)
	}
	stair.Show("qr", code)
	if !s.wait(ctx, talkFor) {
		return nil
	}
	barrier.Drive(g.Plate, false)
	if !s.wait(ctx, cloneGone) {
		return nil
	}
	barrier.Drive(g.Plate, true)
	s.wait(ctx, outFor)
	return nil
}

// doorbell rings at the home of the first resident, who has the demonstration's account.
func (s *Script) doorbell(ctx context.Context) error {
	ps := s.people()
	if len(ps) == 0 {
		return errors.New("nobody lives here")
	}
	p := ps[0]
	return at(ctx, s, []string{p.Door}, s.opts.Fleet.Door, func(x *agent.Door) { x.Ring(p.Flat) }, ringFor, nil)
}
