package access

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"dongyue/internal/event"
)

// rungsOf is a ladder that tests move.
type rungsOf map[string]Rung

func (r rungsOf) Rung(door string) Rung { return r[door] }

// told keeps what was reported.
type told struct {
	mu  sync.Mutex
	all []string
}

func (r *told) Report(_ context.Context, _, device, typ string, _ json.RawMessage, _ time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, device+" "+typ)
	return nil
}

// give adds a person with a card for a door.
func (h *house) give(p PersonInfo, n NewCredential, r RightInfo) string {
	h.t.Helper()
	ctx := context.Background()
	got, err := h.AddPerson(ctx, "test", p)
	if err != nil {
		h.t.Fatal(err)
	}
	n.Person, r.Person = got.ID, got.ID
	if n.Type == "" {
		n.Type = "card"
	}
	if _, err := h.AddCredential(ctx, "test", n); err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.AddRight(ctx, "test", r); err != nil {
		h.t.Fatal(err)
	}
	return got.ID
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// show lets a credential ask and says what the door was told.
func (h *house) show(door, typ, value, side string) string {
	h.t.Helper()
	ev := h.badge(door, typ, value, "ask")
	h.must(json.Unmarshal(ev.Data, &map[string]any{}))
	data, err := json.Marshal(map[string]any{"credential": map[string]string{"type": typ, "value": value}, "side": side, "decision": "ask"})
	h.must(err)
	ev.Data = data
	h.handle(ev)
	s := h.desk.take()
	if len(s) != 1 {
		h.t.Fatalf("%d answers", len(s))
	}
	if s[0].typ == "unlock" {
		return "unlock"
	}
	return fmt.Sprint(s[0].args["reason"])
}

func (h *house) expect(want, door, card string) {
	h.t.Helper()
	if got := h.show(door, "card", card, "in"); got != want {
		h.t.Fatalf("%s at %s: got %s, want %s", card, door, got, want)
	}
}

func (h *house) opened(door string) {
	h.t.Helper()
	ev := h.badge(door, "card", "", "ask")
	ev.Type, ev.Data = "opened", []byte("{}")
	h.handle(ev)
}

func TestPerimeterRefusesCopyableCards(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.give(PersonInfo{Name: "陈建国"}, NewCredential{Value: "UID00001"}, RightInfo{Zone: "east"})
	h.give(PersonInfo{Name: "李秀英"}, NewCredential{Value: "CRYPTO01", Class: ClassCrypto}, RightInfo{Zone: "east"})
	h.must(h.SetDoorPolicy(ctx, "test", DoorPolicy{Door: "gate", RefuseUID: true}))
	h.expect("credential_class", "gate", "UID00001")
	h.expect("unlock", "gate", "CRYPTO01")
	h.expect("unlock", "door-1", "UID00001")
	h.must(h.SetDoorPolicy(ctx, "test", DoorPolicy{Door: "gate"}))
	h.expect("unlock", "gate", "UID00001")
}

func TestDoorGroupsAndTheCalendar(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.give(PersonInfo{Name: "王师傅", Kind: Staff}, NewCredential{Value: "STAFF001"}, RightInfo{DoorGroup: "cellars"})
	h.expect("wrong_door", "door-1", "STAFF001")
	h.must(h.SetDoorGroup(ctx, "test", DoorGroup{Name: "cellars", Doors: []string{"door-1", "gate"}}))
	h.expect("unlock", "door-1", "STAFF001")
	h.expect("wrong_door", "door-2", "STAFF001")
	h.must(h.SetDoorGroup(ctx, "test", DoorGroup{Name: "cellars", Doors: []string{"gate"}}))
	h.expect("wrong_door", "door-1", "STAFF001")

	today := time.Now().In(h.loc)
	elsewhen := fmt.Sprintf("%02d:00-%02d:00", (today.Hour()+11)%24, (today.Hour()+12)%24) // an hour that is not now
	h.give(PersonInfo{Name: "园丁", Kind: Staff}, NewCredential{Value: "WORK0001"}, RightInfo{Door: "door-2", Schedule: "mon-sun 00:00-24:00; holiday " + elsewhen})
	h.expect("unlock", "door-2", "WORK0001")
	h.must(h.SetCalendar(ctx, "test", []CalendarDay{{Day: today.Format(time.DateOnly), Kind: Holiday, Name: "国庆节"}}))
	h.expect("outside_schedule", "door-2", "WORK0001")
	h.start()
	h.expect("outside_schedule", "door-2", "WORK0001")
}

func TestTwoPersonsAndTheFirstOfTheDay(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.give(PersonInfo{Name: "甲", Kind: Staff}, NewCredential{Value: "AAAA0001"}, RightInfo{Door: "door-1", First: true})
	h.give(PersonInfo{Name: "乙", Kind: Staff}, NewCredential{Value: "BBBB0001"}, RightInfo{Door: "door-1"})
	h.must(h.SetDoorPolicy(ctx, "test", DoorPolicy{Door: "door-1", TwoPersonS: 15}))
	h.expect("two_person_incomplete", "door-1", "AAAA0001")
	h.expect("two_person_incomplete", "door-1", "AAAA0001") // the same one twice is one
	h.start()                                               // a restart does not forget who waits
	h.expect("unlock", "door-1", "BBBB0001")
	h.expect("two_person_incomplete", "door-1", "BBBB0001")

	h.must(h.SetDoorPolicy(ctx, "test", DoorPolicy{Door: "door-1", FirstIn: true}))
	h.expect("first_person_missing", "door-1", "BBBB0001")
	h.expect("unlock", "door-1", "AAAA0001")
	h.start()
	h.expect("unlock", "door-1", "BBBB0001")
}

func TestPassbackByContact(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	id := h.give(PersonInfo{Name: "陈建国"}, NewCredential{Value: "AAAA0001"}, RightInfo{Zone: "east"})
	h.must(h.SetArea(ctx, "test", PassbackArea{ID: "garage", Name: "车库", Passback: PassbackEnforce, ByContact: true}))
	h.must(h.SetArea(ctx, "test", PassbackArea{ID: "street", Name: "街", Passback: PassbackNone}))
	h.must(h.SetDoorPolicy(ctx, "test", DoorPolicy{Door: "gate", Inside: "garage", Outside: "street"}))
	h.expect("unlock", "gate", "AAAA0001")
	h.expect("unlock", "gate", "AAAA0001") // the door was not opened: still outside
	h.opened("gate")
	h.start()
	h.expect("passback", "gate", "AAAA0001")
	if got := h.show("gate", "card", "AAAA0001", "out"); got != "unlock" {
		t.Fatalf("out: %s", got)
	}
	h.expect("unlock", "gate", "AAAA0001")
	h.opened("gate")
	h.expect("passback", "gate", "AAAA0001")
	h.must(h.ForgetWhereabouts(ctx, "test", "garage", id))
	h.expect("unlock", "gate", "AAAA0001")
	h.opened("gate")
	h.must(h.SetArea(ctx, "test", PassbackArea{ID: "garage", Name: "车库", Passback: PassbackAlert}))
	h.expect("unlock", "gate", "AAAA0001")
	if b := h.log()[0]; b.Flag != Passback {
		t.Fatalf("got %+v", b)
	}
}

func TestInterlock(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.give(PersonInfo{Name: "陈建国"}, NewCredential{Value: "AAAA0001"}, RightInfo{Zone: "east"})
	h.must(h.SetDoorPolicy(ctx, "test", DoorPolicy{Door: "door-1", Interlock: []string{"door-2"}}))
	h.must(h.SetDoorPolicy(ctx, "test", DoorPolicy{Door: "door-2", Interlock: []string{"door-1"}}))
	h.expect("unlock", "door-1", "AAAA0001")
	h.expect("interlock", "door-2", "AAAA0001") // the first may still be pulled open
	h.opened("door-1")
	h.expect("interlock", "door-2", "AAAA0001")
	h.start()
	h.expect("interlock", "door-2", "AAAA0001")
	if got := h.show("door-2", "card", "AAAA0001", "out"); got != "unlock" {
		t.Fatalf("nobody is kept inside: %s", got)
	}
}

func TestEscortAndGuardian(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	mother := h.give(PersonInfo{Name: "母", Unit: "east/b01/u1", Household: "0302"}, NewCredential{Value: "MOTHER01"}, RightInfo{Door: "door-1"})
	kid := h.give(PersonInfo{Name: "子", Unit: "east/b01/u1", Household: "0302", Kind: Child, Escort: EscortHousehold}, NewCredential{Value: "CHILD001"}, RightInfo{Door: "door-1"})
	h.give(PersonInfo{Name: "邻", Unit: "east/b01/u1", Household: "0303"}, NewCredential{Value: "OTHER001"}, RightInfo{Door: "door-1"})
	h.expect("consent_missing", "door-1", "CHILD001")
	if _, err := h.GiveConsent(ctx, "test", kid, mother); err != nil {
		t.Fatal(err)
	}
	h.expect("escort_missing", "door-1", "CHILD001")
	h.expect("unlock", "door-1", "OTHER001")
	h.expect("escort_missing", "door-1", "CHILD001")
	h.expect("unlock", "door-1", "MOTHER01")
	h.expect("unlock", "door-1", "CHILD001")
	if _, err := h.MoveOut(ctx, "test", mother); err != nil { // who agreed is gone, and so is the consent
		t.Fatal(err)
	}
	h.expect("consent_missing", "door-1", "CHILD001")
}

func TestTheLadder(t *testing.T) {
	h := newHouse(t)
	h.give(PersonInfo{Name: "陈建国"}, NewCredential{Value: "AAAA0001"}, RightInfo{Door: "door-1"})
	h.give(PersonInfo{Name: "消防", Kind: Staff}, NewCredential{Value: "FIRE0001"}, RightInfo{Door: "door-1", Lockdown: true})
	ladder := rungsOf{}
	h.rungs = ladder
	for rung, want := range map[Rung][3]string{
		Controlled:     {"unlock", "unlock", "unknown_credential"},
		Lockdown:       {"lockdown", "unlock", "unknown_credential"},
		ScheduleFree:   {"unlock", "unlock", "unlock"},
		ManualOverride: {"unlock", "unlock", "unlock"},
		Maintenance:    {"unlock", "unlock", "unlock"},
		FireRelease:    {"unlock", "unlock", "unlock"},
	} {
		ladder["door-1"] = rung
		for i, card := range []string{"AAAA0001", "FIRE0001", "NOBODY01"} {
			h.expect(want[i], "door-1", card)
			if b := h.log()[0]; (b.Rung == "") != (rung == Controlled) || rung != Controlled && b.Rung != rung.String() {
				t.Errorf("%s: logged as %q", rung, b.Rung)
			}
		}
		if rung.Free() && h.log()[0].Flag != UnknownCredential {
			t.Errorf("%s: a stranger is not noted", rung)
		}
		if got := h.show("door-1", "card", "NOBODY01", "out"); got != "unlock" {
			t.Errorf("%s: out: %s", rung, got)
		}
	}
}

func TestDuressIsTheSameAtTheDoor(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	desk := &told{}
	h.reporter = desk
	id := h.give(PersonInfo{Name: "陈建国"}, NewCredential{Type: "pin", Value: "135790"}, RightInfo{Door: "door-1"})
	if _, err := h.AddCredential(ctx, "test", NewCredential{Person: id, Type: "pin", Value: "246802", Duress: true}); err != nil {
		t.Fatal(err)
	}
	answers := map[string]sent{}
	for _, pin := range []string{"135790", "246802"} {
		h.handle(h.badge("door-1", "pin", pin, "ask"))
		s := h.desk.take()[0]
		s.key, s.ref, s.args["ref"] = "", "", ""
		answers[pin] = s
	}
	if a, b := fmt.Sprintf("%+v", answers["135790"]), fmt.Sprintf("%+v", answers["246802"]); a != b {
		t.Fatalf("the door is told apart:\n%s\n%s", a, b)
	}
	a, b := h.log()[1], h.log()[0]
	if a.Credential, b.Credential, a.ID, b.ID, a.Event, b.Event, a.Seq, b.Seq = "", "", 0, 0, "", "", 0, 0; a.Flag != b.Flag || a.Reason != b.Reason || a.Decision != b.Decision {
		t.Fatalf("the log tells apart:\n%+v\n%+v", a, b)
	}
	h.must(h.flush(ctx))
	h.must(h.flush(ctx))
	if len(desk.all) != 1 || desk.all[0] != "door-1 duress" {
		t.Fatalf("the desk was told %v", desk.all)
	}
}

func TestPINsAreSaltedAndTheLadderGrows(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	desk := &told{}
	h.reporter = desk
	h.give(PersonInfo{Name: "陈建国", Household: "0302"}, NewCredential{Type: "pin", Value: "135790"}, RightInfo{Door: "door-1"})
	var salt, m []byte
	h.must(h.db.Read().QueryRow("SELECT salt, mac FROM access_credentials").Scan(&salt, &m)) //nolint:noctx // a test
	if plain := h.mac("pin", "135790"); len(salt) != saltBytes || string(m) == string(plain[:]) {
		t.Fatal("not salted")
	}
	for typed, want := range map[string]string{"135790": "unlock", "0302*135790": "unlock", "0303*135790": "pin_wrong", "*135790": "unlock"} {
		if got := h.show("door-1", "pin", typed, "in"); got != want {
			t.Errorf("%s: got %s", typed, got)
		}
	}
	n, level := time.Now(), []time.Duration{}
	var tr tries
	for range 5 * 8 {
		var full bool
		if tr, full = tr.wrongAt(n); full {
			level = append(level, time.UnixMilli(tr.until).Sub(n).Round(time.Minute))
			n = time.UnixMilli(tr.until)
		}
	}
	if fmt.Sprint(level[:4]) != "[5m0s 15m0s 45m0s 2h15m0s]" || level[len(level)-1] != maxLock {
		t.Fatalf("locked for %v", level)
	}
	for range 5 {
		h.show("door-1", "pin", "000000", "in")
	}
	h.must(h.flush(ctx))
	if len(desk.all) != 1 || desk.all[0] != "door-1 pin_lockout" {
		t.Fatalf("the desk was told %v", desk.all)
	}
}

func TestUsesAreCounted(t *testing.T) {
	h := newHouse(t)
	h.give(PersonInfo{Name: "快递", Kind: Courier}, NewCredential{Value: "ONCE0001", MaxUses: 2}, RightInfo{Zone: "east"})
	for _, want := range []string{"unlock", "unlock", "used_up"} {
		h.expect(want, "door-1", "ONCE0001")
		h.start()
	}
	h.expect("unlock", "gate", "ONCE0001") // counted at each door
	if got := h.show("door-1", "card", "ONCE0001", "out"); got != "unlock" {
		t.Fatalf("out: %s", got)
	}
}

// What is rolled back has counted nothing.
func TestRolledBackCountsNothing(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.give(PersonInfo{Name: "快递", Kind: Courier}, NewCredential{Value: "ONCE0001", MaxUses: 1}, RightInfo{Door: "door-1"})
	ev := h.badge("door-1", "card", "ONCE0001", "ask")
	_ = h.db.Tx(ctx, func(tx *sql.Tx) error {
		h.must(h.Handle(ctx, tx, []event.Event{ev}))
		return context.Canceled
	})
	h.Undone()
	h.expect("unlock", "door-1", "ONCE0001")
	h.expect("used_up", "door-1", "ONCE0001")
}
