package access

import (
	"context"
	"database/sql"
	"strings"
	"testing"
)

// TestARightIsFoundByItsHolder asks the database how it looks for a right that is there
// already. By the index of the holder that is empty it would read all rights, once for
// each line of an import.
func TestARightIsFoundByItsHolder(t *testing.T) {
	h := newHouse(t)
	for holder, index := range map[string]string{"person = ? AND +grp = ?": "access_rights_person", "+person = ? AND grp = ?": "access_rights_grp"} {
		var plan strings.Builder
		err := h.each(context.Background(), "EXPLAIN QUERY PLAN SELECT id FROM access_rights WHERE "+holder+" AND door = ? AND ended_at = 0", []any{"a", "b", "c"}, func(rows *sql.Rows) error {
			var id, parent, unused int
			var detail string
			err := rows.Scan(&id, &parent, &unused, &detail)
			plan.WriteString(detail)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan.String(), index+" ") {
			t.Errorf("%s: %s, want the index %s", holder, &plan, index)
		}
	}
}
