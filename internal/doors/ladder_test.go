package doors

import (
	"testing"
	"time"

	"dongyue/internal/event"
)

// Every set of causes, and every way to take one away: the rung is the highest
// that is left, and never one that no cause asks for.
func TestLadder(t *testing.T) {
	now := time.Now()
	all := event.Rungs()[1:]
	for set := range 1 << len(all) {
		var causes []*Cause
		want := event.Controlled
		for i, r := range all {
			if set>>i&1 == 1 {
				causes = append(causes, &Cause{Areas: []string{"west"}, rung: r})
				want = max(want, r)
			}
		}
		got := rungOf(Top(causes, "d", "west/b05/u1", now))
		if got != want {
			t.Errorf("set %b stands on %s, want %s", set, got, want)
		}
		if want == event.Lockdown && got.Admits(true) {
			t.Errorf("set %b lets somebody in", set)
		}
		for i, c := range causes {
			c.EndedAt = &now
			left := rungOf(Top(causes, "d", "west/b05/u1", now))
			again := event.Controlled
			for j, other := range causes {
				if j != i {
					again = max(again, other.rung)
				}
			}
			if left != again {
				t.Errorf("set %b without %s stands on %s, want %s", set, c.rung, left, again)
			}
			c.EndedAt = nil
		}
	}
}

func TestCauseHolds(t *testing.T) {
	now := time.Now()
	past, later := now.Add(-time.Second), now.Add(time.Second)
	for name, c := range map[string]Cause{
		"a drill": {Drill: true}, "an ended one": {EndedAt: &past}, "one that ran out": {Until: &past},
	} {
		if c.holds(now) {
			t.Errorf("%s holds", name)
		}
	}
	for name, c := range map[string]Cause{"without an end": {}, "until later": {Until: &later}} {
		if !c.holds(now) {
			t.Errorf("%s does not hold", name)
		}
	}
	c := Cause{Areas: []string{"west/b08", "door:gate"}}
	for door, zone := range map[string]string{"gate": "east", "d": "west/b08/u1"} {
		if !c.covers(door, zone) {
			t.Errorf("%s in %s is not covered", door, zone)
		}
	}
	if c.covers("d", "west/b081") || c.covers("d", "west") {
		t.Error("a neighbour is covered")
	}
}

type daily struct{ from, to int }

func (d daily) Allows(at time.Time) bool { return at.Hour() >= d.from && at.Hour() < d.to }

func TestFirstIn(t *testing.T) {
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	at := func(h, m int) time.Time { return day.Add(time.Duration(h)*time.Hour + time.Duration(m)*time.Minute) }
	plain, first := Hours{when: daily{8, 18}}, Hours{when: daily{8, 18}, FirstIn: true}
	for _, c := range []struct {
		now, granted time.Time
		plain, first bool
	}{
		{at(7, 59), time.Time{}, false, false},
		{at(8, 0), time.Time{}, true, false},
		{at(9, 0), at(7, 30), true, false}, // before the hours
		{at(9, 0), at(8, 30), true, true},
		{at(9, 0), at(8, 30).Add(-24 * time.Hour), true, false}, // yesterday
		{at(18, 0), at(8, 30), false, false},
	} {
		if got := plain.free(c.now, c.granted); got != c.plain {
			t.Errorf("%s: free %v", c.now, got)
		}
		if got := first.free(c.now, c.granted); got != c.first {
			t.Errorf("%s, first in at %s: free %v", c.now, c.granted, got)
		}
	}
}
