package alarm

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"dongyue/internal/event"
)

// Apply takes signals into the alarms, in the caller's transaction: alarms,
// incidents, journal, feed and outbox. Call Committed after the commit.
func (a *Alarms) Apply(ctx context.Context, tx *sql.Tx, signals []Signal) ([]Change, error) {
	b := a.batch(tx, actor{hub, hub})
	if err := b.read(ctx, signals); err != nil {
		return nil, fmt.Errorf("alarm: apply %d signals: %w", len(signals), err)
	}
	for i := range signals {
		s := &signals[i]
		if err := b.signal(ctx, s); err != nil {
			return nil, fmt.Errorf("alarm: apply %s for %s: %w", s.Rule, s.Device, err)
		}
	}
	out, err := b.flush(ctx)
	if err != nil {
		return nil, fmt.Errorf("alarm: apply %d signals: %w", len(signals), err)
	}
	return out, nil
}

// Committed tells the feed's readers and the runner of actions that a
// transaction with alarms has ended.
func (a *Alarms) Committed(ctx context.Context) error {
	a.nudge()
	return a.o.Feed.Committed(ctx)
}

// read takes in hand what the signals are about, and what new alarms may belong to.
func (b *batch) read(ctx context.Context, signals []Signal) error {
	var subjects []subject
	seen := map[subject]bool{}
	for i := range signals {
		if k := signals[i].subject(); !seen[k] {
			seen[k] = true
			subjects = append(subjects, k)
		}
	}
	if err := b.openOf(ctx, subjects); err != nil {
		return err
	}
	if err := b.loadHabits(ctx, subjects); err != nil {
		return err
	}
	var err error
	if b.services, err = standing(ctx, b.tx, b.now); err != nil {
		return err
	}
	var fresh []*Alarm
	for i := range signals {
		s := &signals[i]
		if k := s.subject(); s.Raised && b.open[k] == nil && b.fresh[k] == nil {
			al, err := b.draft(ctx, s)
			if err != nil {
				return err
			}
			b.fresh[k] = al
			fresh = append(fresh, al)
		}
	}
	return b.around(ctx, fresh)
}

func (b *batch) signal(ctx context.Context, s *Signal) error {
	at := s.At.UTC().Truncate(time.Millisecond)
	al := b.open[s.subject()]
	switch {
	case s.Raised && al == nil:
		return b.raise(ctx, s, at)
	case s.Raised:
		return b.raiseAgain(ctx, s, al, at)
	case al == nil || !al.Active || al.QuietAt != nil:
		return nil
	case !b.gone(al, at):
		quiet := b.now.Add(chatterQuiet)
		al.QuietAt = &quiet
		b.mark(al)
		return nil
	}
	return b.hubStep(ctx, al, ends, at, "")
}

// raise opens an alarm. A repeat acts as well: the alarm before was closed, so
// this is news to everyone but the engine.
func (b *batch) raise(ctx context.Context, s *Signal, at time.Time) error {
	al := b.fresh[s.subject()]
	if al == nil { // the one before was closed by an earlier signal of this batch
		var err error
		if al, err = b.draft(ctx, s); err != nil {
			return err
		}
		if err := b.around(ctx, []*Alarm{al}); err != nil {
			return err
		}
	}
	delete(b.fresh, s.subject())
	al.count(s, at)
	b.began(al, at)
	text := late(s)
	out := b.outFor(al)
	if out != nil {
		al.SuppressedBy, al.Off = out.ID, out.state()
	}
	o := al.step(begins, at, b.now, hub)
	if out != nil {
		o.then, text = what(out), out.Reason
	}
	if err := b.place(ctx, al); err != nil {
		return err
	}
	b.a.known.learn(al)
	b.hold(al)
	b.act(s, al, false)
	return b.moved(ctx, nil, al, o, JournalEntry{At: at, Actor: hub, ActorID: hub, Text: text})
}

// raiseAgain counts, and where the condition begins anew, wants a person anew.
// What chatters has not begun anew, it has not ended.
func (b *batch) raiseAgain(ctx context.Context, s *Signal, al *Alarm, at time.Time) error {
	if err := b.becomeSafety(ctx, s, al, at); err != nil {
		return err
	}
	before := *al
	al.LifeSafety = al.LifeSafety || s.LifeSafety
	al.count(s, at)
	b.heard[al] = true
	in, chatters := begins, al.QuietAt != nil
	if !s.Repeat {
		chatters = b.began(al, at) || chatters
	}
	if al.QuietAt = nil; al.Active && (s.Repeat || chatters) {
		in = again
	}
	o := al.step(in, at, b.now, hub)
	if !s.Repeat {
		b.act(s, al, chatters)
	}
	return b.moved(ctx, &before, al, o, JournalEntry{At: at, Actor: hub, ActorID: hub, Text: late(s)})
}

// becomeSafety is for an alarm whose rule has become one of life safety since it
// was raised: nothing keeps it out of sight any more, and only a person ends it.
func (b *batch) becomeSafety(ctx context.Context, s *Signal, al *Alarm, at time.Time) error {
	if !s.LifeSafety || al.LifeSafety {
		return nil
	}
	al.Latched = true // first: so that nothing below closes it
	b.mark(al)
	for _, in := range []input{unshelved, inService} {
		if err := b.hubStep(ctx, al, in, at, becameSafety); err != nil {
			return err
		}
	}
	return nil
}

const becameSafety = "its rule is about life safety now"

// act queues what a signal asks for. What was late acts no more and a drill never
// does; for what chatters, or is put aside, only devices are still commanded, such
// as the cut of a hot plug: nobody is called or sent, and nothing is said but what
// the ladder of the chargers says of its own.
func (b *batch) act(s *Signal, al *Alarm, chatters bool) {
	if s.Late || s.Drill {
		return
	}
	for _, x := range s.Actions {
		if x.commands() || !chatters && !al.axes().hidden() {
			b.tasks = append(b.tasks, task{al, x})
		}
	}
}

// The types of actions that command devices: one, or those of a rung of the
// chargers' ladder.
const (
	commandAction = "command"
	reactAction   = "react"
)

func (a *Action) commands() bool { return a.Type == commandAction || a.Type == reactAction }

// hubStep moves an alarm without anyone's doing.
func (b *batch) hubStep(ctx context.Context, al *Alarm, in input, at time.Time, text string) error {
	before := *al
	o := al.step(in, at, b.now, hub)
	if !o.ok {
		return nil
	}
	return b.moved(ctx, &before, al, o, JournalEntry{At: at, Actor: hub, ActorID: hub, Text: text})
}

// count takes a raise in.
func (a *Alarm) count(s *Signal, at time.Time) {
	a.Count++
	if at.After(a.LastAt) {
		a.LastAt = at
	}
	ev := s.Evidence
	a.Evidence = &ev
	a.Late = a.Late && s.Late || a.Count == 1 && s.Late
	if s.Version != "" {
		a.RuleVersion = s.Version
	}
}

func late(s *Signal) string {
	if s.Late {
		return "late"
	}
	return ""
}

// draft makes a new alarm of a signal; nothing has happened to it yet.
func (b *batch) draft(ctx context.Context, s *Signal) (*Alarm, error) {
	a, at := b.a, s.At.UTC().Truncate(time.Millisecond)
	al := &Alarm{
		Rule: s.Rule, Device: s.Device, DeviceName: s.Device, Kind: s.Kind, Part: s.Part, Zone: s.Zone,
		Priority: s.Priority, Latched: s.Latch || s.LifeSafety, Silent: s.Silent, Measured: s.Measured,
		RaisedAt: at, LastAt: at, Procedure: s.Procedure, Cameras: []string{},
		Cause: cmp.Or(s.Cause, causeOf(s.Rule)), Place: cmp.Or(s.Place, placeBuilding), Causes: s.Causes, Via: s.Via,
		RuleVersion: s.Version, LifeSafety: s.LifeSafety, Drill: s.Drill, ReAlarm: s.ReAlarm, Policy: s.Escalation,
	}
	if a.o.Device != nil {
		name, zone := a.o.Device(ctx, s.Device)
		al.DeviceName, al.Zone = cmp.Or(name, s.Device), cmp.Or(s.Zone, zone)
	}
	name := event.Text{ZH: al.DeviceName, EN: al.DeviceName}
	if zone, ok := group(s.Device); ok {
		name = a.zoneName(ctx, zone)
		al.Zone, al.DeviceName = cmp.Or(al.Zone, zone), name.ZH
	}
	al.Spot = spotOf(al.Place, al.Zone, al.Device)
	al.Title = event.Text{ZH: named(s.Title.ZH, name.ZH), EN: named(s.Title.EN, name.EN)}
	if a.o.Cameras != nil && s.Nearest > 0 {
		al.Cameras = append(al.Cameras, a.o.Cameras(ctx, s.Device, al.Zone, s.Nearest)...)
	}
	return al, b.identify(ctx, s, al)
}

const idTaken = "SELECT count(*) FROM alarm WHERE id = ?"

// identify gives the alarm an id that no other has.
func (b *batch) identify(ctx context.Context, s *Signal, al *Alarm) error {
	for n := 0; ; n++ {
		al.ID = newID(s, al.RaisedAt, n)
		if b.ids[al.ID] {
			continue
		}
		var taken int
		if err := b.tx.QueryRowContext(ctx, idTaken, al.ID).Scan(&taken); err != nil {
			return err
		}
		if taken == 0 {
			b.ids[al.ID] = true
			return nil
		}
	}
}

// named fills the one placeholder that the rules leave.
func named(text, name string) string { return strings.ReplaceAll(text, "{name}", name) }

func namedArgs(v any, name string) any {
	switch v := v.(type) {
	case string:
		return named(v, name)
	case []any:
		out := make([]any, 0, len(v))
		for _, x := range v {
			out = append(out, namedArgs(x, name))
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = namedArgs(x, name)
		}
		return out
	}
	return v
}
