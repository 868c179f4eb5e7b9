package rota

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"dongyue/internal/event"
)

func place(t interface{ Fatal(...any) }, name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func every() []int { return []int{1, 2, 3, 4, 5, 6, 7} }

func shift(id, from, to string, days []int, supervisor string, team ...string) Shift {
	return Shift{ID: id, Name: event.Text{ZH: id, EN: id}, From: from, To: to, Days: days, Team: team, Supervisor: supervisor}
}

// dayAndNight is the plan of most communities.
func dayAndNight(zone *time.Location) Plan {
	return Plan{Zone: zone, Shifts: []Shift{
		shift("day", "07:00", "19:00", every(), "boss", "chen", "li"),
		shift("night", "19:00", "07:00", every(), "", "wang"),
	}}
}

func TestOnDuty(t *testing.T) {
	shanghai := place(t, "Asia/Shanghai")
	local := func(s string) time.Time {
		at, err := time.ParseInLocation("2006-01-02 15:04", s, shanghai)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	plain := dayAndNight(shanghai)
	overlap := dayAndNight(shanghai)
	overlap.Shifts = append(overlap.Shifts, shift("peak", "17:00", "22:00", []int{1, 2, 3, 4, 5}, "second", "zhao", "li"))
	gaps := Plan{Zone: shanghai, Shifts: []Shift{shift("weekdays", "08:00", "18:00", []int{1, 2, 3, 4, 5}, "boss", "chen")}}
	whole := Plan{Zone: shanghai, Shifts: []Shift{shift("round", "08:00", "08:00", []int{3}, "", "chen")}}
	except := func(p Plan, os ...Override) Plan {
		p.Overrides = os
		return p
	}
	swap := Override{From: local("2026-11-28 13:00"), To: local("2026-11-28 22:00"), Out: "chen", In: "zhao"} // a Saturday
	for _, c := range []struct {
		name       string
		plan       Plan
		at         string
		shifts     string
		people     string
		supervisor string
		until      string
	}{
		{"in the day", plain, "2026-11-28 12:00", "day", "chen li", "boss", "2026-11-28 19:00"},
		{"as it begins", plain, "2026-11-28 07:00", "day", "chen li", "boss", "2026-11-28 19:00"},
		{"as it ends, the next has begun", plain, "2026-11-28 19:00", "night", "wang", "", "2026-11-29 07:00"},
		{"before midnight", plain, "2026-11-28 23:59", "night", "wang", "", "2026-11-29 07:00"},
		{"behind midnight it is yesterday's night", plain, "2026-11-29 00:00", "night", "wang", "", "2026-11-29 07:00"},
		{"before dawn", plain, "2026-11-29 06:59", "night", "wang", "", "2026-11-29 07:00"},
		{"over New Year", plain, "2027-01-01 03:00", "night", "wang", "", "2027-01-01 07:00"},
		{"two shifts at once, the later first", overlap, "2026-11-27 18:00", "peak day", "zhao li chen", "second", "2026-11-27 19:00"},
		{"the later with the night", overlap, "2026-11-27 20:00", "night peak", "wang zhao li", "second", "2026-11-27 22:00"},
		{"not at the weekend", overlap, "2026-11-28 18:00", "day", "chen li", "boss", "2026-11-28 19:00"},
		{"a gap in the evening", gaps, "2026-11-27 18:00", "", "", "", "2026-11-30 08:00"},
		{"a gap at the weekend", gaps, "2026-11-28 12:00", "", "", "", "2026-11-30 08:00"},
		{"Monday again", gaps, "2026-11-30 08:00", "weekdays", "chen", "boss", "2026-11-30 18:00"},
		{"from and to the same is a day", whole, "2026-11-26 07:59", "round", "chen", "", "2026-11-26 08:00"},
		{"and over then", whole, "2026-11-26 08:00", "", "", "", "2026-12-02 08:00"},
		{"nobody at all", Plan{Zone: shanghai}, "2026-11-26 08:00", "", "", "", "2026-12-03 08:00"},

		{"before the swap", except(plain, swap), "2026-11-28 12:59", "day", "chen li", "boss", "2026-11-28 13:00"},
		{"in the swap", except(plain, swap), "2026-11-28 13:00", "day", "li zhao", "boss", "2026-11-28 19:00"},
		{"half over the boundary: it is not the other's night", except(plain, swap), "2026-11-28 20:00", "night", "wang", "", "2026-11-28 22:00"},
		{"out without anybody in", except(plain, Override{From: swap.From, To: swap.To, Out: "chen"}), "2026-11-28 14:00", "day", "li", "boss", "2026-11-28 19:00"},
		{"in without anybody out", except(plain, Override{From: swap.From, To: swap.To, In: "zhao"}), "2026-11-28 20:00", "night", "wang zhao", "", "2026-11-28 22:00"},
		{"the only one out", except(plain, Override{From: swap.From, To: swap.To, Out: "wang"}), "2026-11-28 20:00", "night", "", "", "2026-11-28 22:00"},
		{"the supervisor out", except(plain, Override{From: swap.From, To: swap.To, Out: "boss", In: "vice"}), "2026-11-28 14:00", "day", "chen li", "vice", "2026-11-28 19:00"},
		{"the later word stands", except(plain, swap, Override{From: swap.From, To: swap.To, Out: "zhao", In: "sun"}), "2026-11-28 14:00", "day", "li sun", "boss", "2026-11-28 19:00"},
		{"somebody who is there anyway", except(plain, Override{From: swap.From, To: swap.To, Out: "chen", In: "li"}), "2026-11-28 14:00", "day", "li", "boss", "2026-11-28 19:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := c.plan.OnDuty(local(c.at))
			var shifts []string
			for _, turn := range d.Turns {
				shifts = append(shifts, turn.Shift.ID)
			}
			if got := strings.Join(shifts, " "); got != c.shifts {
				t.Errorf("shifts %q, want %q", got, c.shifts)
			}
			if got := strings.Join(d.People, " "); got != c.people {
				t.Errorf("people %q, want %q", got, c.people)
			}
			if d.Supervisor != c.supervisor {
				t.Errorf("supervisor %q", d.Supervisor)
			}
			if !d.Until.Equal(local(c.until)) {
				t.Errorf("until %s", d.Until.In(shanghai))
			}
		})
	}
}

// Where clocks change, shifts that follow each other still meet, and are as long
// as the clock on the wall says.
func TestWhereClocksChange(t *testing.T) {
	berlin := place(t, "Europe/Berlin")
	p := dayAndNight(berlin)
	for _, c := range []struct {
		day   time.Time
		hours float64
	}{
		{time.Date(2026, 3, 28, 23, 0, 0, 0, berlin), 11}, // forward at 02:00
		{time.Date(2026, 10, 24, 23, 0, 0, 0, berlin), 13},
		{time.Date(2026, 6, 1, 23, 0, 0, 0, berlin), 12},
	} {
		turn, ok := p.ShiftAt(c.day)
		if !ok || turn.Shift.ID != "night" || turn.To.Sub(turn.From).Hours() != c.hours {
			t.Errorf("%s: %+v, %v h", c.day, turn, turn.To.Sub(turn.From).Hours())
		}
	}
	// A boundary at a time that does not exist, or exists twice.
	odd := Plan{Zone: berlin, Shifts: []Shift{shift("a", "02:30", "14:30", every(), "", "chen"), shift("b", "14:30", "02:30", every(), "", "li")}}
	for _, from := range []time.Time{time.Date(2026, 3, 28, 12, 0, 0, 0, berlin), time.Date(2026, 10, 24, 12, 0, 0, 0, berlin)} {
		for at := from; at.Before(from.Add(36 * time.Hour)); at = at.Add(time.Minute) {
			if d := odd.OnDuty(at); len(d.People) != 1 {
				t.Fatalf("%s: %q", at, d.People)
			}
		}
	}
}

func TestNext(t *testing.T) {
	shanghai := place(t, "Asia/Shanghai")
	at := time.Date(2026, 11, 27, 12, 0, 0, 0, shanghai) // a Friday
	p := dayAndNight(shanghai)
	if d, when, ok := p.Next(at); !ok || !slices.Equal(d.People, []string{"wang"}) || when.In(shanghai).Hour() != 19 {
		t.Error(d, when, ok)
	}
	gaps := Plan{Zone: shanghai, Shifts: []Shift{shift("weekdays", "08:00", "18:00", []int{1, 2, 3, 4, 5}, "", "chen")}}
	if d, when, ok := gaps.Next(at); !ok || d.People[0] != "chen" || !when.Equal(time.Date(2026, 11, 30, 8, 0, 0, 0, shanghai)) {
		t.Error(d, when, ok)
	}
	if _, _, ok := (&Plan{Zone: shanghai}).Next(at); ok {
		t.Error("nobody comes")
	}
}

// The plan says at every minute what somebody finds who walks through the week
// minute by minute with the plan in the hand.
func TestOnDutyAgainstAWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := time.FixedZone("", rapid.IntRange(-12, 14).Draw(t, "zone")*3600)
		p := Plan{Zone: zone}
		hhmm := rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(t, "h"), rapid.SampledFrom([]int{0, 30, 59}).Draw(t, "m"))
		})
		for i := range rapid.IntRange(0, 4).Draw(t, "shifts") {
			days := rapid.SliceOfNDistinct(rapid.IntRange(1, 7), 1, 7, rapid.ID).Draw(t, "days")
			p.Shifts = append(p.Shifts, shift(fmt.Sprint("s", i), hhmm.Draw(t, "from"), hhmm.Draw(t, "to"), days, "", fmt.Sprint("p", i)))
		}
		monday := time.Date(2026, 11, 23, 0, 0, 0, 0, zone)
		at := monday.Add(time.Duration(rapid.IntRange(0, 7*24*60-1).Draw(t, "minute")) * time.Minute)
		var want []string
		for i := range p.Shifts {
			if walk(&p.Shifts[i], at) {
				want = append(want, p.Shifts[i].Team[0])
			}
		}
		got := slices.Sorted(slices.Values(p.OnDuty(at).People))
		if !slices.Equal(got, want) {
			t.Fatalf("%s: got %q, want %q", at, got, want)
		}
		until := p.OnDuty(at).Until
		if !until.After(at) || until.Sub(at) > 7*24*time.Hour {
			t.Fatalf("until %s", until)
		}
		if before := until.Add(-time.Minute); before.After(at) {
			if again := slices.Sorted(slices.Values(p.OnDuty(before).People)); !slices.Equal(again, want) {
				t.Fatalf("it changes before %s: %q", until, again)
			}
		}
	})
}

// walk goes back minute by minute to where the shift began, at most a day, and
// sees whether it has ended on the way.
func walk(s *Shift, at time.Time) bool {
	for back := range 24 * 60 {
		began := at.Add(-time.Duration(back) * time.Minute)
		if began.Format("15:04") != s.From || !slices.Contains(s.Days, int(began.AddDate(0, 0, -1).Weekday())+1) {
			continue
		}
		ended := false
		for step := 1; step <= back; step++ {
			ended = ended || began.Add(time.Duration(step)*time.Minute).Format("15:04") == s.To
		}
		if !ended {
			return true
		}
	}
	return false
}
