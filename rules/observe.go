package rules

import "dongyue/internal/event"

// Observe takes events into what the engine remembers beside its subjects –
// windows, silences, who has been heard in a group – and concludes nothing. After
// Restore and LoadWindows it makes up for the events between the two: those that
// were judged, and whose windows were not yet saved.
func (e *Engine) Observe(evs []event.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range evs {
		ev := &evs[i]
		e.clock, e.seq = latest(e.clock, heard(ev)), max(e.seq, ev.Seq)
		if ev.Kind == event.Hub {
			if ev.Channel == event.Presence {
				e.back = heard(ev)
			}
			continue
		}
		if e.look(ev) {
			e.remember()
		}
	}
	e.moved = e.moved[:0]
	e.reset()
}

// remember has the rules that must hear of all they watch do so.
func (e *Engine) remember() {
	for _, t := range e.todo {
		r := e.set.Rules[t.rule]
		if t.left && r.Absent > 0 && !e.view.ev.Late {
			e.hearken(r, false)
		}
		if !t.on || !r.wide() || e.stats[t.rule].Disabled != "" {
			continue
		}
		where, _ := e.view.eval(r.where)
		if where == yes {
			e.tally(r)
		}
		if r.Absent > 0 && where != unknown && !e.view.ev.Late {
			e.hearken(r, where == yes)
		}
	}
}
