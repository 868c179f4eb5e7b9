package app

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/event"
)

func testDB(t *testing.T) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := migrate(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if err := d.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("CREATE TABLE effect(seq INTEGER)")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return d
}

func testFollower(t *testing.T, d *db.DB, handle func(tx *sql.Tx, e event.Event) error) *follower {
	t.Helper()
	f, err := newFollower(t.Context(), d, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f.wait = func(context.Context, time.Duration) error { return nil }
	f.steps = []step{{"effect", func(_ context.Context, tx *sql.Tx, evs []event.Event) error {
		for _, e := range evs {
			if err := handle(tx, e); err != nil {
				return err
			}
			if _, err := tx.Exec("INSERT INTO effect VALUES (?)", e.Seq); err != nil {
				return err
			}
		}
		return nil
	}}}
	return f
}

func effects(t *testing.T, d *db.DB) (seqs []uint64) {
	t.Helper()
	rows, err := d.Read().Query("SELECT seq FROM effect ORDER BY rowid")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s uint64
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, s)
	}
	return seqs
}

func events(n int) (evs []event.Event) {
	for i := range n {
		evs = append(evs, event.Event{Seq: uint64(i + 1)})
	}
	return evs
}

func TestFollowerSetsAsideOneBadEvent(t *testing.T) {
	d := testDB(t)
	f := testFollower(t, d, func(_ *sql.Tx, e event.Event) error {
		if e.Seq == 3 {
			return errors.New("can't")
		}
		return nil
	})
	undone := 0
	f.undone = func(context.Context) error { undone++; return nil }
	if err := f.batch(t.Context(), events(5)); err != nil {
		t.Fatal(err)
	}
	if got := effects(t, d); !slices.Equal(got, []uint64{1, 2, 4, 5}) {
		t.Errorf("effects %v", got)
	}
	if f.skipped.Load() != 1 || undone != 1+attempts || f.seq.Load() != 5 {
		t.Errorf("skipped %d, undone %d, checkpoint %d", f.skipped.Load(), undone, f.seq.Load())
	}
}

func TestFollowerWaitsForASickDatabase(t *testing.T) {
	d := testDB(t)
	f := testFollower(t, d, func(*sql.Tx, event.Event) error { return nil })
	exec := func(q string) {
		t.Helper()
		if err := d.Tx(t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(q); return err }); err != nil {
			t.Fatal(err)
		}
	}
	exec("ALTER TABLE checkpoint RENAME TO away") // no transaction can end
	waits := 0
	f.wait = func(context.Context, time.Duration) error {
		if waits++; waits == 10 {
			exec("ALTER TABLE away RENAME TO checkpoint")
		}
		return nil
	}
	if err := f.batch(t.Context(), events(2)); err != nil {
		t.Fatal(err)
	}
	if got := effects(t, d); !slices.Equal(got, []uint64{1, 2}) || f.skipped.Load() != 0 {
		t.Errorf("effects %v, skipped %d", got, f.skipped.Load())
	}
}

func TestFollowerGoesOnFromItsCheckpoint(t *testing.T) {
	d := testDB(t)
	ok := func(*sql.Tx, event.Event) error { return nil }
	if err := testFollower(t, d, ok).batch(t.Context(), events(4)); err != nil {
		t.Fatal(err)
	}
	if f := testFollower(t, d, ok); f.seq.Load() != 4 {
		t.Fatalf("checkpoint %d after a restart", f.seq.Load())
	}
}
