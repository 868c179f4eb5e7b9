package workorder

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"time"
)

// meter proves lamps: what it shows, and for how long one may wait.
type meter struct {
	within time.Duration
	burns  bool
	tried  int
}

func (m *meter) Begin(_ context.Context, o Order) (time.Duration, bool) {
	m.tried++
	return m.within, o.Device == "lamp-e01"
}

func (m *meter) Proven(_ context.Context, o Order, _ time.Time) (string, bool) {
	if m.burns {
		return o.Device + ": 82 W", true
	}
	return o.Device + ": 2.5 W", false
}

func whats(o Order) (out []string) {
	for _, e := range o.Log {
		out = append(out, e.What)
	}
	return out
}

func TestProof(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	m := &meter{within: time.Hour}
	h.proof = m
	o := h.fromAlarm(lampOut(1))
	must := func(o Order, err error) Order {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	must(h.Take(ctx, crew(1), o.ID, ""))
	if got := must(h.Done(ctx, crew(1), o.ID, "换好了", false, "")); got.State != Checking || got.DoneAt != nil || got.CheckUntil == nil {
		t.Fatalf("got %+v", got)
	}
	must(h.Done(ctx, crew(1), o.ID, "", false, "")) // the phone says it again
	must(h.Take(ctx, crew(1), o.ID, ""))
	if err := h.Check(ctx); err != nil || must(h.Get(ctx, o.ID)).State != Checking {
		t.Fatal("neither proven nor over time", err)
	}
	h.start() // a restart forgets nothing
	m.within = -time.Second
	h.proof = m
	err := h.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE work_orders SET check_until = 1")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Check(ctx); err != nil {
		t.Fatal(err)
	}
	if got := must(h.Get(ctx, o.ID)); got.State != Taken || got.Assignee != "u-1" || got.Log[len(got.Log)-1].Text != "lamp-e01: 2.5 W" {
		t.Fatalf("a false word stood: %+v", got)
	}
	must(h.Done(ctx, crew(1), o.ID, "这次真的换了", false, ""))
	m.burns = true
	if err := h.Check(ctx); err != nil {
		t.Fatal(err)
	}
	got := must(h.Get(ctx, o.ID))
	if want := []string{Created, TakenUp, Claimed, Bounced, Claimed, Proven}; got.State != Done || got.DoneAt == nil || got.CheckUntil != nil || !slices.Equal(whats(got), want) {
		t.Fatalf("got %+v, %v", got, whats(got))
	}
}

// A manager may close another's order by word, and what no meter can prove anybody.
func TestWordIsEnough(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.proof = &meter{within: time.Hour}
	a := h.fromAlarm(lampOut(1))
	gate := lampOut(2)
	gate.Device = "gate"
	b := h.fromAlarm(gate)
	for _, id := range []string{a.ID, b.ID} {
		if _, err := h.Take(ctx, crew(1), id, ""); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := h.Done(ctx, crew(2), a.ID, "", true, ""); err != nil || got.State != Done {
		t.Fatalf("got %+v, %v", got, err)
	}
	if got, err := h.Done(ctx, crew(1), b.ID, "", false, ""); err != nil || got.State != Done {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestLink(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	feeder := lampOut(1)
	feeder.Device, feeder.Part, feeder.Devices = "light-e1", "L1", []string{"lamp-1", "lamp-2"}
	o := h.fromAlarm(feeder)
	for range 2 {
		for _, d := range []string{"lamp-2", "lamp-3"} {
			if err := h.db.Tx(ctx, func(tx *sql.Tx) error { return h.Link(ctx, tx, "light-e1", d) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := h.db.Tx(ctx, func(tx *sql.Tx) error { return h.Link(ctx, tx, "light-w1", "lamp-9") }); err != nil {
		t.Fatal(err)
	}
	h.start()
	got, err := h.Get(ctx, o.ID)
	if err != nil || !slices.Equal(got.Devices, []string{"lamp-1", "lamp-2", "lamp-3"}) || got.Part != "L1" || !slices.Equal(whats(got), []string{Created, Linked}) {
		t.Fatalf("got %+v, %v", got, err)
	}
}
