// Package db opens the hub's databases: SQLite files with one writer, many
// readers and embedded migrations. It knows no table; each room brings its own
// migrations and its own statements, kept to portable SQL.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// DB is one database file. Writers queue on one connection, so that a
// transaction never meets SQLITE_BUSY; readers have their own and see the last
// committed state.
type DB struct {
	w, r *sql.DB
}

// readers is the number of connections for reading.
const readers = 4

// Open opens or makes the file. Commits are synced to disk before they return
// (WAL with synchronous=FULL).
func Open(ctx context.Context, path string) (*DB, error) { return openWith(ctx, path, "FULL") }

// OpenUnsynced is Open for a file that can be made again from another: a power
// cut may undo its last commits, never break it (WAL with synchronous=NORMAL).
func OpenUnsynced(ctx context.Context, path string) (*DB, error) {
	return openWith(ctx, path, "NORMAL")
}

func openWith(ctx context.Context, path, synchronous string) (*DB, error) {
	dsn := func(more url.Values) string {
		q := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(" + synchronous + ")", "busy_timeout(10000)", "foreign_keys(1)"}}
		maps.Copy(q, more)
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
	}
	w := sql.OpenDB(connector{dsn(url.Values{"_txlock": {"immediate"}})})
	w.SetMaxOpenConns(1)
	if err := w.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), w.Close())
	}
	r := sql.OpenDB(connector{dsn(nil)})
	r.SetMaxOpenConns(readers)
	r.SetMaxIdleConns(readers) // two unless it is said: the others would be opened, and their statements prepared, again and again
	return &DB{w: w, r: r}, nil
}

// Migrate brings a room's tables up to date. The folder holds NNNNN_name.sql
// files in goose's form; each room counts its versions in its own table.
func (d *DB) Migrate(ctx context.Context, room string, migrations fs.FS) error {
	store, err := database.NewStore(database.DialectSQLite3, "migrations_"+room)
	if err != nil {
		return fmt.Errorf("migrate %s: %w", room, err)
	}
	p, err := goose.NewProvider("", d.w, migrations, goose.WithStore(store), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrate %s: %w", room, err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s: %w", room, err)
	}
	return nil
}

// Tx runs f in a writing transaction and commits when f returns nil. Do not
// read through DB.Read for what the same transaction has written.
func (d *DB) Tx(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := d.w.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}

// Read is for queries outside a transaction.
func (d *DB) Read() *sql.DB { return d.r }

// Close ends both sides; the writer last, which folds the log into the file.
func (d *DB) Close() error { return errors.Join(d.r.Close(), d.w.Close()) }
