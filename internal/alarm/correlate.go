package alarm

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// place puts a new alarm into its incident: that of the alarm it comes from; or
// that of the alarms that come from it; or one whose root is on the same device,
// or has the same cause and the same place; or a new one. docs/adr/0007 has the
// reasons. It depends on the alarms alone, so the same signals give the same
// incidents.
func (b *batch) place(ctx context.Context, al *Alarm) error {
	b.linkAll()
	cause := b.causeAmong(al)
	effects := b.effects(al)
	var inc *Incident
	var err error
	if cause != nil {
		if inc, err = b.incident(ctx, cause.Incident); err != nil {
			return err
		}
		al.Led = true
		if !cause.Leads {
			cause.Leads = true
			b.mark(cause)
			b.weigh(inc, cause)
		}
	}
	al.Leads = len(effects) > 0
	whole, parts, err := b.sort(ctx, inc, effects)
	if err != nil {
		return err
	}
	if inc == nil && len(whole) > 0 {
		inc, whole = whole[0], whole[1:]
	}
	if inc == nil {
		if inc, err = b.alike(ctx, al); err != nil {
			return err
		}
	}
	if inc == nil {
		inc = b.found(al)
	}
	for _, other := range whole {
		if inc, err = b.merge(ctx, inc, other); err != nil {
			return err
		}
	}
	al.Incident = inc.ID
	if err := b.led(ctx, inc, effects); err != nil {
		return err
	}
	return b.fetch(ctx, inc, parts)
}

// causeAmong is the open alarm that a new one comes from: the first cause, or
// else the oldest.
func (b *batch) causeAmong(al *Alarm) *Alarm {
	var best *Alarm
	for _, c := range al.Causes {
		rule, _, _ := strings.Cut(c, "@")
		for _, value := range above(al) {
			for _, x := range b.causes[link{rule, value}] {
				if x.ClosedAt == nil && comesFrom(al, x) && (best == nil || rankOf(x).compare(rankOf(best)) < 0) {
					best = x
				}
			}
		}
	}
	return best
}

// live reports whether an incident still takes in what is alike: for some time
// after a member was raised; an incident of life safety for as long as it is open.
// What came late belongs to the time at which it happened.
func (b *batch) live(inc *Incident, at time.Time) bool {
	near := at.Sub(inc.LastAt) <= b.a.o.Together && inc.RaisedAt.Sub(at) <= b.a.o.Together
	return inc.ClosedAt == nil && inc.tally.Open > 0 && (near || inc.tally.Safety > 0)
}

// alike is the oldest live incident whose root is on the alarm's device; or that
// of the same cause and place. A zone is no device: two causes that each reach many of
// its devices have no more in common than the zone.
func (b *batch) alike(ctx context.Context, al *Alarm) (*Incident, error) {
	var device, spot *Incident
	_, zone := group(al.Device)
	older := func(i, j *Incident) bool { return j == nil || i.ID < j.ID }
	for _, i := range b.known {
		if i.Drill != al.Drill || !b.live(i, al.RaisedAt) {
			continue
		}
		if err := b.reroot(ctx, i); err != nil {
			return nil, err
		}
		if !zone && i.Device == al.Device && older(i, device) {
			device = i
		}
		if i.Cause == al.Cause && i.spot == al.Spot && older(i, spot) {
			spot = i
		}
	}
	if device != nil {
		return device, nil
	}
	return spot, nil
}

// found opens an incident.
func (b *batch) found(al *Alarm) *Incident {
	inc := &Incident{ID: incidentID(al), Drill: al.Drill, RaisedAt: al.RaisedAt, LastAt: al.LastAt, Cameras: []string{}}
	b.incidents[inc.ID] = inc
	b.known = append(b.known, inc)
	b.touch(inc)
	return inc
}

// effect is an open alarm that comes from another, and the incident it is in.
type effect struct{ id, incident string }

// sort tells the incidents all of whose open alarms come from the new one, oldest
// first, from the alarms that have to be fetched out of others: a forced door
// that was taken for a part of the power cut stays an incident of its own.
func (b *batch) sort(ctx context.Context, own *Incident, effects []effect) (whole []*Incident, parts []string, err error) {
	in := map[string][]string{}
	for _, e := range effects {
		if own == nil || e.incident != own.ID {
			in[e.incident] = append(in[e.incident], e.id)
		}
	}
	for id, members := range in {
		inc, err := b.incident(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		if len(members) >= inc.tally.Open {
			whole = append(whole, inc)
		} else {
			parts = append(parts, members...)
		}
	}
	slices.SortFunc(whole, func(i, j *Incident) int { return cmp.Compare(i.ID, j.ID) })
	slices.Sort(parts)
	return whole, parts, nil
}

// merge makes one incident of two: the younger joins the older, which is
// returned. Both journals stay, and tell of it.
func (b *batch) merge(ctx context.Context, one, other *Incident) (*Incident, error) {
	if other.ID < one.ID {
		one, other = other, one
	}
	b.touch(one)
	b.touch(other)
	if _, err := b.tx.ExecContext(ctx, "UPDATE alarm SET incident = ? WHERE incident = ?", one.ID, other.ID); err != nil {
		return nil, fmt.Errorf("merge incident %s into %s: %w", other.ID, one.ID, err)
	}
	if err := b.mergeLadders(ctx, other.ID, one.ID); err != nil {
		return nil, err
	}
	for _, hand := range []map[string]*Alarm{b.alarms, b.distant} {
		for _, al := range hand {
			if al.Incident == other.ID {
				al.Incident = one.ID
			}
		}
	}
	one.absorb(other, b.now)
	one.change = cmp.Or(one.change, Merge)
	b.notes = append(b.notes,
		note{one, JournalEntry{At: b.now, Actor: hub, ActorID: hub, What: Merge, Text: other.ID}},
		note{other, JournalEntry{At: b.now, Actor: hub, ActorID: hub, What: Merge, Text: one.ID}})
	return one, nil
}

// absorb takes over what the younger was.
func (i *Incident) absorb(o *Incident, at time.Time) {
	i.tally.join(&o.tally)
	i.calls = append(i.calls, o.calls...)
	i.lost = i.lost || o.lost
	if o.Root != "" && (i.Root == "" || o.rank.compare(i.rank) < 0) {
		i.Root, i.Rule, i.Device, i.DeviceName = o.Root, o.Rule, o.Device, o.DeviceName
		i.Title, i.Cameras, i.Procedure = o.Title, o.Cameras, o.Procedure
		i.Cause, i.spot, i.Zone, i.ZoneName, i.rank = o.Cause, o.spot, o.Zone, o.ZoneName, o.rank
	}
	i.reach(o.RaisedAt, o.LastAt)
	if i.Assignee == "" {
		i.Assignee, i.AssigneeID = o.Assignee, o.AssigneeID
	}
	if o.ToldAt != nil && (i.ToldAt == nil || o.ToldAt.After(*i.ToldAt)) {
		i.ToldAt = o.ToldAt
	}
	if o.was.there { // the operators know of the younger one already
		i.was.highest = min(i.was.highest, o.was.highest)
		i.was.visible = i.was.visible || o.was.visible
		i.was.there = true
	}
	o.tally, o.calls, o.change, o.lost = tally{}, nil, Merge, false
	o.MergedInto, o.ClosedAt = i.ID, &at
}

// led marks the alarms that come from a new one.
func (b *batch) led(ctx context.Context, inc *Incident, effects []effect) error {
	var ids []any
	for _, e := range effects {
		if e.id == inc.Root && inc.rank.Place == 0 {
			inc.rank.Place = 1
		}
		if al := b.alarms[e.id]; al != nil && !al.Led {
			al.Led = true
			b.mark(al)
		}
		ids = append(ids, e.id)
	}
	for part := range slices.Chunk(ids, perStatement) {
		if _, err := b.tx.ExecContext(ctx, "UPDATE alarm SET led = 1 WHERE id IN ("+marks(len(part))+")", part...); err != nil { //nolint:gosec // only placeholders
			return fmt.Errorf("mark consequences: %w", err)
		}
	}
	return nil
}

// fetch moves alarms into the incident out of others that go on without them.
func (b *batch) fetch(ctx context.Context, inc *Incident, ids []string) error {
	for _, id := range ids {
		al, err := b.byID(ctx, id)
		if err != nil {
			return err
		}
		from, err := b.incident(ctx, al.Incident)
		if err != nil {
			return err
		}
		b.touch(from)
		from.tally.add(al, -1)
		from.lost = from.lost || from.Root == al.ID
		if err := b.moveLadder(ctx, al, inc.ID); err != nil {
			return err
		}
		before := *al
		al.Incident = inc.ID
		inc.tally.add(al, 1)
		e := JournalEntry{At: b.now, Actor: hub, ActorID: hub, Text: from.ID}
		if err := b.moved(ctx, &before, al, outcome{ok: true, what: Regroup}, e); err != nil {
			return err
		}
	}
	return nil
}
