package access

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"dongyue/internal/web"
)

// A repeat of an opening is not decided a second time. So where the door was not told the
// first time, it must not be told by the repeat: the right may be gone by then.
func TestARepeatedOpeningOpensNothingLater(t *testing.T) {
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	me := h.login("chen", web.Resident, id)
	open := func(want int, key string) {
		h.want(want, "POST", "/home/doors/door-1/open", "", me, "Idempotency-Key", key)
	}
	h.desk.err = errors.New("cut")
	open(500, "k1")
	h.desk.err = nil
	open(202, "k2")
	open(202, "k2")
	if s := h.desk.take(); len(s) != 1 || s[0].ttl != openTTL {
		t.Fatalf("%+v", s)
	}
	rs, err := h.Rights(t.Context(), RightsFilter{Person: id}, "", 10)
	h.must(err)
	h.must(h.EndRight(t.Context(), "test", rs[0].ID))
	open(403, "k3")
	open(409, "k1")
	if s := h.desk.take(); len(s) != 0 {
		t.Errorf("without a right: %+v", s)
	}

	// The hub went down between the decision and the order: the order is as old as the decision.
	h.must(h.db.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("UPDATE access_badges SET received_at = received_at - 3600000, at = at - 3600000 WHERE decision = 'granted'")
		return err
	}))
	clear(h.desk.keys)
	open(202, "k2")
	if s := h.desk.take(); len(s) != 1 || s[0].ttl > time.Millisecond {
		t.Errorf("an order of an hour ago: %+v", s)
	}
}

// Who is in a building and lets the parcel in at home, by phone, is in the building: a muster
// looks for people by where they were seen.
func TestAnOpeningByPhoneIsNoPlace(t *testing.T) {
	h := newHouse(t)
	id := h.resident("陈建国", "04A1B2C3D4", "door-1")
	_, err := h.AddRight(t.Context(), "test", RightInfo{Person: id, Door: "door-2"})
	h.must(err)
	me := h.login("chen", web.Resident, id)
	if s := h.swipe("door-2", "04A1B2C3D4"); s.typ != "unlock" {
		t.Fatalf("%+v", s)
	}
	h.want(202, "POST", "/home/doors/door-1/open", "", me)
	seen, err := h.LastSeen(t.Context(), time.Now().Add(-time.Hour))
	if err != nil || seen[id].Door != "door-2" {
		t.Errorf("seen last at %q, %v", seen[id].Door, err)
	}
}
