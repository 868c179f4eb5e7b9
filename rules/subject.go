package rules

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"dongyue/internal/event"
)

type phase uint8

const (
	phasePending phase = iota + 1 // the condition holds, not long enough yet, or something silences it
	phaseFiring                   // raised
	phaseEnding                   // over, but kept for keep_firing_for
)

// subject is the state of one rule for one device and part; there is none while
// nothing is the matter.
type subject struct {
	rule         *Rule
	device, part string
	phase        phase
	deadline     time.Time   // of the phase; zero: none
	at           time.Time   // of the newest event that counted
	ev           event.Event // the evidence
}

type subjectKey struct {
	rule         *Rule
	device, part string
}

type deviceKey struct {
	rule   *Rule
	device string
}

func (s *subject) key() subjectKey { return subjectKey{s.rule, s.device, s.part} }

// tell applies a signal to the subjects that it is about: that of the event's
// part, or every part of the device where another event without a part clears.
func (e *Engine) tell(c entry, v *view, sig signal, at time.Time) {
	r, ev := c.rule, v.ev
	if sig != holds && ev.Part == "" && c.clear && r.Clear.Own {
		for _, s := range slices.Clone(e.parts[deviceKey{r, ev.Device}]) {
			e.change(s, v, sig, at)
		}
		return
	}
	s := e.subjects[subjectKey{r, ev.Device, ev.Part}]
	if s != nil {
		e.change(s, v, sig, at)
	} else if sig == holds {
		e.begin(r, v, at)
	}
}

func (e *Engine) begin(r *Rule, v *view, at time.Time) {
	s := &subject{rule: r, device: v.ev.Device, part: v.ev.Part, phase: phasePending, at: at, ev: *v.ev}
	e.touch(s.key())
	e.insert(s)
	if r.For > 0 {
		e.wait(s, at.Add(r.For))
		return
	}
	e.fire(s, at, v.data())
}

// change moves an existing subject.
func (e *Engine) change(s *subject, v *view, sig signal, at time.Time) {
	if s.rule.measured() && v.ev.Late && (!s.ev.Late || at.Before(s.at)) {
		return // an old reading does not overrule a newer one
	}
	if at.Before(s.at) {
		at = s.at
	}
	switch s.phase {
	case phasePending:
		e.changePending(s, v, sig, at)
	case phaseFiring, phaseEnding:
		e.changeFiring(s, v, sig, at)
	}
}

func (e *Engine) changePending(s *subject, v *view, sig signal, at time.Time) {
	if sig&(ends|lapses) != 0 {
		e.touch(s.key())
		e.remove(s)
		return
	}
	if sig != holds {
		return
	}
	e.touch(s.key())
	s.at, s.ev = at, *v.ev
	if s.deadline.IsZero() { // silenced by another rule
		e.fire(s, at, v.data())
	}
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
		e.wait(s, at.Add(s.rule.Keep))
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
	if s.rule.momentary() {
		e.wait(s, at.Add(s.rule.Keep))
	}
	if s.rule.measured() && !fresh {
		return
	}
	if fresh || !v.ev.Late {
		s.ev = *v.ev
	}
	tr := s.transition(true, at, v.ev, v.data())
	tr.Repeat = !fresh
	e.emit(tr, s.rule)
}

// fire raises, unless another rule silences this one.
func (e *Engine) fire(s *subject, at time.Time, data map[string]any) {
	if e.silenced(s) {
		e.wait(s, time.Time{})
		return
	}
	s.phase = phaseFiring
	switch {
	case !s.rule.momentary():
		e.wait(s, time.Time{})
	case s.rule.Keep == 0:
		e.remove(s)
	default:
		e.wait(s, at.Add(s.rule.Keep))
	}
	if data == nil { // by a timer: the evidence is from before
		_ = json.Unmarshal(s.ev.Data, &data)
	}
	e.emit(s.transition(true, at, &s.ev, data), s.rule)
}

func (e *Engine) emit(tr Transition, r *Rule) {
	if st := e.stats[r]; tr.Raised {
		st.Raised++
		st.LastRaised = tr.At
	}
	e.out = append(e.out, tr)
}

// end returns to normal and lets go what the rule has silenced.
func (e *Engine) end(s *subject, ev *event.Event, at time.Time) {
	e.remove(s)
	var data map[string]any
	_ = json.Unmarshal(ev.Data, &data)
	e.emit(s.transition(false, at, ev, data), s.rule)
	e.release(s)
}

// release notes what a rule has silenced. It is looked at when every rule has
// had its say about the event: the same event may end it too.
func (e *Engine) release(s *subject) {
	for _, d := range s.rule.dependents {
		for _, held := range e.parts[deviceKey{d, s.device}] {
			if held.phase == phasePending && held.deadline.IsZero() {
				e.released = append(e.released, held)
			}
		}
	}
}

// catchUp raises what is still the matter and no longer silenced.
func (e *Engine) catchUp(at time.Time) {
	for i := 0; i < len(e.released); i++ { // one may release another
		s := e.released[i]
		if e.subjects[s.key()] == s && s.phase == phasePending && s.deadline.IsZero() {
			e.touch(s.key())
			e.fire(s, at, nil)
		}
	}
	e.released = e.released[:0]
}

// silenced reports whether a rule that this one depends on fires for the same
// device and part, or for the device as a whole.
func (e *Engine) silenced(s *subject) bool {
	for _, id := range s.rule.DependsOn {
		above := e.set.byID[id]
		for _, o := range e.parts[deviceKey{above, s.device}] {
			if o.phase != phasePending && (o.part == s.part || o.part == "") {
				return true
			}
		}
	}
	return false
}

func (e *Engine) insert(s *subject) {
	e.subjects[s.key()] = s
	k := deviceKey{s.rule, s.device}
	i, _ := slices.BinarySearchFunc(e.parts[k], s, byPart)
	e.parts[k] = slices.Insert(e.parts[k], i, s)
}

func (e *Engine) remove(s *subject) {
	delete(e.subjects, s.key())
	k := deviceKey{s.rule, s.device}
	if i, ok := slices.BinarySearchFunc(e.parts[k], s, byPart); ok {
		e.parts[k] = slices.Delete(e.parts[k], i, i+1)
	}
	if len(e.parts[k]) == 0 {
		delete(e.parts, k)
	}
}

func byPart(a, b *subject) int { return cmp.Compare(a.part, b.part) }
