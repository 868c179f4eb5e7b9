package alarm

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// writer is a transaction.
type writer interface {
	querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// insert writes many rows with few statements; into names the table and its
// columns, rest is what follows the values.
func insert(ctx context.Context, w writer, into string, rows [][]any, rest string) error {
	if len(rows) == 0 {
		return nil
	}
	width := columnsOf(into)
	for part := range slices.Chunk(rows, fullInsert(into)) {
		args := make([]any, 0, len(part)*width)
		for _, r := range part {
			args = append(args, r...)
		}
		if _, err := w.ExecContext(ctx, insertText(into, len(part), rest), args...); err != nil {
			table, _, _ := strings.Cut(into, "(")
			return fmt.Errorf("write %s: %w", table, err)
		}
	}
	return nil
}

// valuesPerInsert keeps a statement's text short; beyond it nothing is gained.
const valuesPerInsert = 1000

func columnsOf(into string) int { return strings.Count(into, ",") + 1 }

// fullInsert is how many rows one statement takes.
func fullInsert(into string) int { return max(valuesPerInsert/columnsOf(into), 1) }

// insertText is the statement for so many rows.
func insertText(into string, rows int, rest string) string {
	return "INSERT INTO " + into + " VALUES " + tuples(rows, columnsOf(into)) + " " + rest
}

// tuples are n times width placeholders.
func tuples(n, width int) string { return strings.Repeat(", ("+marks(width)+")", n)[2:] }
