package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// Whether a card is unknown or over takes the same work and looks the same: one row, one
// answer, the same reads of what the door remembers. Only the reason differs.
func TestUnknownAndExpiredCostTheSame(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	past := now().Add(-time.Hour)
	h.give(PersonInfo{Name: "陈建国"}, NewCredential{Value: "0000000001", ValidTo: &past}, RightInfo{Door: "door-1"})
	h.must(h.SetDoorPolicy(ctx, "test", DoorPolicy{Door: "door-1", TwoPersonS: 10, Interlock: []string{"door-2"}}))
	waiting := DoorState{Waiting: "p-somebody", WaitEnd: now().Add(time.Hour).UnixMilli()}
	h.must(h.db.Tx(ctx, func(tx *sql.Tx) error { return putDoorState(ctx, tx, "door-1", waiting) }))
	var seen []State
	var rows []Badge
	for value, want := range map[string]Reason{"0000000001": Expired, "FFFFFFFFFF": UnknownCredential} {
		ev := h.badge("door-1", "card", value, "ask")
		h.must(h.db.Tx(ctx, func(tx *sql.Tx) error {
			b, err := parseBadge(ev.Data)
			if err != nil {
				return err
			}
			var row Badge
			j, err := h.judge(ctx, tx, &ev, b, &row)
			seen = append(seen, j.was)
			return err
		}))
		h.handle(ev)
		s := h.desk.take()
		if len(s) != 1 || s[0].typ != "deny" || s[0].args["reason"] != string(want) || len(s[0].args) != 2 {
			t.Errorf("%s: %+v, want one deny for %s", value, s, want)
		}
		row := h.log()[0]
		rows = append(rows, Badge{Door: row.Door, Side: row.Side, Decision: row.Decision, By: row.By, Type: row.Type})
	}
	if seen[0] != seen[1] || seen[0].Door != waiting {
		t.Errorf("of one the door's memory is read, of the other not: %+v, %+v", seen[0], seen[1])
	}
	if rows[0] != rows[1] || len(h.log()) != 2 {
		t.Errorf("%+v, %+v", rows[0], rows[1])
	}
	if known, unknown := allocations(h, "0000000001"), allocations(h, "FFFFFFFFFF"); known != 0 || unknown != 0 {
		t.Errorf("%v and %v allocations in the decision", known, unknown)
	}
}

// allocations is what the decision itself costs.
func allocations(h *house, value string) float64 {
	d, _ := h.desk.Door("door-1")
	c := h.ix.credentials[h.mac("card", value)]
	ask := Ask{Door: &d, Type: "card", Credential: c, Policy: h.site.doors["door-1"], At: time.Now()}
	return testing.AllocsPerRun(100, func() { _, _ = Decide(ask, State{}) })
}

// A courier comes in by the way and in the hours of the pass, and by no other.
func TestCourierKeepsToWayAndHours(t *testing.T) {
	h := newHouse(t)
	at := time.Now().In(h.loc)
	open, shut := "mon-sun 00:00-24:00", fmt.Sprintf("mon-sun %02d:00-%02d:00", (at.Hour()+2)%24, (at.Hour()+2)%24+1)
	until := now().Add(time.Hour)
	h.give(PersonInfo{Name: "快递员甲", Kind: Courier}, NewCredential{Value: "0000000001"}, RightInfo{Door: "door-1", Schedule: open, ValidTo: &until})
	h.give(PersonInfo{Name: "快递员乙", Kind: Courier}, NewCredential{Value: "0000000002"}, RightInfo{Door: "door-1", Schedule: shut})
	over := now().Add(-time.Minute)
	h.give(PersonInfo{Name: "快递员丙", Kind: Courier}, NewCredential{Value: "0000000003"}, RightInfo{Door: "door-1", Schedule: open, ValidTo: &over})
	for _, c := range []struct{ door, card, want string }{
		{"door-1", "0000000001", ""},
		{"door-2", "0000000001", "wrong_door"},
		{"gate", "0000000001", "wrong_door"},
		{"door-1", "0000000002", "outside_schedule"},
		{"door-1", "0000000003", "expired"},
	} {
		s := h.swipe(c.door, c.card)
		if got, _ := s.args["reason"].(string); got != c.want || (s.typ == "unlock") != (c.want == "") {
			t.Errorf("%s at %s: %s %q, want %q", c.card, c.door, s.typ, got, c.want)
		}
	}
}

// Fifty doors within a day, one wrong PIN at each, half an hour apart: no door is locked,
// and yet somebody tries them all.
func TestSlowTriesAtManyDoorsAreTold(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	out := &told{}
	h.reporter = out
	h.desk.mu.Lock()
	for i := range 50 {
		id := fmt.Sprintf("door-x%02d", i)
		h.desk.doors[id] = Door{ID: id, Name: id, Zone: fmt.Sprintf("east/b%02d/u1", i), Online: true}
	}
	h.desk.mu.Unlock()
	begin := time.Now().Add(-24 * time.Hour)
	try := func(i int, at time.Time) {
		t.Helper()
		ev := h.badge(fmt.Sprintf("door-x%02d", i), "pin", "000000", "ask")
		ev.ReceivedAt = at
		h.must(h.db.Tx(ctx, func(tx *sql.Tx) error {
			return h.countTry(ctx, tx, &ev, tryScopes(ev.Device, "", "000000"), Verdict{Reason: PINWrong})
		}))
	}
	for i := range 50 {
		try(i, begin.Add(time.Duration(i)*28*time.Minute))
		h.must(h.flush(ctx))
		if n := len(out.all); (n > 0) != (i+1 >= spreadDoors) {
			t.Fatalf("%d reports after %d doors", n, i+1)
		}
	}
	for _, what := range out.all {
		if what[len(what)-len(reportSpread):] != reportSpread {
			t.Errorf("told %s: no door was locked", what)
		}
	}
	if n := len(out.all); n > 2 { // once a day of the calendar
		t.Errorf("told %d times", n)
	}
	// Spread over a month it is what old people do.
	out.all = nil
	h.must(h.db.Tx(ctx, func(tx *sql.Tx) error { _, err := tx.Exec("DELETE FROM access_tries"); return err }))
	for i := range 20 {
		try(i, begin.Add(time.Duration(i)*36*time.Hour))
	}
	if h.must(h.flush(ctx)); len(out.all) != 0 {
		t.Errorf("told %v", out.all)
	}
}

func TestOperatorOpensInTheOwnZone(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	who := web.Principal{ID: "u-1", Name: "值班员", Role: web.Operator, Zones: "east/b01/u1"}
	if _, err := h.Unlock(ctx, who, "door-1", "快递", ""); err != nil {
		t.Error(err)
	}
	for _, door := range []string{"door-2", "gate"} {
		if _, err := h.Unlock(ctx, who, door, "快递", ""); !errors.Is(err, ErrNotYourZone) {
			t.Errorf("%s: %v", door, err)
		}
	}
	if s := h.desk.take(); len(s) != 1 || s[0].device != "door-1" {
		t.Errorf("ordered %+v", s)
	}
	if es, err := h.who.AuditOf(ctx, "doors.unlock_refused", "", 10); err != nil || len(es) != 2 || es[0].Actor != "u-1" {
		t.Errorf("%d entries, %v", len(es), err)
	}
}

// A card that was used at a door is the last word of nobody: the answer to an old badge
// under a new name is none.
func TestOldAskUnderANewNameIsNotAnswered(t *testing.T) {
	h := newHouse(t)
	h.resident("陈建国", "04A1B2C3D4", "door-1")
	first := h.badge("door-1", "card", "04A1B2C3D4", "ask")
	h.handle(first)
	if s := h.desk.take(); len(s) != 1 || s[0].typ != "unlock" {
		t.Fatalf("%+v", s)
	}
	again := first
	again.ID, again.Seq, again.At, again.Late = "forged", first.Seq+100, first.At.Add(-2*time.Minute), true
	h.handle(again, event.Event{})
	if s := h.desk.take(); len(s) != 0 {
		t.Errorf("it is answered: %+v", s)
	}
	if row := h.log()[0]; row.Event != "forged" || row.Decision != Unanswered || row.Reason != TooOld {
		t.Errorf("%+v", row)
	}
}
