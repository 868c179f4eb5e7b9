package rules

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"dongyue/internal/event"
)

// Options of an engine.
type Options struct {
	Set *Set         // what to judge by
	Log *slog.Logger // may be nil
}

// Engine judges events by a set of rules.
type Engine struct {
	log  *slog.Logger
	turn sync.Mutex // held from Process to Commit, see Judge

	mu sync.Mutex
	core
	record  *record   // of the event's device; nil: none yet
	clock   time.Time // the latest the engine knows it to be
	moment  time.Time // by the hub's clock, of what is going on: receipt of the event, or the timer's
	back    time.Time // when the hub last began to listen, see awake
	told    time.Time // when the newest journaled event was heard; zero: none since the start
	seq     uint64    // of the newest journaled event
	swept   time.Time
	undo    undo
	hub     *Rule   // that tells of disabled rules
	orphans []Saved // state of rules that are gone, see Restore
	parted  bool    // farewell has been said

	bays     []*bay
	found    []int32
	todo     []task
	ids      []string   // of groups
	moved    []groupKey // groups to look at, see assemble
	released []*subject // see catchUp
	broke    []*Rule    // see disable
	out      []Transition
}

// core is what belongs to a set and is changed with it.
type core struct {
	set     *Set
	view    *view
	records map[string]*record // by device
	causes  causes
	groups  map[groupKey]*group
	timers  timers
	stats   []Stats   // by rule
	budgets []*budget // by rule; nil for those that CEL has no part in
	noted   []uint32  // by window: the view's turn in which it had its reading
}

// New makes an engine. It starts nothing: time passes by Process and Tick.
func New(o Options) (*Engine, error) {
	if o.Set == nil {
		return nil, errors.New("rules: engine without a set of rules")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{log: o.Log, undo: newUndo(), hub: newDisabledRule()}
	e.use(o.Set)
	return e, nil
}

// use begins with a set and nothing going on.
func (e *Engine) use(set *Set) {
	e.core = core{
		set: set, view: newView(set.conditions, e), records: map[string]*record{}, causes: newCauses(), groups: map[groupKey]*group{},
		stats: make([]Stats, len(set.Rules)), budgets: make([]*budget, len(set.Rules)), noted: make([]uint32, len(set.conditions.windows)),
	}
	e.record = nil
	for _, r := range set.Rules {
		if !set.native(r) {
			e.budgets[r.order] = &budget{}
		}
	}
}

// Process judges events, in order, and returns what changed. Timers that ran
// out before an event was received fire before it, so that a replay needs no
// other clock. Call Commit when what came of it is on disk, or Rollback; where
// several goroutines feed one engine, use Judge.
func (e *Engine) Process(evs []event.Event) []Transition {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.farewell()
	for i := range evs {
		ev := &evs[i]
		e.hearNext(ev)
		if ev.Kind == event.Hub {
			e.awake(ev)
			continue
		}
		e.advance(heard(ev))
		e.moment = heard(ev)
		e.judge(ev)
		e.seq = max(e.seq, ev.Seq)
	}
	return e.flush()
}

// Tick lets time pass where no event comes. now is the hub's clock and must not
// run ahead of the receipt of any event still to be processed: tick when the
// follower has caught up, or a little behind the clock.
func (e *Engine) Tick(now time.Time) []Transition {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.farewell()
	e.advance(now)
	return e.flush()
}

// Clock is the latest that the engine knows it to be.
func (e *Engine) Clock() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.clock
}

func (e *Engine) flush() []Transition {
	out := e.out
	e.out = nil
	return out
}

// heard is when the hub had the event.
func heard(ev *event.Event) time.Time {
	if ev.ReceivedAt.IsZero() {
		return ev.At
	}
	return ev.ReceivedAt
}

// happened is the event's own time; a device's clock that runs ahead does not
// take the hub into the future.
func happened(ev *event.Event) time.Time {
	if h := heard(ev); ev.At.IsZero() || ev.At.After(h) {
		return h
	}
	return ev.At
}

// task is a rule to be asked about an event: by what it watches (on), or only
// because it has something going on with the device; left is when the device stands
// in another zone by now, which the rule does not watch.
type task struct {
	rule     int32
	on, left bool
}

func (e *Engine) judge(ev *event.Event) {
	if !e.look(ev) {
		return
	}
	at := happened(ev)
	for i := range e.todo {
		t := e.todo[i]
		r := e.set.Rules[t.rule]
		if e.stats[t.rule].Disabled != "" {
			continue
		}
		if t.left {
			e.moveOut(r, at)
		}
		e.consider(r, t.on, at)
		e.assemble(at, ev)
	}
	e.disable(ev, at)
	e.catchUp(at)
	e.assemble(at, ev)
}

// look turns to an event, takes it into the windows and gathers the rules to ask
// about it, in their order. It reports whether there are any.
func (e *Engine) look(ev *event.Event) bool {
	v := e.view
	v.begin(ev)
	e.record = e.records[ev.Device]
	e.bays = e.set.index.bays(ev, e.bays[:0])
	e.note(v, e.bays)
	e.found = e.found[:0]
	for _, b := range e.bays {
		e.found = b.find(v, e.found)
	}
	e.todo = e.todo[:0]
	for _, r := range e.found {
		e.todo = append(e.todo, task{rule: r, on: true})
	}
	e.concerned(ev)
	if len(e.todo) > 1 {
		sortTasks(&e.todo)
	}
	return len(e.todo) > 0
}

// concerned adds the rules that have something going on with the event's device
// and part: they have to hear what the index knows that they would not raise.
func (e *Engine) concerned(ev *event.Event) {
	if e.record == nil {
		return
	}
	for _, s := range e.record.subjects {
		r := s.rule
		if s.group || r.order < 0 {
			continue
		}
		clears := r.Clear != nil && r.Clear.Own && (s.part == ev.Part || ev.Part == "") && r.Clear.matches(ev)
		on := (s.part == ev.Part || clears) && r.On.matches(ev)
		left := s.part == ev.Part && !on && r.On.left(ev)
		if on || left || clears {
			e.todo = append(e.todo, task{int32(r.order), on, left})
		}
	}
	if p := e.record.part(ev.Part); p != nil {
		for _, w := range p.watches {
			if !w.on {
				continue
			}
			on := w.rule.On.matches(ev)
			if left := !on && w.rule.On.left(ev); on || left {
				e.todo = append(e.todo, task{int32(w.rule.order), on, left})
			}
		}
	}
}

// moveOut ends what a rule has going on with a device that has been moved to a zone
// which the rule does not watch: it will never hear the end.
func (e *Engine) moveOut(r *Rule, at time.Time) {
	v := e.view
	if v.ev.Late {
		return // it was elsewhere then
	}
	if r.Absent > 0 {
		e.hearken(r, false)
	}
	if s := e.record.subject(subjectKey{rule: r, device: v.ev.Device, part: v.ev.Part}); s != nil {
		e.change(s, v, ends, at)
	}
}

// consider asks a rule about the event of the view.
func (e *Engine) consider(r *Rule, on bool, at time.Time) {
	where := unknown
	if on {
		where = e.eval(r, r.where)
	}
	if where == yes {
		e.tally(r)
	}
	if r.Absent > 0 {
		e.attend(r, where, at)
		return
	}
	clears := r.Clear != nil && (on && !r.Clear.Own || r.Clear.Own && r.Clear.matches(e.view.ev))
	if sig := e.weigh(r, where, clears); sig != 0 {
		e.tell(r, clears, sig, at)
	}
}

// tally counts the event where its rule's expressions ask how many there were, and
// compares it where they ask for changes.
func (e *Engine) tally(r *Rule) {
	v := e.view
	if !v.ev.Late {
		for _, w := range r.counts {
			if v.windows[w].fn == changedFn {
				e.compare(v, w)
			} else {
				e.observe(v, w, 1)
			}
		}
	}
	if r.Quorum != nil {
		e.hear(r, v.ev)
	}
}

// signal is what an event says to a rule; 0 is nothing.
type signal uint8

const (
	holds   signal = 1 << iota // the condition is met
	ends                       // it is over
	lapses                     // it is not met, which is not yet over (hysteresis)
	notOver                    // what would end it is not met
)

// weigh evaluates a rule's expressions against the event; where is what its
// filter says, clears whether the event is of those that could end it.
func (e *Engine) weigh(r *Rule, where verdict, clears bool) signal {
	on, end := unknown, unknown
	if where == yes {
		on = e.eval(r, r.when)
	}
	if on == yes {
		return holds
	}
	if r.Clear == nil {
		if on == no {
			return ends
		}
		return 0
	}
	if clears {
		end = e.eval(r, r.Clear.when)
	}
	if end == yes {
		return ends
	}
	var s signal
	if on == no {
		s |= lapses
	}
	if end == no {
		s |= notOver
	}
	return s
}
