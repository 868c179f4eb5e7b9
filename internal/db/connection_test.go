package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func things(t *testing.T) *DB {
	t.Helper()
	d, err := OpenUnsynced(t.Context(), filepath.Join(t.TempDir(), "things.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := d.Migrate(t.Context(), "thing", migrations); err != nil {
		t.Fatal(err)
	}
	return d
}

func write(t interface{ Context() context.Context }, d *DB, query string, args ...any) error {
	return d.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), query, args...)
		return err
	})
}

func names(t *testing.T, d *DB, query string, args ...any) []string {
	t.Helper()
	rows, err := d.Read().QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSameQuestionInsideItsAnswer asks again what is still being read.
func TestSameQuestionInsideItsAnswer(t *testing.T) {
	d := things(t)
	for _, n := range []string{"a", "b", "c"} {
		if err := write(t, d, "INSERT INTO thing(name) VALUES (?)", n); err != nil {
			t.Fatal(err)
		}
	}
	const ask = "SELECT name FROM thing WHERE name >= ? ORDER BY name"
	var got []string
	err := d.Tx(t.Context(), func(tx *sql.Tx) error {
		outer, err := tx.QueryContext(t.Context(), ask, "a")
		if err != nil {
			return err
		}
		defer func() { _ = outer.Close() }()
		for outer.Next() {
			var from, first string
			if err := outer.Scan(&from); err != nil {
				return err
			}
			if err := tx.QueryRowContext(t.Context(), ask, from).Scan(&first); err != nil {
				return err
			}
			got = append(got, from+first)
		}
		return outer.Err()
	})
	if err != nil || !slices.Equal(got, []string{"aa", "bb", "cc"}) {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestStatementsOutliveWhatHappens: an error, a cancelled call, a changed table.
func TestStatementsOutliveWhatHappens(t *testing.T) {
	d := things(t)
	const put, ask = "INSERT INTO thing(id, name) VALUES (?, ?)", "SELECT name FROM thing ORDER BY id"
	if err := errors.Join(write(t, d, put, 1, "one"), write(t, d, put, 2, "two")); err != nil {
		t.Fatal(err)
	}
	if err := write(t, d, put, 1, "again"); err == nil {
		t.Error("the same key was taken twice")
	}
	if err := write(t, d, put, 3, "three"); err != nil {
		t.Errorf("after an error: %v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Read().QueryContext(over, ask); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled question: %v", err)
	}
	if got := names(t, d, ask); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("got %v", got)
	}
	rows, err := d.Read().QueryContext(t.Context(), "SELECT * FROM thing")
	if err != nil {
		t.Fatal(err)
	}
	if err := rows.Close(); err != nil { // before its end
		t.Fatal(err)
	}
	if err := write(t, d, "ALTER TABLE thing ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'"); err != nil {
		t.Fatal(err)
	}
	if rows, err = d.Read().QueryContext(t.Context(), "SELECT * FROM thing"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	if c, err := rows.Columns(); err != nil || !slices.Equal(c, []string{"id", "name", "colour"}) {
		t.Errorf("columns after the change: %v, %v", c, err)
	}
}

// TestStatementsAreBounded meets more texts than are kept.
func TestStatementsAreBounded(t *testing.T) {
	d := things(t)
	for i := range 3 * kept {
		if err := write(t, d, fmt.Sprintf("INSERT INTO thing(name) VALUES (? || '%d')", i), "n"); err != nil {
			t.Fatal(err)
		}
	}
	c, err := d.w.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	err = c.Raw(func(dc any) error {
		if n := len(dc.(*conn).statements); n != kept {
			return fmt.Errorf("%d statements are kept", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestReadersAtOnce shares the connections among goroutines.
func TestReadersAtOnce(t *testing.T) {
	d := things(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 30 {
				if err := write(t, d, "INSERT INTO thing(name) VALUES (?)", fmt.Sprintf("%d-%d", g, i)); err != nil {
					t.Error(err)
				}
				var n int
				if err := d.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM thing WHERE name LIKE ?", fmt.Sprintf("%d-%%", g)).Scan(&n); err != nil || n != i+1 {
					t.Errorf("%d of %d, %v", n, i+1, err)
				}
			}
		})
	}
	wg.Wait()
}

// TestAgainstAMap does the same to the table and to a map, in any order.
func TestAgainstAMap(t *testing.T) {
	d := things(t)
	rapid.Check(t, func(t *rapid.T) {
		want := map[int]string{}
		if err := write(noContext{t}, d, "DELETE FROM thing"); err != nil {
			t.Fatal(err)
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				id, name := rapid.IntRange(1, 20).Draw(t, "id"), rapid.String().Draw(t, "name")
				err := write(noContext{t}, d, "INSERT INTO thing(id, name) VALUES (?, ?)", id, name)
				if _, there := want[id]; (err != nil) != there {
					t.Fatalf("put %d: %v", id, err)
				} else if !there {
					want[id] = name
				}
			},
			"take": func(t *rapid.T) {
				id := rapid.IntRange(1, 20).Draw(t, "id")
				if err := write(noContext{t}, d, "DELETE FROM thing WHERE id = ?", id); err != nil {
					t.Fatal(err)
				}
				delete(want, id)
			},
			"read": func(t *rapid.T) {
				id := rapid.IntRange(1, 20).Draw(t, "id")
				var name string
				err := d.Read().QueryRowContext(context.Background(), "SELECT name FROM thing WHERE id = ?", id).Scan(&name)
				if w, there := want[id]; there && (err != nil || name != w) || !there && !errors.Is(err, sql.ErrNoRows) {
					t.Fatalf("%d: %q, %v; want %q", id, name, err, w)
				}
			},
		})
	})
}

// noContext makes a rapid.T look like a test with a context.
type noContext struct{ *rapid.T }

func (noContext) Context() context.Context { return context.Background() }

// BenchmarkTx is a short transaction as the hub's rooms write it.
func BenchmarkTx(b *testing.B) {
	d, err := OpenUnsynced(b.Context(), filepath.Join(b.TempDir(), "bench.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Migrate(b.Context(), "thing", migrations); err != nil {
		b.Fatal(err)
	}
	for i := range b.N {
		err := d.Tx(b.Context(), func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(b.Context(), "INSERT INTO thing(name) VALUES (?) ON CONFLICT(id) DO UPDATE SET name = excluded.name", "x"); err != nil {
				return err
			}
			var name string
			return tx.QueryRowContext(b.Context(), "SELECT name FROM thing WHERE id = ?", i+1).Scan(&name)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
