package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"dongyue/internal/event"
)

// filled is a journal in many small files: n events, one a second.
func filled(t testing.TB, path string, n int) (j *Journal, stop func()) {
	t.Helper()
	j, err := Open(t.Context(), Options{Path: path, segment: 2 << 10})
	if err != nil {
		t.Fatal(err)
	}
	stop = run(t, j)
	for i := range n {
		var done sync.WaitGroup
		done.Add(1)
		e := ev(fmt.Sprintf("door-%d", i%3), fmt.Sprint(i))
		e.At, e.ReceivedAt, e.Via = t0.Add(time.Duration(i)*time.Second), t0.Add(time.Duration(i)*time.Second), "feeder-e"
		j.Append(e, func(_ uint64, _ bool, err error) {
			if err != nil {
				t.Error(err)
			}
			done.Done()
		})
		done.Wait() // a group each, so that files end in many places
	}
	return j, stop
}

type scanner interface {
	Scan(ctx context.Context, from, to time.Time, f func([]event.Event) error) error
}

func scanned(t interface{ Fatal(...any) }, s scanner, from, to time.Time) (ids []string) {
	err := s.Scan(context.Background(), from, to, func(es []event.Event) error {
		for _, e := range es {
			ids = append(ids, e.ID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestScanGivesWhatArrivedBetween(t *testing.T) {
	const n = 120
	path := filepath.Join(t.TempDir(), "journal.db")
	j, stop := filled(t, path, n)
	beside, err := OpenArchive(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(j.seg.list) < 5 {
		t.Fatalf("only %d files", len(j.seg.list))
	}
	rapid.Check(t, func(t *rapid.T) {
		from, to := rapid.IntRange(-2, n+2).Draw(t, "from"), rapid.IntRange(-2, n+2).Draw(t, "to")
		var want []string
		for i := max(from, 0); i < min(to, n); i++ {
			want = append(want, fmt.Sprint(i))
		}
		for _, s := range []scanner{j, beside} {
			got := scanned(t, s, t0.Add(time.Duration(from)*time.Second), t0.Add(time.Duration(to)*time.Second))
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("%T from %d to %d (-want +got):\n%s", s, from, to, d)
			}
		}
	})
	oldest, newest := beside.Oldest(), beside.Newest()
	if !oldest.Equal(t0.Truncate(time.Millisecond)) || !oldest.Equal(j.Oldest()) || !newest.Equal(t0.Add((n-1)*time.Second).Truncate(time.Millisecond)) {
		t.Errorf("span %v to %v", oldest, newest)
	}
	var first event.Event
	enough := errors.New("enough")
	err = j.Scan(t.Context(), t0, t0.Add(time.Hour), func(es []event.Event) error { first = es[0]; return enough })
	if !errors.Is(err, enough) || first.Seq != 1 || first.Via != "feeder-e" || string(first.Data) != `{"side":"in"}` {
		t.Errorf("%v, %+v", err, first)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = j.Scan(ctx, t0, t0.Add(time.Hour), func([]event.Event) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	stop()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// An archive is opened while the last record of the newest file is half written,
// and while a file in the middle is damaged.
func TestArchiveBearsTornAndDamagedFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j, stop := filled(t, path, 60)
	stop()
	files := slices.Clone(j.seg.list)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	newest := files[len(files)-1]
	b, err := os.ReadFile(newest.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(newest.path, append(b, b[len(b)-60:len(b)-1]...), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := files[1]
	if b, err = os.ReadFile(damaged.path); err != nil {
		t.Fatal(err)
	}
	b[len(magic)+recordHead+20] ^= 0xff
	if err := os.WriteFile(damaged.path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := OpenArchive(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := scanned(t, a, t0, t0.Add(time.Hour))
	lost := fmt.Sprint(damaged.first - 1) // ids begin with 0, numbers with 1
	if len(got) != 59 || slices.Contains(got, lost) || got[58] != "59" {
		t.Errorf("%d events, without %s: %v", len(got), lost, got)
	}
}

func TestArchiveOfNothing(t *testing.T) {
	if _, err := OpenArchive(filepath.Join(t.TempDir(), "journal.db"), nil); err == nil {
		t.Error("a folder that is not there is opened")
	}
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	a, err := OpenArchive(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !a.Oldest().IsZero() || !a.Newest().IsZero() {
		t.Errorf("span %v to %v", a.Oldest(), a.Newest())
	}
	if got := scanned(t, a, time.Time{}, t0); len(got) != 0 {
		t.Errorf("%v", got)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkScan(b *testing.B) {
	path := filepath.Join(b.TempDir(), "journal.db")
	j, stop := filled(b, path, 500)
	defer func() {
		stop()
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}()
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if err := j.Scan(b.Context(), t0, t0.Add(time.Hour), func(es []event.Event) error { n += len(es); return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/event")
}
