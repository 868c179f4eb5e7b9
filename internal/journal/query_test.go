package journal

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
)

// An index that lags costs time, not events.
func TestQueryReadsWhatTheIndexLacks(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"))
	t.Cleanup(func() { _ = j.Close() })
	stop := run(t, j)
	for i := range 20 {
		e := ev([]string{"door-1", "door-2"}[i%2], fmt.Sprint("e", i))
		if i%5 == 0 {
			e.Type = "rex"
		}
		appendWait(t, j, e)
	}
	if !j.idx.reach(t.Context(), 20, queryWait*10) {
		t.Fatal("the index has not come")
	}
	stop()
	filters := []Filter{
		{}, {Limit: 3}, {After: 5}, {After: 15, Limit: 2}, {Newest: true}, {Newest: true, Limit: 4}, {Newest: true, Limit: 15},
		{Device: "door-2"}, {Type: "rex"}, {Type: "rex", Newest: true, Limit: 3}, {Before: 16}, {Before: 16, After: 10, Newest: true}, {Before: 8},
		{From: t0}, {To: t0}, {Device: "door-1", Type: "rex", Newest: true},
	}
	ask := func(f Filter) (seqs []uint64) {
		t.Helper()
		es, err := j.Query(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			seqs = append(seqs, e.Seq)
		}
		return seqs
	}
	var want [][]uint64
	for _, f := range filters {
		want = append(want, ask(f))
	}
	if err := execIndex(j, "DELETE FROM journal WHERE seq > 12"); err != nil {
		t.Fatal(err)
	}
	j.idx.upTo.Store(12)
	for i, f := range filters {
		if got := ask(f); !slices.Equal(got, want[i]) {
			t.Errorf("%+v: got %v, want %v", f, got, want[i])
		}
	}
}
