package workorder

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// hub is the actor of what the hub does by itself.
func hub() web.Principal { return web.Principal{ID: "hub", Name: "东岳"} }

// AlarmOrder is what an alarm orders.
type AlarmOrder struct {
	Key      string // of the action: the same again gets the same order; "": the alarm's id is the key
	Alarm    string // id
	Title    event.Text
	Priority event.Priority
	Device   string
	Part     string
	Devices  []string // all that it is about, where that is more than the device
	Zone     string
}

// FromAlarm makes the order of an alarm's action, inside the caller's transaction.
// The same key gets the same order; another key of the alarm gets the order of the
// same title that is not done yet, so that what comes back is repaired once. The
// caller wakes the feed after its commit.
func (w *Orders) FromAlarm(ctx context.Context, tx *sql.Tx, a AlarmOrder) (Order, error) {
	if a.Alarm == "" {
		return Order{}, fmt.Errorf("order from alarm: %w: no alarm id", ErrInvalid)
	}
	old, err := there(ctx, tx, &a)
	if err == nil {
		return old, keep(ctx, tx, a.Key, old.ID)
	}
	if !errors.Is(err, ErrNotFound) {
		return old, err
	}
	if a.Priority.Rank() > event.Low.Rank() {
		a.Priority = event.Medium
	}
	o := Order{Priority: a.Priority, Title: a.Title, Device: a.Device, Part: a.Part, Devices: a.Devices, Zone: a.Zone, Source: FromAlarmSource, Alarm: a.Alarm}
	if err := w.insert(ctx, tx, &o, hub(), ""); err != nil {
		return o, err
	}
	return o, keep(ctx, tx, a.Key, o.ID)
}

// there finds the order that an alarm's action has already.
func there(ctx context.Context, tx *sql.Tx, a *AlarmOrder) (Order, error) {
	if a.Key == "" {
		return first(ctx, tx, "alarm = ? ORDER BY number LIMIT 1", a.Alarm)
	}
	o, err := first(ctx, tx, "id = (SELECT work_order FROM work_order_keys WHERE idem_key = ?)", a.Key)
	if errors.Is(err, ErrNotFound) {
		o, err = first(ctx, tx, "alarm = ? AND title_zh = ? AND title_en = ? AND state <> ? ORDER BY number LIMIT 1", a.Alarm, a.Title.ZH, a.Title.EN, Done)
	}
	return o, err
}

func keep(ctx context.Context, tx *sql.Tx, key, order string) error {
	if key == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO work_order_keys(idem_key, work_order) VALUES (?, ?) ON CONFLICT DO NOTHING", key, order)
	if err != nil {
		return fmt.Errorf("keep key of order %s: %w", order, err)
	}
	return nil
}

// NewOrder is what the desk writes.
type NewOrder struct {
	Title    event.Text // one language is enough
	Text     string     // more, for the log
	Priority event.Priority
	Device   string
	Zone     string
	Assignee string // account, or nobody
}

// Create makes an order from the desk.
func (w *Orders) Create(ctx context.Context, who web.Principal, n NewOrder) (Order, error) {
	if n.Title.ZH == "" {
		n.Title.ZH = n.Title.EN
	}
	if n.Title.EN == "" {
		n.Title.EN = n.Title.ZH
	}
	switch {
	case n.Title.ZH == "" || len(n.Title.ZH) > 300 || len(n.Title.EN) > 300:
		return Order{}, fmt.Errorf("%w: the title must have 1 to 300 bytes", ErrInvalid)
	case n.Priority.Rank() > event.Low.Rank():
		return Order{}, fmt.Errorf("%w: priority %q is not one of critical, high, medium, low", ErrInvalid, n.Priority)
	case len(n.Text) > maxText:
		return Order{}, fmt.Errorf("%w: text is longer than %d bytes", ErrInvalid, maxText)
	case n.Device != "" && !event.ValidDevice(n.Device):
		return Order{}, fmt.Errorf("%w: device %q is not a device id", ErrInvalid, n.Device)
	}
	o := Order{Priority: n.Priority, Title: n.Title, Device: n.Device, Zone: n.Zone, Source: FromDeskSource}
	if n.Assignee != "" {
		var err error
		if o.AssigneeName, err = w.member(ctx, n.Assignee); err != nil {
			return Order{}, err
		}
		o.Assignee = n.Assignee
	}
	err := w.tx(ctx, func(tx *sql.Tx) error { return w.insert(ctx, tx, &o, who, n.Text) })
	return o, err
}

// Take gives an open order to who takes it. Taking again what one has is no
// error, because a phone may repeat itself. The same key again changes nothing.
func (w *Orders) Take(ctx context.Context, who web.Principal, id, key string) (Order, error) {
	return w.step(ctx, by{who, key}, id, TakenUp, "", func(o *Order) (bool, error) {
		switch {
		case o.State == Done:
			return false, ErrDone
		case o.Assignee != "" && o.Assignee != who.ID:
			return false, fmt.Errorf("%w: %s", ErrTaken, o.AssigneeName)
		case o.State == Taken || o.State == Checking:
			return false, nil
		}
		o.State, o.Assignee, o.AssigneeName = Taken, who.ID, who.Name
		return true, nil
	})
}

// Done finishes an order; only who has it can, or a manager, who may also finish
// one that nobody took. One whose repair can show itself is not done before that;
// a manager's word about another's order ends that too. The same key again changes
// nothing, also where the proof has failed since.
func (w *Orders) Done(ctx context.Context, who web.Principal, id, text string, manager bool, key string) (Order, error) {
	if len(text) > maxText {
		return Order{}, fmt.Errorf("%w: text is longer than %d bytes", ErrInvalid, maxText)
	}
	hand := by{who, key}
	if known, err := w.did(ctx, hand, id); err != nil || known {
		return w.getOr(ctx, id, err)
	}
	until, err := w.begin(ctx, who, id)
	if err != nil {
		return Order{}, err
	}
	what := Finished
	if until != nil {
		what = Claimed
	}
	return w.step(ctx, hand, id, what, text, func(o *Order) (bool, error) {
		switch {
		case o.State == Checking && o.Assignee == who.ID:
			return false, nil
		case o.State == Done && o.Assignee == who.ID:
			return false, nil
		case o.State == Done:
			return false, ErrDone
		case manager:
		case o.Assignee != "" && o.Assignee != who.ID:
			return false, fmt.Errorf("%w: %s", ErrTaken, o.AssigneeName)
		case o.State != Taken:
			return false, ErrNotTaken
		}
		if o.Assignee == "" {
			o.Assignee, o.AssigneeName = who.ID, who.Name
		}
		if until != nil {
			o.State, o.CheckUntil = Checking, until
			return true, nil
		}
		o.State, o.DoneAt, o.CheckUntil = Done, new(now()), nil
		return true, nil
	})
}

// Comment adds to the log of an order, also of one that is done. The same key again
// changes nothing.
func (w *Orders) Comment(ctx context.Context, who web.Principal, id, text, key string) (Order, error) {
	if err := checkText(text); err != nil {
		return Order{}, err
	}
	return w.step(ctx, by{who, key}, id, Comment, text, func(*Order) (bool, error) { return true, nil })
}

// Assign gives an order to an account, or back to everybody with "". It is open
// until that one takes it; the time by which it is due stays.
func (w *Orders) Assign(ctx context.Context, who web.Principal, id, account string) (Order, error) {
	name := ""
	if account != "" {
		var err error
		if name, err = w.member(ctx, account); err != nil {
			return Order{}, err
		}
	}
	return w.step(ctx, by{who, ""}, id, Assigned, name, func(o *Order) (bool, error) {
		switch {
		case o.State == Done:
			return false, ErrDone
		case o.Assignee == account:
			return false, nil
		}
		o.State, o.Assignee, o.AssigneeName, o.CheckUntil = Open, account, name, nil
		return true, nil
	})
}

func (w *Orders) member(ctx context.Context, account string) (name string, err error) {
	if w.staff == nil {
		return "", fmt.Errorf("%w: orders can't be given here", ErrInvalid)
	}
	crew, err := w.staff.Crew(ctx)
	if err != nil {
		return "", fmt.Errorf("read crew: %w", err)
	}
	name, ok := crew[account]
	if !ok {
		return "", fmt.Errorf("%w: %q is nobody who works on orders", ErrInvalid, account)
	}
	return name, nil
}

// step changes an order in one transaction; do reports whether there is
// something to store.
func (w *Orders) step(ctx context.Context, hand by, id, what, text string, do func(*Order) (bool, error)) (Order, error) {
	err := w.tx(ctx, func(tx *sql.Tx) error {
		if fresh, err := hand.once(ctx, tx, id); err != nil || !fresh {
			return err
		}
		o, err := find(ctx, tx, id)
		if err != nil {
			return err
		}
		changed, err := do(&o)
		if err != nil || !changed {
			return err
		}
		o.UpdatedAt = now()
		if err := update(ctx, tx, o); err != nil {
			return err
		}
		return w.note(ctx, tx, o, hand.who, what, text)
	})
	return w.getOr(ctx, id, err)
}

func (w *Orders) tx(ctx context.Context, f func(tx *sql.Tx) error) error {
	if err := w.db.Tx(ctx, f); err != nil {
		return err
	}
	return w.feed.Committed(context.WithoutCancel(ctx))
}
