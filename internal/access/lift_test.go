package access

import (
	"context"
	"errors"
	"testing"

	"dongyue/internal/web"
)

// floors is a lift behind each of these doors.
type floors map[string][]int

func (f floors) Floors(door string) []int { return f[door] }

func TestFloorOfAHome(t *testing.T) {
	for home, want := range map[string]int{"0302": 3, "302": 3, "1201": 12, "10105": 101, "0101": 1, "": 0, "2": 0, "12": 0, "0002": 0, "B101": 0, "3-2": 0, "-302": 0, "999999": 0} {
		if got, ok := floorOf(home); got != want || ok != (want != 0) {
			t.Errorf("%q: %d, %v", home, got, ok)
		}
	}
}

func TestTheLiftIsCalledBehindAGrant(t *testing.T) {
	h := newHouse(t)
	h.lifts = floors{"door-1": {1, 2, 3}, "gate": nil}
	h.give(PersonInfo{Name: "陈建国", Unit: "east/b01/u1", Household: "0302"}, NewCredential{Value: "0000000001"}, RightInfo{Zone: "east"})
	h.give(PersonInfo{Name: "李秀英", Unit: "east/b01/u1", Household: "0902"}, NewCredential{Value: "0000000002"}, RightInfo{Zone: "east"})
	h.give(PersonInfo{Name: "保洁", Kind: Staff}, NewCredential{Value: "0000000003"}, RightInfo{Zone: "east"})
	asks := func(door, card string) (all []sent) {
		h.handle(h.badge(door, "card", card, "ask"))
		return h.desk.take()
	}
	got := asks("door-1", "0000000001")
	if len(got) != 2 || got[0].typ != "unlock" || got[1].typ != "call" || got[1].args["floor"] != 3.0 || got[1].args["ref"] != got[0].args["ref"] || got[1].ttl != liftTTL {
		t.Fatalf("%+v", got)
	}
	for what, c := range map[string][2]string{
		"no lift":              {"gate", "0000000001"},
		"a floor it skips":     {"door-1", "0000000002"},
		"nobody's home":        {"door-1", "0000000003"},
		"who is not let in":    {"door-1", "FFFFFFFFFF"},
		"a right elsewhere":    {"door-2", "0000000001"},
		"the lift is not here": {"door-2", "0000000001"},
	} {
		if got := asks(c[0], c[1]); len(got) != 1 || got[0].typ == "call" {
			t.Errorf("%s: %+v", what, got)
		}
	}
	// A repeat of the event is one call, and who goes out calls none.
	ev := h.badge("door-1", "card", "0000000001", "ask")
	h.handle(ev)
	h.handle(ev)
	if got := h.desk.take(); len(got) != 2 {
		t.Errorf("%+v", got)
	}
	out := h.badge("door-1", "card", "0000000001", "ask")
	out.Data = []byte(`{"credential":{"type":"card","value":"0000000001"},"side":"out","decision":"ask"}`)
	h.handle(out)
	if got := h.desk.take(); len(got) != 1 || got[0].typ != "unlock" {
		t.Errorf("out: %+v", got)
	}
}

func TestTheLiftIsCalledFromThePhone(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.lifts = floors{"door-1": {1, 2, 3}, "door-off": {3}}
	p := h.give(PersonInfo{Name: "陈建国", Unit: "east/b01/u1", Household: "0302"}, NewCredential{Value: "0000000001"}, RightInfo{Door: "door-1"})
	h.must(errOf(h.AddRight(ctx, "test", RightInfo{Person: p, Door: "door-off"})))
	h.must(errOf(h.AddRight(ctx, "test", RightInfo{Person: p, Door: "gate"})))
	me := h.login("chen", web.Resident, p)
	doors := h.want(200, "GET", "/home", "", me)["doors"].([]any)
	with := 0
	for _, d := range doors {
		if d.(map[string]any)["lift_floor"] == 3.0 {
			with++
		}
	}
	if len(doors) != 3 || with != 2 {
		t.Errorf("%v", doors)
	}
	for range 2 { // the same press again
		h.want(202, "POST", "/home/doors/door-1/lift", "", me, "Idempotency-Key", "k1")
	}
	if got := h.desk.take(); len(got) != 1 || got[0].typ != "call" || got[0].args["floor"] != 3.0 || got[0].actor == "hub" {
		t.Errorf("%+v", got)
	}
	for door, want := range map[string]string{"door-2": "home.not_your_door", "door-none": "home.not_your_door"} {
		if got := h.want(403, "POST", "/home/doors/"+door+"/lift", "", me)["code"]; got != want {
			t.Errorf("%s: %v", door, got)
		}
	}
	for door, want := range map[string]string{"gate": "home.no_lift", "door-off": "access.door_offline"} {
		if got := h.want(409, "POST", "/home/doors/"+door+"/lift", "", me)["code"]; got != want {
			t.Errorf("%s: %v", door, got)
		}
	}
	if got := h.desk.take(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	h.rungs = rungsOf{"door-1": Lockdown}
	if got := h.want(403, "POST", "/home/doors/door-1/lift", "", me)["code"]; got != "home.lockdown" {
		t.Errorf("in a lockdown: %v", got)
	}
	if es, err := h.who.AuditOf(ctx, "home.lift", "door-1", 10); err != nil || len(es) == 0 {
		t.Errorf("%d entries, %v", len(es), err)
	}
	if _, err := h.CallLift(ctx, web.Principal{ID: "u", Person: "p-none"}, "door-1", ""); !errors.Is(err, ErrNotYours) {
		t.Errorf("of nobody: %v", err)
	}
}

func errOf[T any](_ T, err error) error { return err }
