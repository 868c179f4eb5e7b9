package workorder

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// Request is what a resident reported, as the resident sees it.
type Request struct {
	ID        string     `json:"id"`
	Text      string     `json:"text"`
	Zone      string     `json:"zone"`
	CreatedAt time.Time  `json:"created_at"`
	State     State      `json:"state"`  // of its order
	Number    int64      `json:"number"` // of its order
	DueAt     time.Time  `json:"due_at"`
	DoneAt    *time.Time `json:"done_at,omitempty"`
}

// maxOpen requests of one resident wait at the same time; more is a mistake or
// mischief, and would hide those of others.
const maxOpen = 20

// Report takes a resident's request and makes an order of it at once. With the
// client's key a repeat returns the first one.
func (w *Orders) Report(ctx context.Context, who web.Principal, text, zone, key string) (Request, error) {
	if err := checkText(text); err != nil {
		return Request{}, err
	}
	if len(zone) > 200 || strings.Trim(zone, "abcdefghijklmnopqrstuvwxyz0123456789-/") != "" {
		return Request{}, fmt.Errorf("%w: zone %q: write a zone such as east/b01/u1", ErrInvalid, zone)
	}
	id := newID("q-")
	err := w.tx(ctx, func(tx *sql.Tx) error {
		var old string
		err := tx.QueryRowContext(ctx, "SELECT id FROM work_requests WHERE person = ? AND key = ? AND key <> ''", who.Person, key).Scan(&old)
		if err == nil {
			id = old
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("report: %w", err)
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM work_requests r JOIN work_orders o ON o.request = r.id
			WHERE r.person = ? AND o.state <> ?`, who.Person, Done).Scan(&n); err != nil {
			return fmt.Errorf("report: %w", err)
		}
		if n >= maxOpen {
			return ErrTooMany
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO work_requests(id, person, name, zone, text, key, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
			id, who.Person, who.Name, zone, text, key, now().UnixMilli()); err != nil {
			return fmt.Errorf("report: %w", err)
		}
		o := Order{Priority: event.Medium, Title: headline(text), Zone: zone, Source: FromRequestSource, Request: id}
		return w.insert(ctx, tx, &o, web.Principal{ID: who.ID, Name: who.Name}, text)
	})
	if err != nil {
		return Request{}, err
	}
	rs, err := w.requests(ctx, "r.id = ? AND r.person = ?", id, who.Person)
	if err != nil || len(rs) == 0 {
		return Request{}, errors.Join(err, fmt.Errorf("report %s is not there", id))
	}
	return rs[0], nil
}

// Requests lists what a person reported, newest first, from before a request id.
func (w *Orders) Requests(ctx context.Context, person, before string, limit int) ([]Request, error) {
	if before == "" {
		return w.requests(ctx, "r.person = ? ORDER BY o.number DESC LIMIT ?", person, limit)
	}
	return w.requests(ctx, `r.person = ? AND o.number < (SELECT number FROM work_orders WHERE request = ?)
		ORDER BY o.number DESC LIMIT ?`, person, before, limit)
}

func (w *Orders) requests(ctx context.Context, where string, args ...any) ([]Request, error) {
	rows, err := w.db.Read().QueryContext(ctx, `SELECT r.id, r.text, r.zone, r.created_at, o.state, o.number, o.due_at, o.done_at
		FROM work_requests r JOIN work_orders o ON o.request = r.id WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	defer func() { _ = rows.Close() }()
	rs := []Request{}
	for rows.Next() {
		var r Request
		var created, due, done int64
		if err := rows.Scan(&r.ID, &r.Text, &r.Zone, &created, &r.State, &r.Number, &due, &done); err != nil {
			return nil, fmt.Errorf("list requests: %w", err)
		}
		r.CreatedAt, r.DueAt = at(created), at(due)
		if done != 0 {
			r.DoneAt = new(at(done))
		}
		rs = append(rs, r)
	}
	return rs, rows.Err()
}
