package broadcast

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Of any messages at a loudspeaker exactly one is heard, it is the one that the ladder
// says, and judging again changes nothing.
func TestExactlyOneIsHeard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 8).Draw(t, "messages")
		claims := make([]claim, n)
		for i := range claims {
			claims[i] = claim{
				rank: rapid.IntRange(Fire, Music).Draw(t, "rank"), live: rapid.Bool().Draw(t, "live"), seq: int64(i),
				resume: rapid.Bool().Draw(t, "resume"), turn: rapid.Bool().Draw(t, "turn"),
			}
		}
		var left []claim
		for i, v := range judge(claims) {
			c := claims[i]
			switch v {
			case begin:
				c.turn = true
			case pause:
				if !c.resume {
					t.Fatal("paused what does not resume")
				}
				c.turn = false
			case drop:
				continue
			case stay:
			}
			left = append(left, c)
		}
		heard := 0
		for _, c := range left {
			if !c.turn {
				continue
			}
			heard++
			for _, d := range claims {
				if d.seq != c.seq && d.before(c) {
					t.Fatalf("%+v is heard before %+v", c, d)
				}
			}
		}
		if n > 0 && heard != 1 {
			t.Fatalf("%d are heard", heard)
		}
		for _, v := range judge(left) {
			if v != stay {
				t.Fatal("judging again changes something")
			}
		}
	})
}

func TestOrderOfTheLadder(t *testing.T) {
	for _, c := range []struct {
		what string
		a, b claim // a is heard
	}{
		{"fire before official", claim{rank: Fire, seq: 1}, claim{rank: Official, live: true, seq: 2}},
		{"official before life safety", claim{rank: Official, seq: 1}, claim{rank: LifeSafety, seq: 2}},
		{"life safety before the desk", claim{rank: LifeSafety, seq: 1}, claim{rank: Operator, live: true, seq: 2}},
		{"the desk before a notice", claim{rank: Operator, seq: 1}, claim{rank: Notice, seq: 2}},
		{"a notice before music", claim{rank: Notice, seq: 1}, claim{rank: Music, seq: 2}},
		{"a live voice before a newer file", claim{rank: Operator, live: true, seq: 1}, claim{rank: Operator, seq: 2}},
		{"a warning before an exercise of one", claim{rank: Official, seq: 1}, claim{rank: Official, drill: true, seq: 2}},
		{"life safety before an exercise of a fire", claim{rank: LifeSafety, seq: 1}, claim{rank: Fire, drill: true, live: true, seq: 2}},
		{"an exercise of a fire before the desk", claim{rank: Fire, drill: true, seq: 1}, claim{rank: Operator, seq: 2}},
		{"a notice before an exercise of one", claim{rank: Notice, seq: 1}, claim{rank: Notice, drill: true, seq: 2}},
		{"the newer of two voices", claim{rank: Operator, live: true, seq: 2}, claim{rank: Operator, live: true, seq: 1}},
		{"the newer of two files", claim{rank: Notice, seq: 2}, claim{rank: Notice, seq: 1}},
	} {
		if !c.a.before(c.b) || c.b.before(c.a) {
			t.Error(c.what)
		}
	}
}

func TestNight(t *testing.T) {
	n, err := ParseNight("22:00-07:00")
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]bool{"21:59": false, "22:00": true, "23:59": true, "00:00": true, "06:59": true, "07:00": false, "12:00": false} {
		x, _ := time.Parse("15:04", at)
		if n.at(x) != want {
			t.Errorf("%s: %v", at, n.at(x))
		}
	}
	if n, err := ParseNight("off"); err != nil || n.at(time.Now()) {
		t.Error("off is a night")
	}
	for _, bad := range []string{"22", "22:00", "25:00-07:00", "07:00-07:00", "a-b"} {
		if _, err := ParseNight(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestMomentsOfASchedule(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 7, 3, 8, 0, 0, 0, shanghai) // a Friday
	for _, c := range []struct {
		s          Schedule
		last, next string
	}{
		{Schedule{Times: []string{"07:30", "18:00"}}, "07-03 07:30", "07-03 18:00"},
		{Schedule{Times: []string{"08:00"}}, "07-03 08:00", "07-04 08:00"},
		{Schedule{Times: []string{"07:30"}, Days: []int{1}}, "06-29 07:30", "07-06 07:30"},
		{Schedule{Times: []string{"09:00"}, Days: []int{5}}, "06-26 09:00", "07-03 09:00"},
	} {
		last, next := c.s.around(now)
		if got := last.Format("01-02 15:04") + " " + next.Format("01-02 15:04"); got != c.last+" "+c.next {
			t.Errorf("%v on %v: %s", c.s.Times, c.s.Days, got)
		}
	}
}

func TestInside(t *testing.T) {
	l := []Point{{0, 0}, {10, 0}, {10, 5}, {5, 5}, {5, 10}, {0, 10}}
	star := []Point{{50, 0}, {80, 95}, {2, 35}, {98, 35}, {20, 95}} // crosses itself: its middle is gone around twice
	eight := []Point{{0, 0}, {10, 10}, {10, 0}, {0, 10}}
	for _, c := range []struct {
		polygon []Point
		p       Point
		want    bool
	}{
		{l, Point{2, 2}, true},
		{l, Point{7, 7}, false},
		{l, Point{2, 8}, true},
		{l, Point{7, 2}, true},
		{l, Point{11, 2}, false},
		{l, Point{-1, 5}, false},
		{l, Point{0, 5}, true},   // on a side
		{l, Point{10, 2}, true},  // on the other side
		{l, Point{5, 10}, true},  // a corner
		{l, Point{7, 5}, true},   // on the inner side
		{l, Point{7, 10}, false}, // in line with a side
		{star, Point{50, 50}, true},
		{star, Point{50, 10}, true},
		{star, Point{50, 90}, false},
		{eight, Point{9, 5}, true},
		{eight, Point{1, 5}, true},
		{eight, Point{5, 1}, false},
	} {
		back := slices.Clone(c.polygon)
		slices.Reverse(back)
		for _, polygon := range [][]Point{c.polygon, back} {
			if Inside(c.p, polygon) != c.want {
				t.Errorf("%v in %v: %v", c.p, polygon, !c.want)
			}
		}
	}
}
