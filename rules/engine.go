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

	mu       sync.Mutex
	set      *Set
	index    *index
	subjects map[subjectKey]*subject
	parts    map[deviceKey][]*subject // of a rule on a device, by part
	series   map[seriesKey]*series
	swept    time.Time
	timers   timers
	clock    time.Time // the latest the engine knows it to be
	undo     map[subjectKey]*subject
	stats    map[*Rule]*Stats
	scratch  []entry
	released []*subject // see catchUp
	out      []Transition
}

// Stats is what a rule has done since the engine was made.
type Stats struct {
	Pending, Firing int // subjects, now
	Raised          int
	LastRaised      time.Time
	Errors          int // evaluations without an answer for another reason than a missing metric
	OverBudget      int // of those, cut off at the cost limit
	LastError       string
}

// New makes an engine. It starts nothing: time passes by Process and Tick.
func New(o Options) (*Engine, error) {
	if o.Set == nil {
		return nil, errors.New("rules: engine without a set of rules")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{
		log: o.Log, subjects: map[subjectKey]*subject{}, parts: map[deviceKey][]*subject{},
		series: map[seriesKey]*series{}, undo: map[subjectKey]*subject{},
	}
	e.use(o.Set)
	return e, nil
}

func (e *Engine) use(set *Set) {
	e.set, e.index = set, newIndex(set)
	e.stats = make(map[*Rule]*Stats, len(set.Rules))
	for _, r := range set.Rules {
		e.stats[r] = &Stats{}
	}
}

// Process judges events, in order, and returns what changed. Timers that ran
// out before an event was received fire before it, so that a replay needs no
// other clock. Call Commit when what came of it is on disk, or Rollback; where
// several goroutines feed one engine, use Judge.
func (e *Engine) Process(evs []event.Event) []Transition {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range evs {
		ev := &evs[i]
		e.advance(heard(ev))
		e.judge(ev)
	}
	return e.flush()
}

// Tick lets time pass where no event comes. now is the hub's clock and must not
// run ahead of the receipt of any event still to be processed: tick when the
// follower has caught up, or a little behind the clock.
func (e *Engine) Tick(now time.Time) []Transition {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.advance(now)
	return e.flush()
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

func (e *Engine) judge(ev *event.Event) {
	e.scratch = e.index.find(ev, e.scratch[:0])
	if len(e.scratch) == 0 {
		return
	}
	at := happened(ev)
	v := view{ev: ev}
	for _, c := range e.scratch {
		if !c.on && ev.Channel == event.Happening && !e.concerned(c.rule, ev) {
			continue // it could only end what is not there
		}
		if sig := e.weigh(c, &v, at); sig != 0 {
			e.tell(c, &v, sig, at)
		}
	}
	e.catchUp(at)
}

// concerned reports whether a rule has a subject that the event could be about.
func (e *Engine) concerned(r *Rule, ev *event.Event) bool {
	if ev.Part == "" && len(e.parts[deviceKey{r, ev.Device}]) > 0 {
		return true
	}
	return e.subjects[subjectKey{r, ev.Device, ev.Part}] != nil
}

// signal is what an event says to a rule; 0 is nothing.
type signal uint8

const (
	holds   signal = 1 << iota // the condition is met
	ends                       // it is over
	lapses                     // it is not met, which is not yet over (hysteresis)
	notOver                    // what would end it is not met
)

// weigh evaluates a rule's expressions against an event.
func (e *Engine) weigh(c entry, v *view, at time.Time) signal {
	r := c.rule
	on, end := unknown, unknown
	if c.on && e.eval(r, r.where, v, at) == yes {
		on = e.eval(r, r.when, v, at)
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
	if c.clear {
		end = e.eval(r, r.Clear.when, v, at)
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

func (e *Engine) eval(r *Rule, p *program, v *view, at time.Time) verdict {
	e.slopes(p, v, at)
	out, err := p.eval(v)
	if err == nil {
		return out
	}
	st := e.stats[r]
	st.Errors++
	if errors.Is(err, errBudget) {
		st.OverBudget++
	}
	if text := err.Error(); text != st.LastError { // once, not with every event
		st.LastError = text
		e.log.Warn("rule has no answer", "rule", r.ID, "device", v.ev.Device, "err", err)
	}
	return unknown
}

// Status is a rule and what it has done.
type Status struct {
	Rule *Rule
	Stats
}

// Status lists the rules in their order.
func (e *Engine) Status() []Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	firing, pending := map[*Rule]int{}, map[*Rule]int{}
	for _, s := range e.subjects {
		if s.phase == phasePending {
			pending[s.rule]++
		} else {
			firing[s.rule]++
		}
	}
	out := make([]Status, 0, len(e.set.Rules))
	for _, r := range e.set.Rules {
		st := Status{Rule: r, Stats: *e.stats[r]}
		st.Firing, st.Pending = firing[r], pending[r]
		out = append(out, st)
	}
	return out
}
