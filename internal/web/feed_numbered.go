package web

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
)

// AppendNumbered is Append for a payload that carries its own place, such as an
// alarm's seq.
func (f *Feed) AppendNumbered(ctx context.Context, tx *sql.Tx, topic string, payload func(seq uint64) any) (uint64, error) {
	seq, err := f.Append(ctx, tx, topic, struct{}{})
	if err != nil {
		return 0, err
	}
	data, err := json.Marshal(payload(seq))
	if err != nil {
		return 0, fmt.Errorf("feed: encode %s: %w", topic, err)
	}
	if _, err := tx.ExecContext(ctx, "UPDATE feed SET data = ? WHERE seq = ?", string(data), seq); err != nil {
		return 0, fmt.Errorf("feed: append %s: %w", topic, err)
	}
	return seq, nil
}
