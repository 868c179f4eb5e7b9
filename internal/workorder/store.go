package workorder

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

const columns = `number, id, priority, title_zh, title_en, device, zone, state, assignee, assignee_name,
	source, alarm, request, due_at, created_at, updated_at, done_at, part, devices, check_until`

func scan(row interface{ Scan(...any) error }) (o Order, err error) {
	var due, created, updated, done, check int64
	var devices string
	err = row.Scan(&o.Number, &o.ID, &o.Priority, &o.Title.ZH, &o.Title.EN, &o.Device, &o.Zone, &o.State, &o.Assignee, &o.AssigneeName,
		&o.Source, &o.Alarm, &o.Request, &due, &created, &updated, &done, &o.Part, &devices, &check)
	if err == nil {
		err = json.Unmarshal([]byte(devices), &o.Devices)
	}
	o.DueAt, o.CreatedAt, o.UpdatedAt = at(due), at(created), at(updated)
	if done != 0 {
		t := at(done)
		o.DoneAt = &t
	}
	if check != 0 {
		t := at(check)
		o.CheckUntil = &t
	}
	return o, err
}

// querier is a transaction or the reading side.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func find(ctx context.Context, q querier, id string) (Order, error) {
	o, err := first(ctx, q, "id = ?", id)
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("%w of id %s", err, id)
	}
	return o, err
}

func first(ctx context.Context, q querier, where string, args ...any) (Order, error) {
	o, err := scan(q.QueryRowContext(ctx, "SELECT "+columns+" FROM work_orders WHERE "+where, args...)) //nolint:gosec // where is ours
	if errors.Is(err, sql.ErrNoRows) {
		return o, fmt.Errorf("%w: order", ErrNotFound)
	}
	if err != nil {
		return o, fmt.Errorf("read order: %w", err)
	}
	return o, nil
}

// insert adds an order with its first log row.
func (w *Orders) insert(ctx context.Context, tx *sql.Tx, o *Order, actor web.Principal, text string) error {
	o.ID, o.CreatedAt = newID("w-"), now()
	o.UpdatedAt, o.DueAt = o.CreatedAt, o.CreatedAt.Add(due(o.Priority))
	if o.State == "" {
		o.State = Open
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO work_orders(id, priority, title_zh, title_en, device, zone, state, assignee, assignee_name,
		source, alarm, request, due_at, created_at, updated_at, part, devices) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		o.ID, o.Priority, o.Title.ZH, o.Title.EN, o.Device, o.Zone, o.State, o.Assignee, o.AssigneeName,
		o.Source, o.Alarm, o.Request, o.DueAt.UnixMilli(), o.CreatedAt.UnixMilli(), o.UpdatedAt.UnixMilli(), o.Part, o.deviceList())
	if err != nil {
		return fmt.Errorf("add order: %w", err)
	}
	if o.Number, err = res.LastInsertId(); err != nil {
		return fmt.Errorf("add order: %w", err)
	}
	return w.note(ctx, tx, *o, actor, Created, text)
}

// note adds to the log and tells the feed: the order, what happened, and by whom.
func (w *Orders) note(ctx context.Context, tx *sql.Tx, o Order, actor web.Principal, what, text string) error {
	if _, err := tx.ExecContext(ctx, "INSERT INTO work_log(work_order, at, actor, actor_name, what, text) VALUES (?, ?, ?, ?, ?, ?)",
		o.ID, o.UpdatedAt.UnixMilli(), actor.ID, actor.Name, what, text); err != nil {
		return fmt.Errorf("log order %s: %w", o.ID, err)
	}
	o.Log = []Entry{{o.UpdatedAt, actor.ID, actor.Name, what, text}}
	_, err := w.feed.Append(ctx, tx, "order", struct {
		Order
		Change string `json:"change"`
	}{o, what})
	return err
}

// deviceList is the list as it is stored; ids need no more than quotes.
func (o *Order) deviceList() string {
	if o.Devices == nil {
		o.Devices = []string{}
	}
	b, err := json.Marshal(o.Devices)
	if err != nil { // texts always encode
		return "[]"
	}
	return string(b)
}

// update stores what a step may change.
func update(ctx context.Context, tx *sql.Tx, o Order) error {
	var done int64
	if o.DoneAt != nil {
		done = o.DoneAt.UnixMilli()
	}
	var check int64
	if o.CheckUntil != nil {
		check = o.CheckUntil.UnixMilli()
	}
	_, err := tx.ExecContext(ctx, "UPDATE work_orders SET state = ?, assignee = ?, assignee_name = ?, updated_at = ?, done_at = ?, devices = ?, check_until = ? WHERE id = ?",
		o.State, o.Assignee, o.AssigneeName, o.UpdatedAt.UnixMilli(), done, o.deviceList(), check, o.ID)
	if err != nil {
		return fmt.Errorf("change order %s: %w", o.ID, err)
	}
	return nil
}

// Get returns an order with its log.
func (w *Orders) Get(ctx context.Context, id string) (Order, error) {
	o, err := find(ctx, w.db.Read(), id)
	if err != nil {
		return o, err
	}
	if o.Photos, err = photos(ctx, w.db.Read(), id); err != nil {
		return o, err
	}
	rows, err := w.db.Read().QueryContext(ctx, "SELECT at, actor, actor_name, what, text FROM work_log WHERE work_order = ? ORDER BY id", id)
	if err != nil {
		return o, fmt.Errorf("read log of order: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e Entry
		var ms int64
		if err := rows.Scan(&ms, &e.Actor, &e.ActorName, &e.What, &e.Text); err != nil {
			return o, fmt.Errorf("read log of order: %w", err)
		}
		e.At = at(ms)
		o.Log = append(o.Log, e)
	}
	return o, rows.Err()
}

// Filter limits List; empty fields do not.
type Filter struct {
	State    string // open, taken, done; "active" is open and taken
	Mine     string // account: its own orders, and those that nobody has
	Priority event.Priority
	Device   string
	Source   Source
	Before   int64 // numbers before this one; 0: from the newest
}

// List returns orders, newest first, without their logs.
func (w *Orders) List(ctx context.Context, f Filter, limit int) ([]Order, error) {
	query, args := "SELECT "+columns+" FROM work_orders WHERE 1 = 1", []any{}
	add := func(cond string, arg ...any) { query, args = query+" AND "+cond, append(args, arg...) }
	switch f.State {
	case "", "all":
	case "active":
		add("state <> ?", Done)
	default:
		add("state = ?", f.State)
	}
	if f.Mine != "" {
		add("(assignee = ? OR assignee = '')", f.Mine)
	}
	if f.Priority != "" {
		add("priority = ?", f.Priority)
	}
	if f.Device != "" {
		add("device = ?", f.Device)
	}
	if f.Source != "" {
		add("source = ?", f.Source)
	}
	if f.Before > 0 {
		add("number < ?", f.Before)
	}
	rows, err := w.db.Read().QueryContext(ctx, query+" ORDER BY number DESC LIMIT ?", append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	defer func() { _ = rows.Close() }()
	os := []Order{}
	for rows.Next() {
		o, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("list orders: %w", err)
		}
		os = append(os, o)
	}
	return os, rows.Err()
}

// AssignedTo lists what a crew member has to see: the own orders and those that
// nobody has, not yet done.
func (w *Orders) AssignedTo(ctx context.Context, account string) ([]Order, error) {
	return w.List(ctx, Filter{State: "active", Mine: account}, 1000)
}
