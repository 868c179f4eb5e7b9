package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dongyue/internal/event"
)

// childEnv holds the journal's path in the process that is to be killed.
const childEnv = "DONGYUE_JOURNAL_TEST_CHILD"

// child appends without end and says on its output what was acknowledged. The
// line leaves the process before the next acknowledgement is given.
func child(path string) {
	j, err := Open(context.Background(), Options{Path: path})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	first := j.Last()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", first, w, i)
				j.Append(ev("dev-"+strconv.Itoa(w), id), func(seq uint64, dup bool, err error) {
					if err != nil || dup {
						fmt.Println("error", id, dup, err)
						return
					}
					_, _ = os.Stdout.WriteString("ack " + id + " " + strconv.FormatUint(seq, 10) + "\n")
				})
			}
		})
	}
	_ = j.Run(context.Background())
	wg.Wait()
}

// A process killed in mid-stream loses nothing that it had acknowledged, and
// the numbers go on without a gap or a repeat.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	acked := map[string]uint64{}
	for round := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			f := strings.Fields(lines.Text())
			if len(f) != 3 || f[0] != "ack" {
				if n < 3000 {
					t.Errorf("child said %q", lines.Text())
				}
				continue // the last line may be cut off
			}
			seq, err := strconv.ParseUint(f[2], 10, 64)
			if err != nil {
				continue
			}
			acked[f[1]] = seq
			if n == 3000+round*777 { // somewhere within a group
				_ = cmd.Process.Kill()
			}
		}
		_ = cmd.Wait()
	}
	j := running(t, path)
	on := map[string]uint64{}
	next := uint64(1)
	all := errors.New("all")
	err := j.Follow(t.Context(), 0, 5000, func(es []event.Event) error {
		for _, e := range es {
			if e.Seq != next {
				t.Fatalf("got number %d, want %d", e.Seq, next)
			}
			on[e.ID] = e.Seq
			next++
		}
		if next > j.Last() {
			return all
		}
		return nil
	})
	if !errors.Is(err, all) {
		t.Fatal(err)
	}
	if !j.idx.reach(t.Context(), j.Last(), time.Minute) {
		t.Fatal("the index does not follow")
	}
	var indexed int
	if err := j.db.Read().QueryRow("SELECT count(*) FROM journal").Scan(&indexed); err != nil || indexed != len(on) {
		t.Errorf("%d in the index, %d in the segments, %v", indexed, len(on), err)
	}
	lost := 0
	for id, seq := range acked {
		if on[id] != seq {
			lost++
		}
	}
	t.Logf("%d acknowledged in five processes, %d on disk", len(acked), len(on))
	if lost > 0 || len(acked) < 15_000 {
		t.Fatalf("%d of %d acknowledged events are lost", lost, len(acked))
	}
}
