package access

import (
	"context"
	"testing"
	"time"
)

// A list goes on when the door's connection has taken what waits, not before.
func TestListWaitsForASlowDoor(t *testing.T) {
	ctx := context.Background()
	s := newStair(t)
	a := s.resident("陈建国", "0000004711", "door-1")
	s.turn()
	s.wire.backlog = fullBacklog
	if _, err := s.MoveOut(ctx, "test", a); err != nil {
		t.Fatal(err)
	}
	s.turn()
	s.flowOn(ctx, now())
	s.wantOpen("door-1", map[string]bool{"0000004711": true}) // it has not come yet
	if v := s.view("door-1"); v.State != "old" {
		t.Fatalf("%+v", v)
	}
	s.wire.backlog = fullBacklog - 1
	s.flowOn(ctx, now())
	s.wantOpen("door-1", map[string]bool{"0000004711": false})
	s.turn()
	if v := s.view("door-1"); v.State != "current" {
		t.Errorf("%+v", v)
	}
}

// The next list waits for the door's word on the last one, so that it is a difference to
// what the door has; a door that says nothing gets it after a while all the same.
func TestOneListUnderWay(t *testing.T) {
	ctx := context.Background()
	s := newStair(t)
	s.resident("陈建国", "0000004711", "door-1")
	s.turn()
	turn := func(at time.Time) {
		t.Helper()
		if err := s.stretchAll(ctx); err != nil {
			t.Fatal(err)
		}
		if err := s.turnLists(ctx, at); err != nil {
			t.Fatal(err)
		}
	}
	s.wire.bases = nil
	s.resident("李秀英", "0000004712", "door-1")
	turn(now()) // comes, is not confirmed yet
	s.resident("王芳", "0000004713", "door-1")
	turn(now())
	if len(s.wire.bases) != 1 {
		t.Fatalf("%d lists came before the door had confirmed the first", len(s.wire.bases))
	}
	s.report()
	turn(now())
	if len(s.wire.bases) != 2 || s.wire.bases[1] == 0 || s.wire.err != nil {
		t.Fatalf("lists from %v, %v: want a difference to what the door had confirmed", s.wire.bases, s.wire.err)
	}
	s.wantOpen("door-1", map[string]bool{"0000004712": true, "0000004713": true})
	s.report()
	s.turn()

	s.wire.cut = true // what is sent gets lost
	s.resident("赵敏", "0000004714", "door-1")
	turn(now())
	s.resident("周洋", "0000004715", "door-1")
	turn(now())
	s.wire.cut = false
	turn(now())
	s.wantOpen("door-1", map[string]bool{"0000004714": false, "0000004715": false})
	turn(now().Add(firstRetry))
	s.wantOpen("door-1", map[string]bool{"0000004714": true, "0000004715": true})
}

// A list that was lost again and again comes as soon as the door shows that it is there.
func TestASignOfLifeEndsTheWait(t *testing.T) {
	ctx := context.Background()
	s := newStair(t)
	s.turn()
	began := now()
	turn := func(after time.Duration) {
		t.Helper()
		if err := s.stretchAll(ctx); err != nil {
			t.Fatal(err)
		}
		if err := s.turnLists(ctx, began.Add(after)); err != nil {
			t.Fatal(err)
		}
	}
	s.wire.cut = true
	s.resident("陈建国", "0000004711", "door-1")
	turn(0)
	turn(firstRetry) // again, and after that twice as long
	s.wire.cut = false
	turn(2 * firstRetry)
	s.wantOpen("door-1", map[string]bool{"0000004711": false})
	s.report()
	turn(2 * firstRetry)
	s.wantOpen("door-1", map[string]bool{"0000004711": true})
}

// What was under way to a door that has gone keeps no place: others would wait for it.
func TestNothingIsUnderWayToADoorThatIsGone(t *testing.T) {
	s := newStair(t)
	s.turn()
	s.wire.backlog = fullBacklog
	s.resident("陈建国", "0000004711", "door-1")
	s.turn()
	d := s.lists.doors["door-1"]
	if len(d.rest) == 0 {
		t.Fatal("nothing is under way")
	}
	s.lists.meet([]Door{{ID: "door-1", Zone: d.door.Zone}, {ID: "door-2", Zone: s.lists.doors["door-2"].door.Zone, Online: true}})
	if len(d.rest) != 0 || d.waiting {
		t.Errorf("%d messages are under way to a door that is gone", len(d.rest))
	}
}
