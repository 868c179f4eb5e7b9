package alarm

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"dongyue/internal/web"
)

// subject is what has at most one open alarm.
type subject struct {
	rule, device, part string
	drill              bool
}

func (a *Alarm) subject() subject  { return subject{a.Rule, a.Device, a.Part, a.Drill} }
func (s *Signal) subject() subject { return subject{s.Rule, s.Device, s.Part, s.Drill} }

// batch is what one transaction does to alarms and incidents. What it needs is
// read once, moved in memory, and written together by flush: one statement for
// many rows, one entry in the feed for an incident however many of its alarms
// moved.
type batch struct {
	a   *Alarms
	tx  *sql.Tx
	now time.Time
	by  actor

	open      map[subject]*Alarm
	fresh     map[subject]*Alarm // drafts of what signals will open
	ids       map[string]bool    // given to drafts
	alarms    map[string]*Alarm  // in hand, by id
	incidents map[string]*Incident
	known     []*Incident // the same, in the order of coming
	services  []Service
	causes    map[link][]*Alarm // open, by what others may come from them through
	waiting   map[link][]*Alarm // open, by what they may come from
	unlinked  []*Alarm          // not yet in these two
	distant   map[string]*Alarm // not in hand: what correlation needs of them
	habits    map[subject]*habit
	moody     []*Alarm      // whose subject's habit moved
	raised    map[int64]int // by day
	bad       map[actorKey]*finding

	pending []move
	waits   map[*Alarm]bool // has a pending move
	dirty   []*Alarm
	changed map[*Alarm]bool
	stored  map[*Alarm]bool // it has a row
	heard   map[*Alarm]bool // its evidence is not the stored one
	touched []*Incident
	told    []telling
	lines   []line
	notes   []note
	tasks   []task

	rings     []ring
	gauge     *gauge
	operators int
}

// telling is what the feed says of an alarm: as it was after one move.
type telling struct {
	change *Change
	live   *Alarm
}

// line is one of an alarm's journal.
type line struct {
	alarm          *Alarm
	entry          JournalEntry
	ackMS, closeMS any
}

// note is a line of an incident's own journal.
type note struct {
	incident *Incident
	entry    JournalEntry
}

// task is an action to be queued.
type task struct {
	alarm  *Alarm
	action Action
}

func (a *Alarms) batch(tx *sql.Tx, by actor) *batch {
	return &batch{
		a: a, tx: tx, now: a.now(), by: by, open: map[subject]*Alarm{}, fresh: map[subject]*Alarm{}, ids: map[string]bool{}, alarms: map[string]*Alarm{}, incidents: map[string]*Incident{},
		causes: map[link][]*Alarm{}, waiting: map[link][]*Alarm{}, distant: map[string]*Alarm{},
		habits: map[subject]*habit{}, raised: map[int64]int{}, bad: map[actorKey]*finding{}, waits: map[*Alarm]bool{}, changed: map[*Alarm]bool{}, stored: map[*Alarm]bool{}, heard: map[*Alarm]bool{},
	}
}

// hold takes an alarm in hand.
func (b *batch) hold(al *Alarm) *Alarm {
	if there := b.alarms[al.ID]; there != nil {
		return there
	}
	b.alarms[al.ID] = al
	if al.ClosedAt == nil {
		b.open[al.subject()] = al
		b.unlinked = append(b.unlinked, al)
	}
	return al
}

// take reads alarms into the hand; their order is that of the query.
func (b *batch) take(ctx context.Context, where string, args ...any) ([]*Alarm, error) {
	rows, err := many(ctx, b.tx, where, args...)
	if err != nil {
		return nil, err
	}
	out := make([]*Alarm, len(rows))
	for i := range rows {
		if b.alarms[rows[i].ID] == nil {
			b.stored[&rows[i]] = true
		}
		out[i] = b.hold(&rows[i])
	}
	return out, nil
}

func (b *batch) mark(al *Alarm) {
	if !b.changed[al] {
		b.changed[al] = true
		b.dirty = append(b.dirty, al)
	}
}

// step moves an alarm by an input of the hub's or of the person who acts.
func (b *batch) step(ctx context.Context, al *Alarm, in input, at time.Time, text string) (bool, error) {
	before := *al
	o := al.step(in, at, b.now, b.by.Name)
	if !o.ok {
		return false, nil
	}
	return true, b.moved(ctx, &before, al, o, JournalEntry{At: at, Actor: b.by.Name, ActorID: b.by.ID, Text: text})
}

// moved takes note of what happened to an alarm that belongs to an incident.
func (b *batch) moved(ctx context.Context, before, al *Alarm, o outcome, e JournalEntry) error {
	inc, err := b.incident(ctx, al.Incident)
	if err != nil {
		return err
	}
	b.touch(inc)
	b.count(inc, before, al)
	if al.ClosedAt != nil { // what begins next is a new alarm, also in the same transaction
		delete(b.open, al.subject())
	}
	if o.call != "" {
		inc.calls = append(inc.calls, call{al, o.call})
	}
	if inc.change = cmp.Or(o.what, inc.change); !inc.was.there {
		inc.change = Raise
	}
	if b.waits[al] {
		b.stood(al, before)
		if err := b.settle(ctx); err != nil {
			return err
		}
	}
	e.What = o.what
	b.pending = append(b.pending, move{before: before, after: al, what: o.what, at: e.At})
	b.waits[al] = true
	b.mark(al)
	b.write(before, al, o, e)
	return nil
}

// remark writes into an alarm's journal what does not move it.
func (b *batch) remark(al *Alarm, what, text string) {
	before := *al
	b.remarkFrom(&before, al, what, text)
}

// remarkFrom is remark for what changed a field that no state depends on.
func (b *batch) remarkFrom(before, al *Alarm, what, text string) {
	b.pending = append(b.pending, move{before: before, after: al, what: what, at: b.now})
	b.waits[al] = true
	b.mark(al)
	b.lines = append(b.lines, line{alarm: al, entry: JournalEntry{At: b.now, Actor: b.by.Name, ActorID: b.by.ID, What: what, Text: text}})
}

// write puts the journal's lines. What is told again is counted only: a line for
// each would bury the others.
func (b *batch) write(before, al *Alarm, o outcome, e JournalEntry) {
	if o.what == Repeat {
		return
	}
	l := line{alarm: al, entry: e}
	if before != nil && before.AckedAt == nil && al.AckedAt != nil && before.ToldAt != nil && !al.Drill {
		l.ackMS = max(b.now.Sub(*before.ToldAt).Milliseconds(), 0)
	}
	if al.ClosedAt != nil && !al.Drill && (before == nil || before.ClosedAt == nil) {
		l.closeMS = max(al.ClosedAt.Sub(al.RaisedAt).Milliseconds(), 0)
	}
	b.lines = append(b.lines, l)
	if o.then != "" {
		e.What, e.Actor, e.ActorID = o.then, hub, hub
		b.lines = append(b.lines, line{alarm: al, entry: e})
	}
}

// count keeps the incident's sums and its root.
func (b *batch) count(inc *Incident, before, al *Alarm) {
	if before != nil {
		inc.tally.add(before, -1)
	}
	inc.tally.add(al, 1)
	inc.reach(al.RaisedAt, al.LastAt)
	b.weigh(inc, al)
}

// stood keeps how an alarm was after its pending move, before the next one.
func (b *batch) stood(al, then *Alarm) {
	for i := range b.pending {
		if m := &b.pending[i]; m.after == al && m.shown == nil {
			m.shown = then
		}
	}
}

// settle tells the followers what is pending and keeps what the feed will say.
func (b *batch) settle(ctx context.Context) error {
	if len(b.pending) == 0 {
		return nil
	}
	if err := b.a.follow(ctx, b.tx, b.pending); err != nil {
		return err
	}
	for _, m := range b.pending {
		c := &Change{Alarm: *m.after, Change: m.what}
		if m.shown != nil {
			c.Alarm = *m.shown
			c.Escalation = m.after.Escalation
		}
		b.told = append(b.told, telling{c, m.after})
	}
	b.pending = b.pending[:0]
	clear(b.waits)
	return nil
}

// flush writes the batch. Incidents come before alarms in the feed, so that in a
// flood the affair is there before its thousandth member.
func (b *batch) flush(ctx context.Context) ([]Change, error) {
	if err := b.settle(ctx); err != nil {
		return nil, err
	}
	next, err := b.a.o.Feed.Next(ctx, b.tx)
	if err != nil {
		return nil, err
	}
	for _, inc := range b.touched {
		inc.Seq = next
		next++
	}
	for _, t := range b.told {
		t.live.Seq, t.change.Seq = next, next
		t.change.Incident = t.live.Incident
		next++
	}
	if err := b.putAlarms(ctx); err != nil {
		return nil, err
	}
	flood, err := b.finish(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range []func(context.Context) error{b.putIncidents, b.putRings, b.putLines, b.putNotes, b.putTasks, b.putHabits, b.putFeed} {
		if err := w(ctx); err != nil {
			return nil, err
		}
	}
	if flood != nil {
		if _, err := b.a.o.Feed.Append(ctx, b.tx, "flood", flood); err != nil {
			return nil, err
		}
	}
	out := make([]Change, len(b.told))
	for i, t := range b.told {
		out[i] = *t.change
	}
	return out, nil
}

func (b *batch) putFeed(ctx context.Context) error {
	entries := make([]web.Entry, 0, len(b.touched)+len(b.told))
	for _, inc := range b.touched {
		data, err := json.Marshal(IncidentChange{Incident: *inc, Change: inc.change, Annunciate: inc.rang != "", Reason: inc.rang})
		if err != nil {
			return err
		}
		entries = append(entries, web.Entry{Seq: inc.Seq, Topic: "incident", Data: data})
	}
	for _, t := range b.told {
		data, err := json.Marshal(t.change)
		if err != nil {
			return err
		}
		entries = append(entries, web.Entry{Seq: t.change.Seq, Topic: "alarm", Data: data})
	}
	return b.a.o.Feed.AppendAll(ctx, b.tx, entries)
}
