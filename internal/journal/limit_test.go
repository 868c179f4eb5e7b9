package journal

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dongyue/internal/event"
)

// limitEnv holds the journal's path in a process that may not make files larger
// than limitBytes: the last write is done in part, as on a disk that fills up.
const (
	limitEnv   = "DONGYUE_JOURNAL_TEST_LIMIT"
	limitBytes = 400_000
)

func limited(path string) {
	signal.Ignore(syscall.SIGXFSZ)
	j, err := Open(context.Background(), Options{Path: path})
	if err == nil {
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limitBytes, Max: limitBytes})
	}
	if err != nil {
		fmt.Println("error", err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = j.Run(ctx) }()
	for i := range 200 {
		e := ev("a", fmt.Sprint(i))
		e.Data = []byte(`{"x":"` + strings.Repeat("y", 20_000) + `"}`)
		told := make(chan error, 1)
		j.Append(e, func(_ uint64, _ bool, err error) { told <- err })
		if err := <-told; err != nil {
			fmt.Println("refused", i)
		} else {
			fmt.Println("acked", i)
		}
	}
	fmt.Println("err", j.Err())
}

func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), limitEnv+"="+path)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err, string(out))
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	acked := 0
	for acked < len(lines) && strings.HasPrefix(lines[acked], "acked") {
		acked++
	}
	if len(lines) != 201 || acked == 0 || acked > limitBytes/20_000 {
		t.Fatalf("%d acknowledged, then: %s", acked, out)
	}
	for _, l := range lines[acked:200] {
		if !strings.HasPrefix(l, "refused") {
			t.Fatalf("after a refusal: %s", l)
		}
	}
	if !strings.Contains(lines[200], "file too large") {
		t.Fatalf("Err: %s", lines[200])
	}
	j := running(t, path)
	if j.Last() != uint64(acked) {
		t.Fatalf("%d acknowledged, %d on disk", acked, j.Last())
	}
	es, err := j.Query(t.Context(), Filter{Channel: event.Happening, Limit: 1000})
	if err != nil || len(es) != acked {
		t.Fatalf("%d in the index, %v", len(es), err)
	}
	if got := appendWait(t, j, ev("a", "0"), ev("a", fmt.Sprint(acked))); !got[0].dup || got[1].seq != uint64(acked)+1 {
		t.Fatalf("after the disk has room again: %+v", got)
	}
}
