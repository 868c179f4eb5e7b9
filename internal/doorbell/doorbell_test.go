package doorbell

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

// town is flat 0302 with two people who have one account each, and a neighbour.
type town struct {
	moved map[string]bool
	ended []string // passes whose pictures were ended
}

func (t *town) Residents(unit, flat string) (people []string) {
	for _, p := range []string{"p-mother", "p-son", "p-neighbour"} {
		if t.At(p, unit, flat) {
			people = append(people, p)
		}
	}
	return people
}

func (t *town) At(person, unit, flat string) bool {
	home := map[string]string{"p-mother": "0302", "p-son": "0302", "p-neighbour": "0401"}[person]
	return home == flat && unit == "east/b01/u1" && !t.moved[person]
}
func (*town) AccountsOf(person string) []string { return []string{"a" + person[1:]} }
func (*town) Door(id string) (name, zone string, ok bool) {
	zone = map[string]string{"door-1": "east/b01/u1", "gate": "east"}[id]
	return "一单元门", zone, zone != ""
}
func (*town) Camera(context.Context, string, string) string                     { return "cam-1" }
func (*town) Audit(context.Context, *sql.Tx, string, string, string, any) error { return nil }
func (t *town) EndGuests(pass string) int                                       { t.ended = append(t.ended, pass); return 1 }
func (t *town) shown(b *Doorbell, person string) (all []Shown) {
	cs, err := list(context.Background(), b.db.Read(), of+"ORDER BY c.rowid", person)
	if err != nil {
		panic(err)
	}
	for i := range cs {
		all = append(all, cs[i].shownTo(person))
	}
	return all
}

type house struct {
	*Doorbell
	*town
	t *testing.T
}

func newHouse(t *testing.T) *house {
	t.Helper()
	d, err := db.Open(context.Background(), filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	feed, err := web.NewFeed(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	w := &town{moved: map[string]bool{}}
	b, err := New(context.Background(), Options{DB: d, Feed: feed, Log: slog.New(slog.DiscardHandler), Homes: w, Accounts: w, Doors: w, Audit: w, Pictures: w})
	if err != nil {
		t.Fatal(err)
	}
	return &house{b, w, t}
}

// press is a ring as the journal hands it over.
func (h *house) press(door, id, data string, late bool) {
	h.t.Helper()
	ev := event.Event{ID: id, Device: door, Kind: event.Door, Channel: event.Happening, Type: "ring", At: time.Now(), ReceivedAt: time.Now(), Late: late, Data: []byte(data)}
	if err := h.db.Tx(context.Background(), func(tx *sql.Tx) error { return h.Handle(context.Background(), tx, []event.Event{ev}) }); err != nil {
		h.t.Fatal(err)
	}
	h.Committed(context.Background())
}

// feedOf is what an account's screen gets, as states.
func (h *house) feedOf(account string) (states int) {
	row := h.db.Read().QueryRowContext(context.Background(), "SELECT count(*) FROM feed WHERE topic = 'call' AND account = ?", account)
	if err := row.Scan(&states); err != nil {
		h.t.Fatal(err)
	}
	return states
}

func TestTheFirstAnswers(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	h.press("door-1", "r-1", `{"flat":"0302"}`, false)
	h.press("door-1", "r-1", `{"flat":"0302"}`, false) // a repeat
	h.press("door-1", "r-2", `{"flat":"0302"}`, false) // an impatient visitor
	calls := h.shown(h.Doorbell, "p-son")
	if len(calls) != 1 || calls[0].State != Ringing || calls[0].Picture == "" {
		t.Fatalf("%+v", calls)
	}
	if n := len(h.shown(h.Doorbell, "p-neighbour")) + h.feedOf("a-neighbour"); n != 0 {
		t.Fatal("the neighbour hears it")
	}
	id := calls[0].ID
	if _, _, ok := h.Guest(ctx, "p-neighbour", id); ok {
		t.Error("the neighbour may look")
	}
	if camera, until, ok := h.Guest(ctx, "p-mother", id); !ok || camera != "cam-1" || time.Until(until) > ringFor {
		t.Errorf("while it rings everybody at home may look: %q %s %v", camera, until, ok)
	}
	if _, err := h.Answer(ctx, "a-son", "p-son", id); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Answer(ctx, "a-mother", "p-mother", id); !errors.Is(err, ErrTaken) {
		t.Errorf("the second gets %v", err)
	}
	if !slices.Contains(h.ended, id) {
		t.Error("the pictures of the others go on")
	}
	if _, _, ok := h.Guest(ctx, "p-mother", id); ok {
		t.Error("who did not answer may look")
	}
	if _, until, ok := h.Guest(ctx, "p-son", id); !ok || time.Until(until) > talkFor {
		t.Errorf("who answered: until %s, %v", until, ok)
	}
	if _, err := h.End(ctx, "a-neighbour", "p-neighbour", id, Opened); !errors.Is(err, ErrNotFound) {
		t.Errorf("the neighbour ends it: %v", err)
	}
	if _, err := h.End(ctx, "a-son", "p-son", id, "blown up"); !errors.Is(err, ErrInvalid) {
		t.Errorf("an outcome of one's own: %v", err)
	}
	if _, err := h.End(ctx, "a-son", "p-son", id, Opened); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := h.Guest(ctx, "p-son", id); ok {
		t.Error("the picture outlives the call")
	}
	if n := h.feedOf("a-mother"); n != 3 {
		t.Errorf("the mother's screen was told %d times, want ringing, answered, opened", n)
	}
}

func TestOutsideOfTheHome(t *testing.T) {
	h := newHouse(t)
	for _, data := range []string{`{"flat":""}`, `{"flat":302}`, `{}`, `[`, `{"flat":"9999"}`, `{"flat":"0302","unit":"west/b01/u1"}`, `{"flat":"00000000000000302"}`} {
		h.press("door-1", "r"+data, data, false)
	}
	h.press("gate", "r-gate", `{"flat":"0302"}`, false) // whose stair?
	h.press("nowhere", "r-nowhere", `{"flat":"0302"}`, false)
	if calls := h.shown(h.Doorbell, "p-son"); len(calls) != 0 {
		t.Fatalf("%+v", calls)
	}
	h.press("gate", "r-gate-2", `{"flat":"0302","unit":"east/b01/u1"}`, false)
	h.press("door-1", "r-late", `{"flat":"0302"}`, true)
	calls := h.shown(h.Doorbell, "p-son")
	if len(calls) != 2 || calls[0].State != Ringing || calls[1].State != Missed {
		t.Fatalf("%+v", calls)
	}
	h.moved["p-son"] = true
	if _, err := h.Answer(context.Background(), "a-son", "p-son", calls[0].ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("who has moved out answers: %v", err)
	}
}

func TestThePanelRingsElsewhere(t *testing.T) {
	h := newHouse(t)
	h.press("door-1", "r-1", `{"flat":"0302"}`, false)
	h.press("door-1", "r-2", `{"flat":"0401"}`, false)
	if c := h.shown(h.Doorbell, "p-son")[0]; c.State != Missed || c.Picture != "" {
		t.Errorf("%+v", c)
	}
	if c := h.shown(h.Doorbell, "p-neighbour")[0]; c.State != Ringing {
		t.Errorf("%+v", c)
	}
	if len(h.ended) != 1 {
		t.Errorf("pictures ended: %v", h.ended)
	}
}

// Nothing lasts longer than it may, whatever anybody forgets, and 30 days later
// nothing is known of it.
func TestNothingLasts(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	h.press("door-1", "r-1", `{"flat":"0302"}`, false)
	h.press("gate", "r-2", `{"flat":"0302","unit":"east/b01/u1"}`, false)
	calls := h.shown(h.Doorbell, "p-son")
	answered, err := h.Answer(ctx, "a-son", "p-son", calls[1].ID)
	if err != nil {
		t.Fatal(err)
	}
	ring, talk := calls[0].Until, answered.Until // by their own times: the test may take long
	states := func(at time.Time, want ...string) {
		t.Helper()
		if _, err := h.sweep(ctx, at); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range h.shown(h.Doorbell, "p-son") {
			got = append(got, c.State)
		}
		if !slices.Equal(got, want) {
			t.Errorf("at %s: %v, want %v", at, got, want)
		}
	}
	states(ring.Add(-time.Second), Ringing, Answered)
	states(ring.Add(time.Second), Missed, Answered)
	states(talk.Add(time.Second), Missed, Ended)
	if ring.Sub(calls[0].RungAt) != ringFor || talk.Sub(*answered.AnsweredAt) != talkFor {
		t.Errorf("rings for %s, talks for %s", ring.Sub(calls[0].RungAt), talk.Sub(*answered.AnsweredAt))
	}
	if ringFor+talkFor > 2*time.Minute {
		t.Error("a resident could look for more than two minutes")
	}
	states(calls[0].RungAt.Add(Keep-time.Hour), Missed, Ended)
	states(calls[1].RungAt.Add(Keep + time.Hour))
}

func TestRunEndsWhatIsDue(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := h.Run(func() context.Context { cancel(); return ctx }()); err != nil {
		t.Fatal(err)
	}
	next, err := h.sweep(context.Background(), now())
	if err != nil || next != time.Hour {
		t.Errorf("an empty house: %s, %v", next, err)
	}
	h.press("door-1", "r-1", `{"flat":"0302"}`, false)
	if next, err = h.sweep(context.Background(), now()); err != nil || next <= 0 || next > ringFor {
		t.Errorf("with a call: %s, %v", next, err)
	}
}

func FuzzParseRing(f *testing.F) {
	f.Add([]byte(`{"flat":"0302","unit":"east/b01/u1"}`), "east")
	f.Add([]byte(`{"flat":"0302"}`), "east/b01/u1")
	f.Fuzz(func(t *testing.T, data []byte, zone string) {
		r, err := parseRing(data, zone)
		if err != nil {
			return
		}
		if r.Flat == "" || len(r.Flat) > maxFlat || !event.Within(r.Unit, zone) {
			t.Errorf("%+v at %q", r, zone)
		}
	})
}

// Who shows a pass whose host wants to see them rings without the panel; the host learns
// whose pass it is, and that is part of what is kept.
func TestAPassRings(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	h.press("door-1", "ring:door-1:b-7", `{"flat":"0302","unit":"east/b01/u1","visitor":"李先生","by":"hub"}`, false)
	calls := h.shown(h.Doorbell, "p-son")
	if len(calls) != 1 || calls[0].Visitor != "李先生" {
		t.Fatalf("%+v", calls)
	}
	if _, err := h.Answer(ctx, "a-son", "p-son", calls[0].ID); err != nil {
		t.Fatal(err)
	}
	mine, err := h.CallsOf(ctx, "p-son", 10)
	if err != nil || len(mine) != 1 || mine[0].AnsweredBy != "p-son" {
		t.Fatalf("%+v, %v", mine, err)
	}
	if err := h.db.Tx(ctx, func(tx *sql.Tx) error { return h.ForgetPerson(ctx, tx, "p-son") }); err != nil {
		t.Fatal(err)
	}
	if mine, err = h.CallsOf(ctx, "p-son", 10); err != nil || len(mine) != 0 {
		t.Fatalf("%+v, %v", mine, err)
	}
	if hers, err := h.CallsOf(ctx, "p-mother", 10); err != nil || len(hers) != 1 || hers[0].AnsweredBy != "" {
		t.Fatalf("%+v, %v", hers, err)
	}
}
