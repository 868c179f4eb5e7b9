package access

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"dongyue/internal/web"
)

// Lifts knows which floors the lift behind a door serves, where the door's controller
// calls one. It is asked for every grant and must answer from memory.
type Lifts interface {
	Floors(door string) []int // none: there is no lift
}

// liftTTL is how long a call may be on its way; after that whoever came has pressed the
// button.
const liftTTL = 10 * time.Second

// floorOf reads the floor from the number of a home as it is written at the door: 0302
// and 302 are on the third, 1201 on the twelfth. ok is false for any other form.
func floorOf(household string) (floor int, ok bool) {
	if len(household) < 3 || len(household) > 5 {
		return 0, false
	}
	n, err := strconv.Atoi(household)
	if err != nil || n < 100 {
		return 0, false
	}
	return n / 100, true
}

// floorFor is the floor to which the lift behind a door takes somebody home; ok is false
// when there is no lift, or none that goes there.
func (x *Access) floorFor(door string, p *Person) (floor int, ok bool) {
	if x.lifts == nil || p == nil {
		return 0, false
	}
	x.mu.RLock()
	home := p.Household
	x.mu.RUnlock()
	if floor, ok = floorOf(home); !ok {
		return 0, false
	}
	return floor, slices.Contains(x.lifts.Floors(door), floor)
}

// callAfter calls the lift for somebody who was let in. It is a service: who is not
// fetched presses the button.
func (x *Access) callAfter(ctx context.Context, a *answer) {
	_, err := x.cmd.Command(ctx, a.door, "call", map[string]any{"floor": *a.floor, "ref": a.event}, liftTTL, "lift:"+a.door+":"+a.event, "hub", a.event)
	if err != nil {
		x.log.WarnContext(ctx, "lift not called", "device_id", a.door, "event_id", a.event, "err", err)
	}
}

// CallLift calls the lift of one of a resident's doors from the phone, to the own floor
// and no other: whoever may open the door may be taken home.
func (x *Access) CallLift(ctx context.Context, who web.Principal, door, key string) (Opening, error) {
	if !x.pace.ok(who.Person) {
		return Opening{}, ErrTooOften
	}
	d, known := x.doors.Door(door)
	if !known {
		return Opening{}, x.refuseHome(ctx, who, door, DeviceUntrusted)
	}
	at := time.Now().In(x.loc)
	x.mu.RLock()
	p := x.ix.people[who.Person]
	ask := Ask{Door: &d, Policy: x.site.doors[door], Rung: x.rungOf(door), At: at, Days: x.site.calendar.days(at)}
	v := Verdict{Reason: Inactive}
	if p != nil {
		v = DecidePerson(p, ask)
	}
	x.mu.RUnlock()
	if !v.Granted {
		return Opening{}, x.refuseHome(ctx, who, door, v.Reason)
	}
	floor, ok := x.floorFor(door, p)
	switch {
	case !ok:
		return Opening{}, fmt.Errorf("%w: %s", ErrNoLift, door)
	case !d.Online:
		return Opening{}, fmt.Errorf("%w: %s", ErrDoorOffline, door)
	}
	o := Opening{Door: d, Ref: reference("lift", who, door, key), ExpiresAt: now().Add(liftTTL)}
	if err := x.audit.Audit(ctx, nil, who.ID, "home.lift", door, map[string]any{"floor": floor, "ref": o.Ref, "person": who.Person}); err != nil {
		return Opening{}, err
	}
	var err error
	if o.Command, err = x.cmd.Command(ctx, door, "call", map[string]any{"floor": floor}, liftTTL, o.Ref, who.ID, o.Ref); err != nil {
		return Opening{}, fmt.Errorf("call lift of %s: %w", door, err)
	}
	return o, nil
}
