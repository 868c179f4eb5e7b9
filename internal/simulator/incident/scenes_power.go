package incident

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/simulator/agent"
)

// The power cut. Each device says twelve things in it: one Will for the cut, then
// four times presence and state as it comes back, and the three Wills between. For
// 400 devices that makes about 5,000 events, however long it lasts.
const (
	powerCutZone  = "east"
	powerCutFor   = 3 * time.Minute // unless the caller chooses
	darkShare     = 5               // the first fifth is dark …
	darkMost      = time.Minute     // … or this
	darkLeast     = 9 * time.Second // or half of a short one: what is dark for less than a rule waits is no cut
	comebacks     = 4
	cutScatter    = 1500 * time.Millisecond // what the capacitors of power supplies hold
	chatterFor    = time.Minute
	chatterOpen   = 2 * time.Second
	chatterClosed = 3 * time.Second
)

// powerCut takes the supply of a whole court away and gives it back flickering:
// every device goes on and off at times of its own. One door is spared the
// flickering, and half-way somebody breaks it open.
func (s *Script) powerCut(ctx context.Context, last time.Duration) error {
	all := s.opts.Fleet.In(powerCutZone)
	if len(all) == 0 {
		return errors.New("no simulated device stands in the East Court")
	}
	defer s.seize(all)()
	door := s.spared(all)
	dark := min(max(last/darkShare, min(darkLeast, last/2)), darkMost)
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, d := range all {
		r := rand.New(rand.NewPCG(s.opts.Seed, uint64(s.dice(1<<30)))) //nolint:gosec // dice
		times := comebacks
		if door != nil && d.ID() == door.ID() {
			times = 1
		}
		wg.Go(func() { s.flicker(ctx, d, r, dark, last, times) })
	}
	if !s.wait(ctx, last/2) || door == nil {
		return nil
	}
	door.Force(s.pace(forcedFor))
	s.wait(ctx, forcedFor)
	door.Close()
	return nil
}

// spared is the door of the burglary: one that a camera sees, where there is one.
func (s *Script) spared(all []*agent.Device) *agent.Door {
	var doors []string
	for _, d := range all {
		if d.Spec().Kind == event.Door {
			doors = append(doors, d.ID())
		}
	}
	var seen []string
	for _, id := range s.seen(event.Door) {
		if slices.Contains(doors, id) {
			seen = append(seen, id)
		}
	}
	if len(seen) > 0 {
		doors = seen
	}
	if len(doors) == 0 {
		return nil
	}
	door, _ := s.opts.Fleet.Door(doors[s.dice(len(doors))])
	return door
}

// flicker is one device in the power cut. At the end it has power, whatever
// happened.
func (s *Script) flicker(ctx context.Context, d *agent.Device, r *rand.Rand, dark, last time.Duration, comebacks int) {
	defer d.PowerOn()
	upTo := func(d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d) + 1)) }
	fall := upTo(cutScatter)
	if !s.wait(ctx, fall) {
		return
	}
	d.PowerOff()
	if !s.wait(ctx, dark-fall) {
		return
	}
	slot := (last - dark) / time.Duration(comebacks)
	for n := range comebacks {
		// On in the first third of the slot, off again in its last.
		on := upTo(slot / 3)
		if comebacks == 1 {
			on = upTo(slot / 8)
		}
		if !s.wait(ctx, on) {
			return
		}
		d.PowerOn()
		if n == comebacks-1 {
			return
		}
		off := slot*2/3 + upTo(slot/6)
		if !s.wait(ctx, off-on) {
			return
		}
		d.PowerOff()
		if !s.wait(ctx, slot-off) {
			return
		}
	}
}

// switchDead pulls every cable out of the switch of one cabinet, and its monitor's.
func (s *Script) switchDead(ctx context.Context) error {
	var cabinets []string
	for _, id := range s.opts.Fleet.IDs(event.Sensor) {
		if len(s.opts.Fleet.On(id)) > 1 {
			cabinets = append(cabinets, id)
		}
	}
	id, free, err := s.pick(cabinets)
	if err != nil {
		return err
	}
	defer free()
	on := s.opts.Fleet.On(id)
	defer s.seize(on)()
	for _, d := range on {
		d.NetworkOff()
		defer d.NetworkOn()
	}
	s.wait(ctx, offlineFor)
	return nil
}

// chatter is a contact that opens and closes for a minute, a dozen times.
func (s *Script) chatter(ctx context.Context) error {
	id, free, err := s.pick(s.opts.Fleet.IDs(event.Door))
	if err != nil {
		return err
	}
	defer free()
	door, ok := s.opts.Fleet.Door(id)
	if !ok {
		return errors.New("there are no simulated doors")
	}
	for range int(chatterFor / (chatterOpen + chatterClosed)) {
		door.Tamper(true)
		ok := s.wait(ctx, chatterOpen)
		door.Tamper(false)
		if !ok || !s.wait(ctx, chatterClosed) {
			break
		}
	}
	return nil
}
