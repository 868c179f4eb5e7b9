package access

import (
	"context"
	"database/sql"
	"strings"
	"testing"
)

// TestARightIsFoundByItsHolder asks the database how it looks for a right that is there
// already, with the very statement of the import.
func TestARightIsFoundByItsHolder(t *testing.T) {
	h := newHouse(t)
	for ofPerson, index := range map[bool]string{true: "access_rights_person", false: "access_rights_grp"} {
		var plan strings.Builder
		err := h.each(context.Background(), "EXPLAIN QUERY PLAN "+findSame(ofPerson), []any{"a", "", "b", "", "", "", 0, 0, false, false}, func(rows *sql.Rows) error {
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
			t.Errorf("of a person %v: %s, want the index %s", ofPerson, &plan, index)
		}
	}
}
