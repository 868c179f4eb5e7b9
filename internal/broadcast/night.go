package broadcast

import (
	"fmt"
	"strings"
	"time"
)

// Night is when ranks 4 to 6 are silent: from and to, since midnight of local time. The
// zero value is no night.
type Night struct {
	From, To time.Duration
}

// ParseNight reads 22:00-07:00, or off.
func ParseNight(s string) (Night, error) {
	if s == "" || s == "off" {
		return Night{}, nil
	}
	from, to, ok := strings.Cut(s, "-")
	a, err1 := clock(from)
	b, err2 := clock(to)
	if !ok || err1 != nil || err2 != nil || a == b {
		return Night{}, fmt.Errorf("%q is no time of the night: write 22:00-07:00, or off", s)
	}
	return Night{a, b}, nil
}

// clock reads HH:MM as the time since midnight.
func clock(s string) (time.Duration, error) {
	t, err := time.Parse("15:04", strings.TrimSpace(s))
	if err != nil {
		return 0, fmt.Errorf("%q is no time of day: write 07:30", s)
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}

// at tells whether a moment lies in the night.
func (n Night) at(t time.Time) bool {
	if n.From == n.To {
		return false
	}
	now := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
	if n.From < n.To {
		return now >= n.From && now < n.To
	}
	return now >= n.From || now < n.To
}

// begins is how long it is until the night begins; a day where there is none.
func (n Night) begins(t time.Time) time.Duration {
	if n.From == n.To {
		return 24 * time.Hour
	}
	at := time.Date(t.Year(), t.Month(), t.Day(), int(n.From.Hours()), int(n.From.Minutes())%60, 0, 0, t.Location())
	if !at.After(t) {
		at = time.Date(t.Year(), t.Month(), t.Day()+1, int(n.From.Hours()), int(n.From.Minutes())%60, 0, 0, t.Location())
	}
	return at.Sub(t)
}
