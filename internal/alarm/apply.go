package alarm

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"dongyue/internal/event"
)

// Apply takes signals into the alarms, in the caller's transaction: alarms,
// journal, feed and outbox. Call Committed after the commit.
func (a *Alarms) Apply(ctx context.Context, tx *sql.Tx, signals []Signal) ([]Change, error) {
	var out []Change
	for i := range signals {
		s := &signals[i]
		c, err := a.apply(ctx, tx, s)
		if err != nil {
			return nil, fmt.Errorf("alarm: apply %s for %s: %w", s.Rule, s.Device, err)
		}
		if c != nil {
			out = append(out, *c)
		}
	}
	return out, nil
}

// Committed tells the feed's readers and the runner of actions that a
// transaction with alarms has ended.
func (a *Alarms) Committed(ctx context.Context) error {
	a.nudge()
	return a.o.Feed.Committed(ctx)
}

func (a *Alarms) apply(ctx context.Context, tx *sql.Tx, s *Signal) (*Change, error) {
	at := s.At.UTC().Truncate(time.Millisecond)
	al, err := one(ctx, tx, "rule = ? AND device = ? AND part = ? AND closed_at IS NULL", s.Rule, s.Device, s.Part)
	found := err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	if !s.Raised {
		if !found || !al.Active {
			return nil, nil
		}
		al.back(at)
		return a.store(ctx, tx, al, JournalEntry{At: at, Actor: hub, ActorID: hub, What: Return})
	}
	if !found {
		if al, err = a.open(ctx, tx, s, at); err != nil {
			return nil, err
		}
	}
	// A repeat acts only where it opens an alarm: the one before was closed, so
	// this is news to everyone but the engine.
	act := !s.Late && (!s.Repeat || !found)
	what := al.raise(s, at)
	c, err := a.store(ctx, tx, al, JournalEntry{At: at, Actor: hub, ActorID: hub, What: what, Text: late(s)})
	if err != nil || !act {
		return c, err
	}
	for _, action := range s.Actions {
		if err := a.enqueue(ctx, tx, al, action); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func late(s *Signal) string {
	if s.Late {
		return "late"
	}
	return ""
}

// open makes a new alarm of a signal, not yet stored.
func (a *Alarms) open(ctx context.Context, tx *sql.Tx, s *Signal, at time.Time) (*Alarm, error) {
	al := &Alarm{
		Rule: s.Rule, Device: s.Device, DeviceName: s.Device, Kind: s.Kind, Part: s.Part, Zone: s.Zone,
		Priority: s.Priority, Latched: s.Latch, Silent: s.Silent, Measured: s.Measured,
		RaisedAt: at, LastAt: at, Procedure: s.Procedure, Cameras: []string{},
	}
	if a.o.Device != nil {
		name, zone := a.o.Device(ctx, s.Device)
		al.DeviceName, al.Zone = cmp.Or(name, s.Device), cmp.Or(s.Zone, zone)
	}
	al.Title = named(s.Title, al.DeviceName)
	if a.o.Cameras != nil && s.Nearest > 0 {
		al.Cameras = append(al.Cameras, a.o.Cameras(ctx, s.Device, al.Zone, s.Nearest)...)
	}
	for n := 0; ; n++ {
		al.ID = newID(s, at, n)
		var taken int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM alarm WHERE id = ?", al.ID).Scan(&taken); err != nil {
			return nil, err
		}
		if taken == 0 {
			return al, nil
		}
	}
}

// named fills the one placeholder that the rules leave.
func named(t event.Text, name string) event.Text {
	return event.Text{ZH: strings.ReplaceAll(t.ZH, "{name}", name), EN: strings.ReplaceAll(t.EN, "{name}", name)}
}

func namedArgs(v any, name string) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, "{name}", name)
	case []any:
		out := make([]any, 0, len(v))
		for _, x := range v {
			out = append(out, namedArgs(x, name))
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = namedArgs(x, name)
		}
		return out
	}
	return v
}

func (a *Alarms) enqueue(ctx context.Context, tx *sql.Tx, al *Alarm, action Action) error {
	action.Text = named(action.Text, al.DeviceName)
	if action.Args != nil {
		action.Args, _ = namedArgs(action.Args, al.DeviceName).(map[string]any)
	}
	text, err := json.Marshal(action)
	if err != nil {
		return fmt.Errorf("encode action %s: %w", action.Type, err)
	}
	var deadline any
	if !action.Deadline.IsZero() {
		deadline = action.Deadline.UnixMilli()
	}
	now := a.now().UnixMilli()
	_, err = tx.ExecContext(ctx, "INSERT INTO alarm_outbox(alarm, action, state, created_at, due_at, deadline) VALUES (?, ?, 'pending', ?, ?, ?)",
		al.ID, string(text), now, now, deadline)
	if err != nil {
		return fmt.Errorf("queue action %s: %w", action.Type, err)
	}
	return nil
}
