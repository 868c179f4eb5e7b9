package lighting

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"dongyue/internal/event"
)

// Programme is what lamps do in a night: TALQ's control program. Switches by the
// clock alone make TALQ's absolute program, with the sun its astro-clock; with
// photocell periods it is its sensor or astro-sensor program.
type Programme struct {
	ID       string     `json:"id"`
	Name     event.Text `json:"name"`
	Switches []Switch   `json:"switches,omitempty"`
	Sensor   []Period   `json:"sensor,omitempty"`
}

// Switch is a new brightness from a time on.
type Switch struct {
	At  string `json:"at" doc:"23:00, or dawn, sunrise, sunset, dusk, with minutes before or after: sunset-10m"`
	Pct int    `json:"pct"`
}

// Period is a part of a night in which the lamp's own photocell decides.
type Period struct {
	From string `json:"from"`
	To   string `json:"to"`
	On   int    `json:"on_below_lux"`
	Off  int    `json:"off_above_lux" doc:"above on_below_lux and what the lamp itself adds, or it would blink"`
	Pct  int    `json:"pct"`
}

// moment is a time of a night, read.
type moment struct {
	sun    string // "" by the clock
	clock  time.Duration
	offset time.Duration
}

var errMoment = fmt.Errorf("a time such as 23:00, sunset or dusk+15m is wanted (dawn, sunrise, sunset, dusk; at most 180 minutes from it)")

const maxOffset = 180 * time.Minute

func momentForm() *regexp.Regexp {
	return regexp.MustCompile(`^(?:([01]\d|2[0-3]):([0-5]\d)|(dawn|sunrise|sunset|dusk)(?:([+-]\d{1,3})m)?)$`)
}

func parseMoment(form *regexp.Regexp, text string) (moment, error) {
	m := form.FindStringSubmatch(text)
	if m == nil {
		return moment{}, errMoment
	}
	if m[3] == "" {
		h, _ := strconv.Atoi(m[1]) // two digits, as the form says
		min, _ := strconv.Atoi(m[2])
		return moment{clock: time.Duration(h)*time.Hour + time.Duration(min)*time.Minute}, nil
	}
	n, _ := strconv.Atoi(m[4]) // none is 0
	off := time.Duration(n) * time.Minute
	if off.Abs() > maxOffset {
		return moment{}, errMoment
	}
	return moment{sun: m[3], offset: off}, nil
}

// Date is a local date; a night's is that of its evening.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// nightOf is the night that runs at a time.
func nightOf(at time.Time, zone *time.Location) Date {
	y, m, d := at.In(zone).Add(-12 * time.Hour).Date()
	return Date{y, m, d}
}

// next is the date n days later.
func (d Date) next(n int) Date {
	y, m, day := time.Date(d.Year, d.Month, d.Day+n, 12, 0, 0, 0, time.UTC).Date()
	return Date{y, m, day}
}

// noon is when the night begins.
func (d Date) noon(zone *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, zone)
}

func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

func (d Date) weekday() time.Weekday {
	return time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, time.UTC).Weekday()
}

// when is the moment in a night: clock times before noon and the morning's sun are
// those of the next date. Where the sun does not rise the night is as long as it can be;
// ok is false where it does not get dark.
func (m moment) when(night Date, place Place, zone *time.Location) (at time.Time, ok bool) {
	d := night
	if m.morning() {
		d = night.next(1)
	}
	if m.sun == "" {
		return time.Date(d.Year, d.Month, d.Day, int(m.clock/time.Hour), int(m.clock%time.Hour/time.Minute), 0, 0, zone).UTC(), true
	}
	s, height := place.sunOf(d, zone), limb
	switch m.sun {
	case "dawn":
		at, height = s.Dawn, civil
	case "sunrise":
		at = s.Sunrise
	case "sunset":
		at = s.Sunset
	case "dusk":
		at, height = s.Dusk, civil
	}
	if at.IsZero() && place.height(s.Noon) < height {
		return d.noon(zone).UTC(), true
	}
	return at.Add(m.offset).UTC(), !at.IsZero()
}

// morning reports whether a moment is of the second half of a night.
func (m moment) morning() bool {
	return m.sun == "dawn" || m.sun == "sunrise" || m.sun == "" && m.clock < 12*time.Hour
}

// Point is a brightness from a time on. With lux limits the lamp's photocell
// decides: it burns below On and is dark above Off.
type Point struct {
	At  time.Time `json:"at"`
	Pct int       `json:"pct"`
	On  int       `json:"on_below_lux,omitempty"`
	Off int       `json:"off_above_lux,omitempty"`
}

// night are the points of a programme in one night, by time. A programme that goes by the
// sun keeps lamps dark where it does not get dark, and behind its end in the morning the
// clock lights nothing any more: in June the sun may rise before 05:00.
func (p *Programme) night(night Date, place Place, zone *time.Location) []Point {
	form := momentForm()
	at := func(text string) (m moment, t time.Time, ok bool) {
		m, err := parseMoment(form, text)
		if err != nil { // checked when it was stored
			return moment{}, time.Time{}, false
		}
		t, ok = m.when(night, place, zone)
		return m, t, ok
	}
	var end time.Time
	for _, s := range p.Switches {
		switch m, t, ok := at(s.At); {
		case m.sun == "":
		case !ok:
			return []Point{{At: night.noon(zone).UTC()}}
		case m.morning() && s.Pct == 0 && (end.IsZero() || t.Before(end)):
			end = t
		}
	}
	var out []Point
	for _, s := range p.Switches {
		m, t, ok := at(s.At)
		if day := m.sun == "" && m.morning() && !end.IsZero() && !t.Before(end); ok && !day {
			out = append(out, Point{At: t, Pct: s.Pct})
		}
	}
	slices.SortStableFunc(out, func(a, b Point) int { return a.At.Compare(b.At) })
	for _, s := range p.Sensor {
		_, from, ok1 := at(s.From)
		_, to, ok2 := at(s.To)
		if ok1 && ok2 && from.Before(to) {
			out = overlay(out, from, to, Point{At: from, Pct: s.Pct, On: s.On, Off: s.Off})
		}
	}
	return out
}

// overlay puts a period over the points; behind it goes on what would be there.
func overlay(points []Point, from, to time.Time, period Point) []Point {
	after := Point{At: to}
	var out []Point
	for _, p := range points {
		switch {
		case !p.At.After(to):
			after.Pct, after.On, after.Off = p.Pct, p.On, p.Off
			if p.At.Before(from) {
				out = append(out, p)
			}
		default:
			out = append(out, p)
		}
	}
	out = append(out, period, after)
	slices.SortStableFunc(out, func(a, b Point) int { return a.At.Compare(b.At) })
	return out
}

// check says what is wrong with a programme.
func (p *Programme) check(say func(format string, args ...any)) {
	form := momentForm()
	if strings.TrimSpace(p.Name.ZH) == "" || strings.TrimSpace(p.Name.EN) == "" {
		say("name: both languages are wanted")
	}
	if len(p.Switches) == 0 && len(p.Sensor) == 0 {
		say("switches: at least one is wanted; one that keeps lamps dark has pct 0")
	}
	if len(p.Switches)+len(p.Sensor) > 24 {
		say("switches: at most 24 with the sensor periods")
	}
	level := func(where string, pct int) {
		if pct < 0 || pct > 100 {
			say("%s.pct: 0 to 100 is wanted, not %d", where, pct)
		}
	}
	for i, s := range p.Switches {
		if _, err := parseMoment(form, s.At); err != nil {
			say("switches[%d].at %q: %v", i, s.At, err)
		}
		level(fmt.Sprintf("switches[%d]", i), s.Pct)
	}
	for i, s := range p.Sensor {
		where := fmt.Sprintf("sensor[%d]", i)
		for _, text := range []string{s.From, s.To} {
			if _, err := parseMoment(form, text); err != nil {
				say("%s %q: %v", where, text, err)
			}
		}
		level(where, s.Pct)
		if s.On < 1 || s.Off <= s.On || s.Off > 100_000 {
			say("%s: on_below_lux from 1, off_above_lux above it and up to 100000 are wanted", where)
		}
	}
}
