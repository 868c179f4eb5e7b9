package access

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"dongyue/internal/event"
)

// BenchmarkBadge is the room's share of a badge: decision, log row, feed entry,
// commit to disk, and the order of the answer; one badge per transaction.
func BenchmarkBadge(b *testing.B) {
	h := newHouse(b)
	ctx := context.Background()
	var people []SeedPerson
	for n := range 10_000 {
		people = append(people, SeedPerson{ID: fmt.Sprint("p-", n), Name: "陈", Cards: []string{fmt.Sprintf("%010d", n)}, Doors: []string{"door-1"}})
	}
	if err := h.Seed(ctx, people, nil); err != nil {
		b.Fatal(err)
	}
	for n := 0; b.Loop(); n++ {
		ev := h.badge("door-1", "card", fmt.Sprintf("%010d", n%10_000), "ask")
		if err := h.db.Tx(ctx, func(tx *sql.Tx) error { return h.Handle(ctx, tx, []event.Event{ev}) }); err != nil {
			b.Fatal(err)
		}
		h.Committed(ctx)
		if s := h.desk.take(); len(s) != 1 || s[0].typ != "unlock" {
			b.Fatalf("got %+v", s)
		}
	}
}
