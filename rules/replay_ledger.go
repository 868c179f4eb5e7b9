package rules

import (
	"time"

	"dongyue/internal/event"
)

// annunciation is an alarm that would have called for the operator: raised anew,
// or again after it had returned.
type annunciation struct {
	at           time.Time // when the operator would have heard it
	rule         string
	device, part string
	priority     event.Priority
}

type alarmKey struct{ rule, device, part string }

func (a *annunciation) key() alarmKey { return alarmKey{a.rule, a.device, a.part} }

// openAlarm is the one alarm that a rule has for a device and part.
type openAlarm struct {
	count  int
	active bool
	since  time.Time    // of active
	last   [2]time.Time // annunciations before the newest
	rapid  bool         // it has chattered
}

// chatterIn is the time within which a third annunciation is chattering: three
// cycles a minute (ISA-18.2).
const chatterIn = time.Minute

// staleAfter is how long an alarm may stand before it is stale (ISA-18.2).
const staleAfter = 24 * time.Hour

// ledger models the alarms of a set: one open alarm for each rule, device and
// part, that nobody acknowledges or closes; and counts its annunciations. They are
// counted by the minute, so that it does not grow with their number.
type ledger struct {
	from, to time.Time
	alarms   map[alarmKey]*openAlarm
	minutes  []int // annunciations in each minute of the span
	total    int
	mix      map[event.Priority]int
	prios    map[string]event.Priority // of rules
	stale    []int                     // change of the number of stale alarms, by the day
}

func newLedger(from, to time.Time) *ledger {
	return &ledger{
		from: from, to: to, alarms: map[alarmKey]*openAlarm{}, minutes: make([]int, int((to.Sub(from)+time.Minute-1)/time.Minute)),
		mix: map[event.Priority]int{}, prios: map[string]event.Priority{}, stale: make([]int, int(to.Sub(from)/staleAfter)+2),
	}
}

// enter books transitions and adds those that an operator would have heard to out.
func (l *ledger) enter(trs []Transition, out []annunciation) []annunciation {
	for i := range trs {
		tr := &trs[i]
		k := alarmKey{tr.Rule, tr.Device, tr.Part}
		a := l.alarms[k]
		if a == nil {
			a = &openAlarm{}
			l.alarms[k] = a
		}
		if !tr.Raised {
			l.standing(a, tr.At)
			a.active = false
			continue
		}
		again := !a.active || !tr.Repeat
		if !a.active {
			a.active, a.since = true, tr.At
		}
		if !again {
			continue
		}
		at := tr.At
		if h := heard(&tr.Evidence); h.After(at) {
			at = h
		}
		if at.Before(l.from) { // of the lead: known, not counted
			continue
		}
		l.count(a, tr, at)
		out = append(out, annunciation{at, tr.Rule, tr.Device, tr.Part, tr.Priority})
	}
	return out
}

func (l *ledger) count(a *openAlarm, tr *Transition, at time.Time) {
	l.total++
	l.mix[tr.Priority]++
	l.prios[tr.Rule] = tr.Priority
	l.minutes[min(int(at.Sub(l.from)/time.Minute), len(l.minutes)-1)]++
	if a.count++; a.count > 2 && at.Sub(a.last[1]) <= chatterIn {
		a.rapid = true
	}
	a.last = [2]time.Time{at, a.last[0]}
}

// standing books the days on which an alarm that has been active up to a time was
// stale.
func (l *ledger) standing(a *openAlarm, until time.Time) {
	if !a.active || until.Sub(a.since) <= staleAfter {
		return
	}
	l.stale[l.day(a.since.Add(staleAfter))]++
	l.stale[l.day(until)+1]--
}

func (l *ledger) day(t time.Time) int {
	return min(max(int(t.Sub(l.from)/staleAfter), 0), len(l.stale)-2)
}

// mostStale is the greatest number of stale alarms on a day. What nothing ever
// ends waits for a person, who is not modelled, and is none.
func (l *ledger) mostStale(set *Set) int {
	days := append([]int(nil), l.stale...)
	open := &ledger{from: l.from, stale: days}
	for k, a := range l.alarms {
		if r, ok := set.Rule(k.rule); ok && a.active && !r.momentary() {
			open.standing(a, l.to)
		}
	}
	most, now := 0, 0
	for _, n := range days {
		now += n
		most = max(most, now)
	}
	return most
}

// chattering is the number of alarms that came three times in a minute.
func (l *ledger) chattering() (n int) {
	for _, a := range l.alarms {
		if a.rapid {
			n++
		}
	}
	return n
}
