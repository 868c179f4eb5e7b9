package access

import (
	"context"
	"testing"
	"time"

	"dongyue/internal/doorlist"
)

// A door that is away opens by rights that have become narrower; that is shown beside
// those that were taken away.
func TestNarrowedRightsAreShown(t *testing.T) {
	ctx := context.Background()
	s := newStair(t)
	p := s.resident("陈建国", "0000004711", "door-1")
	s.turn()
	s.wire.cut = true
	rs, err := s.Rights(ctx, RightsFilter{Person: p}, "", 10)
	s.must(err)
	if _, err := s.AddRight(ctx, "test", RightInfo{Person: p, Door: "door-1", Schedule: "mon-fri 08:00-18:00"}); err != nil {
		t.Fatal(err)
	}
	s.turn()
	if v := s.view("door-1"); v.Narrowed != 0 || v.Revoked != 0 || v.Until != nil {
		t.Fatalf("a wider set counts as a narrower one: %+v", v)
	}
	s.must(s.EndRight(ctx, "test", rs[0].ID))
	s.turn()
	v := s.view("door-1")
	if v.Narrowed != 1 || v.Revoked != 0 || v.Until == nil || v.Until.Sub(*v.HasIssued) != remember {
		t.Fatalf("%+v", v)
	}
	if _, err := s.MoveOut(ctx, "test", p); err != nil {
		t.Fatal(err)
	}
	s.turn()
	if v = s.view("door-1"); v.Narrowed != 0 || v.Revoked != 1 {
		t.Fatalf("the same card, taken away: %+v", v)
	}
	s.wire.cut = false
	s.returns("door-1")
	s.turn()
	if v = s.view("door-1"); v.State != "current" || v.Narrowed+v.Revoked != 0 {
		t.Errorf("%+v", v)
	}
}

// What was taken away just before the hub stopped, and what changed in the table while
// no list was made, is counted by the first building after the start.
func TestRestartCountsWhatWasTakenAway(t *testing.T) {
	ctx := context.Background()
	s := newStair(t)
	gone := s.resident("陈建国", "0000004711", "door-1")
	less := s.resident("李秀英", "0000004712", "door-1")
	s.resident("王芳", "0000004713", "door-1")
	s.turn()
	if _, err := s.AddRight(ctx, "test", RightInfo{Person: less, Door: "door-1", Schedule: "mon-fri 08:00-18:00"}); err != nil {
		t.Fatal(err)
	}
	s.turn()
	s.wire.cut = true
	time.Sleep(5 * time.Millisecond) // the list was issued before, by the clock of the tables
	rs, err := s.Rights(ctx, RightsFilter{Person: less}, "", 10)
	s.must(err)
	for _, r := range rs {
		if r.Schedule == Always {
			s.must(s.EndRight(ctx, "test", r.ID))
		}
	}
	if _, err := s.MoveOut(ctx, "test", gone); err != nil {
		t.Fatal(err)
	}
	s.start() // no list was made of it
	s.connect()
	v := s.view("door-1")
	if v.State != "old" || v.Revoked != 1 || v.Narrowed != 1 || v.Until == nil {
		t.Fatalf("%+v", v)
	}
	s.wire.cut = false
	s.returns("door-1")
	s.turn()
	s.wantOpen("door-1", map[string]bool{"0000004711": false, "0000004713": true})
	if v = s.view("door-1"); v.State != "current" || v.Revoked+v.Narrowed != 0 {
		t.Errorf("%+v", v)
	}
}

func TestNarrower(t *testing.T) {
	const now = 1_000_000_000
	office, always := doorlist.Right{When: "mon-fri 08:00-18:00"}, doorlist.Right{When: Always}
	rights := func(rs ...doorlist.Right) []doorlist.Right { return rs }
	for name, c := range map[string]struct {
		was, is             doorlist.Entry
		wasRights, isRights []doorlist.Right
		want                bool
	}{
		"the same":                    {wasRights: rights(always), isRights: rights(always)},
		"hours instead of always":     {wasRights: rights(always), isRights: rights(office), want: true},
		"always instead of hours":     {wasRights: rights(office), isRights: rights(always)},
		"one more":                    {wasRights: rights(office), isRights: rights(office, always)},
		"one less":                    {wasRights: rights(office, always), isRights: rights(office), want: true},
		"ends earlier":                {is: doorlist.Entry{To: 2_000_000}, wasRights: rights(always), isRights: rights(always), want: true},
		"ends later":                  {was: doorlist.Entry{To: 2_000_000}, is: doorlist.Entry{To: 3_000_000}, wasRights: rights(always), isRights: rights(always)},
		"begins later":                {is: doorlist.Entry{From: 2_000_000}, wasRights: rights(always), isRights: rights(always), want: true},
		"one that was over":           {wasRights: rights(office, doorlist.Right{When: Always, To: now/1000 - 1}), isRights: rights(office)},
		"the last of two is single":   {is: doorlist.Entry{To: 5_000_000}, wasRights: rights(office, doorlist.Right{When: "sat-sun 08:00-12:00", To: 1}), isRights: rights(office), want: true},
		"no longer in a lockdown":     {wasRights: rights(doorlist.Right{When: Always, Lockdown: true}), isRights: rights(always), want: true},
		"no longer the first":         {wasRights: rights(doorlist.Right{When: Always, First: true}), isRights: rights(always), want: true},
		"another use, the same right": {was: doorlist.Entry{Uses: 3}, is: doorlist.Entry{Uses: 2}, wasRights: rights(always), isRights: rights(always)},
	} {
		if got := narrower(c.was, c.is, c.wasRights, c.isRights, now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A pass that ends when its holder goes out has a class of its own in the lists.
func TestPassesThatEndOnLeavingAreMarked(t *testing.T) {
	ctx := context.Background()
	s := newStair(t)
	host := s.resident("陈建国", "0000004711", "door-1")
	for leave, class := range map[bool]string{true: leavingClass, false: string(Visitor)} {
		p, _, err := s.AddPass(ctx, "test", NewPass{Host: host, Name: "张三", To: now().Add(time.Hour), Leave: leave})
		s.must(err)
		s.turn()
		s.start() // from the tables
		s.connect()
		c := s.ix.codes[refOf(s.mac("rotating code", p.Credential))]
		k := c.offline.at(s.lists.doors["door-1"].salt)
		e, ok := s.lists.doors["door-1"].tree.Get(k)
		if !ok || s.lists.classes[e.Class].Name != class || s.lists.classes[e.Class].Leave != leave {
			t.Errorf("end_on_leave %v: %+v, %v", leave, e, ok)
		}
	}
}
