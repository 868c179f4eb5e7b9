package rules

import (
	"encoding/json"
	"slices"
	"time"

	"dongyue/internal/event"
)

// watch waits for the next event of a device and part, for a rule with `absent`.
// Silence is counted from when the hub heard the last one, since a device's own
// clock may be slow.
type watch struct {
	rule         *Rule
	device, part string
	on           bool        // there is something to wait for
	heard        time.Time   // when the hub had the last
	ev           event.Event // the last
	queued       time.Time   // of its timer; zero: none
	mark         int         // of the undo, see guard
}

// due is when a watch's patience ends. What the hub was away for does not count:
// then nobody could be heard.
func (e *Engine) due(w *watch) time.Time {
	from := w.heard
	if e.back.After(from) {
		from = e.back
	}
	return from.Add(w.rule.Absent)
}

// attend takes an event into the watch of a rule with `absent`: one that its
// filter lets through is a sign of life, one that it does not ends the watch. What
// comes late says nothing of now.
func (e *Engine) attend(r *Rule, where verdict, at time.Time) {
	v := e.view
	if where == unknown || v.ev.Late {
		return
	}
	e.hearken(r, where == yes)
	if s := e.record.subject(subjectKey{rule: r, device: v.ev.Device, part: v.ev.Part}); s != nil {
		e.change(s, v, ends, at)
	}
}

// hearken moves the watch, and nothing else.
func (e *Engine) hearken(r *Rule, on bool) {
	ev := e.view.ev
	var p *part
	if on {
		p = e.keep(ev).keep(ev.Part)
	} else if p = e.record.part(ev.Part); p == nil {
		return
	}
	w := p.watch(r)
	if w == nil {
		if !on {
			return
		}
		w = p.begin(r, e.record.device)
	}
	e.guard(w)
	w.on, w.heard = on, heard(ev)
	if on {
		w.ev = *ev
		e.queue(w)
	}
}

// queue sees to it that a timer is set. It is set once for a whole silence: when
// it rings and there has been a sign of life, it is set again.
func (e *Engine) queue(w *watch) {
	if w.on && w.queued.IsZero() {
		w.queued = e.due(w)
		e.timers.set(timer{at: w.queued, w: w, key: subjectKey{rule: w.rule, device: w.device, part: w.part}})
	}
}

// lapse is a watch's timer having come.
func (e *Engine) lapse(w *watch, at time.Time) {
	if !w.queued.Equal(at) {
		return
	}
	e.guard(w)
	w.queued = time.Time{}
	if !w.on || e.stats[w.rule.order].Disabled != "" {
		return
	}
	if due := e.due(w); due.After(at) {
		e.queue(w)
		return
	}
	k := subjectKey{rule: w.rule, device: w.device, part: w.part}
	s := e.subject(k)
	switch {
	case s == nil:
		e.touch(k)
		s = &subject{rule: w.rule, device: w.device, part: w.part, phase: phasePending, at: at, ev: w.ev}
		e.insert(s)
		e.fire(s, at)
	case s.phase == phaseEnding || s.phase == phaseSettling:
		e.touch(k)
		s.at = at
		if s.phase == phaseSettling {
			e.again(s, &w.ev, at)
		} else {
			s.phase = phaseFiring
			e.wait(s, time.Time{})
		}
	}
	e.assemble(at, &w.ev)
}

func (p *part) watch(r *Rule) *watch {
	if i, ok := slices.BinarySearchFunc(p.watches, r.order, byRule); ok {
		return p.watches[i]
	}
	return nil
}

func (p *part) begin(r *Rule, device string) *watch {
	i, _ := slices.BinarySearchFunc(p.watches, r.order, byRule)
	p.watches = slices.Insert(p.watches, i, &watch{rule: r, device: device, part: p.name})
	return p.watches[i]
}

func byRule(w *watch, order int) int { return w.rule.order - order }

// sayBy is how long after the hub's return devices have at least to say what they
// had to keep meanwhile, before what something must last runs out.
const sayBy = 10 * time.Second

// awake takes the event by which the hub tells that it begins to listen again.
// Up to when it stopped, time has passed as ever; then nothing could be heard,
// so every silence is counted from now, and nothing has lasted long enough before
// it could be taken back. The event is in the journal, so a replay comes to the
// same.
func (e *Engine) awake(ev *event.Event) {
	var data struct {
		AwaySince time.Time `json:"away_since"`
	}
	if json.Unmarshal(ev.Data, &data) == nil && !data.AwaySince.IsZero() && !data.AwaySince.After(heard(ev)) {
		e.advance(data.AwaySince)
		e.grant(data.AwaySince, heard(ev))
	}
	if ev.Channel == event.Presence {
		e.back = heard(ev)
	}
	e.advance(heard(ev))
	e.seq = max(e.seq, ev.Seq)
}

// grant puts off what would run out while nobody could be heard.
func (e *Engine) grant(away, back time.Time) {
	for _, r := range e.records {
		for _, s := range r.subjects {
			if s.due.IsZero() {
				continue
			}
			until := back.Add(min(s.deadline.Sub(away), sayBy))
			if !until.After(s.deadline) {
				continue
			}
			e.touch(s.key())
			due := s.due
			e.wait(s, until)
			s.due = due
		}
	}
}
