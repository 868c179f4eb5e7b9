package alarm

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

// childEnv holds the database's path in the process that is to be killed, and when
// its fast clock began.
const childEnv = "DONGYUE_ALARM_TEST_CHILD"

// fast is how much faster the child's clock goes: steps of half a minute come every
// 150 ms.
const fast = 200

// child runs the timers on a fast clock and writes each call into a table of its
// own, in the transaction of the step.
func child(arg string) error {
	path, began, _ := strings.Cut(arg, "|")
	start, err := time.Parse(time.RFC3339Nano, began)
	if err != nil {
		return err
	}
	ctx := context.Background()
	d, err := db.Open(ctx, path)
	if err != nil {
		return err
	}
	feed, err := web.NewFeed(ctx, d)
	if err != nil {
		return err
	}
	if err := d.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS called(key TEXT, device TEXT, step INTEGER, at INTEGER, base INTEGER)")
		return err
	}); err != nil {
		return err
	}
	now := func() time.Time { return start.Add(time.Since(start) * fast) }
	a, err := New(ctx, Options{DB: d, Feed: feed, Now: now, Policies: ladders(), Call: func(ctx context.Context, tx *sql.Tx, n Notice) (Called, error) {
		_, err := tx.ExecContext(ctx, "INSERT INTO called VALUES (?, ?, ?, ?, ?)", n.Key, n.Alarm.Device, n.Step, now().UnixMilli(), n.At.UnixMilli())
		return Called{}, err
	}})
	if err != nil {
		return err
	}
	fmt.Println("up")
	if open, _, err := a.List(ctx, Filter{}); err == nil && len(open) == 0 {
		var signals []Signal
		for i := range 20 {
			signals = append(signals, Signal{Rule: "smoke", Device: fmt.Sprint("s", i), Kind: event.Sensor, Place: "device", Raised: true, At: now(), Priority: event.Critical})
		}
		if err := d.Tx(ctx, func(tx *sql.Tx) error {
			_, err := a.Apply(ctx, tx, signals)
			return err
		}); err != nil {
			return err
		}
	}
	return a.Run(ctx, func(context.Context, Task) (string, error) { return "", nil })
}

// Killed again and again in the middle of it, the hub makes each call of twenty
// ladders exactly once, and none before its time.
func TestKilledInMidEscalation(t *testing.T) {
	path := t.TempDir() + "/hub.db"
	start := time.Now()
	var d *db.DB
	for round := range 40 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+path+"|"+start.Format(time.RFC3339Nano))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if lines := bufio.NewScanner(out); !lines.Scan() || lines.Text() != "up" {
			t.Fatalf("child said %q", lines.Text())
		}
		time.Sleep(time.Duration(20+37*(round%11)) * time.Millisecond) // timing only chooses where it is killed
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if d, err = db.Open(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		var n int
		err = d.Read().QueryRow("SELECT count(*) FROM called").Scan(&n)
		if cerr := d.Close(); err != nil || cerr != nil {
			t.Fatal(err, cerr)
		}
		if n == 20*4 {
			break
		}
	}
	var err error
	if d, err = db.Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	var calls, keys, early int
	err = d.Read().QueryRow(`SELECT count(*), count(DISTINCT key),
		count(CASE WHEN at < base + CASE step WHEN 1 THEN 30000 WHEN 2 THEN 60000 WHEN 3 THEN 120000 ELSE 180000 END THEN 1 END) FROM called`).Scan(&calls, &keys, &early)
	if err != nil || calls != 80 || keys != 80 || early != 0 {
		t.Errorf("%d calls, %d of them different, %d too early, want 80, 80, 0 (%v)", calls, keys, early, err)
	}
}
