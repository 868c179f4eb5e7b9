package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Rolls are lists on which people stand by name, such as those of musters.
type Rolls interface {
	// ForgetPerson takes a person out of them.
	ForgetPerson(ctx context.Context, tx *sql.Tx, person string) error
}

// eraseRolls takes a person, and those who were its guests, out of lists of names.
func (x *Access) eraseRolls(ctx context.Context, tx *sql.Tx, person string) error {
	if x.rolls == nil {
		return nil
	}
	rows, err := tx.QueryContext(ctx, "SELECT id FROM access_people WHERE id = ?1 OR host = ?1", person)
	if err != nil {
		return fmt.Errorf("erase %s: %w", person, err)
	}
	defer func() { _ = rows.Close() }()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("erase %s: %w", person, err)
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("erase %s: %w", person, err)
	}
	for _, id := range ids {
		if err := x.rolls.ForgetPerson(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}
