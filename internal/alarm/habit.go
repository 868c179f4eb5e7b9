package alarm

import (
	"slices"
	"time"
)

// ISA-18.2 / EEMUA 191: an alarm chatters that comes and goes three times in a
// minute; one is fleeting that goes within seconds before anyone could act.
const (
	chatterCycles = 3
	chatterWindow = time.Minute
	// chatterQuiet is how long a chattering condition has to be gone before it is
	// taken to have returned: an off-delay, the cure that the standard names.
	chatterQuiet  = time.Minute
	chatterMemory = 30 // raises that are remembered; more in a minute are reckoned from these

	fleetWithin = 10 * time.Second
	fleetTimes  = 5
	fleetWindow = time.Hour

	// A subject is frequent that makes a twentieth of a day's alarms, of some number.
	frequentTimes = 10
	frequentShare = 0.05
)

// The kinds of bad actors.
const (
	Chattering = "chattering"
	Fleeting   = "fleeting"
	Frequent   = "frequent"
)

// habit is how one subject has behaved of late.
type habit struct {
	raises []int64 // ms, ascending, of the last minute
	fleets []int64 // ms
	day    int64   // since 1970, UTC
	today  int
	moved  bool
}

// raised notes a beginning; times that come out of order are put in order.
func (h *habit) raised(at time.Time) {
	h.raises = remember(h.raises, at, chatterWindow, chatterMemory)
	if day := at.Unix() / 86400; day != h.day {
		h.day, h.today = day, 0
	}
	h.today, h.moved = h.today+1, true
}

func remember(times []int64, at time.Time, window time.Duration, most int) []int64 {
	ms := at.UnixMilli()
	i, _ := slices.BinarySearch(times, ms+1)
	times = slices.Insert(times, i, ms)
	old, _ := slices.BinarySearch(times, times[len(times)-1]-window.Milliseconds())
	return times[max(old, len(times)-most):]
}

// cycles is how often the subject began in the minute before at.
func (h *habit) cycles(at time.Time) int {
	i, _ := slices.BinarySearch(h.raises, at.Add(-chatterWindow).UnixMilli()+1)
	return len(h.raises) - i
}

func (h *habit) chatters(at time.Time) bool { return h.cycles(at) >= chatterCycles }

// perMinute is the rate of the cycles, also where not all are remembered.
func (h *habit) perMinute(at time.Time) float64 {
	n := h.cycles(at)
	if n < chatterMemory {
		return float64(n)
	}
	span := float64(h.raises[len(h.raises)-1]-h.raises[0]) / 60_000
	return float64(n-1) / max(span, 1.0/60)
}

// ended notes that it went without anyone's doing, and reports whether it is
// fleeting.
func (h *habit) ended(at time.Time) bool {
	if n := len(h.raises); n == 0 || at.UnixMilli()-h.raises[n-1] > fleetWithin.Milliseconds() {
		return false
	}
	h.moved = true
	h.fleets = remember(h.fleets, at, fleetWindow, fleetTimes)
	return len(h.fleets) >= fleetTimes
}

// frequent reports whether the subject makes too great a part of the day's alarms.
func (h *habit) frequent(total int) bool {
	return h.today >= frequentTimes && float64(h.today) >= frequentShare*float64(total)
}
