package doorlist

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// DayKind is what the calendar says of a day.
type DayKind string

// The kinds. Most days are of none: the week decides.
const (
	PlainDay DayKind = ""
	Holiday  DayKind = "holiday"
	Workday  DayKind = "workday" // worked at a week-end for a longer holiday (調休)
)

// Days are the kinds of a day and of the one before, whose nights reach into it.
type Days struct{ Today, Yesterday DayKind }

// A schedule has a row for each day of the week, and one for holidays. A row has
// the minutes of two days, because a window may run over midnight.
const (
	dayMinutes = 24 * 60
	holidayRow = 7
)

// Always is the schedule without limits.
const Always = "always"

// Schedule says at which minutes of which days a right is good. Look-up is two
// bits, however many windows there are.
type Schedule struct {
	text     string
	always   bool
	holidays bool // it says what holds on holidays
	rows     [8][2 * dayMinutes / 64]uint64
}

// ParseSchedule reads "always" or windows such as
// "mon-fri 07:00-19:00; sat,sun,holiday 08:00-12:00". A window whose end is not
// behind its start runs over midnight: "fri 22:00-06:00" ends on Saturday
// morning. On a holiday the windows of `holiday` hold; in a schedule that names
// none it is like a Sunday. A working day at the week-end (調休) is like a Monday.
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
			return nil, fmt.Errorf("schedule window %q: write days and hours, as mon-fri 07:00-19:00", part)
		}
		on, err := parseDays(days)
		if err != nil {
			return nil, err
		}
		from, to, err := parseHours(strings.TrimSpace(hours))
		if err != nil {
			return nil, err
		}
		s.holidays = s.holidays || on[holidayRow]
		for d, yes := range on {
			for m := from; yes && m < to; m++ {
				s.rows[d][m/64] |= 1 << (m % 64)
			}
		}
	}
	return s, nil
}

// String is the schedule as it was written, in lower case.
func (s *Schedule) String() string { return s.text }

// Allows reports whether the schedule holds at a time, on the wall clock of the
// time's own zone. days is what the calendar says of that day and the one before.
func (s *Schedule) Allows(t time.Time, days Days) bool {
	if s.always {
		return true
	}
	hour, minute, _ := t.Clock()
	m, d := hour*60+minute, (int(t.Weekday())+6)%7
	return s.at(d, days.Today, m) || s.at((d+6)%7, days.Yesterday, m+dayMinutes)
}

// at looks at one minute of the row that counts for a day; 0 is Monday.
func (s *Schedule) at(weekday int, kind DayKind, m int) bool {
	switch {
	case kind == Holiday && s.holidays:
		weekday = holidayRow
	case kind == Holiday:
		weekday = 6
	case kind == Workday && weekday > 4:
		weekday = 0
	}
	return s.rows[weekday][m/64]>>(m%64)&1 == 1
}

func parseDays(text string) (on [8]bool, err error) {
	for part := range strings.SplitSeq(text, ",") {
		if part == "holiday" {
			on[holidayRow] = true
			continue
		}
		first, last, ranged := strings.Cut(part, "-")
		a, ok := weekday(first)
		b := a
		if ranged && ok {
			b, ok = weekday(last)
		}
		if !ok {
			return on, fmt.Errorf("schedule day %q: use mon tue wed thu fri sat sun holiday", part)
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
		return 0, 0, fmt.Errorf("schedule hours %q: write 07:00-19:00, the end at most 24:00", text)
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
