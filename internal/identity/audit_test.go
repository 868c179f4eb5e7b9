package identity

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
)

func chain(t *testing.T, key string) *Identity {
	t.Helper()
	i := fresh(t, func(o *Options) { o.AuditKey = []byte(key) })
	for n := range 20 {
		if err := i.Audit(context.Background(), nil, "u-1", "doors.unlock", fmt.Sprint("door-", n), map[string]any{"reason": "送药 \" ' \x00", "n": n}); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

func TestTheChainShowsEveryChange(t *testing.T) {
	// What somebody with the database file can do, after taking the triggers off.
	for name, c := range map[string]struct {
		sql string
		seq int64
	}{
		"actor":         {"UPDATE audit SET actor = 'u-2' WHERE seq = 7", 7},
		"time":          {"UPDATE audit SET at = at + 1 WHERE seq = 7", 7},
		"action":        {"UPDATE audit SET action = 'doors.lock' WHERE seq = 1", 1},
		"target":        {"UPDATE audit SET target = '' WHERE seq = 20", 20},
		"detail":        {"UPDATE audit SET detail = '{}' WHERE seq = 7", 7},
		"hash":          {"UPDATE audit SET hash = 'abc' WHERE seq = 7", 7},
		"hash and prev": {"UPDATE audit SET hash = CASE seq WHEN 7 THEN 'abc' ELSE hash END, prev = CASE seq WHEN 8 THEN 'abc' ELSE prev END", 7},
		"row gone":      {"DELETE FROM audit WHERE seq = 7", 7},
		"first gone":    {"DELETE FROM audit WHERE seq = 1", 1},
		"renumbered":    {"DELETE FROM audit WHERE seq = 7; UPDATE audit SET seq = seq - 1 WHERE seq > 7", 7},
		"swapped":       {"UPDATE audit SET seq = 100 WHERE seq = 7; UPDATE audit SET seq = 7 WHERE seq = 8; UPDATE audit SET seq = 8 WHERE seq = 100", 7},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			i := chain(t, "key")
			if n, head, err := i.CheckAudit(ctx); err != nil || n != 20 || len(head) != 64 {
				t.Fatalf("before: %d, %s, %v", n, head, err)
			}
			if _, err := i.db.Read().Exec("DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; " + c.sql); err != nil {
				t.Fatal(err)
			}
			_, _, err := i.CheckAudit(ctx)
			var broken *AuditBrokenError
			if !errors.As(err, &broken) || broken.Seq != c.seq {
				t.Fatalf("got %v, want a break at %d", err, c.seq)
			}
		})
	}
}

func TestTheChainNeedsItsKey(t *testing.T) {
	i := chain(t, "key")
	if _, _, err := open(t, i.db).CheckAudit(context.Background()); !errors.As(err, new(*AuditBrokenError)) {
		t.Fatalf("a chain without the key counts as good: %v", err)
	}
}

func TestCutOffEndShowsInTheHead(t *testing.T) {
	ctx := context.Background()
	i := chain(t, "")
	_, head, _ := i.CheckAudit(ctx)
	if _, err := i.db.Read().Exec("DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE seq = 20"); err != nil {
		t.Fatal(err)
	}
	n, cut, err := i.CheckAudit(ctx)
	if err != nil || n != 19 || cut == head {
		t.Fatalf("%d, %v, same head %v", n, err, cut == head)
	}
}

func TestTheAuditIsAppendOnly(t *testing.T) {
	i := chain(t, "")
	for _, s := range []string{"UPDATE audit SET actor = 'x' WHERE seq = 1", "DELETE FROM audit WHERE seq = 1"} {
		if _, err := i.db.Read().Exec(s); err == nil {
			t.Errorf("%s went through", s)
		}
	}
}

func TestAuditIsPartOfItsTransaction(t *testing.T) {
	ctx := context.Background()
	i := chain(t, "")
	boom := errors.New("boom")
	err := i.db.Tx(ctx, func(tx *sql.Tx) error {
		if err := i.Audit(ctx, tx, "u-1", "doors.unlock", "door-x", nil); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if err := i.Audit(ctx, nil, "u-1", "doors.unlock", "door-y", nil); err != nil {
		t.Fatal(err)
	}
	if n, _, err := i.CheckAudit(ctx); n != 21 || err != nil {
		t.Fatalf("%d rows, %v", n, err)
	}
	es, err := i.AuditEntries(ctx, 0, 2)
	if err != nil || len(es) != 2 || es[0].Target != "door-y" || string(es[0].Detail) != "{}" || es[1].Seq != 20 {
		t.Fatalf("got %+v, %v", es, err)
	}
	if err := i.Audit(ctx, nil, "u-1", "x", "", make(chan int)); err == nil {
		t.Fatal("a detail that can't be encoded was taken")
	}
}
