package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dongyue/internal/event"
)

// written makes a journal of groups of three events each and returns its newest
// segment.
func written(t *testing.T, path string, groups int) (segment string) {
	t.Helper()
	j := open(t, path)
	stop := run(t, j)
	for g := range groups {
		var es []event.Event
		for i := range 3 {
			es = append(es, ev("a", fmt.Sprintf("%d-%d", g, i)))
		}
		appendWait(t, j, es...)
	}
	stop()
	segment = j.seg.list[len(j.seg.list)-1].path
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return segment
}

func rewrite(t *testing.T, path string, f func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, f(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

// logged opens a journal and returns what it said.
func logged(t *testing.T, path string) (*Journal, *bytes.Buffer) {
	t.Helper()
	var b bytes.Buffer
	j, err := Open(t.Context(), Options{Path: path, Log: slog.New(slog.NewTextHandler(&b, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return j, &b
}

// What a power cut leaves at the end is cut, whatever it is, and the numbers go
// on.
func TestTornTailIsCut(t *testing.T) {
	for name, tear := range map[string]func([]byte) []byte{
		"half a record": func(b []byte) []byte { return append(b, b[len(magic):len(magic)+20]...) },
		"zeros":         func(b []byte) []byte { return append(b, make([]byte, 5000)...) },
		"garbage":       func(b []byte) []byte { return append(b, bytes.Repeat([]byte("torn"), 999)...) },
		"a later page of the group came first": func(b []byte) []byte {
			at := int64(len(b))
			one, two := ev("a", "x"), ev("a", "y")
			one.Seq, two.Seq = 31, 32
			b = append(b, make([]byte, len(appendRecord(nil, &one, at)))...)
			return appendRecord(b, &two, at)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			file := written(t, path, 10)
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			rewrite(t, file, tear)
			j, log := logged(t, path)
			stop := run(t, j)
			if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, before) {
				t.Fatalf("%d bytes, want %d (%v)", len(got), len(before), err)
			}
			if !strings.Contains(log.String(), "torn tail") || strings.Contains(log.String(), "damaged") {
				t.Errorf("said %s", log)
			}
			if got := appendWait(t, j, ev("a", "9-2"), ev("a", "x"), ev("a", "y")); !got[0].dup || got[1].seq != 31 || got[2].seq != 32 {
				t.Errorf("got %+v", got)
			}
			stop()
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Damage of what had been synced is reported, nothing is cut, and everything else
// can still be read.
func TestDamageIsReportedAndNotCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	file := written(t, path, 10)
	var size int
	rewrite(t, file, func(b []byte) []byte {
		size = len(b)
		b[size/2] ^= 0x40
		return b
	})
	j, log := logged(t, path)
	if !strings.Contains(log.String(), "journal is damaged") || j.Last() != 30 {
		t.Fatalf("last %d, said %s", j.Last(), log)
	}
	if info, err := os.Stat(file); err != nil || info.Size() != int64(size) {
		t.Fatalf("the file has %d bytes, had %d", info.Size(), size)
	}
	stop := run(t, j)
	if got := appendWait(t, j, ev("a", "new")); got[0].seq != 31 {
		t.Fatalf("got %+v", got)
	}
	seqs := collect(t, j, 0, 100, 30)
	if len(seqs) != 30 || seqs[0] != 1 || seqs[29] != 31 { // one of 31 is missing
		t.Fatalf("got %v", seqs)
	}
	stop()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// The index is only a copy: without it, with a broken one, or with one that has
// not caught up, the journal gives the same answers.
func TestIndexIsMadeAgain(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"gone":   func(path string) error { return os.Remove(path) },
		"broken": func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("no database"), 9999), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			written(t, path, 10)
			if err := spoil(path); err != nil {
				t.Fatal(err)
			}
			j := open(t, path)
			if got := j.idx.upTo.Load(); got != 0 {
				t.Fatalf("the index has %d", got)
			}
			stop := run(t, j)
			// Before the index knows anything, an event that is there is not taken again.
			if got := appendWait(t, j, ev("a", "0-0"), ev("a", "9-2"), ev("b", "0-0")); !got[0].dup || !got[1].dup || got[2].seq != 31 {
				t.Fatalf("got %+v", got)
			}
			if es, err := j.Query(t.Context(), Filter{Limit: 100}); err != nil || len(es) != 31 {
				t.Fatalf("%d events, %v", len(es), err)
			}
			stop()
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// The journal of an older hub was the SQLite file alone. Its events, with the
// gaps that its retention left, become segments; what its devices send again is
// known.
func TestOldJournalIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	written(t, path, 10)
	j := running0(t, path)
	want, err := j.Query(t.Context(), Filter{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"DROP TABLE journal_index", "DELETE FROM migrations_journal WHERE version_id = 2", "DELETE FROM journal WHERE seq IN (1, 2, 7)"} {
		if err := execIndex(j, q); err != nil {
			t.Fatal(err)
		}
	}
	dir := j.seg.dir
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, making), 0o700); err != nil { // an export that was broken off
		t.Fatal(err)
	}
	j = running(t, path)
	if j.Last() != 30 {
		t.Fatalf("last is %d", j.Last())
	}
	r := j.seg.reader(0)
	defer r.close()
	got, err := r.next(100)
	if err != nil {
		t.Fatal(err)
	}
	want = append(append([]event.Event{}, want[2:6]...), want[7:]...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	if got := appendWait(t, j, ev("a", "5-0"), ev("a", "new")); !got[0].dup || got[1].seq != 31 {
		t.Fatalf("got %+v", got)
	}
	if got := collect(t, j, 0, 100, 28); got[0] != 3 || got[27] != 31 {
		t.Fatalf("got %v", got)
	}
}

// running0 opens a journal whose index has everything.
func running0(t *testing.T, path string) *Journal {
	t.Helper()
	j := open(t, path)
	stop := run(t, j)
	if !j.idx.reach(t.Context(), j.Last(), time.Minute) {
		t.Fatal("the index does not follow")
	}
	stop()
	return j
}

// A disk without room: nothing that was not written is acknowledged, and nothing
// after it.
func TestNoSpaceStops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := running(t, path)
	appendWait(t, j, ev("a", "first"))
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	kept := j.seg.f
	j.seg.f = full // every write to it says ENOSPC
	t.Cleanup(func() { _ = kept.Close() })
	for i := range 3 {
		if got := appendWait(t, j, ev("a", fmt.Sprint(i)))[0]; got.err == nil {
			t.Fatalf("acknowledged as %+v", got)
		}
	}
	if err := j.Err(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Fatalf("Err is %v", err)
	}
	if j.Last() != 1 {
		t.Fatalf("last is %d", j.Last())
	}
}

// Retention by files: what is too old, seen by everyone and in the index goes.
func TestSegmentsAreBegunAndReadInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j, err := Open(t.Context(), Options{Path: path, segment: 500})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, j)
	for i := range 40 {
		appendWait(t, j, ev("a", fmt.Sprint(i)))
	}
	stop()
	if n := len(j.seg.list); n < 5 {
		t.Fatalf("%d segments", n)
	}
	for after := range uint64(40) {
		r := j.seg.reader(after)
		es, err := r.next(7)
		r.close()
		if err != nil || len(es) != int(min(7, 40-after)) || es[0].Seq != after+1 {
			t.Fatalf("after %d: %d events from %v, %v", after, len(es), es, err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// FuzzSegment reads any bytes as a segment: no panic, no endless reading, and
// what it takes for records can be written and read again.
func FuzzSegment(f *testing.F) {
	one, two := normal(ev("door-1", "1")), normal(ev("lamp-1", ""))
	one.Seq, two.Seq, two.Channel = 1, 2, event.Telemetry
	b := appendRecord([]byte(magic), &one, int64(len(magic)))
	f.Add(b)
	f.Add(appendRecord(b, &two, int64(len(b))))
	f.Add(append(bytes.Clone(b), make([]byte, 100)...))
	f.Add([]byte(magic))
	f.Add([]byte{})
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		x := survey(b)
		if x.end > int64(len(b)) {
			t.Fatalf("the end is %d of %d", x.end, len(b))
		}
		for _, g := range x.damage {
			if g.size <= 0 || g.at < int64(len(magic)) || g.at+g.size > x.end {
				t.Fatalf("%+v of %d", g, x.end)
			}
		}
		path := filepath.Join(dir, "f.seg")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s := &segments{dir: dir, log: slog.New(slog.DiscardHandler), list: []segment{{1, path, x.end}}}
		r := s.reader(0)
		defer r.close()
		var last uint64
		for {
			es, err := r.next(3)
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatal(err)
			}
			if len(es) == 0 {
				break
			}
			for _, e := range es {
				if e.Seq <= last {
					t.Fatalf("%d behind %d", e.Seq, last)
				}
				last = e.Seq
				body, _, ok := bodyOf(appendRecord(nil, &e, 8))
				if !ok {
					if len(e.Data) > maxData {
						continue
					}
					t.Fatalf("%+v can't be written again", e)
				}
				again, err := decode(body, words{})
				if err != nil || cmp.Diff(e, again) != "" {
					t.Fatalf("%v: %s", err, cmp.Diff(e, again))
				}
			}
		}
	})
}

func TestRecordKeepsEverything(t *testing.T) {
	e := normal(ev("door-1", "ü1"))
	e.Seq, e.Late, e.Part, e.BootSeq = 1<<40, true, "7", 1<<63+5
	e.At, e.ReceivedAt = time.UnixMilli(-5).UTC(), t0.Truncate(time.Millisecond)
	e.Data = json.RawMessage(strings.Repeat("x", maxData))
	e.Via = "feeder-e/switch-e03"
	body, size, ok := bodyOf(appendRecord(nil, &e, 1<<35))
	if !ok || size != len(body)+recordHead {
		t.Fatal("not a record")
	}
	if seq, group, ok := place(body); !ok || seq != e.Seq || group != 1<<35 {
		t.Fatalf("at %d, group %d", seq, group)
	}
	got, err := decode(body, words{})
	if diff := cmp.Diff(e, got); diff != "" || err != nil {
		t.Fatal(err, diff)
	}
	for i := range size {
		bad := appendRecord(nil, &e, 1<<35)[:size-1-i%size]
		if _, _, ok := bodyOf(bad); ok {
			t.Fatalf("a record of %d bytes passes", len(bad))
		}
		if i > 100 {
			break
		}
	}
}
