package rules

import (
	"time"
)

// undo is what has changed since the last Commit, as it was before. What changes
// with most events is copied once between two commits, into room that is used
// again.
type undo struct {
	mark     int // number of the commit; what carries it has been copied
	subjects map[subjectKey]*subject
	series   []seriesWas
	points   []point // of series, one behind the other
	watches  []watchWas
	budgets  []budgetWas
	heard    []heardNew
	clock    time.Time
	back     time.Time
	told     time.Time
	seq      uint64
	swapped  *core // before a Swap; nil: there was none
}

// seriesWas is a series before: the next points of undo.points.
type seriesWas struct {
	s *series
	n int
}

type watchWas struct {
	w   *watch
	was watch
}

type budgetWas struct {
	b   *budget
	was budget
}

// heardNew is a device that had not been heard in a group.
type heardNew struct {
	group  groupKey
	device string
}

func newUndo() undo { return undo{mark: 1, subjects: map[subjectKey]*subject{}} }

// touch remembers a subject as it was at the last Commit; nil: not there.
func (e *Engine) touch(k subjectKey) {
	if _, known := e.undo.subjects[k]; known {
		return
	}
	var before *subject
	if s := e.subject(k); s != nil {
		was := *s
		before = &was
	}
	e.undo.subjects[k] = before
}

// stir remembers a series as it was at the last Commit.
func (e *Engine) stir(s *series) {
	if s.mark == e.undo.mark {
		return
	}
	s.mark = e.undo.mark
	live := s.live()
	e.undo.series = append(e.undo.series, seriesWas{s, len(live)})
	e.undo.points = append(e.undo.points, live...)
}

// guard remembers a watch as it was at the last Commit.
func (e *Engine) guard(w *watch) {
	if w.mark != e.undo.mark {
		w.mark = e.undo.mark
		e.undo.watches = append(e.undo.watches, watchWas{w, *w})
	}
}

// roomForPoints is kept from one commit to the next; more is given back.
const roomForPoints = 1 << 16

// reset begins the time between two commits.
func (e *Engine) reset() {
	u := &e.undo
	u.mark++
	clear(u.subjects)
	clear(u.series)
	clear(u.watches)
	clear(u.heard)
	u.series, u.points, u.watches, u.budgets, u.heard = u.series[:0], u.points[:0], u.watches[:0], u.budgets[:0], u.heard[:0]
	u.clock, u.back, u.told, u.seq, u.swapped = e.clock, e.back, e.told, e.seq, nil
	if cap(u.points) > roomForPoints {
		u.points = nil
	}
	if cap(u.watches) > roomForPoints/16 {
		u.watches = nil
	}
}

// Commit says that the transaction is on disk.
func (e *Engine) Commit() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.parted {
		e.orphans = nil
	}
	e.reset()
	e.forget()
}

// Rollback takes back every change since the last Commit, for the caller whose
// transaction failed; the same events can then be processed again, with the same
// result.
func (e *Engine) Rollback() {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := &e.undo
	e.clock, e.back, e.told, e.seq = u.clock, u.back, u.told, u.seq
	if u.swapped != nil {
		e.core = *u.swapped
	} else {
		e.undoSubjects()
		e.undoWindows()
	}
	for _, b := range u.budgets {
		*b.b = b.was
	}
	for _, h := range u.heard {
		delete(e.group(h.group).heard, h.device)
	}
	e.record, e.parted = nil, false
	e.moved, e.released, e.broke = e.moved[:0], e.released[:0], e.broke[:0]
	e.reset()
	e.mute()
}

func (e *Engine) undoSubjects() {
	for k, before := range e.undo.subjects {
		if s := e.subject(k); s != nil && s.rule == k.rule {
			e.remove(s)
		}
		if before != nil {
			e.resume(before)
		}
	}
}

func (e *Engine) undoWindows() {
	points := e.undo.points
	for _, was := range e.undo.series {
		was.s.points, was.s.head = append(was.s.points[:0], points[:was.n]...), 0
		points = points[was.n:]
	}
	for i := range e.undo.watches {
		w := e.undo.watches[i].w
		*w = e.undo.watches[i].was
		w.queued = time.Time{}
		e.queue(w)
	}
}

// mute marks the rules that are disabled, after their subjects have been put
// back.
func (e *Engine) mute() {
	for i := range e.stats {
		e.stats[i].Disabled = ""
	}
	for _, s := range e.subjectsOf(e.hub) {
		if r, ok := e.set.Rule(s.device[len(rulePrefix):]); ok && r.Version == s.note {
			e.stats[r.order].Disabled = pastLimit
		}
	}
}
