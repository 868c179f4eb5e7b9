package db

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"testing/fstest"
)

var migrations = fstest.MapFS{"00001_init.sql": {Data: []byte("-- +goose Up\nCREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n")}}

func open(t *testing.T, path string) *DB {
	t.Helper()
	d, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestMigrateTwiceAndTx(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "a ?#.db")
	d := open(t, path)
	for range 2 {
		if err := d.Migrate(ctx, "thing", migrations); err != nil {
			t.Fatal(err)
		}
	}
	boom := errors.New("boom")
	err := d.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO thing(name) VALUES ('lost')"); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("got %v", err)
	}
	if err := d.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO thing(name) VALUES ('kept')")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var name string
	if err := d.Read().QueryRowContext(ctx, "SELECT group_concat(name) FROM thing").Scan(&name); err != nil || name != "kept" {
		t.Fatalf("got %q, %v", name, err)
	}
}

func TestCommitsAreSynced(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "sync.db"))
	var mode string
	var level int
	if err := d.w.QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil {
		t.Fatal(err)
	}
	if err := d.w.QueryRow("PRAGMA synchronous").Scan(&level); err != nil {
		t.Fatal(err)
	}
	if mode != "wal" || level != 2 {
		t.Fatalf("journal_mode %s, synchronous %d; want wal, 2 (FULL)", mode, level)
	}
}
