package rules

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"dongyue/internal/event"
)

type phase uint8

const (
	phasePending  phase = iota + 1 // the condition holds, not long enough yet, or something silences it
	phaseFiring                    // raised
	phaseEnding                    // over, but kept for keep_firing_for
	phaseSettling                  // returned; what it silenced stays silent for a while
)

// subject is the state of one rule for one device and part; there is none while
// nothing is the matter.
type subject struct {
	rule         *Rule
	device, part string
	group        bool // it stands for the devices of a group, see quorum
	phase        phase
	deadline     time.Time   // of the phase, by the hub's clock; zero: none
	quiet        time.Time   // until then, by the hub's clock, it silences others though it has returned; zero: it does not
	due          time.Time   // the deadline in event time, see last; zero: only the hub's clock counts
	at           time.Time   // of the newest event that counted
	ev           event.Event // the evidence
	note         string      // of the hub's own rules

	counted standing
}

type subjectKey struct {
	rule         *Rule
	device, part string
	group        bool
}

func (s *subject) key() subjectKey { return subjectKey{s.rule, s.device, s.part, s.group} }

// member reports whether a subject only counts towards its group.
func (s *subject) member() bool { return s.rule.Quorum != nil && !s.group }

// held reports whether another rule silences it.
func (s *subject) held() bool { return s.phase == phasePending && s.deadline.IsZero() }

// momentary: see Rule.momentary; a group ends when its members do.
func (s *subject) momentary() bool { return !s.group && s.rule.momentary() }

// tell applies a signal to the subjects that it is about: that of the event's
// part, or every part of the device where another event without a part clears.
func (e *Engine) tell(r *Rule, clears bool, sig signal, at time.Time) {
	v := e.view
	if sig != holds && v.ev.Part == "" && clears && r.Clear.Own {
		for _, s := range slices.Clone(e.record.of(r)) {
			if !s.group {
				e.change(s, v, sig, at)
			}
		}
		return
	}
	if s := e.record.subject(subjectKey{rule: r, device: v.ev.Device, part: v.ev.Part}); s != nil {
		e.change(s, v, sig, at)
	} else if sig == holds {
		e.begin(r, v.ev, at)
	}
}

func (e *Engine) begin(r *Rule, ev *event.Event, at time.Time) {
	s := &subject{rule: r, device: ev.Device, part: ev.Part, phase: phasePending, at: at, ev: *ev}
	e.touch(s.key())
	e.insert(s)
	if r.For > 0 {
		e.last(s, at, r.For)
		return
	}
	e.fire(s, at)
}

// change moves an existing subject.
func (e *Engine) change(s *subject, v *view, sig signal, at time.Time) {
	if s.rule.measured() && v.ev.Late && (!s.ev.Late || at.Before(s.at)) {
		return // an old reading does not overrule a newer one
	}
	if at.Before(s.at) {
		at = s.at
	}
	if !s.due.IsZero() && !at.Before(s.due) { // events that had to wait: by their own time it has passed
		e.touch(s.key())
		if e.expire(s, s.due); e.subject(s.key()) != s {
			if sig == holds {
				e.begin(s.rule, v.ev, at)
			}
			return
		}
	}
	switch s.phase {
	case phasePending:
		e.changePending(s, v, sig, at)
	case phaseFiring, phaseEnding:
		e.changeFiring(s, v, sig, at)
	case phaseSettling:
		if sig == holds {
			e.touch(s.key())
			e.again(s, v.ev, at)
		}
	}
}

// again begins anew while the last time is settling.
func (e *Engine) again(s *subject, ev *event.Event, at time.Time) {
	s.phase, s.at, s.ev = phasePending, at, *ev
	if s.rule.For > 0 && !s.group {
		e.last(s, at, s.rule.For)
		return
	}
	e.fire(s, at)
}

func (e *Engine) changePending(s *subject, v *view, sig signal, at time.Time) {
	if sig&(ends|lapses) != 0 {
		e.touch(s.key())
		e.drop(s)
		return
	}
	if sig != holds {
		return
	}
	e.touch(s.key())
	held := s.held()
	s.at, s.ev = at, *v.ev
	if held {
		e.fire(s, at)
		return
	}
	e.recount(s)
}

// drop lets a subject go that was not raised.
func (e *Engine) drop(s *subject) {
	if s.quiet.After(e.moment) {
		s.phase = phaseSettling
		e.wait(s, s.quiet)
		return
	}
	e.remove(s)
	e.release(s)
}

func (e *Engine) changeFiring(s *subject, v *view, sig signal, at time.Time) {
	switch {
	case sig == holds:
		e.holdOn(s, v, at)
	case sig == ends && s.phase == phaseFiring:
		e.touch(s.key())
		s.at = at
		if s.rule.Keep == 0 {
			e.end(s, v.ev, at)
			return
		}
		s.phase = phaseEnding
		e.last(s, at, s.rule.Keep)
	case sig&notOver != 0 && s.phase == phaseEnding:
		e.touch(s.key())
		s.phase, s.at = phaseFiring, at
		e.wait(s, time.Time{})
	}
}

// holdOn is the condition being met while firing. An event tells it again, a
// reading only goes on; but the first that is in time after late ones is what
// may act.
func (e *Engine) holdOn(s *subject, v *view, at time.Time) {
	fresh := s.ev.Late && !v.ev.Late
	if s.phase == phaseFiring && s.rule.measured() && !fresh {
		return
	}
	e.touch(s.key())
	s.at = at
	if s.phase == phaseEnding {
		s.phase = phaseFiring
		e.wait(s, time.Time{})
	}
	if s.momentary() {
		e.wait(s, e.moment.Add(s.rule.Keep))
	}
	if s.rule.measured() && !fresh {
		return
	}
	if fresh || !v.ev.Late {
		s.ev = *v.ev
		e.recount(s)
	}
	if s.member() {
		return
	}
	tr := e.transition(s, true, at, v.ev, v.data())
	tr.Repeat = !fresh
	e.emit(tr, s.rule)
}

// fire raises, unless another rule silences this one.
func (e *Engine) fire(s *subject, at time.Time) {
	if !s.member() && e.silenced(s) {
		e.wait(s, time.Time{})
		return
	}
	s.phase, s.quiet = phaseFiring, time.Time{}
	switch {
	case !s.momentary():
		e.wait(s, time.Time{})
	case s.rule.Keep == 0:
		e.remove(s)
	default:
		e.wait(s, e.moment.Add(s.rule.Keep))
	}
	if !s.member() {
		e.emit(e.transition(s, true, at, &s.ev, dataOf(&s.ev)), s.rule)
	}
}

func (e *Engine) emit(tr Transition, r *Rule) {
	if tr.Raised && r.order >= 0 {
		st := &e.stats[r.order]
		st.Raised++
		st.LastRaised = tr.At
	}
	e.out = append(e.out, tr)
}

// end returns to normal and lets go what the rule has silenced, at once or when
// it has settled.
func (e *Engine) end(s *subject, ev *event.Event, at time.Time) {
	tr := e.transition(s, false, at, ev, dataOf(ev))
	if s.rule.Settle > 0 && !s.member() {
		s.phase, s.quiet = phaseSettling, e.moment.Add(s.rule.Settle)
		e.wait(s, s.quiet)
	} else {
		e.remove(s)
	}
	if !s.member() {
		e.emit(tr, s.rule)
	}
	if s.phase != phaseSettling {
		e.release(s)
	}
}

// last has a subject wait for as long as something must last, from a time of its
// own events. By the hub's clock the time runs from when that was heard, so that a
// device whose clock is slow, or that was cut off for a while, has as long as any
// other to take back what it said; by the events' own time it ends when one of
// them says that it has passed.
func (e *Engine) last(s *subject, from time.Time, long time.Duration) {
	e.wait(s, e.moment.Add(long))
	s.due = from.Add(long)
}

// wait sets a subject's deadline; the zero time is none.
func (e *Engine) wait(s *subject, deadline time.Time) {
	s.due = time.Time{}
	if !s.deadline.Equal(deadline) {
		s.deadline = deadline
		if !deadline.IsZero() {
			e.timers.set(timer{at: deadline, s: s, key: s.key()})
		}
	}
	e.recount(s)
}

// subject finds one by its key.
func (e *Engine) subject(k subjectKey) *subject { return e.records[k.device].subject(k) }

func (r *record) subject(k subjectKey) *subject {
	if r == nil {
		return nil
	}
	if i, ok := slices.BinarySearchFunc(r.subjects, k, bySubject); ok && r.subjects[i].rule == k.rule {
		return r.subjects[i]
	}
	return nil
}

// of are the subjects of a rule, in the order of their parts.
func (r *record) of(rule *Rule) []*subject {
	if r == nil {
		return nil
	}
	i, _ := slices.BinarySearchFunc(r.subjects, rule.order, func(s *subject, order int) int { return s.rule.order - order })
	n := i
	for n < len(r.subjects) && r.subjects[n].rule == rule {
		n++
	}
	return r.subjects[i:n]
}

// bySubject orders by rule and part, the group last.
func bySubject(s *subject, k subjectKey) int {
	return cmp.Or(s.rule.order-k.rule.order, index01(s.group)-index01(k.group), strings.Compare(s.part, k.part))
}

func (e *Engine) insert(s *subject) {
	r := e.recordOf(s.device)
	i, _ := slices.BinarySearchFunc(r.subjects, s.key(), bySubject)
	r.subjects = slices.Insert(r.subjects, i, s)
	if e.record == nil && e.view.ev != nil && e.view.ev.Device == s.device {
		e.record = r
	}
	e.recount(s)
}

func (e *Engine) remove(s *subject) {
	r := e.records[s.device]
	if i, ok := slices.BinarySearchFunc(r.subjects, s.key(), bySubject); ok && r.subjects[i] == s {
		r.subjects = slices.Delete(r.subjects, i, i+1)
	}
	e.count(s, standing{})
}
