package access

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// Reporter tells the desk what happened at a door that the door itself does not
// say: as an event of the door, for rules to judge. It returns when the event is
// kept; the same id a second time has no second effect.
type Reporter interface {
	Report(ctx context.Context, id, device, typ string, data json.RawMessage, at time.Time) error
}

// report writes down what is to be told, with what it is about; Run tells it.
func (x *Access) report(ctx context.Context, tx *sql.Tx, id, device, typ string, data any) error {
	body, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("report %s: %w", typ, err)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO access_reports(id, device, type, data, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		id, device, typ, string(body), now().UnixMilli())
	if err != nil {
		return fmt.Errorf("report %s: %w", typ, err)
	}
	x.toTell.Store(true)
	return nil
}

// tell wakes Run when there is something to be told.
func (x *Access) tell() {
	if x.toTell.Swap(false) {
		select {
		case x.told <- struct{}{}:
		default:
		}
	}
}

type reportRow struct {
	id, device, typ, data string
	at                    int64
}

// flush tells what is written down, oldest first. A row is done only when it was
// kept elsewhere, so nothing is lost by a crash.
func (x *Access) flush(ctx context.Context) error {
	if x.reporter == nil {
		return nil
	}
	var rows []reportRow
	err := x.each(ctx, "SELECT id, device, type, data, at FROM access_reports WHERE type <> '' ORDER BY at, id LIMIT 1000", nil, func(r *sql.Rows) error {
		var row reportRow
		err := r.Scan(&row.id, &row.device, &row.typ, &row.data, &row.at)
		rows = append(rows, row)
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := x.reporter.Report(ctx, r.id, r.device, r.typ, json.RawMessage(r.data), time.UnixMilli(r.at).UTC()); err != nil {
			return fmt.Errorf("report %s of %s: %w", r.typ, r.device, err)
		}
		err := x.db.Tx(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE access_reports SET type = '' WHERE id = ?", r.id)
			return err
		})
		if err != nil {
			return fmt.Errorf("report %s of %s: %w", r.typ, r.device, err)
		}
	}
	return nil
}
