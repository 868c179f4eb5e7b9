package journal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dongyue/internal/event"
)

// collect follows until want events have come.
func collect(t *testing.T, j *Journal, after uint64, limit, want int) (seqs []uint64) {
	t.Helper()
	enough := errors.New("enough")
	err := j.Follow(t.Context(), after, limit, func(es []event.Event) error {
		if len(es) == 0 || len(es) > limit {
			t.Errorf("a batch of %d", len(es))
		}
		for _, e := range es {
			seqs = append(seqs, e.Seq)
		}
		if len(seqs) >= want {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatalf("Follow: %v", err)
	}
	return seqs
}

// A follower sees every event once and in order, whether it comes from the
// file, from memory, or live.
func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	stop := run(t, j)
	for i := range 10 {
		appendWait(t, j, ev("a", fmt.Sprint(i)))
	}
	stop()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = running(t, path) // the first ten are in the file only
	const n = tailEvents + 2000
	var wg sync.WaitGroup
	for _, after := range []uint64{0, 4, 10} {
		wg.Go(func() {
			next := after + 1
			for _, seq := range collect(t, j, after, 100, int(10+n-after)) {
				if seq != next {
					t.Errorf("from %d: got %d, want %d", after, seq, next)
					return
				}
				next++
			}
		})
	}
	for i := range n {
		j.Append(ev("b", fmt.Sprint(i)), func(uint64, bool, error) {})
	}
	wg.Wait()
	if got := collect(t, j, 0, 500, 10+n); len(got) != 10+n || got[0] != 1 || got[len(got)-1] != 10+n {
		t.Fatalf("from the beginning: %d events", len(got))
	}
}

func TestFollowEndsWithContext(t *testing.T) {
	j := running(t, filepath.Join(t.TempDir(), "journal.db"))
	appendWait(t, j, ev("a", "1"))
	ctx, cancel := context.WithCancel(t.Context())
	err := j.Follow(ctx, 0, 10, func([]event.Event) error { cancel(); return nil })
	if err != nil {
		t.Fatal(err)
	}
}

func TestFollowRefusesACheckpointAhead(t *testing.T) {
	j := running(t, filepath.Join(t.TempDir(), "journal.db"))
	if err := j.Follow(t.Context(), 7, 10, nil); !errors.Is(err, ErrAhead) {
		t.Fatal(err)
	}
}

func TestFollowPassesWhatWasPruned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j, err := Open(t.Context(), Options{Path: path, segment: 1}) // a file for each group
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, j)
	for i := range 5 {
		appendWait(t, j, ev("a", fmt.Sprint(i)))
	}
	if !j.idx.reach(t.Context(), 5, time.Minute) {
		t.Fatal("the index does not follow")
	}
	seen := uint64(2)
	j.Hold("slow", func() uint64 { return seen })
	for _, want := range []uint64{3, 5} { // what a follower has not seen stays
		if err := j.Prune(t.Context(), time.Now().Add(time.Hour), t0); err != nil {
			t.Fatal(err)
		}
		if got := collect(t, j, 0, 10, 1); got[0] != want && j.tail.oldestBefore() != 0 {
			t.Fatalf("after %d were seen: got %v", seen, got)
		}
		if g, _, _ := j.seg.holding(1); g.first != want {
			t.Fatalf("after %d were seen the first file is that of %d", seen, g.first)
		}
		seen = 5
	}
	stop()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = running(t, path)
	if got := collect(t, j, 0, 10, 1); got[0] != 5 {
		t.Fatalf("got %v", got)
	}
}

// The large lists of the API are answered from an index, not by reading the
// whole journal.
func TestQueryPlans(t *testing.T) {
	j := running(t, filepath.Join(t.TempDir(), "journal.db"))
	for name, f := range map[string]Filter{
		"journal_events":     {Channel: event.Happening, After: 5},
		"journal_device":     {Device: "a", Channel: event.Happening},
		"journal_type":       {Type: "badge", Channel: event.Happening},
		"journal_quarantine": {Channel: event.Quarantine, Newest: true},
	} {
		where, args, err := j.where(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := j.db.Read().Query("EXPLAIN QUERY PLAN SELECT * FROM journal WHERE "+where+" ORDER BY seq LIMIT 10", args...)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, x int
			var detail string
			if err := rows.Scan(&id, &parent, &x, &detail); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, detail)
		}
		_ = rows.Close()
		if all := strings.Join(plan, "; "); !strings.Contains(all, name) || strings.Contains(all, "TEMP B-TREE") {
			t.Errorf("%s: %s", name, all)
		}
	}
}

// The journal against a list in memory: any mix of appends, repeats, restarts
// and reads gives the same.
func TestModel(t *testing.T) {
	dir := t.TempDir()
	run0 := 0
	rapid.Check(t, func(rt *rapid.T) {
		run0++
		path := filepath.Join(dir, fmt.Sprintf("journal%d.db", run0))
		j := open(t, path)
		stop := run(t, j)
		var model []event.Event
		seen := map[string]bool{}
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) {
				n := rapid.IntRange(1, 20).Draw(rt, "n")
				var es []event.Event
				for range n {
					e := ev(rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "device"), fmt.Sprint(rapid.IntRange(0, 30).Draw(rt, "id")))
					e.Channel = rapid.SampledFrom([]event.Channel{event.Happening, event.Telemetry}).Draw(rt, "channel")
					es = append(es, e)
				}
				for i, got := range appendWait(t, j, es...) {
					key := es[i].Device + " " + es[i].ID
					dup := es[i].Channel == event.Happening && seen[key]
					if got.err != nil || got.dup != dup || !dup && got.seq != uint64(len(model)+1) {
						rt.Fatalf("append of %s: %+v", key, got)
					}
					if dup {
						continue
					}
					if es[i].Channel == event.Happening {
						seen[key] = true
					}
					es[i].Seq = got.seq
					model = append(model, es[i])
				}
			},
			"restart": func(rt *rapid.T) {
				stop()
				if err := j.Close(); err != nil {
					rt.Fatal(err)
				}
				j = open(t, path)
				stop = run(t, j)
			},
			"query": func(rt *rapid.T) {
				f := Filter{
					After: uint64(rapid.IntRange(0, len(model)+1).Draw(rt, "after")), Limit: rapid.IntRange(1, 50).Draw(rt, "limit"),
					Device: rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(rt, "device"),
					Newest: rapid.Bool().Draw(rt, "newest"),
				}
				got, err := j.Query(t.Context(), f)
				if err != nil {
					rt.Fatal(err)
				}
				var want []uint64
				for i := range model {
					e := model[i]
					if f.Newest {
						e = model[len(model)-1-i]
					}
					if e.Seq > f.After && (f.Device == "" || e.Device == f.Device) && len(want) < f.Limit {
						want = append(want, e.Seq)
					}
				}
				if len(got) != len(want) {
					rt.Fatalf("%+v: got %d, want %d", f, len(got), len(want))
				}
				for i := range want {
					if got[i].Seq != want[i] {
						rt.Fatalf("%+v: got %d, want %d", f, got[i].Seq, want[i])
					}
				}
			},
		})
		stop()
		if err := j.Close(); err != nil {
			rt.Fatal(err)
		}
	})
}
