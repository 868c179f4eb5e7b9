package web

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Next is the place that the next entry gets. It holds until something is
// appended in the same transaction; there is one writer at a time.
func (f *Feed) Next(ctx context.Context, tx *sql.Tx) (seq uint64, err error) {
	if err = tx.QueryRowContext(ctx, nextPlace).Scan(&seq); err != nil {
		return 0, fmt.Errorf("feed: find next place: %w", err)
	}
	return seq, nil
}

const nextPlace = "SELECT coalesce(max(seq), 0) + 1 FROM feed"

// addEntries writes n entries.
func addEntries(n int) string {
	return "INSERT INTO feed(seq, at, topic, data) VALUES " + strings.Repeat(", (?, ?, ?, ?)", n)[2:]
}

// perInsert is how many entries one statement writes.
const perInsert = 64

// AppendAll adds entries that have taken their places, from Next on without a
// gap, so that a payload can carry its own.
func (f *Feed) AppendAll(ctx context.Context, tx *sql.Tx, entries []Entry) error {
	at := time.Now().UnixMilli()
	for len(entries) > 0 {
		n := min(len(entries), perInsert)
		args := make([]any, 0, 4*n)
		for _, e := range entries[:n] {
			args = append(args, e.Seq, at, e.Topic, string(e.Data))
		}
		if _, err := tx.ExecContext(ctx, addEntries(n), args...); err != nil {
			return fmt.Errorf("feed: append %d entries from %d: %w", n, entries[0].Seq, err)
		}
		f.mark(entries[n-1].Seq)
		entries = entries[n:]
	}
	return nil
}
