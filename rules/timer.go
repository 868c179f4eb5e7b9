package rules

import (
	"cmp"
	"container/heap"
	"time"
)

// timer is a deadline that a subject or a watch had when it was set; one that has
// gone or has another one by now ignores it.
type timer struct {
	at  time.Time
	key subjectKey
	s   *subject
	w   *watch
}

// timers is a heap: the next first, and among equals in the order of the rules,
// devices and parts, so that it never matters which was set first.
type timers []timer

func (t timers) Len() int      { return len(t) }
func (t timers) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t timers) Less(i, j int) bool {
	a, b := &t[i], &t[j]
	return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.key.rule.order, b.key.rule.order), cmp.Compare(a.key.device, b.key.device),
		cmp.Compare(a.key.part, b.key.part), index01(a.key.group)-index01(b.key.group), index01(b.w != nil)-index01(a.w != nil)) < 0
}

// Push is for container/heap.
func (t *timers) Push(x any) { *t = append(*t, x.(timer)) } //nolint:forcetypeassert // only set pushes

// Pop is for container/heap.
func (t *timers) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	(*t)[last] = timer{}
	*t = (*t)[:last]
	return x
}

func (t *timers) set(x timer) { heap.Push(t, x) }

// advance fires what has run out up to now, in order of time.
func (e *Engine) advance(now time.Time) {
	if now.After(e.clock) {
		e.clock = now
	}
	for len(e.timers) > 0 && !e.timers[0].at.After(e.clock) {
		t := heap.Pop(&e.timers).(timer) //nolint:forcetypeassert // see Push
		e.moment = t.at
		if t.w != nil {
			e.lapse(t.w, t.at)
		} else {
			e.ring(t)
		}
		e.catchUp(t.at)
	}
}

// ring is a subject's deadline having come.
func (e *Engine) ring(t timer) {
	s := t.s
	if e.subject(t.key) != s || !s.deadline.Equal(t.at) {
		return
	}
	e.touch(t.key)
	at := t.at
	if !s.due.IsZero() {
		at = s.due
	}
	e.expire(s, at)
	e.assemble(at, &s.ev)
}

// expire is a subject's phase coming to its end.
func (e *Engine) expire(s *subject, at time.Time) {
	s.deadline, s.due = time.Time{}, time.Time{}
	switch {
	case s.phase == phasePending:
		s.at = latest(s.at, at)
		e.fire(s, at)
	case s.phase == phaseSettling, s.momentary():
		e.remove(s)
		e.release(s)
	default:
		e.end(s, &s.ev, at)
	}
}
