package alarm

import (
	"context"
	"encoding/json"
	"fmt"

	"dongyue/internal/event"
)

// What stands beside the alarms: their journals, and the actions that they ask for.

const (
	intoJournal = "alarm_journal(alarm, at, actor, name, what, note, rule, device, prio, ack_ms, close_ms)"
	intoNotes   = "incident_journal(incident, at, actor, name, what, note)"
)

func (b *batch) putLines(ctx context.Context) error {
	rows := make([][]any, len(b.lines))
	for i, l := range b.lines {
		e := &l.entry
		rule, device, prio := "", "", 0
		if e.What == Raise && !l.alarm.Drill { // what the figures count
			rule, device, prio = l.alarm.Rule, l.alarm.Device, l.alarm.Priority.Rank()
		}
		rows[i] = []any{l.alarm.ID, e.At.UnixMilli(), e.ActorID, e.Actor, e.What, e.Text, rule, device, prio, l.ackMS, l.closeMS}
	}
	return insert(ctx, b.tx, intoJournal, rows, "")
}

func (b *batch) putNotes(ctx context.Context) error {
	rows := make([][]any, len(b.notes))
	for i, n := range b.notes {
		e := &n.entry
		rows[i] = []any{n.incident.ID, e.At.UnixMilli(), e.ActorID, e.Actor, e.What, e.Text}
	}
	return insert(ctx, b.tx, intoNotes, rows, "")
}

func (b *batch) putTasks(ctx context.Context) error {
	rows := make([][]any, len(b.tasks))
	now := b.now.UnixMilli()
	for i, t := range b.tasks {
		action := t.action.named(t.alarm.DeviceName)
		text, err := json.Marshal(action)
		if err != nil {
			return fmt.Errorf("encode action %s: %w", action.Type, err)
		}
		var deadline any
		if !action.Deadline.IsZero() {
			deadline = action.Deadline.UnixMilli()
		}
		rows[i] = []any{t.alarm.ID, string(text), "pending", now, now, deadline, t.urgency()}
	}
	return insert(ctx, b.tx, "alarm_outbox(alarm, action, state, created_at, due_at, deadline, urgency)", rows, "")
}

// urgency orders what waits: in a flood a thousand work orders do not hold up the
// announcement of a fire, nor the cut of a hot plug.
func (t *task) urgency() int {
	switch {
	case t.alarm.LifeSafety:
		return 0
	case t.action.commands():
		return 1
	}
	return 1 + min(t.alarm.Priority.Rank(), event.Low.Rank())
}

// named fills the device's name in.
func (x Action) named(name string) Action {
	x.Text = event.Text{ZH: named(x.Text.ZH, name), EN: named(x.Text.EN, name)}
	if x.Args != nil {
		x.Args, _ = namedArgs(x.Args, name).(map[string]any)
	}
	return x
}
