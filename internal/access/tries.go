package access

import (
	"time"

	"dongyue/internal/event"
)

// After this many wrong PINs in a row a door takes no PIN for a while (GB
// 50396-2007 §5.1 allows at most five). Cards go on working.
const (
	maxTries = 5
	lockFor  = 5 * time.Minute
)

// tries counts the wrong PINs at one door.
type tries struct {
	wrong int
	until time.Time // no PIN before
}

// triesAt returns the count as the current batch sees it.
func (x *Access) triesAt(door string) tries {
	if t, ok := x.pending.tries[door]; ok {
		return t
	}
	return x.tries[door]
}

func (x *Access) locked(ev *event.Event) bool {
	return ev.ReceivedAt.Before(x.triesAt(ev.Device).until)
}

// countTry counts a wrong PIN; a right one starts afresh.
func (x *Access) countTry(ev *event.Event, v Verdict) {
	t := x.triesAt(ev.Device)
	switch {
	case v.Reason == PINWrong:
		if t.wrong++; t.wrong >= maxTries {
			t = tries{until: ev.ReceivedAt.Add(lockFor)}
		}
	case v.Granted:
		t.wrong = 0
	default:
		return
	}
	x.pending.tries[ev.Device] = t
}
