package journal

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"dongyue/internal/event"
)

// However the filter errs and whenever generations turn, an event is known from
// its first time on.
func TestDedupeForgetsNothing(t *testing.T) {
	indexed := map[string]bool{}
	asked := 0
	d := newDedupe(func(device, id string) (bool, error) { asked++; return indexed[device+" "+id], nil })
	const n = perGeneration * 9 / 4
	told := func(i int) bool {
		e := event.Event{Device: fmt.Sprintf("d%d", i%7), ID: fmt.Sprint(i)}
		known, err := d.known(&e, uint64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		return known
	}
	for i := range n {
		if i == 1000 {
			d.made.Store(&filter{}) // made of an index that was empty
		}
		if !d.turn(uint64(max(0, i-10_000))) {
			t.Fatal("too much in memory")
		}
		if told(i) {
			t.Fatalf("%d is known before it came", i)
		}
		indexed[fmt.Sprintf("d%d %d", i%7, i)] = true
	}
	if len(d.old.keys)+len(d.young.keys) >= n {
		t.Error("nothing was let go")
	}
	if asked > 1000+n/50 {
		t.Errorf("the index was asked %d times", asked)
	}
	for i := range n {
		if !told(i) {
			t.Fatalf("%d is forgotten", i)
		}
	}
}

func TestDedupeWaitsForTheIndex(t *testing.T) {
	d := newDedupe(func(string, string) (bool, error) { return false, nil })
	d.most = perGeneration + 10
	for i := range d.most {
		d.young.keys[key{uint64(i)}] = struct{}{}
	}
	if d.turn(0) {
		t.Fatal("more is let in")
	}
	d.made.Store(&filter{})
	if !d.turn(0) || len(d.young.keys) != 0 || len(d.old.keys) != d.most {
		t.Fatal("the full half does not become the old one")
	}
}

// When the index can't answer, the event is neither taken nor acknowledged.
func TestNoAnswerOfTheIndexStops(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"))
	defer func() { _ = j.Close() }()
	broken := errors.New("broken")
	j.dedupe.look = func(string, string) (bool, error) { return false, broken }
	for range 2 {
		j.Append(ev("a", "1"), func(_ uint64, _ bool, err error) {
			if !errors.Is(err, broken) {
				t.Errorf("told %v", err)
			}
		})
		if j.Err() == nil {
			j.commit(t.Context(), j.queue.take(nil)).tell()
		}
	}
	if !errors.Is(j.Err(), broken) || j.Last() != 0 {
		t.Fatalf("Err %v, last %d", j.Err(), j.Last())
	}
}
