package doorlist

import (
	"strings"
	"testing"
	"time"
)

// monday is 2026-03-02, a Monday, at a wall-clock time, days later.
func monday(days, hour, minute int) time.Time {
	return time.Date(2026, 3, 2+days, hour, minute, 30, 0, time.FixedZone("UTC+8", 8*3600))
}

func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		text string
		at   time.Time
		want bool
	}{
		{"always", monday(0, 0, 0), true},
		{"", monday(6, 23, 59), true},
		{"mon-fri 07:00-19:00", monday(0, 6, 59), false},
		{"mon-fri 07:00-19:00", monday(0, 7, 0), true},
		{"mon-fri 07:00-19:00", monday(4, 18, 59), true},
		{"mon-fri 07:00-19:00", monday(4, 19, 0), false},
		{"mon-fri 07:00-19:00", monday(5, 12, 0), false},
		{"MON 07:00-19:00", monday(0, 12, 0), true},
		{"sat,sun 08:00-12:00; mon 00:00-24:00", monday(6, 11, 0), true},
		{"sat,sun 08:00-12:00; mon 00:00-24:00", monday(0, 23, 59), true},
		{"sat,sun 08:00-12:00; mon 00:00-24:00", monday(1, 0, 0), false},
		{"fri 22:00-06:00", monday(4, 23, 0), true},
		{"fri 22:00-06:00", monday(5, 5, 59), true},
		{"fri 22:00-06:00", monday(5, 6, 0), false},
		{"fri 22:00-06:00", monday(4, 5, 0), false},
		{"sun 22:00-06:00", monday(0, 5, 59), true},
		{"sun 22:00-06:00", monday(0, 6, 0), false},
		{"sat-mon 10:00-11:00", monday(6, 10, 30), true},
		{"sat-mon 10:00-11:00", monday(0, 10, 30), true},
		{"sat-mon 10:00-11:00", monday(1, 10, 30), false},
	} {
		s, err := ParseSchedule(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
		} else if s.Allows(c.at, Days{}) != c.want {
			t.Errorf("%q at %s: %v", c.text, c.at.Format("Mon 15:04"), !c.want)
		}
	}
}

func TestSchedulesOnSpecialDays(t *testing.T) {
	for _, c := range []struct {
		text string
		at   time.Time
		days Days
		want bool
	}{
		{"always", monday(0, 12, 0), Days{Today: Holiday}, true},
		{"mon-fri 07:00-19:00", monday(2, 12, 0), Days{Today: Holiday}, false}, // like a Sunday
		{"sun 10:00-12:00", monday(2, 11, 0), Days{Today: Holiday}, true},
		{"mon-fri 07:00-19:00; holiday 10:00-11:00", monday(2, 10, 30), Days{Today: Holiday}, true},
		{"mon-fri 07:00-19:00; holiday 10:00-11:00", monday(2, 12, 0), Days{Today: Holiday}, false},
		{"mon-fri 07:00-19:00; holiday 10:00-11:00", monday(2, 12, 0), Days{}, true},
		{"mon-sun,holiday 00:00-24:00", monday(2, 12, 0), Days{Today: Holiday}, true},
		{"sun 10:00-12:00; holiday 13:00-14:00", monday(6, 11, 0), Days{Today: Holiday}, false},
		{"mon-fri 07:00-19:00", monday(5, 12, 0), Days{Today: Workday}, true}, // 調休
		{"sat 07:00-19:00", monday(5, 12, 0), Days{Today: Workday}, false},
		{"tue 07:00-19:00", monday(1, 12, 0), Days{Today: Workday}, true},     // a working day as any other
		{"fri 22:00-06:00", monday(5, 5, 0), Days{Yesterday: Holiday}, false}, // the night of a holiday
		{"fri 22:00-06:00", monday(5, 5, 0), Days{Today: Holiday}, true},      // the night before one
		{"holiday 22:00-06:00", monday(5, 5, 0), Days{Yesterday: Holiday}, true},
	} {
		s, err := ParseSchedule(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
		} else if s.Allows(c.at, c.days) != c.want {
			t.Errorf("%q at %s, %+v: %v", c.text, c.at.Format("Mon 15:04"), c.days, !c.want)
		}
	}
}

func TestBadSchedules(t *testing.T) {
	for _, text := range []string{
		"never", "mon", "mon 07:00", "mon 7:00-19:00", "mon 07:00-24:01", "mon 24:00-07:00", "mon 07:00-07:00",
		"funday 07:00-19:00", "mon- 07:00-19:00", "-fri 07:00-19:00", "mon,,tue 07:00-19:00", "mon 07:60-19:00",
		"mon 07:00-19:00;", ";", "mon +7:00-19:00", "always; mon 07:00-19:00", "mon 07:00 - 19:00", "周一 07:00-19:00",
	} {
		if _, err := ParseSchedule(text); err == nil {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, s := range []string{"always", "mon-fri 07:00-19:00; sat 22:00-06:00", "mon,tue 00:00-24:00", "sun-sat 23:59-00:00", "mon-fri,holiday 22:00-06:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSchedule(text)
		if err != nil {
			return
		}
		again, err := ParseSchedule(s.String())
		if err != nil || again.rows != s.rows || again.holidays != s.holidays || again.always != s.always {
			t.Fatalf("%q does not read back: %v", s.String(), err)
		}
		open := s.always
		for m := range 7 * dayMinutes {
			open = s.Allows(monday(0, 0, m), Days{}) || s.Allows(monday(0, 0, m), Days{Today: Holiday}) || open
		}
		if !open || strings.TrimSpace(s.String()) == "" {
			t.Fatalf("%q never opens", text)
		}
	})
}
