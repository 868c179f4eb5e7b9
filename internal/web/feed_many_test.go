package web

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"testing"
)

// Entries that are written together keep their order and their places, between
// others, also when there are more than one statement holds.
func TestFeedAppendsMany(t *testing.T) {
	f := newFeed(t)
	put(t, f, "device", 3)
	const n = 2*perInsert + 5
	err := f.db.Tx(t.Context(), func(tx *sql.Tx) error {
		next, err := f.Next(t.Context(), tx)
		if err != nil || next != 4 {
			t.Error(next, err)
		}
		es := make([]Entry, n)
		for i := range es {
			es[i] = Entry{Seq: next + uint64(i), Topic: "alarm", Data: json.RawMessage(fmt.Sprint(i))}
		}
		return f.AppendAll(t.Context(), tx, es)
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, f, "device", 1)
	if last := f.Last(); last != 3+n+1 {
		t.Errorf("last is %d", last)
	}
	got, err := f.load(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range got {
		if e.Seq != uint64(i+1) {
			t.Fatalf("entry %d has place %d", i, e.Seq)
		}
		if e.Topic == "alarm" && string(e.Data) != fmt.Sprint(i-3) {
			t.Errorf("entry %d: %s", i, e.Data)
		}
	}
}
