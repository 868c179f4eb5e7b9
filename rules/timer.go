package rules

import (
	"cmp"
	"container/heap"
	"time"
)

// timer is a deadline that a subject had when it was set; a subject that has
// gone or has another one by now ignores it.
type timer struct {
	at  time.Time
	key subjectKey
}

// timers is a heap: the next first, and among equals in the order of the rules,
// devices and parts, so that it never matters which was set first.
type timers []timer

func (t timers) Len() int      { return len(t) }
func (t timers) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t timers) Less(i, j int) bool {
	a, b := t[i], t[j]
	return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.key.rule.order, b.key.rule.order),
		cmp.Compare(a.key.device, b.key.device), cmp.Compare(a.key.part, b.key.part)) < 0
}

// Push is for container/heap.
func (t *timers) Push(x any) { *t = append(*t, x.(timer)) } //nolint:forcetypeassert // only wait pushes

// Pop is for container/heap.
func (t *timers) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	*t = (*t)[:last]
	return x
}

// wait sets a subject's deadline; the zero time is none.
func (e *Engine) wait(s *subject, deadline time.Time) {
	if s.deadline.Equal(deadline) {
		return
	}
	s.deadline = deadline
	if !deadline.IsZero() {
		heap.Push(&e.timers, timer{deadline, s.key()})
	}
}

// advance fires what has run out up to now, in order of time.
func (e *Engine) advance(now time.Time) {
	if now.After(e.clock) {
		e.clock = now
	}
	e.forget(e.clock)
	for len(e.timers) > 0 && !e.timers[0].at.After(e.clock) {
		t := heap.Pop(&e.timers).(timer) //nolint:forcetypeassert // see Push
		s := e.subjects[t.key]
		if s == nil || !s.deadline.Equal(t.at) {
			continue
		}
		e.touch(t.key)
		s.deadline = time.Time{}
		switch {
		case s.phase == phasePending:
			e.fire(s, t.at, nil)
		case s.rule.momentary():
			e.remove(s)
			e.release(s)
		default:
			e.end(s, &s.ev, t.at)
		}
		e.catchUp(t.at)
	}
}
