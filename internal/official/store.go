package official

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"dongyue/internal/cap"
)

// Entry is a message and what became of it.
type Entry struct {
	ID        string       `json:"id"`
	State     State        `json:"state" enum:"received,speaking,silent,elsewhere,expired,cancelled,updated,failed,refused,replayed"`
	Reason    string       `json:"reason" doc:"why it was refused, replayed or failed: unsigned, signature, unknown_key, sender, replay, sent, form, too_large, no_keys, broadcast"`
	Detail    string       `json:"detail,omitempty" doc:"more of the reason, in the answer only; or why it is for the whole community: what the hub would have to know to place it"`
	Came      string       `json:"came" enum:"api,folder"`
	At        string       `json:"at" format:"date-time"`
	Verified  bool         `json:"verified" doc:"the signature is good and the key is known"`
	Message   *cap.Message `json:"message" doc:"null where it was not believed"`
	GB        *GB          `json:"gb,omitempty" doc:"the same in the fields of GB/T 35965.1"`
	Zones     []string     `json:"zones"`
	Broadcast string       `json:"broadcast"`

	sender, identifier string
	raw                []byte
	at                 time.Time
	seq                int64
}

// entries reads messages without what they came as: a list of forgeries would be a list of
// megabytes.
func (o *Official) entries(ctx context.Context, where string, args ...any) ([]Entry, error) {
	rows, err := o.db.Read().QueryContext(ctx, `
		SELECT seq, id, sender, identifier, state, reason, came, at, message, zones, broadcast FROM official_messages `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read official messages: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := []Entry{}
	for rows.Next() {
		var e Entry
		var at int64
		var message, zones string
		if err := rows.Scan(&e.seq, &e.ID, &e.sender, &e.identifier, &e.State, &e.Reason, &e.Came, &at, &message, &zones, &e.Broadcast); err != nil {
			return nil, fmt.Errorf("read official messages: %w", err)
		}
		if message != "" {
			if err := json.Unmarshal([]byte(message), &e.Message); err != nil {
				return nil, fmt.Errorf("read official message %s: %w", e.ID, err)
			}
		}
		if err := json.Unmarshal([]byte(zones), &e.Zones); err != nil {
			return nil, fmt.Errorf("read official message %s: %w", e.ID, err)
		}
		e.at = time.UnixMilli(at)
		e.At, e.Detail = ms(e.at), o.everybody(ctx, e.Message, e.Zones)
		all = append(all, e.complete())
	}
	return all, rows.Err()
}

// complete fills what follows from the rest.
func (e Entry) complete() Entry {
	e.Verified = e.Message != nil
	if e.Verified {
		e.GB = gb(e.Message)
	}
	return e
}

func (e *Entry) columns() (message, zones string, err error) {
	if e.Message != nil {
		b, err := json.Marshal(e.Message)
		if err != nil {
			return "", "", fmt.Errorf("encode official message: %w", err)
		}
		message = string(b)
	}
	b, err := json.Marshal(e.Zones)
	return message, string(b), err
}

func insert(ctx context.Context, tx *sql.Tx, e *Entry) error {
	message, zones, err := e.columns()
	if err != nil {
		return err
	}
	if e.raw == nil {
		e.raw = []byte{}
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO official_messages(id, sender, identifier, state, reason, came, at, message, zones, broadcast, raw) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.ID, e.sender, e.identifier, string(e.State), e.Reason, e.Came, e.at.UnixMilli(), message, zones, e.Broadcast, e.raw)
	if err != nil {
		return fmt.Errorf("store official message: %w", err)
	}
	return nil
}

func update(ctx context.Context, tx *sql.Tx, e *Entry) error {
	_, zones, err := e.columns()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE official_messages SET state = ?, reason = ?, zones = ?, broadcast = ? WHERE id = ?`,
		string(e.State), e.Reason, zones, e.Broadcast, e.ID)
	if err != nil {
		return fmt.Errorf("store official message %s: %w", e.ID, err)
	}
	return nil
}

// change runs f in a transaction and shows the entry.
func (o *Official) change(ctx context.Context, e *Entry, f func(tx *sql.Tx) error) error {
	err := o.db.Tx(ctx, func(tx *sql.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		shown := e.complete()
		if _, err := o.feed.Append(ctx, tx, "official", &shown); err != nil {
			return err
		}
		return o.tellHomes(ctx, tx, &shown)
	})
	if err != nil {
		return err
	}
	return o.feed.Committed(ctx)
}

// ms writes a time as protocol.md has it.
func ms(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
