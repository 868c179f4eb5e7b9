package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"dongyue/internal/event"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		child(path)
		return
	}
	if path := os.Getenv(limitEnv); path != "" {
		limited(path)
		return
	}
	// Each case opens files and syncs them; -rapid.checks asks for more.
	_ = flag.Set("rapid.checks", "25")
	goleak.VerifyTestMain(m)
}

var t0 = time.Date(2026, 3, 1, 8, 0, 0, 123_000_000, time.UTC)

func ev(device, id string) event.Event {
	return event.Event{
		ID: id, Device: device, Kind: event.Door, Zone: "east/b01", Channel: event.Happening, Type: "badge",
		Boot: "b7", BootSeq: 42, At: t0, ReceivedAt: t0.Add(20 * time.Millisecond), Data: json.RawMessage(`{"side":"in"}`),
	}
}

func open(t *testing.T, path string) *Journal {
	t.Helper()
	j, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// running opens a journal and runs it until the test ends.
func running(t *testing.T, path string) *Journal {
	t.Helper()
	j := open(t, path)
	stop := run(t, j)
	t.Cleanup(func() {
		stop()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

func run(t testing.TB, j *Journal) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// execIndex changes the index behind the journal's back.
func execIndex(j *Journal, query string) error {
	return j.db.Tx(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(query)
		return err
	})
}

type outcome struct {
	seq uint64
	dup bool
	err error
}

func appendWait(t *testing.T, j *Journal, es ...event.Event) []outcome {
	t.Helper()
	var wg sync.WaitGroup
	out := make([]outcome, len(es))
	for i, e := range es {
		wg.Add(1)
		j.Append(e, func(seq uint64, dup bool, err error) {
			out[i] = outcome{seq, dup, err}
			wg.Done()
		})
	}
	wg.Wait()
	return out
}

func TestAppendIsReadBackTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := running(t, path)
	late := ev("door-1", "2")
	late.Late, late.Part, late.BootSeq = true, "7", 1<<63+5
	tele := ev("lamp-1", "")
	tele.Channel, tele.Type, tele.Data = event.Telemetry, "telemetry", nil
	for i, got := range appendWait(t, j, ev("door-1", "1"), late, tele) {
		if got != (outcome{seq: uint64(i + 1)}) {
			t.Fatalf("append %d: %+v", i, got)
		}
	}
	live, _ := j.tail.after(0, 10)
	file, err := j.Query(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(live, file); diff != "" {
		t.Fatalf("what a follower gets live and from the file differs:\n%s", diff)
	}
	if string(file[2].Data) != "{}" || file[1].BootSeq != 1<<63+5 || !file[1].Late || file[0].Zone != "east/b01" {
		t.Fatalf("got %+v", file)
	}
}

func TestRepeatIsAcknowledgedOnce(t *testing.T) {
	j := running(t, filepath.Join(t.TempDir(), "journal.db"))
	got := appendWait(t, j, ev("door-1", "1"), ev("door-1", "1"), ev("door-2", "1"))
	if got[0] != (outcome{seq: 1}) || got[1] != (outcome{dup: true}) || got[2] != (outcome{seq: 2}) {
		t.Fatalf("in one group: %+v", got)
	}
	if got := appendWait(t, j, ev("door-1", "1")); got[0] != (outcome{dup: true}) {
		t.Fatalf("later: %+v", got)
	}
	state := ev("door-1", "1")
	state.Channel = event.State
	if got := appendWait(t, j, state, state); got[0].dup || got[1].dup {
		t.Fatalf("only events have ids: %+v", got)
	}
	if j.Last() != 4 {
		t.Fatalf("last is %d", j.Last())
	}
}

func TestNumbersGoOnAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	stop := run(t, j)
	appendWait(t, j, ev("a", "1"), ev("a", "2"))
	stop()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = running(t, path)
	if j.Last() != 2 {
		t.Fatalf("last is %d", j.Last())
	}
	if got := appendWait(t, j, ev("a", "2"), ev("a", "3")); !got[0].dup || got[1].seq != 3 {
		t.Fatalf("got %+v", got)
	}
}

// What is queued before the committer looks is written as one group, and told
// in order.
func TestGroupCommit(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"))
	const n = 1300
	var order []int
	for i := range n {
		j.Append(ev("a", fmt.Sprint(i)), func(uint64, bool, error) { order = append(order, i) })
	}
	stop := run(t, j)
	stop() // writes what is queued first
	if len(order) != n || j.Last() != n {
		t.Fatalf("%d told, last %d", len(order), j.Last())
	}
	for i, got := range order {
		if i != got {
			t.Fatalf("told %d in place of %d", got, i)
		}
	}
	if got := j.commits.Load(); got != 1 {
		t.Fatalf("%d groups", got)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAppendAfterTheEnd(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal.db"))
	var queued error
	j.Append(ev("a", "1"), func(_ uint64, _ bool, err error) { queued = err })
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(queued, ErrClosed) {
		t.Fatalf("queued: %v", queued)
	}
	if got := appendWait(t, j, ev("a", "2")); !errors.Is(got[0].err, ErrClosed) {
		t.Fatalf("later: %+v", got)
	}
	if err := j.Close(); err != nil {
		t.Fatalf("second close: %v", err)
	}
}

// Two hubs on one journal: the second is told so, instead of giving the same
// numbers again.
func TestSecondWriterIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	running(t, path)
	if _, err := Open(t.Context(), Options{Path: path}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Fatalf("got %v", err)
	}
}

func TestPrune(t *testing.T) {
	j := running(t, filepath.Join(t.TempDir(), "journal.db"))
	var es []event.Event
	for i := range 48 { // one an hour, every second one telemetry
		e := ev("a", fmt.Sprint(i))
		e.ReceivedAt = t0.Add(time.Duration(i) * time.Hour)
		if i%2 == 1 {
			e.Channel = event.Telemetry
		}
		es = append(es, e)
	}
	appendWait(t, j, es...)
	if err := j.Prune(t.Context(), t0.Add(10*time.Hour), t0.Add(20*time.Hour)); err != nil {
		t.Fatal(err)
	}
	left, err := j.Query(t.Context(), Filter{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		h := e.ReceivedAt.Sub(t0) / time.Hour
		if h < 10 || e.Channel == event.Telemetry && h < 20 {
			t.Errorf("hour %d of %s is still there", h, e.Channel)
		}
	}
	if len(left) != 38-5 {
		t.Fatalf("%d left", len(left))
	}
	// Even when all is too old, the newest stays, so that its number is not given again.
	if err := j.Prune(t.Context(), t0.Add(1000*time.Hour), t0.Add(1000*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if left, _ = j.Query(t.Context(), Filter{}); len(left) != 1 || left[0].Seq != 48 {
		t.Fatalf("left %+v", left)
	}
}
