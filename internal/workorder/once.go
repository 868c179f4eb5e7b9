package workorder

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"dongyue/internal/web"
)

// by is who does something, and the key that tells it from the same done again. A
// phone in a cellar sends until it hears an answer: an hour later the order may have
// been given to somebody else, or come back from its proof.
type by struct {
	who web.Principal
	key string // "": it is done as often as it is sent
}

func (b by) row(order string) string { return "step/" + b.who.ID + "/" + order + "/" + b.key }

// once notes the key, in the transaction of what is done; fresh is false for one that
// was done.
func (b by) once(ctx context.Context, tx *sql.Tx, order string) (fresh bool, err error) {
	if b.key == "" {
		return true, nil
	}
	if _, err := find(ctx, tx, order); err != nil {
		return false, err
	}
	res, err := tx.ExecContext(ctx, "INSERT INTO work_order_keys(idem_key, work_order) VALUES (?, ?) ON CONFLICT DO NOTHING", b.row(order), order)
	if err != nil {
		return false, fmt.Errorf("keep key of step of order %s: %w", order, err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// did reports whether it was done.
func (w *Orders) did(ctx context.Context, b by, order string) (bool, error) {
	var n int
	err := w.db.Read().QueryRowContext(ctx, "SELECT 1 FROM work_order_keys WHERE idem_key = ?", b.row(order)).Scan(&n)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read key of step of order %s: %w", order, err)
	}
	return true, nil
}

// getOr reads an order after a step that did not fail.
func (w *Orders) getOr(ctx context.Context, id string, err error) (Order, error) {
	if err != nil {
		return Order{}, err
	}
	return w.Get(ctx, id)
}
