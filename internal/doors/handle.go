package doors

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"dongyue/internal/event"
)

// hubActor acts where no person did.
const hubActor = "hub"

// Handle takes what doors say into their states and ladders, in the transaction
// of the journal's follower. The same events again change nothing.
func (d *Doors) Handle(ctx context.Context, tx *sql.Tx, evs []event.Event) error {
	d.Undone()
	for i := range evs {
		ev := &evs[i]
		if ev.Kind != event.Door {
			continue
		}
		if ev.Channel == event.Happening && ev.Type == "fire_input" {
			if err := d.fire(ctx, tx, ev); err != nil {
				return err
			}
		}
		was := d.state(ev.Device)
		s := was
		if ev.Channel == event.State && ev.Late && ev.At.UnixMilli() < s.At-back {
			continue // what was kept for it at the broker, and is over; of a clock that was put right it is new
		}
		for _, in := range d.inputs(ctx, ev) {
			if in.At == 0 {
				in.At = ev.At.UnixMilli()
			}
			s = d.o.Times.Next(s, in)
		}
		switch {
		case ev.Channel == event.Presence:
		case ev.Late:
			s.Behind = ev.ReceivedAt.UnixMilli()
		default:
			s.Skew = ev.ReceivedAt.Sub(ev.At).Milliseconds()
		}
		if s != was {
			d.next[ev.Device] = s
		}
	}
	for id, s := range d.next {
		if err := saveState(ctx, tx, id, &s); err != nil {
			return err
		}
	}
	return nil
}

func (d *Doors) state(door string) State {
	if s, ok := d.next[door]; ok {
		return s
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.states[door]
}

// inputs translates a message into what happens to the door.
func (d *Doors) inputs(ctx context.Context, ev *event.Event) []Input {
	x, ok := read(ev.Data)
	if !ok {
		return nil // journaled by an older hub, or of another shape
	}
	on := x.Active == nil || *x.Active
	switch ev.Channel {
	case event.State:
		ins := []Input{{Kind: Sensed, Lock: lockOf(x.Lock), Position: positionOf(x.Position)}}
		if r, ok := event.ParseRung(x.Mode); ok {
			ins = slices.Insert(ins, 0, Input{Kind: Stands, Rung: r})
		}
		return ins
	case event.Presence:
		if x.Online != nil && !*x.Online {
			return []Input{{Kind: Lost, At: ev.ReceivedAt.UnixMilli() - d.state(ev.Device).Skew}}
		}
	case event.Reply:
		return d.replied(ctx, ev, x.Status)
	case event.Happening:
		switch ev.Type {
		case "badge":
			if x.Decision == "granted" {
				return []Input{{Kind: Granted}}
			}
		case "opened":
			return []Input{{Kind: Opens}}
		case "closed":
			return []Input{{Kind: Closes}}
		case "rex":
			if !on {
				return []Input{{Kind: RexOff}}
			}
			return []Input{{Kind: Rex, On: x.Active != nil}}
		case "tamper":
			return []Input{{Kind: Tamper, On: on}}
		default:
			return []Input{{Kind: Tells, Type: ev.Type, On: on, Hub: x.By == hubActor}}
		}
	case event.Telemetry, event.Command, event.Config, event.Quarantine:
	}
	return nil
}

// replied makes a grant of an unlock that the door carries out.
func (d *Doors) replied(ctx context.Context, ev *event.Event, status string) []Input {
	if status != "accepted" && status != "done" {
		if status == "failed" {
			d.nudge()
		}
		return nil
	}
	s := d.state(ev.Device)
	if status == "done" && ev.At.UnixMilli()-s.GrantAt < d.o.Times.Grant { // it was accepted before
		return nil
	}
	c, ok := d.o.Command.Find(ctx, ev.ID)
	if !ok || c.Type != "unlock" {
		return nil
	}
	return []Input{{Kind: Granted, For: c.For.Milliseconds()}}
}

func lockOf(s string) Lock {
	switch s {
	case "secured", "locked":
		return Secured
	case "unlocked":
		return Unlocked
	case "":
		return ""
	}
	return LockUnknown
}

func positionOf(s string) Position {
	switch s {
	case "closed", "open", "fault":
		return Position(s)
	case "cut", "shorted": // the loop of the contact, by its end-of-line resistors
		return PositionFault
	case "":
		return ""
	}
	return PositionUnknown
}

// fire begins or ends the release of a building. A late signal does neither: what
// the panel says now, its next word tells.
func (d *Doors) fire(ctx context.Context, tx *sql.Tx, ev *event.Event) error {
	var x struct {
		Active bool `json:"active"`
	}
	if ev.Late || json.Unmarshal(ev.Data, &x) != nil {
		return nil //nolint:nilerr // not understood: devices has checked it before
	}
	standing := d.released(ev.Device)
	if !x.Active {
		for _, c := range standing {
			if fresh, err := endCause(ctx, tx, c.ID, hubActor, ev.ReceivedAt); err != nil || !fresh {
				return err
			}
			d.stopped = append(d.stopped, c.ID)
			if err := d.trace(ctx, tx, hubActor, "rung.ended", c); err != nil {
				return err
			}
		}
		return nil
	}
	if len(standing) > 0 {
		return nil
	}
	// With its time, since a controller may count its events anew when the journal has forgotten the old ones.
	c := newCause(fmt.Sprintf("fire-%s-%s-%d", ev.Device, ev.ID, ev.At.UnixMilli()), ByFire, event.FireRelease, d.o.Registry.Scope(ev.Device, ev.Zone), hubActor, "fire input of "+ev.Device)
	c.Source, c.BeganAt = ev.Device, ev.ReceivedAt.UTC().Truncate(time.Millisecond)
	if fresh, err := insertCause(ctx, tx, c, ""); err != nil || !fresh {
		return err
	}
	d.started = append(d.started, c)
	return d.trace(ctx, tx, hubActor, "rung.began", c)
}

// released are the releases that stand because of a door's input.
func (d *Doors) released(door string) (cs []*Cause) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, c := range append(slices.Clone(d.causes), d.started...) {
		if c.Source == door && !slices.Contains(d.stopped, c.ID) {
			cs = append(cs, c)
		}
	}
	return cs
}

// Committed takes over what Handle prepared, after its transaction was committed.
func (d *Doors) Committed(ctx context.Context) {
	if len(d.next) == 0 && len(d.started) == 0 && len(d.stopped) == 0 {
		return
	}
	d.mu.Lock()
	var shown []string
	for id, s := range d.next {
		old := d.states[id]
		if old.LockAxis() != s.LockAxis() || old.PositionAxis() != s.PositionAxis() || old.Alarm() != s.Alarm() || old.Rung != s.Rung {
			shown = append(shown, id)
		}
		d.states[id] = s
	}
	changed := len(d.started)+len(d.stopped) > 0
	if changed {
		d.swap(d.started, d.stopped)
	}
	d.mu.Unlock()
	d.Undone()
	if changed {
		d.stand(ctx, now())
	}
	if len(shown) > 0 || changed {
		d.nudge()
	}
	for _, id := range shown {
		if v, ok := d.view(id); ok {
			d.feed.Transient("door", v)
		}
	}
}

// Undone forgets what Handle prepared; its transaction was rolled back.
func (d *Doors) Undone() {
	clear(d.next)
	d.started, d.stopped = nil, nil
}

// swap changes the list of what stands; d.mu is held. What began and ended in one
// batch is in both lists: it does not stand.
func (d *Doors) swap(add []*Cause, drop []string) {
	cs := append(slices.Clone(d.causes), add...)
	d.causes = slices.DeleteFunc(cs, func(c *Cause) bool { return slices.Contains(drop, c.ID) })
}

// trace writes the audit and tells the feed.
func (d *Doors) trace(ctx context.Context, tx *sql.Tx, actor, action string, c *Cause) error {
	if err := d.o.Audit.Audit(ctx, tx, actor, action, c.ID, map[string]any{
		"rung": c.Rung, "areas": strings.Join(c.Areas, " "), "reason": c.Reason, "drill": c.Drill, "plan": c.Plan,
	}); err != nil {
		return err
	}
	_, err := d.feed.Append(ctx, tx, "rung", map[string]any{"id": c.ID, "change": strings.TrimPrefix(action, "rung.")})
	return err
}
