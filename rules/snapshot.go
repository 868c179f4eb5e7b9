package rules

import (
	"cmp"
	"container/heap"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"dongyue/internal/event"
)

// Saved is the state of one subject for the caller to keep. Data is nil where
// nothing is the matter any more: delete the row.
type Saved struct {
	Rule, Device, Part string
	Data               []byte
}

type savedState struct {
	Phase    phase       `json:"phase"`
	Deadline *time.Time  `json:"deadline,omitempty"`
	At       time.Time   `json:"at"`
	Event    event.Event `json:"event"`
}

// touch remembers a subject as it was at the last Commit; nil: not there.
func (e *Engine) touch(k subjectKey) {
	if _, known := e.undo[k]; known {
		return
	}
	var before *subject
	if s := e.subjects[k]; s != nil {
		was := *s
		before = &was
	}
	e.undo[k] = before
}

// Dirty returns the subjects that have changed since the last Commit. Write
// them in the same transaction as what the transitions brought about.
func (e *Engine) Dirty() ([]Saved, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	keys := make([]subjectKey, 0, len(e.undo))
	for k := range e.undo {
		keys = append(keys, k)
	}
	return e.save(keys)
}

// Snapshot returns all subjects.
func (e *Engine) Snapshot() ([]Saved, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	keys := make([]subjectKey, 0, len(e.subjects))
	for k := range e.subjects {
		keys = append(keys, k)
	}
	return e.save(keys)
}

func (e *Engine) save(keys []subjectKey) ([]Saved, error) {
	slices.SortFunc(keys, func(a, b subjectKey) int {
		return cmp.Or(cmp.Compare(a.rule.ID, b.rule.ID), cmp.Compare(a.device, b.device), cmp.Compare(a.part, b.part))
	})
	out := make([]Saved, 0, len(keys))
	for _, k := range keys {
		row := Saved{Rule: k.rule.ID, Device: k.device, Part: k.part}
		if s := e.subjects[k]; s != nil {
			st := savedState{Phase: s.phase, At: s.at, Event: s.ev}
			if !s.deadline.IsZero() {
				st.Deadline = &s.deadline
			}
			var err error
			if row.Data, err = json.Marshal(st); err != nil {
				return nil, fmt.Errorf("rules: save state of %s for %s: %w", k.rule.ID, k.device, err)
			}
		}
		out = append(out, row)
	}
	return out, nil
}

// Commit says that the transaction is on disk.
func (e *Engine) Commit() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.undo)
}

// Rollback takes back every change since the last Commit, for the caller whose
// transaction failed; the same events can then be processed again.
func (e *Engine) Rollback() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for k, before := range e.undo {
		if s := e.subjects[k]; s != nil {
			e.remove(s)
		}
		if before != nil {
			e.resume(before)
		}
	}
	clear(e.undo)
}

func (e *Engine) resume(s *subject) {
	e.insert(s)
	if !s.deadline.IsZero() {
		heap.Push(&e.timers, timer{s.deadline, s.key()})
	}
}

// Restore puts back what was saved, before the first event. Rows of rules that
// are no longer there are passed over; a row that can't be read is an error.
// Deadlines that have passed meanwhile run out at the next Process or Tick.
// Windows are not saved: they have no answer until they are half full again.
func (e *Engine) Restore(rows []Saved) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, row := range rows {
		r, ok := e.set.Rule(row.Rule)
		if !ok || len(row.Data) == 0 {
			continue
		}
		var st savedState
		if err := json.Unmarshal(row.Data, &st); err != nil {
			return fmt.Errorf("rules: restore state of %s for %s: %w", row.Rule, row.Device, err)
		}
		s := &subject{rule: r, device: row.Device, part: row.Part, phase: st.Phase, at: st.At, ev: st.Event}
		if st.Deadline != nil {
			s.deadline = *st.Deadline
		}
		if old := e.subjects[s.key()]; old != nil {
			e.remove(old)
		}
		e.resume(s)
	}
	return nil
}

// Swap goes on with another set of rules. Rules that are in both keep their
// state; what fires by a rule that is gone returns, at the time of the engine.
// Call it between Commit and the next Process, and treat what it returns and
// Dirty like those of Process.
func (e *Engine) Swap(set *Set) []Transition {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := make([]*subject, 0, len(e.subjects))
	for _, s := range e.subjects {
		old = append(old, s)
	}
	slices.SortFunc(old, func(a, b *subject) int {
		return cmp.Or(a.rule.order-b.rule.order, cmp.Compare(a.device, b.device), byPart(a, b))
	})
	stats := e.stats
	previous := e.set
	e.use(set)
	for r, st := range stats {
		if again, ok := set.Rule(r.ID); ok {
			e.stats[again] = st
		}
	}
	for _, r := range previous.Rules {
		if _, ok := set.Rule(r.ID); !ok {
			e.stats[r] = stats[r] // for the farewells below
		}
	}
	clear(e.subjects)
	clear(e.parts)
	e.timers = nil
	for _, s := range old {
		if r, ok := set.Rule(s.rule.ID); ok {
			s.rule = r
			e.resume(s)
			continue
		}
		e.touch(s.key())
		if s.phase != phasePending && !s.rule.momentary() {
			e.emit(s.transition(false, e.clock, &s.ev, nil), s.rule)
		}
	}
	return e.flush()
}
