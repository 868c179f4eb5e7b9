package access

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// A host who moves back in does not bring back the guests of before.
func TestAHostWhoComesBackBringsNoGuest(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	id, me := h.host()
	p := h.invite(carPass("川A12345", ""), me)
	_, err := h.MoveOut(ctx, "test", id)
	h.must(err)
	back := true
	_, err = h.ChangePerson(ctx, "test", id, PersonChange{Active: &back})
	h.must(err)
	h.expect("unlock", "door-1", "04A1B2C3D4")
	for range 2 {
		if got := h.show("door-1", "qr", h.visitCode2("", p), "in"); got != "inactive" {
			t.Errorf("the guest's code: %s", got)
		}
		if got := h.show("barrier", "plate", "川A12345", "in"); got != "inactive" {
			t.Errorf("the guest's car: %s", got)
		}
		h.start()
	}
}

// One PIN of somebody's must not be carried from door to door until its home is found.
func TestAPINIsWrongWhereItOpensNothing(t *testing.T) {
	h := newHouse(t)
	desk := &told{}
	h.reporter = desk
	h.give(PersonInfo{Name: "陈建国"}, NewCredential{Type: "pin", Value: "135790"}, RightInfo{Door: "door-1"})
	over := time.Now().Add(-time.Hour)
	h.give(PersonInfo{Name: "李秀英"}, NewCredential{Type: "pin", Value: "975310", ValidTo: &over}, RightInfo{Door: "door-2"})
	for i, pin := range []string{"135790", "975310", "135790", "975310", "135790"} {
		if got := h.show("door-2", "pin", pin, "in"); got != "pin_wrong" {
			t.Errorf("try %d: the door says %s", i+1, got)
		}
	}
	if b := h.log(); b[0].Reason != WrongDoor || b[1].Reason != Expired || b[0].PersonName != "陈建国" {
		t.Errorf("the desk does not see whose it was: %+v", b[0])
	}
	if got := h.show("door-2", "pin", "135790", "in"); got != "too_many_tries" {
		t.Errorf("the sixth: %s", got)
	}
	if got := h.show("door-1", "pin", "135790", "in"); got != "unlock" {
		t.Errorf("at home: %s", got)
	}
	h.must(h.flush(context.Background()))
	if fmt.Sprint(desk.all) != "[door-2 pin_lockout]" {
		t.Errorf("the desk was told %v", desk.all)
	}
}

// The keypad takes nothing any more, and says so; who is forced to type gets help.
func TestHelpComesThoughTheKeypadIsLocked(t *testing.T) {
	h := newHouse(t)
	desk := &told{}
	h.reporter = desk
	h.give(PersonInfo{Name: "陈建国"}, NewCredential{Type: "pin", Value: "246802", Duress: true}, RightInfo{Door: "door-1"})
	for range maxTries {
		h.show("door-1", "pin", "111111", "in")
	}
	for _, pin := range []string{"246802", "111111"} {
		if got := h.show("door-1", "pin", pin, "in"); got != "too_many_tries" {
			t.Errorf("%s: %s", pin, got)
		}
	}
	a, b := h.log()[0], h.log()[1]
	if a.ID, a.Event, a.Seq, a.At, a.ReceivedAt = b.ID, b.Event, b.Seq, b.At, b.ReceivedAt; a != b {
		t.Errorf("the log tells apart:\n%+v\n%+v", a, b)
	}
	for range 3 {
		h.must(h.flush(context.Background()))
	}
	if slices.Sort(desk.all); fmt.Sprint(desk.all) != "[door-1 duress door-1 pin_lockout]" {
		t.Errorf("the desk was told %v", desk.all)
	}
}

// clock lets a card ask when the hub's clock reads something else than now.
func (h *house) clock(later time.Duration, door, card, side string) (got string) {
	h.t.Helper()
	ev := h.badge(door, "card", card, "ask")
	ev.Data = fmt.Appendf(nil, `{"credential":{"type":"card","value":%q},"side":%q,"decision":"ask"}`, card, side)
	ev.At = ev.At.Add(later)
	ev.ReceivedAt = ev.At
	b, err := parseBadge(ev.Data)
	h.must(err)
	ctx := context.Background()
	h.must(h.db.Tx(ctx, func(tx *sql.Tx) error {
		row := Badge{At: ev.At, ReceivedAt: ev.ReceivedAt, Event: ev.ID, Door: door, Side: side}
		j, err := h.judge(ctx, tx, &ev, b, &row)
		if err != nil {
			return err
		}
		row.By, row.Decision, row.Reason = ByHub, j.verdict.decision(), j.verdict.Reason
		if got = string(row.Reason); j.verdict.Granted {
			got = "unlock"
		}
		if _, err := h.logBadge(ctx, tx, &row); err != nil {
			return err
		}
		return h.settle(ctx, tx, &ev, b, j)
	}))
	h.Undone()
	return got
}

// A clock that was an hour ahead and is put right: nobody comes in by what was written
// then, and nobody is shut out by it.
func TestTheClockIsSetBack(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	host := h.give(PersonInfo{Name: "甲", Unit: "east/b01/u1", Household: "0302"}, NewCredential{Value: "AAAA0001"}, RightInfo{Zone: "east"})
	h.give(PersonInfo{Name: "乙", Unit: "east/b01/u1", Household: "0302"}, NewCredential{Value: "BBBB0001"}, RightInfo{Zone: "east"})
	h.give(PersonInfo{Name: "客", Escort: host}, NewCredential{Value: "CCCC0001"}, RightInfo{Zone: "east"})
	h.must(h.SetArea(ctx, "test", PassbackArea{ID: "garage", Name: "车库", Passback: PassbackEnforce}))
	h.must(h.SetArea(ctx, "test", PassbackArea{ID: "street", Name: "街", Passback: PassbackNone}))
	expect := func(want string, later time.Duration, door, card, side string) {
		t.Helper()
		if got := h.clock(later, door, card, side); got != want {
			t.Errorf("%s at %s, %s: got %s, want %s", card, door, later, got, want)
		}
	}
	expect("unlock", time.Hour, "door-1", "AAAA0001", "in")
	expect("unlock", time.Hour+5*time.Second, "door-1", "CCCC0001", "in")
	expect("escort_missing", 0, "door-1", "CCCC0001", "in") // the host has not been there yet
	expect("unlock", 0, "door-1", "AAAA0001", "in")
	expect("unlock", 5*time.Second, "door-1", "CCCC0001", "in")

	h.must(h.SetDoorPolicy(ctx, "test", DoorPolicy{Door: "gate", Inside: "garage", Outside: "street"}))
	expect("unlock", time.Hour, "gate", "AAAA0001", "in")
	expect("passback", 0, "gate", "AAAA0001", "in")
	expect("unlock", time.Second, "gate", "AAAA0001", "out")
	expect("unlock", 2*time.Second, "gate", "AAAA0001", "in")

	h.must(h.SetDoorPolicy(ctx, "test", DoorPolicy{Door: "door-2", TwoPersonS: 15}))
	expect("two_person_incomplete", time.Hour, "door-2", "AAAA0001", "in")
	expect("two_person_incomplete", 0, "door-2", "BBBB0001", "in") // nobody waits
	expect("unlock", time.Second, "door-2", "AAAA0001", "in")

	h.must(h.SetDoorPolicy(ctx, "test", DoorPolicy{Door: "door-1", Interlock: []string{"door-2"}}))
	h.must(h.SetDoorPolicy(ctx, "test", DoorPolicy{Door: "door-2", Interlock: []string{"door-1"}}))
	expect("unlock", time.Hour, "door-1", "AAAA0001", "in")
	expect("interlock", time.Hour, "door-2", "BBBB0001", "in")
	expect("unlock", 0, "door-2", "BBBB0001", "in")
}

// A door of an interlock that was shut while its controller had no power says so only in
// its state.
func TestTheStateOfADoorEndsAnInterlock(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.give(PersonInfo{Name: "陈建国"}, NewCredential{Value: "AAAA0001"}, RightInfo{Zone: "east"})
	h.must(h.SetDoorPolicy(ctx, "test", DoorPolicy{Door: "door-1", Interlock: []string{"door-2"}}))
	h.opened("door-2")
	says := func(data string, late bool) {
		t.Helper()
		ev := h.badge("door-2", "card", "", "ask")
		ev.Channel, ev.Type, ev.Data, ev.Late = event.State, "state", []byte(data), late
		h.handle(ev)
	}
	h.expect("interlock", "door-1", "AAAA0001")
	says(`{"lock":"secured"}`, false)
	says(`{"position":"unknown"}`, false)
	says(`{"position":"closed"}`, true)
	h.expect("interlock", "door-1", "AAAA0001")
	says(`{"position":"closed"}`, false)
	h.expect("unlock", "door-1", "AAAA0001")
	says(`{"position":"open"}`, false)
	h.expect("interlock", "door-1", "AAAA0001")
}

// Where two are needed and the first of the day is awaited, the one who opens the day and
// one other are enough: neither could come before the other.
func TestTwoOfWhomOneOpensTheDay(t *testing.T) {
	h := newHouse(t)
	h.give(PersonInfo{Name: "甲", Kind: Staff}, NewCredential{Value: "AAAA0001"}, RightInfo{Door: "door-1", First: true})
	h.give(PersonInfo{Name: "乙", Kind: Staff}, NewCredential{Value: "BBBB0001"}, RightInfo{Door: "door-1"})
	h.give(PersonInfo{Name: "丙", Kind: Staff}, NewCredential{Value: "CCCC0001"}, RightInfo{Door: "door-1"})
	h.must(h.SetDoorPolicy(context.Background(), "test", DoorPolicy{Door: "door-1", TwoPersonS: 15, FirstIn: true}))
	h.expect("first_person_missing", "door-1", "BBBB0001")
	h.expect("two_person_incomplete", "door-1", "AAAA0001")
	h.start()
	h.expect("unlock", "door-1", "BBBB0001")
	h.expect("two_person_incomplete", "door-1", "BBBB0001") // the day is open
	h.expect("unlock", "door-1", "CCCC0001")
}

// Who moves to another stair opens the old one no longer; what leads to both stays.
func TestTheOldStairIsShut(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	for _, r := range []RightInfo{{Zone: "east/b01/u1"}, {Door: "gate"}} {
		r.Person = id
		_, err := h.AddRight(ctx, "test", r)
		h.must(err)
	}
	flat := "0302"
	_, err := h.ChangePerson(ctx, "test", id, PersonChange{Household: &flat}) // the same stair
	h.must(err)
	h.expect("unlock", "door-1", "04A1B2C3D4")
	unit := "east/b01/u2"
	_, err = h.ChangePerson(ctx, "test", id, PersonChange{Unit: &unit})
	h.must(err)
	h.expect("wrong_door", "door-1", "04A1B2C3D4")
	h.expect("unlock", "gate", "04A1B2C3D4")
	_, err = h.AddRight(ctx, "test", RightInfo{Person: id, Door: "door-2"})
	h.must(err)
	left, back, third := false, true, "east/b02/u1" // who leaves and comes back into another home
	_, err = h.ChangePerson(ctx, "test", id, PersonChange{Active: &left})
	h.must(err)
	_, err = h.ChangePerson(ctx, "test", id, PersonChange{Active: &back, Unit: &third})
	h.must(err)
	h.expect("wrong_door", "door-2", "04A1B2C3D4")
	_, err = h.ChangePerson(ctx, "test", id, PersonChange{Unit: &unit})
	h.must(err)
	_, err = h.AddRight(ctx, "test", RightInfo{Person: id, Door: "door-2"})
	h.must(err)
	wider := "east/b01"
	_, err = h.ChangePerson(ctx, "test", id, PersonChange{Unit: &wider}) // written less exactly
	h.must(err)
	h.expect("unlock", "door-2", "04A1B2C3D4")
}

// Nothing of who was erased leads to the home, neither by guests nor by the card.
func TestNothingLeadsBackToTheHome(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.sessions = h.who
	id, me := h.host()
	flat := "0302"
	_, err := h.ChangePerson(ctx, "test", id, PersonChange{Household: &flat})
	h.must(err)
	p := h.invite(pass("", 0), me)
	if got := h.show("door-1", "qr", h.visitCode(p["link"].(string)), "in"); got != "unlock" {
		t.Fatal(got)
	}
	e, err := h.AskErasure(ctx, "test", id, "")
	h.must(err)
	h.must(h.AnswerErasure(ctx, "test", e.ID, "已删除", true))
	for what, q := range map[string]string{
		"guests":    "SELECT count(*) FROM access_people WHERE unit <> '' OR household <> '' OR name <> '-'",
		"moves":     "SELECT count(*) FROM access_moves WHERE from_unit || to_unit || from_household || to_household <> ''",
		"badges":    "SELECT count(*) FROM access_badges WHERE unit <> '' OR person_name NOT IN ('', '-')",
		"the cards": "SELECT count(*) FROM access_credentials WHERE length(offline) > 0",
	} {
		var n int
		h.must(h.db.Read().QueryRow(q).Scan(&n))
		if n > 0 {
			t.Errorf("%s: %d rows still tell", what, n)
		}
	}
}

// A use is used up by an opening, not by an answer that never went out.
func TestAnUnsentAnswerUsesNothingUp(t *testing.T) {
	h := newHouse(t)
	_, me := h.host()
	p := h.invite(pass(`"door-1"`, 1), me)
	link := p["link"].(string)
	first, second, third := h.visitCode(link), h.visitCode(link), h.visitCode(link)
	h.desk.err = errors.New("gone")
	h.handle(h.badge("door-1", "qr", first, "ask"))
	h.desk.err = nil
	for _, c := range []struct{ code, want string }{{first, "credential_replay"}, {second, "unlock"}, {third, "used_up"}} {
		if got := h.show("door-1", "qr", c.code, "in"); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// A badge that was recorded on the line and comes again as if it were of now: its number
// gives it away. Nobody is answered, nothing is counted, and the desk is told.
func TestAnAskUnderAnOldNumberIsNotAnswered(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	desk := &told{}
	h.reporter = desk
	h.resident("陈建国", "04A1B2C3D4", "door-1")
	h.expect("unlock", "door-1", "04A1B2C3D4")
	for _, c := range []struct{ typ, value string }{{"card", "04A1B2C3D4"}, {"card", "NOBODY01"}, {"pin", "111111"}} {
		ev := h.badge("door-1", c.typ, c.value, "ask")
		ev.Reused = true
		h.handle(ev, ev)
		if s := h.desk.take(); len(s) != 0 {
			t.Errorf("%s: answered %+v", c.typ, s)
		}
		if b := h.log()[0]; b.Decision != Unanswered || b.Reason != CredentialReplay {
			t.Errorf("%s: %+v", c.typ, b)
		}
	}
	var tried int
	h.must(h.db.Read().QueryRow("SELECT count(*) FROM access_tries").Scan(&tried))
	for range 4 {
		h.must(h.flush(ctx))
	}
	if fmt.Sprint(desk.all) != "[door-1 badge_replayed door-1 badge_replayed door-1 badge_replayed]" || tried != 0 {
		t.Errorf("the desk was told %v, %d scopes count a wrong PIN", desk.all, tried)
	}
	done := h.badge("door-1", "card", "04A1B2C3D4", "granted") // what it did alone it may say again
	done.Reused, done.Late = true, true
	h.handle(done)
	h.expect("unlock", "door-1", "04A1B2C3D4")
	h.must(h.flush(ctx))
	if len(desk.all) != 3 {
		t.Errorf("the desk was told %v", desk.all)
	}
}

// A courier's way has an order: a gate, then the stair. Where a gate may have let anybody
// through, nobody can be asked for it.
func TestACourierComesThroughAGate(t *testing.T) {
	h := newHouse(t)
	ladder := rungsOf{}
	h.rungs = ladder
	_, me := h.host()
	courier := func() map[string]any {
		t.Helper()
		return h.invite(`{"name":"快递","kind":"courier","to":"`+time.Now().Add(30*time.Minute).Format(time.RFC3339)+`"}`, me)
	}
	expect := func(want string, p map[string]any, door string) {
		t.Helper()
		if got := h.show(door, "qr", h.visitCode2("", p), "in"); got != want {
			t.Errorf("%s: got %s, want %s", door, got, want)
		}
	}
	p := courier()
	expect("gate_first", p, "door-1")
	expect("unlock", p, "gate")
	h.start()
	h.rungs = ladder
	expect("unlock", p, "door-1") // what was refused before has used nothing up
	guest := h.invite(pass("", 1), me)
	expect("unlock", guest, "door-1") // a visitor's way has no order

	p = courier()
	ladder["gate"] = ScheduleFree
	expect("unlock", p, "door-1")
	delete(ladder, "gate")
	p = courier()
	gate := h.desk.doors["gate"]
	gate.Online = false
	h.desk.doors["gate"] = gate
	expect("unlock", p, "door-1")
	gate.Online = true
	h.desk.doors["gate"] = gate
	expect("gate_first", courier(), "door-1")

	p = courier() // a gate that was alone tells of it afterwards
	late := h.badge("gate", "qr", h.visitCode2("", p), "granted")
	late.Late = true
	h.handle(late)
	expect("unlock", p, "door-1")
	stair := h.invite(`{"name":"快递","kind":"courier","doors":["door-1"],"to":"`+time.Now().Add(30*time.Minute).Format(time.RFC3339)+`"}`, me)
	expect("unlock", stair, "door-1") // a pass without a gate
}

// A guest on foot who is not seen leaving: the host is asked; the desk is told only where
// the door counts people out, for of the others nobody can say who is still there.
func TestAGuestOnFootStaysTooLong(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.accounts = oneAccount{}
	_, me := h.host()
	enter := func(door string) map[string]any {
		t.Helper()
		p := h.invite(pass(`"door-1","gate"`, 0), me)
		if got := h.show(door, "qr", h.visitCode2("", p), "in"); got != "unlock" {
			t.Fatal(got)
		}
		return p
	}
	after := func(p map[string]any, d time.Duration) {
		t.Helper()
		to, err := time.Parse(time.RFC3339, p["to"].(string))
		h.must(err)
		h.must(h.tellOverstays(ctx, to.Add(d)))
		h.must(h.tellOverstays(ctx, to.Add(d)))
	}
	// over makes the pass one that has ended, as far as the clock goes.
	over := func(p map[string]any) {
		t.Helper()
		h.must(h.db.Tx(ctx, func(tx *sql.Tx) error {
			_, err := tx.Exec("UPDATE access_credentials SET valid_to = ? WHERE person = ?", time.Now().Add(-time.Second).UnixMilli(), p["person"])
			return err
		}))
	}
	banner := func() int { t.Helper(); return len(h.want(200, "GET", "/home", "", me)["overstays"].([]any)) }

	p := enter("door-1") // by a stair with a button to go out
	after(p, 9*time.Minute)
	if over(p); banner() != 0 {
		t.Error("the host is asked at once")
	}
	h.must(h.tellOverstays(ctx, time.Now().Add(11*time.Minute)))
	if v := h.visitPage(p["link"].(string)); banner() != 1 || v["overstay"] != true || v["on_foot"] != true || v["inside_since"] != nil {
		t.Errorf("%d passes, %v", banner(), v)
	}
	h.must(h.tellOverstays(ctx, time.Now().Add(31*time.Minute)))
	if banner() != 0 || len(h.reported()) != 0 {
		t.Errorf("nobody can say whether it goes on: %d passes, %v", banner(), h.reported())
	}

	seen := enter("gate") // one who is seen leaving
	if got := h.show("gate", "qr", h.visitCode2("", seen), "out"); got != "unlock" {
		t.Fatal(got)
	}
	after(seen, time.Hour)
	left := enter("gate") // one of whom the host says so
	h.want(204, "POST", "/home/passes/"+left["id"].(string)+"/left", "", me)
	revoked := enter("gate")
	h.want(204, "DELETE", "/home/passes/"+revoked["id"].(string), "", me)
	h.must(h.tellOverstays(ctx, time.Now().Add(3*time.Hour)))
	if banner() != 0 || len(h.reported()) != 0 {
		t.Errorf("%d passes, %v", banner(), h.reported())
	}

	stays := enter("gate")
	h.start()
	h.accounts = oneAccount{}
	id := stays["id"].(string)
	if got := h.show("door-1", "qr", h.visitCode2("", stays), "in"); got != "unlock" {
		t.Fatal(got)
	}
	after(stays, 31*time.Minute)
	if over(stays); banner() != 1 || fmt.Sprint(h.reported()) != "["+id+" true]" {
		t.Errorf("%d passes, the desk %v", banner(), h.reported())
	}
	if got := h.show("gate", "qr", h.visitCode2("", stays), "out"); got != "unlock" {
		t.Fatal(got)
	}
	if banner() != 0 || fmt.Sprint(h.reported()) != "["+id+" true "+id+" false]" {
		t.Errorf("%d passes, the desk %v", banner(), h.reported())
	}
}

// Who is inside on foot may fetch the car, once; the two are one stay.
func TestOnFootThenByCar(t *testing.T) {
	h := newHouse(t)
	_, me := h.host()
	p := h.invite(carPass("川A12345", ""), me)
	for _, c := range []struct{ door, typ, side, want string }{
		{"door-1", "qr", "in", "unlock"}, {"barrier", "plate", "in", "unlock"}, {"barrier", "plate", "in", "car_inside"}, {"door-1", "qr", "out", "unlock"},
		{"barrier", "plate", "in", "car_inside"}, {"barrier", "plate", "out", "unlock"}, {"barrier", "plate", "in", "unlock"},
	} {
		value := "川A12345"
		if c.typ == "qr" {
			value = h.visitCode2("", p)
		}
		if got := h.show(c.door, c.typ, value, c.side); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.door, c.side, got, c.want)
		}
	}
	var n int
	h.must(h.db.Read().QueryRow("SELECT count(*) FROM access_cars WHERE out_at = 0").Scan(&n))
	if n != 1 {
		t.Errorf("%d are inside", n)
	}
}

// Who acts in one zone gives nobody else what opens in another.
func TestTheZoneHoldsForWhatIsGivenToOthers(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	id, _ := h.host()
	h.must(h.SetDoorGroup(ctx, "test", DoorGroup{Name: "gates", Doors: []string{"gate"}}))
	in := web.WithPrincipal(ctx, web.Principal{ID: "u-1", Role: web.Supervisor, Zones: "east/b01/u1"})
	to := time.Now().Add(time.Hour)
	give := func(r RightInfo) error { r.Person = id; _, err := h.AddRight(in, "u-1", r); return err }
	invite := func(ctx context.Context, doors ...string) (string, error) {
		p, _, err := h.AddPass(ctx, "u-1", NewPass{Host: id, Name: "张三", Doors: doors, Plate: "川A12345", To: to})
		return p.ID, err
	}
	far, err := invite(ctx, "gate")
	h.must(err)
	near, err := invite(in, "door-1")
	h.must(err)
	for what, c := range map[string]struct {
		err  error
		want error
	}{
		"right to the own door":   {give(RightInfo{Door: "door-1"}), nil},
		"right to another":        {give(RightInfo{Door: "door-2"}), ErrNotYourZone},
		"right to a zone around":  {give(RightInfo{Zone: "east"}), ErrNotYourZone},
		"right to a group":        {give(RightInfo{DoorGroup: "gates"}), ErrNotYourZone},
		"door into a group":       {h.SetDoorGroup(in, "u-1", DoorGroup{Name: "mine", Doors: []string{"door-1", "door-2"}}), ErrNotYourZone},
		"own door into a group":   {h.SetDoorGroup(in, "u-1", DoorGroup{Name: "mine", Doors: []string{"door-1"}}), nil},
		"group of others emptied": {h.SetDoorGroup(in, "u-1", DoorGroup{Name: "gates"}), ErrNotYourZone},
		"demands of another door": {h.SetDoorPolicy(in, "u-1", DoorPolicy{Door: "gate"}), ErrNotYourZone},
		"demands of the own door": {h.SetDoorPolicy(in, "u-1", DoorPolicy{Door: "door-1"}), nil},
		"more time at another":    {h.ExtendPass(in, "u-1", "", far, to.Add(time.Hour)), ErrNotYourZone},
		"more time at the own":    {h.ExtendPass(in, "u-1", "", near, to.Add(time.Hour)), nil},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", what, c.err, c.want)
		}
	}
	if _, err := invite(in, "door-1", "gate"); !errors.Is(err, ErrNotYourZone) {
		t.Errorf("a pass through another door: %v", err)
	}
	res, err := h.ImportPeople(in, "u-1", []byte("name,doors,zones\n甲,door-1,\n乙,gate,\n丙,,east\n"), false)
	h.must(err)
	if len(res.Errors) != 2 || res.Errors[0].Line != 3 || res.Errors[1].Line != 4 {
		t.Errorf("%+v", res)
	}
}

// Of two persons the first one's card is taken away while it waits: then nobody waits.
func TestNobodyWaitsWithACardThatIsGone(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.must(h.SetDoorPolicy(ctx, "test", DoorPolicy{Door: "door-1", TwoPersonS: 60}))
	first := h.resident("甲", "AAAA0001", "door-1")
	h.resident("乙", "BBBB0001", "door-1")
	cs, err := h.Credentials(ctx, first, "", 10)
	h.must(err)
	h.expect("two_person_incomplete", "door-1", "AAAA0001")
	h.must(h.RevokeCredential(ctx, "test", cs[0].ID, true))
	h.expect("two_person_incomplete", "door-1", "BBBB0001")
	h.expect("lost_stolen", "door-1", "AAAA0001")
	_, err = h.AddCredential(ctx, "test", NewCredential{Person: first, Type: "pin", Value: "135790"})
	h.must(err)
	if got := h.show("door-1", "pin", "135790", "in"); got != "unlock" {
		t.Errorf("the second: %s", got)
	}
	if got := h.show("door-1", "pin", "135790", "in"); got != "two_person_incomplete" {
		t.Errorf("the first of two others: %s", got)
	}
	h.expect("unlock", "door-1", "BBBB0001")
	h.expect("two_person_incomplete", "door-1", "BBBB0001")
	ps, err := h.People(ctx, "", "乙", "", 10)
	h.must(err)
	_, err = h.MoveOut(ctx, "test", ps[0].ID)
	h.must(err)
	if got := h.show("door-1", "pin", "135790", "in"); got != "two_person_incomplete" {
		t.Errorf("with one who has moved out: %s", got)
	}
}

// Who looks for people, looks into their files or takes them all along leaves a trace.
func TestLookingLeavesATrace(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	boss := h.login("supervisor", web.Supervisor, "")
	for range 2 {
		h.want(200, "GET", "/people?q=陈", "", boss)
	}
	h.want(200, "GET", "/people", "", boss) // the whole list is nobody in particular
	h.want(200, "GET", "/people/"+id, "", boss)
	h.want(404, "GET", "/people/p-none", "", boss)
	for action, want := range map[string]int{"people.searched": 2, "person.looked": 1} {
		es, err := h.who.AuditOf(ctx, action, "", 10)
		if err != nil || len(es) != want || es[0].Actor == "" {
			t.Errorf("%s: %d entries, want %d, %v", action, len(es), want, err)
		}
	}
}

// A guest gives no passes: the guest's guest would outlive the host. And passes that are
// over are not brought back beyond what one host may have.
func TestGuestsOfGuestsAndPassesBroughtBack(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	id, me := h.host()
	guest := h.invite(pass("", 0), me)
	if _, _, err := h.AddPass(ctx, "test", NewPass{Host: guest["person"].(string), Name: "李四", Doors: []string{"door-1"}, To: time.Now().Add(time.Minute)}); !errors.Is(err, ErrInvalid) {
		t.Errorf("a guest of a guest: %v", err)
	}
	h.must(h.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec("UPDATE access_credentials SET valid_to = ? WHERE id = ?", time.Now().Add(-time.Minute).UnixMilli(), guest["credential"])
		return err
	}))
	var last PassInfo
	for range mostPasses {
		var err error
		last, _, err = h.AddPass(ctx, "test", NewPass{Host: id, Name: "张三", Doors: []string{"door-1"}, To: time.Now().Add(time.Hour)})
		h.must(err)
	}
	if err := h.ExtendPass(ctx, "test", id, guest["id"].(string), time.Now().Add(2*time.Hour)); !errors.Is(err, ErrTooManyPasses) {
		t.Errorf("one that is over, beside %d others: %v", mostPasses, err)
	}
	h.must(h.ExtendPass(ctx, "test", id, last.ID, time.Now().Add(2*time.Hour))) // one that is good is one of them
}

// The host's phone hears of a guest who stays too long at once, and nobody else's does.
func TestTheHostsStreamTellsOfPasses(t *testing.T) {
	ctx, end := context.WithTimeout(context.Background(), 20*time.Second)
	defer end()
	h := newHouse(t)
	h.accounts = h.who
	id, me := h.host()
	other := h.login("li", web.Resident, h.resident("李秀英", "0011223344", "door-2"))
	a := web.NewAPI("test", h.who, slog.New(slog.DiscardHandler))
	a.Handle(http.MethodGet, "/home/stream", web.Home, a.Stream(h.feed))
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	for i := range 2 { // one entry before the stream begins, one after
		h.must(h.db.Tx(ctx, func(tx *sql.Tx) error { return h.tellHost(ctx, tx, id, fmt.Sprint("v-", i), "overstay") }))
		h.must(h.feed.Committed(ctx))
	}
	hears := func(cookie string, within time.Duration) (got []string) {
		ctx, end := context.WithTimeout(ctx, within)
		defer end()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/api/v1/home/stream?topics=pass,badge&after=1", nil)
		h.must(err)
		r.AddCookie(&http.Cookie{Name: web.SessionCookie, Value: cookie})
		res, err := http.DefaultClient.Do(r)
		h.must(err)
		defer func() { _ = res.Body.Close() }()
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if topic, ok := strings.CutPrefix(lines.Text(), "event: "); ok && topic != "hello" {
				if got = append(got, topic); cookie == me {
					return got
				}
			}
		}
		return got
	}
	if got := hears(me, 10*time.Second); fmt.Sprint(got) != "[pass]" {
		t.Errorf("the host hears %v", got)
	}
	if got := hears(other, time.Second); len(got) != 0 {
		t.Errorf("a neighbour hears %v", got)
	}
}
