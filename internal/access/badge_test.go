package access

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"dongyue/internal/event"
)

func TestAskIsAnswered(t *testing.T) {
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	last := h.feed.Last()
	s := h.swipe("door-1", "04A1B2C3D4")
	if s.device != "door-1" || s.typ != "unlock" || s.ref != "ev-1" || s.args["ref"] != "ev-1" || s.args["for_s"] != 5.0 ||
		s.key != "badge:door-1:ev-1" || s.ttl != 3*time.Second || s.actor != "hub" {
		t.Fatalf("got %+v", s)
	}
	if b := h.log()[0]; b.Decision != Granted || b.By != ByHub || b.Person != id || b.Event != "ev-1" || b.DoorName != "东苑 1 栋 1 单元" || b.Seq != 1 {
		t.Fatalf("got %+v", b)
	}
	if err := h.feed.Committed(context.Background()); err != nil || h.feed.Last() != last+1 {
		t.Fatalf("feed at %d, was %d, %v", h.feed.Last(), last, err)
	}
	for value, reason := range map[string]string{"FFFFFFFF": "unknown_credential", "": "unknown_credential"} {
		if s := h.swipe("door-1", value); s.typ != "deny" || s.args["reason"] != reason {
			t.Errorf("%q: got %+v", value, s)
		}
	}
	if s := h.swipe("door-2", "04A1B2C3D4"); s.typ != "deny" || s.args["reason"] != "wrong_door" {
		t.Fatalf("got %+v", s)
	}
	if s := h.swipe("door-nobody-knows", "04A1B2C3D4"); s.typ != "deny" || s.args["reason"] != "device_untrusted" {
		t.Fatalf("got %+v", s)
	}
}

func TestARepeatHasNoSecondEffect(t *testing.T) {
	h := newHouse(t)
	h.resident("陈建国", "04A1B2C3D4", "door-1")
	ev := h.badge("door-1", "card", "04A1B2C3D4", "ask")
	h.handle(ev, ev)
	h.handle(ev)
	if n, rows := len(h.desk.take()), len(h.log()); n != 1 || rows != 1 {
		t.Fatalf("%d answers, %d rows", n, rows)
	}
}

// Nothing is answered before the commit, and nothing of a transaction that was
// rolled back; when the follower comes again, it is answered once.
func TestRolledBackIsNotAnswered(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.resident("陈建国", "04A1B2C3D4", "door-1")
	ev := h.badge("door-1", "card", "04A1B2C3D4", "ask")
	boom := errors.New("boom")
	err := h.db.Tx(ctx, func(tx *sql.Tx) error {
		if err := h.Handle(ctx, tx, []event.Event{ev}); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) || len(h.desk.take()) != 0 {
		t.Fatalf("answered before the commit, %v", err)
	}
	h.Undone()
	h.Committed(ctx)
	if len(h.desk.take()) != 0 || len(h.log()) != 0 {
		t.Fatal("answered or logged what was rolled back")
	}
	h.handle(ev)
	if len(h.desk.take()) != 1 {
		t.Fatal("not answered the second time")
	}
}

func TestTooOldIsNotAnswered(t *testing.T) {
	h := newHouse(t)
	h.resident("陈建国", "04A1B2C3D4", "door-1")
	for name, f := range map[string]func(*event.Event){
		"waited in the door": func(e *event.Event) { e.At = e.At.Add(-4 * time.Second) },
		"waited in the hub":  func(e *event.Event) { e.At, e.ReceivedAt = e.At.Add(-4*time.Second), e.ReceivedAt.Add(-4*time.Second) },
		"late":               func(e *event.Event) { e.Late = true },
	} {
		ev := h.badge("door-1", "card", "04A1B2C3D4", "ask")
		f(&ev)
		h.handle(ev)
		if s := h.desk.take(); len(s) != 0 {
			t.Errorf("%s: answered %+v", name, s)
		}
		if b := h.log()[0]; b.Decision != Unanswered || b.Reason != TooOld || b.PersonName != "陈建国" {
			t.Errorf("%s: got %+v", name, b)
		}
	}
	// The batch itself took too long.
	ctx := context.Background()
	ev := h.badge("door-1", "card", "04A1B2C3D4", "ask")
	if err := h.db.Tx(ctx, func(tx *sql.Tx) error { return h.Handle(ctx, tx, []event.Event{ev}) }); err != nil {
		t.Fatal(err)
	}
	h.pending.answers[0].received = time.Now().Add(-4 * time.Second)
	h.Committed(ctx)
	if s, b := h.desk.take(), h.log()[0]; len(s) != 0 || b.Decision != Unanswered || b.Reason != TooOld {
		t.Fatalf("%v, %+v", s, b)
	}
}

func TestAnswerThatCannotBeSentIsNoted(t *testing.T) {
	h := newHouse(t)
	h.resident("陈建国", "04A1B2C3D4", "door-1")
	h.desk.err = errors.New("offline")
	h.handle(h.badge("door-1", "card", "04A1B2C3D4", "ask"))
	if b := h.log()[0]; b.Decision != Unanswered || b.Reason != DoorOffline {
		t.Fatalf("got %+v", b)
	}
}

func TestClockAheadIsNotTrusted(t *testing.T) {
	h := newHouse(t)
	h.resident("陈建国", "04A1B2C3D4", "door-1")
	ev := h.badge("door-1", "card", "04A1B2C3D4", "ask")
	ev.At = ev.At.Add(2 * time.Minute)
	h.handle(ev)
	if s := h.desk.take(); len(s) != 1 || s[0].args["reason"] != "clock_untrusted" {
		t.Fatalf("got %+v", s)
	}
}

func TestWhatDoorsDidAlone(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	past := func(decision string, ago time.Duration) event.Event {
		ev := h.badge("door-1", "card", "04A1B2C3D4", decision)
		ev.At, ev.Late = ev.At.Add(-ago), ago > time.Minute
		return ev
	}
	check := func(name string, decision string, flag Reason) {
		t.Helper()
		if b := h.log()[0]; b.By != ByDoor || b.Decision != decision || b.Flag != flag || b.Person != id {
			t.Errorf("%s: got %+v", name, b)
		}
		if s := h.desk.take(); len(s) != 0 {
			t.Errorf("%s: answered", name)
		}
	}
	h.handle(past("granted", time.Second))
	check("good card", Granted, None)
	h.handle(past("denied", time.Second))
	check("refused by the door", Denied, None)
	cs, err := h.Credentials(ctx, id, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.RevokeCredential(ctx, "test", cs[0].ID, false); err != nil {
		t.Fatal(err)
	}
	h.handle(past("granted", 0))
	check("revoked card let in", Granted, Inactive)
	h.handle(past("granted", 0))
	check("and again", Granted, Inactive)
	h.handle(past("granted", time.Hour))
	check("used before it was revoked, reported after", Granted, None)
	h.handle(past("denied", 0))
	check("revoked card refused", Denied, None)

	ev := h.badge("door-1", "card", "FFFFFFFF", "granted")
	h.handle(ev)
	if b := h.log()[0]; b.Flag != UnknownCredential || b.Person != "" {
		t.Fatalf("got %+v", b)
	}
}

func TestRightTakenAwayLater(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	before := h.badge("door-1", "card", "04A1B2C3D4", "granted")
	before.At = before.At.Add(-time.Hour)
	rs, err := h.Rights(ctx, RightsFilter{Person: id}, "", 10)
	if err != nil || len(rs) != 1 {
		t.Fatal(err)
	}
	if err := h.EndRight(ctx, "test", rs[0].ID); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		h.handle(before, h.badge("door-1", "card", "04A1B2C3D4", "granted"))
		if bs := h.log(); bs[0].Flag != WrongDoor || bs[1].Flag != None {
			t.Fatalf("got %q, %q", bs[0].Flag, bs[1].Flag)
		}
		h.start() // and a restart remembers
		before.ID = "another"
	}
}

func TestWrongPINsLockTheDoorForPINs(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	if _, err := h.AddCredential(ctx, "test", NewCredential{Person: id, Type: "pin", Value: "135790"}); err != nil {
		t.Fatal(err)
	}
	try := func(door, pin string) any {
		t.Helper()
		h.handle(h.badge(door, "pin", pin, "ask"))
		s := h.desk.take()
		if s[0].typ == "unlock" {
			return "unlock"
		}
		return s[0].args["reason"]
	}
	for range 4 {
		if got := try("door-1", "000000"); got != "pin_wrong" {
			t.Fatalf("got %v", got)
		}
	}
	if got := try("door-1", "135790"); got != "unlock" {
		t.Fatalf("a right PIN: %v", got)
	}
	// Five in one batch count as five.
	var evs []event.Event
	for range 7 {
		evs = append(evs, h.badge("door-1", "pin", "000000", "ask"))
	}
	h.handle(evs...)
	var reasons []string
	for _, s := range h.desk.take() {
		reasons = append(reasons, s.args["reason"].(string))
	}
	w, l := "pin_wrong", "too_many_tries"
	if !slices.Equal(reasons, []string{w, w, w, w, w, l, l}) {
		t.Fatalf("got %v", reasons)
	}
	if got := try("door-1", "135790"); got != "too_many_tries" {
		t.Fatalf("the right PIN at a locked door: %v", got)
	}
	if s := h.swipe("door-1", "04A1B2C3D4"); s.typ != "unlock" {
		t.Fatalf("a card at a locked door: %+v", s)
	}
	h.start() // a restart forgives nothing
	if got := try("door-1", "135790"); got != "too_many_tries" {
		t.Fatalf("after a restart: %v", got)
	}
	if err := h.db.Tx(ctx, func(tx *sql.Tx) error {
		for after, want := range map[time.Duration]bool{lockFor - time.Minute: true, lockFor: false} {
			if got, err := locked(ctx, tx, []string{"door:door-1"}, time.Now().Add(after)); err != nil || got != want {
				t.Errorf("after %s: locked %v, %v", after, got, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got := try("door-2", "000000"); got != "pin_wrong" {
		t.Fatalf("another door: %v", got)
	}
}

func TestWhatIsNoBadgeIsLeftAlone(t *testing.T) {
	h := newHouse(t)
	h.resident("陈建国", "04A1B2C3D4", "door-1")
	for name, f := range map[string]func(*event.Event){
		"no door":   func(e *event.Event) { e.Kind = event.Lamp },
		"telemetry": func(e *event.Event) { e.Channel = event.Telemetry },
		"forced":    func(e *event.Event) { e.Type = "forced_open" },
		"not JSON":  func(e *event.Event) { e.Data = []byte("{") },
		"a list":    func(e *event.Event) { e.Data = []byte("[]") },
		"nothing":   func(e *event.Event) { e.Data = nil },
		"no verb":   func(e *event.Event) { e.Data = []byte(`{"credential":{"type":"card","value":"04A1B2C3D4"}}`) },
		"other verb": func(e *event.Event) {
			e.Data = []byte(`{"credential":{"type":"card","value":"04A1B2C3D4"},"decision":"open"}`)
		},
		"other type": func(e *event.Event) {
			e.Data = []byte(`{"credential":{"type":"face","value":"04A1B2C3D4"},"decision":"ask"}`)
		},
	} {
		ev := h.badge("door-1", "card", "04A1B2C3D4", "ask")
		f(&ev)
		h.handle(ev)
		if n, rows := len(h.desk.take()), len(h.log()); n != 0 || rows != 0 {
			t.Errorf("%s: %d answers, %d rows", name, n, rows)
		}
	}
}

// Badges, changes and openings at the same time: a card whose revocation has
// been answered never opens again, whatever else is going on.
func TestRevocationHoldsUnderLoad(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	other := h.resident("李秀英", "0011223344", "door-2")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			r, err := h.AddRight(ctx, "test", RightInfo{Person: other, Zone: "east/b01"})
			if err != nil {
				t.Error(err)
				return
			}
			h.HomeDoors(other)
			if err := h.EndRight(ctx, "test", r.ID); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 20 {
		id := h.resident("陈建国", "04A1B2C3D4", "door-1")
		if s := h.swipe("door-1", "04A1B2C3D4"); s.typ != "unlock" {
			t.Fatalf("got %+v", s)
		}
		cs, err := h.Credentials(ctx, id, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.RevokeCredential(ctx, "test", cs[0].ID, false); err != nil {
			t.Fatal(err)
		}
		if s := h.swipe("door-1", "04A1B2C3D4"); s.args["reason"] != "inactive" {
			t.Fatalf("got %+v", s)
		}
	}
	close(stop)
	wg.Wait()
}
