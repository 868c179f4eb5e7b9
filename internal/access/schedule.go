package access

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// weekMinutes is the number of minutes of a week, the resolution of a schedule.
const weekMinutes = 7 * 24 * 60

// Always is the schedule without limits.
const Always = "always"

// Schedule says at which minutes of the week a right is good. Look-up is one
// bit, however many windows there are.
type Schedule struct {
	text    string
	always  bool
	minutes [(weekMinutes + 63) / 64]uint64 // Monday 00:00 is bit 0
}

// ParseSchedule reads "always" or windows such as
// "mon-fri 07:00-19:00; sat,sun 08:00-12:00". A window whose end is not behind
// its start runs over midnight: "fri 22:00-06:00" ends on Saturday morning.
func ParseSchedule(text string) (*Schedule, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	s := &Schedule{text: text}
	if text == Always || text == "" {
		s.text, s.always = Always, true
		return s, nil
	}
	for part := range strings.SplitSeq(text, ";") {
		days, hours, ok := strings.Cut(strings.TrimSpace(part), " ")
		if !ok {
			return nil, fmt.Errorf("%w: schedule window %q: write days and hours, as mon-fri 07:00-19:00", ErrInvalid, part)
		}
		on, err := parseDays(days)
		if err != nil {
			return nil, err
		}
		from, to, err := parseHours(strings.TrimSpace(hours))
		if err != nil {
			return nil, err
		}
		for d, yes := range on {
			if yes {
				s.set(d*24*60+from, d*24*60+to)
			}
		}
	}
	return s, nil
}

// String is the schedule as it was written, in lower case.
func (s *Schedule) String() string { return s.text }

// Allows reports whether the schedule holds at a time, on the wall clock of the
// time's own zone.
func (s *Schedule) Allows(t time.Time) bool {
	if s.always {
		return true
	}
	hour, minute, _ := t.Clock()
	m := ((int(t.Weekday())+6)%7*24+hour)*60 + minute
	return s.minutes[m/64]>>(m%64)&1 == 1
}

func (s *Schedule) set(from, to int) {
	for m := from; m < to; m++ {
		w := m % weekMinutes
		s.minutes[w/64] |= 1 << (w % 64)
	}
}

func parseDays(text string) (on [7]bool, err error) {
	for part := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(part, "-")
		a, ok := weekday(first)
		b := a
		if ranged && ok {
			b, ok = weekday(last)
		}
		if !ok {
			return on, fmt.Errorf("%w: schedule day %q: use mon tue wed thu fri sat sun", ErrInvalid, part)
		}
		for d := a; ; d = (d + 1) % 7 {
			on[d] = true
			if d == b {
				break
			}
		}
	}
	return on, nil
}

func weekday(s string) (int, bool) {
	for i, d := range [...]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} {
		if s == d {
			return i, true
		}
	}
	return 0, false
}

// parseHours returns minutes of the day; to may be up to a day behind from.
func parseHours(text string) (from, to int, err error) {
	first, last, ok := strings.Cut(text, "-")
	from, ok1 := clock(first)
	to, ok2 := clock(last)
	if !ok || !ok1 || !ok2 || from == 24*60 || from == to {
		return 0, 0, fmt.Errorf("%w: schedule hours %q: write 07:00-19:00, the end at most 24:00", ErrInvalid, text)
	}
	if to < from {
		to += 24 * 60
	}
	return from, to, nil
}

func clock(s string) (int, bool) {
	hh, mm, ok := strings.Cut(s, ":")
	if !ok || len(hh) != 2 || len(mm) != 2 {
		return 0, false
	}
	h, err1 := strconv.ParseUint(hh, 10, 8)
	m, err2 := strconv.ParseUint(mm, 10, 8)
	if err1 != nil || err2 != nil || m > 59 || h > 24 || h == 24 && m != 0 {
		return 0, false
	}
	return int(h*60 + m), true
}
