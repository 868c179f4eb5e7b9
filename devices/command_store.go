package devices

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

const commandColumns = `SELECT seq, id, device, type, args, at, expires_at, status, updated_at, sent_at, error, data, actor, ref FROM device_commands `

// querier is a transaction or the readers.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func listCommands(ctx context.Context, q querier, where string, args ...any) ([]Command, error) {
	rows, err := q.QueryContext(ctx, commandColumns+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read commands: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []Command
	for rows.Next() {
		var c Command
		var argText, data string
		var at, expires, updated, sent int64
		err := rows.Scan(&c.seq, &c.ID, &c.Device, &c.Type, &argText, &at, &expires, &c.Status, &updated, &sent, &c.Error, &data, &c.Actor, &c.Ref)
		if err != nil {
			return nil, fmt.Errorf("read commands: %w", err)
		}
		c.Args = json.RawMessage(argText)
		if data != "" {
			c.Data = json.RawMessage(data)
		}
		c.At, c.ExpiresAt, c.UpdatedAt, c.SentAt = fromMS(at), fromMS(expires), fromMS(updated), fromMS(sent)
		list = append(list, c)
	}
	return list, rows.Err()
}

// one is the single command that a condition names, or sql.ErrNoRows.
func one(ctx context.Context, q querier, where string, args ...any) (Command, error) {
	list, err := listCommands(ctx, q, where, args...)
	if err != nil {
		return Command{}, err
	}
	if len(list) == 0 {
		return Command{}, sql.ErrNoRows
	}
	return list[0], nil
}

func byID(ctx context.Context, q querier, id string) (Command, error) {
	return one(ctx, q, `WHERE id = ?`, id)
}

func byKey(ctx context.Context, q querier, actor, key string) (Command, error) {
	if key == "" {
		return Command{}, sql.ErrNoRows
	}
	return one(ctx, q, `WHERE actor = ? AND idem_key = ?`, actor, key)
}

// waits reports whether commands of a device wait that may still be sent.
func waits(ctx context.Context, tx *sql.Tx, device string) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM device_commands WHERE status = ? AND expires_at > ? AND device = ?)`,
		string(Queued), toMS(time.Now()), device).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("read waiting commands of %s: %w", device, err)
	}
	return n > 0, nil
}

func insertCommand(ctx context.Context, tx *sql.Tx, c *Command, key string) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO device_commands(id, device, type, args, at, expires_at, status, updated_at, sent_at, error, data, actor, ref, idem_key)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', ?, ?, ?)`,
		c.ID, c.Device, c.Type, string(c.Args), toMS(c.At), toMS(c.ExpiresAt), string(c.Status), toMS(c.UpdatedAt), toMS(c.SentAt),
		c.Actor, c.Ref, sql.NullString{String: key, Valid: key != ""})
	if err != nil {
		return fmt.Errorf("store command %s: %w", c.ID, err)
	}
	return nil
}
