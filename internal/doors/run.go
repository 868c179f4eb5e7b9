package doors

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"dongyue/internal/event"
)

// Rhythm of Run.
const (
	tickEvery = 100 * time.Millisecond
	passEvery = time.Second
	// slack is how long the controller's own word may take: what it says by itself
	// the hub need not conclude.
	slack = 400 * time.Millisecond
	// settled is how long a door must have been connected before the hub concludes
	// anything from what it last said: what it kept for the hub comes first.
	settled = 2 * time.Second
	// behind is the same after each late message: what comes next may undo it.
	behind = 5 * time.Second
	// maxSaid bounds the memory of what is on its way to the journal, which takes
	// each id once anyway.
	maxSaid = 10_000
)

// Run commands doors until they stand as they should, and tells the journal what
// follows from what they say. It returns nil when ctx ends.
func (d *Doors) Run(ctx context.Context) error {
	tick, pass := time.NewTicker(tickEvery), time.NewTicker(passEvery)
	defer tick.Stop()
	defer pass.Stop()
	here := map[string]time.Time{} // connected since
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			at := now()
			d.warn(ctx, d.conclude(here, at), at)
			continue
		case <-d.wake:
		case <-pass.C:
		}
		if err := d.pass(ctx, here, now()); err != nil && ctx.Err() == nil {
			d.log.ErrorContext(ctx, "doors: a round was not finished", "err", err)
		}
	}
}

// conclude tells the journal what is due, once; warn are the doors that stand open for
// too long and have not noticed it.
func (d *Doors) conclude(here map[string]time.Time, at time.Time) (warn []string) {
	type news struct {
		door string
		f    Fact
	}
	var all []news
	d.mu.RLock()
	for id, s := range d.states {
		if since, ok := here[id]; !ok || at.Sub(since) < settled || at.UnixMilli()-s.Behind < behind.Milliseconds() {
			continue
		}
		s = d.o.Times.Next(s, Input{Kind: Pass, At: at.Add(-slack).UnixMilli() - s.Skew})
		for _, f := range s.Facts() {
			all = append(all, news{id, f})
		}
	}
	d.mu.RUnlock()
	for _, n := range all {
		if d.say(n.door, n.f, at, nil) && n.f.Type == preAlarm && n.f.On {
			warn = append(warn, n.door)
		}
	}
	return warn
}

// warnFor is how long a door calls for somebody to shut it; it stops when it is shut.
const warnFor = time.Minute

// warn has doors call that they stand open. One that has told the pre-alarm by itself
// does it by itself.
func (d *Doors) warn(ctx context.Context, doors []string, at time.Time) {
	for _, door := range doors {
		_, err := d.o.Command.Command(ctx, door, "warn", map[string]any{"for_s": warnFor.Seconds()}, orderTTL, fmt.Sprintf("warn:%s:%d", door, at.UnixMilli()), hubActor, "")
		if err != nil {
			d.log.WarnContext(ctx, "door not told to warn", "device_id", door, "err", err)
		}
	}
}

// say appends a fact to the journal, from where it comes back to Handle and the
// rules; news is false when that was done before.
func (d *Doors) say(door string, f Fact, at time.Time, more map[string]any) (news bool) {
	key := door + "/" + f.ID
	d.saidMu.Lock()
	if len(d.said) > maxSaid {
		clear(d.said)
	}
	again := d.said[key]
	d.said[key] = true
	d.saidMu.Unlock()
	x, ok := d.known(door)
	if again || !ok {
		return false
	}
	data := map[string]any{"by": hubActor, "active": f.On}
	maps.Copy(data, more)
	b, err := json.Marshal(data)
	if err != nil { // numbers and words
		return false
	}
	then := time.UnixMilli(f.At).UTC()
	d.o.Journal.Append(event.Event{
		ID: f.ID, Device: door, Kind: event.Door, Zone: x.Zone, Channel: event.Happening, Type: f.Type,
		At: then, ReceivedAt: at, Late: at.Sub(then) > event.LateAfter, Data: b,
	}, func(_ uint64, _ bool, err error) {
		if err != nil {
			d.saidMu.Lock()
			delete(d.said, key)
			d.saidMu.Unlock()
		}
	})
	return true
}

// pass brings every door to its rung: highest first, since a fire does not wait.
func (d *Doors) pass(ctx context.Context, here map[string]time.Time, at time.Time) error {
	if err := d.expire(ctx, at); err != nil {
		return err
	}
	doors, why := d.stand(ctx, at)
	slices.SortStableFunc(doors, func(a, b Door) int { return int(rungOf(why[b.ID])) - int(rungOf(why[a.ID])) })
	proofs := map[string][]Proof{}
	present := map[string]bool{}
	for i := range doors {
		x := &doors[i]
		present[x.ID] = true
		if _, was := here[x.ID]; x.Online && !was {
			here[x.ID] = at
		} else if !x.Online {
			delete(here, x.ID)
		}
		o, before := d.orderOf(x, why[x.ID], at)
		if before != "" && d.stands(before) {
			proofs[before] = append(proofs[before], Proof{x.ID, Failed, at, higher})
		}
		if o != nil && d.drive(ctx, x, o, at) && o.cause != "" {
			proofs[o.cause] = append(proofs[o.cause], Proof{x.ID, o.state, o.at, o.why})
		}
	}
	d.mu.Lock()
	maps.DeleteFunc(d.orders, func(id string, o *order) bool {
		return !present[id] || o.cause == "" && o.state == Confirmed && d.states[id].Mode.Stage == Idle
	})
	d.mu.Unlock()
	return d.prove(ctx, proofs)
}

// orderOf is the order for a door, nil when it has nothing to be told. A rung that
// changed is a new order; another cause for the same rung has its own proof.
// before is the cause that it followed until now.
func (d *Doors) orderOf(x *Door, c *Cause, at time.Time) (_ *order, before string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o, want, cause := d.orders[x.ID], rungOf(c), ""
	if c != nil && c.Kind != ByHours {
		cause = c.ID
	}
	if o != nil && o.cause != cause {
		before = o.cause
	}
	switch {
	case o == nil && want == event.Controlled && (x.Mode == "" || x.Mode == want.String()):
		return nil, ""
	case o == nil || o.rung != want:
		o = &order{rung: want, cause: cause, since: at}
		d.orders[x.ID] = o
	case o.cause != cause:
		o.cause, o.state = cause, ""
	}
	return o, before
}

// higher is why a door does not follow a cause that stands.
const higher = "a higher rung stands"

// stands reports whether a cause has not ended.
func (d *Doors) stands(id string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.ContainsFunc(d.causes, func(c *Cause) bool { return c.ID == id })
}

// drive sends what is due and looks how far a door has come; changed says that
// there is something new to prove.
func (d *Doors) drive(ctx context.Context, x *Door, o *order, at time.Time) (changed bool) {
	s := d.stateOf(x.ID)
	if o.tries > 0 && o.state != Confirmed && !o.refused && !o.done {
		d.answer(ctx, o)
	}
	slow := at.Sub(o.since) > patience
	switch {
	case !x.Online:
		o.tries, o.since = 0, at
		return d.note(o, Offline, "the door is not connected; it is told when it comes", at)
	case o.stands(x) && o.locked(&s, at):
		if s.Mode.Stage == Told {
			d.say(x.ID, Fact{modeFault, false, at.UnixMilli(), "hub-mode_fault-" + strconv.FormatInt(s.Mode.Since, 10) + "-over"}, at, nil)
		}
		return d.note(o, Confirmed, "", at)
	}
	if o.due(at) && (!o.stands(x) || slow) { // a lock that only lags needs no second word
		d.send(ctx, x, o, at)
	}
	if slow && s.Mode.Stage == Idle {
		d.say(x.ID, Fact{modeFault, true, at.UnixMilli(), "hub-mode_fault-" + strconv.FormatInt(o.since.UnixMilli(), 10)}, at, map[string]any{"mode": o.rung.String(), "reported": x.Mode})
	}
	switch {
	case o.refused:
		return d.note(o, Failed, o.why, at)
	case slow && o.stands(x):
		return d.note(o, Failed, "the door is on its rung, but its leaf is open or its lock is not as it should be", at)
	case slow:
		return d.note(o, Failed, "the door does not report the rung "+o.rung.String(), at)
	}
	return d.note(o, Sent, "", at)
}

func (d *Doors) note(o *order, state, why string, at time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return o.move(state, why, at)
}

// send orders the rung.
func (d *Doors) send(ctx context.Context, x *Door, o *order, at time.Time) {
	o.tries++
	o.sent = at
	key := fmt.Sprintf("rung:%s:%d", x.ID, at.UnixMilli())
	id, err := d.o.Command.Command(ctx, x.ID, "set_mode", map[string]any{"mode": o.mode()}, orderTTL, key, hubActor, o.cause)
	if err != nil {
		d.log.WarnContext(ctx, "door not told its rung", "device_id", x.ID, "rung", o.rung.String(), "err", err)
		return
	}
	o.command, o.refused, o.done = id, false, false
}

// answer looks what the door has answered.
func (d *Doors) answer(ctx context.Context, o *order) {
	c, ok := d.o.Command.Find(ctx, o.command)
	if !ok {
		return
	}
	o.done = c.Done
	if c.Failed {
		d.mu.Lock()
		o.refused, o.why = true, "the door refused: "+c.Error
		d.mu.Unlock()
	}
}

// prove writes what has become of causes at doors, and shows it.
func (d *Doors) prove(ctx context.Context, proofs map[string][]Proof) error {
	if len(proofs) == 0 {
		return nil
	}
	err := d.db.Tx(ctx, func(tx *sql.Tx) error {
		for cause, ps := range proofs {
			for _, p := range ps {
				if err := saveProof(ctx, tx, cause, p); err != nil {
					return err
				}
			}
			if _, err := d.feed.Append(ctx, tx, "rung", map[string]any{"id": cause, "change": "proof", "doors": ps}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return d.feed.Committed(ctx)
}

// expire ends the causes whose time is over.
func (d *Doors) expire(ctx context.Context, at time.Time) error {
	d.mu.RLock()
	var over []*Cause
	for _, c := range d.causes {
		if c.Until != nil && !at.Before(*c.Until) {
			over = append(over, c)
		}
	}
	d.mu.RUnlock()
	for _, c := range over {
		if err := d.end(ctx, c, "clock", "its time is over"); err != nil {
			return err
		}
	}
	return nil
}

func (d *Doors) stateOf(door string) State {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.states[door]
}
