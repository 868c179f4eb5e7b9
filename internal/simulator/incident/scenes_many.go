package incident

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"dongyue/internal/event"
	"dongyue/internal/simulator/agent"
	"dongyue/internal/simulator/community"
)

// feederFailure darkens all lamps of one feeder, one shortly after the other as
// their controllers notice.
func (s *Script) feederFailure(ctx context.Context) error {
	byFeeder := map[string][]*agent.Lamp{}
	for _, id := range s.opts.Fleet.IDs(event.Lamp) {
		if l, ok := s.opts.Fleet.Lamp(id); ok {
			f := l.Spec().Labels["feeder"]
			byFeeder[f] = append(byFeeder[f], l)
		}
	}
	var names []string
	for f := range byFeeder {
		names = append(names, f)
	}
	slices.Sort(names)
	feeder, free, err := s.pick(names)
	if err != nil {
		return err
	}
	defer free()
	for _, l := range byFeeder[feeder] {
		l.Fail()
		defer l.Repair()
		s.wait(ctx, feederScatter)
	}
	s.wait(ctx, darkFor)
	return nil
}

func (s *Script) cameraOutage(ctx context.Context) error {
	if s.opts.Cameras == nil || len(s.opts.Views) == 0 {
		return errors.New("there are no simulated cameras")
	}
	ids := make([]string, len(s.opts.Views))
	for i, v := range s.opts.Views {
		ids[i] = v.ID
	}
	id, free, err := s.pick(ids)
	if err != nil {
		return err
	}
	defer free()
	if err := s.opts.Cameras.Off(id); err != nil {
		return fmt.Errorf("switch %s off: %w", id, err)
	}
	s.wait(ctx, cameraOffFor)
	if err := s.opts.Cameras.On(id); err != nil {
		return fmt.Errorf("switch %s on: %w", id, err)
	}
	return nil
}

func (s *Script) cameraCovered(ctx context.Context) error {
	return s.lens(func(id string) error {
		if err := s.opts.Lenses.Cover(id, true); err != nil {
			return err
		}
		s.wait(ctx, lensFor)
		return s.opts.Lenses.Cover(id, false)
	})
}

func (s *Script) lineCrossed(context.Context) error {
	return s.lens(func(id string) error { return s.opts.Lenses.Cross(id) })
}

// lens picks a camera that notices something.
func (s *Script) lens(f func(id string) error) error {
	if s.opts.Lenses == nil || len(s.opts.Lenses.IDs()) == 0 {
		return errors.New("there are no simulated cameras that notice anything")
	}
	id, free, err := s.pick(s.opts.Lenses.IDs())
	if err != nil {
		return err
	}
	defer free()
	return f(id)
}

// stranger holds a card to a reader that no resident has.
func (s *Script) stranger(ctx context.Context) error {
	return at(ctx, s, s.seen(event.Door), s.opts.Fleet.Door, func(x *agent.Door) { x.Badge(s.unknownCard()) }, pressFor, nil)
}

func (s *Script) unknownCard() string {
	for {
		card := fmt.Sprintf("9%09d", s.dice(1_000_000_000))
		if !slices.ContainsFunc(s.people(), func(p resident) bool { return p.Card == card }) {
			return card
		}
	}
}

func (s *Script) resident(ctx context.Context) error {
	ps := s.people()
	if len(ps) == 0 {
		return errors.New("nobody lives here")
	}
	p := ps[s.dice(len(ps))]
	return at(ctx, s, []string{p.Door}, s.opts.Fleet.Door, func(x *agent.Door) { x.Badge(p.Card) }, pressFor, nil)
}

// cardOf is the card of somebody who lives behind a door.
func (s *Script) cardOf(door string) string {
	for _, p := range s.people() {
		if p.Door == door {
			return p.Card
		}
	}
	return s.unknownCard()
}

type resident = community.Person

func (s *Script) people() []resident { return s.opts.Fleet.People() }
