package rules

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"dongyue/internal/event"
)

// Saved is the state of one subject for the caller to keep. Data is nil where
// nothing is the matter any more: delete the row.
type Saved struct {
	Rule, Device, Part string
	Data               []byte
}

// memberSuffix marks the rows of devices that only count towards a group.
const memberSuffix = "/member"

type savedState struct {
	Phase    phase       `json:"phase"`
	Deadline *time.Time  `json:"deadline,omitempty"`
	Quiet    *time.Time  `json:"quiet,omitempty"`
	Due      *time.Time  `json:"due,omitempty"`
	Group    bool        `json:"group,omitempty"`
	Note     string      `json:"note,omitempty"`
	At       time.Time   `json:"at"`
	Event    event.Event `json:"event"`
}

// Dirty returns the subjects that have changed since the last Commit. Write
// them in the same transaction as what the transitions brought about.
func (e *Engine) Dirty() ([]Saved, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	keys := make([]subjectKey, 0, len(e.undo.subjects))
	for k := range e.undo.subjects {
		keys = append(keys, k)
	}
	return e.save(keys)
}

// Snapshot returns all subjects.
func (e *Engine) Snapshot() ([]Saved, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var keys []subjectKey
	for _, r := range e.records {
		for _, s := range r.subjects {
			keys = append(keys, s.key())
		}
	}
	return e.save(keys)
}

// row is the name under which a subject of a rule is kept.
func (k *subjectKey) row() string {
	if k.rule.Quorum != nil && !k.group {
		return k.rule.ID + memberSuffix
	}
	return k.rule.ID
}

func (e *Engine) save(keys []subjectKey) ([]Saved, error) {
	out := make([]Saved, 0, len(keys))
	for _, k := range keys {
		row := Saved{Rule: k.row(), Device: k.device, Part: k.part}
		if s := e.subject(k); s != nil && s.rule == k.rule {
			var err error
			if row.Data, err = json.Marshal(s.saved()); err != nil {
				return nil, fmt.Errorf("rules: save state of %s for %s: %w", k.rule.ID, k.device, err)
			}
		}
		out = append(out, row)
	}
	slices.SortStableFunc(out, func(a, b Saved) int { // what is gone before what has come
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Part, b.Part), index01(a.Data != nil)-index01(b.Data != nil))
	})
	return out, nil
}

func (s *subject) saved() savedState {
	st := savedState{Phase: s.phase, Group: s.group, Note: s.note, At: s.at, Event: s.ev}
	if !s.deadline.IsZero() {
		st.Deadline = &s.deadline
	}
	if !s.quiet.IsZero() {
		st.Quiet = &s.quiet
	}
	if !s.due.IsZero() {
		st.Due = &s.due
	}
	return st
}

// resume puts a subject back, with its timer.
func (e *Engine) resume(s *subject) {
	s.counted = standing{}
	e.insert(s)
	if !s.deadline.IsZero() {
		e.timers.set(timer{at: s.deadline, s: s, key: s.key()})
	}
}

// Restore puts back what was saved, before the first event. What fires by a rule
// that is no longer there, or no longer watches what set it off, returns with the
// next Process or Tick; a row that can't
// be read is an error. Deadlines that have passed meanwhile run out then, too.
// Windows are not in it, see LoadWindows.
func (e *Engine) Restore(rows []Saved) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	w := newHearing(e.set)
	for _, row := range rows {
		if err := e.restore(row, w); err != nil {
			return err
		}
	}
	e.moved = e.moved[:0]
	e.mute()
	e.reset()
	return nil
}

func (e *Engine) restore(row Saved, w hearing) error {
	id, member := strings.CutSuffix(row.Rule, memberSuffix)
	r, ok := e.set.Rule(id)
	if id == disabledRule {
		r, ok = e.hub, true
	}
	if len(row.Data) == 0 || !ok && !json.Valid(row.Data) {
		return nil
	}
	var st savedState
	if err := json.Unmarshal(row.Data, &st); err != nil {
		if !ok {
			return nil //nolint:nilerr // of a rule that is gone: there is nothing to go on with
		}
		return fmt.Errorf("rules: restore state of %s for %s: %w", row.Rule, row.Device, err)
	}
	if !ok || (r.Quorum != nil) != (member || st.Group) || r != e.hub && !st.Group && !w.by(r, &st.Event) {
		e.orphans = append(e.orphans, row)
		return nil
	}
	s := &subject{rule: r, device: row.Device, part: row.Part, group: st.Group, phase: st.Phase, note: st.Note, at: st.At, ev: st.Event}
	if st.Deadline != nil {
		s.deadline = *st.Deadline
	}
	if st.Quiet != nil {
		s.quiet = *st.Quiet
	}
	if st.Due != nil {
		s.due = *st.Due
	}
	if old := e.subject(s.key()); old != nil {
		e.remove(old)
	}
	e.resume(s)
	if r.Quorum != nil && member {
		e.hear(r, &s.ev)
	}
	e.clock = latest(e.clock, s.at)
	return nil
}

// farewell returns what was raised by rules that are no longer there, and brings
// back the disabled rules that have been changed.
func (e *Engine) farewell() {
	if e.parted {
		return
	}
	e.parted = true
	for _, row := range e.orphans {
		var st savedState
		if json.Unmarshal(row.Data, &st) != nil {
			continue
		}
		id, member := strings.CutSuffix(row.Rule, memberSuffix)
		r := &Rule{ID: id, order: -2, where: none, when: none}
		if member {
			r.Quorum = &Quorum{}
		}
		e.touch(subjectKey{rule: r, device: row.Device, part: row.Part})
		if !member && (st.Phase == phaseFiring || st.Phase == phaseEnding) {
			e.out = append(e.out, Transition{
				Rule: id, Device: row.Device, Part: row.Part, Zone: st.Event.Zone, Via: st.Event.Via, Kind: st.Event.Kind,
				At: latest(e.clock, st.At), Evidence: st.Event,
			})
		}
	}
	e.enable()
}
