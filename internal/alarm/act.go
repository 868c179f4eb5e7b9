package alarm

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"dongyue/internal/web"
)

// Reasons a person may close an alarm for.
const (
	Handled       = "handled"        // seen to
	FalseAlarm    = "false_alarm"    // nothing was the matter
	TestAlarm     = "test"           // somebody tried it out
	Duplicate     = "duplicate"      // another alarm stands for it
	DeviceRemoved = "device_removed" // nobody will ever report its return
)

// Acknowledge records that a person has seen it; a second time changes nothing.
func (a *Alarms) Acknowledge(ctx context.Context, id, text string) (*Alarm, error) {
	return a.act(ctx, id, acknowledge(text))
}

// AssignTo gives an alarm to a person, by account id and name; without either to
// the one who asks.
func (a *Alarms) AssignTo(ctx context.Context, id, user, name string) (*Alarm, error) {
	return a.act(ctx, id, assign(user, name))
}

// AddComment writes into the journal; also after the close.
func (a *Alarms) AddComment(ctx context.Context, id, text string) (*Alarm, error) {
	if strings.TrimSpace(text) == "" {
		return nil, noComment()
	}
	return a.act(ctx, id, func(_ context.Context, b *batch, al *Alarm) error {
		b.remark(al, Comment, text)
		return nil
	})
}

func noComment() error {
	return web.Fail(http.StatusUnprocessableEntity, "alarm.text_required", "write the comment in `text`")
}

// CloseFor closes an alarm for one of the reasons; see mayClose.
func (a *Alarms) CloseFor(ctx context.Context, id, reason, text string) (*Alarm, error) {
	p, _ := web.Who(ctx)
	return a.act(ctx, id, closeFor(p.Role, reason, text))
}

// deed is what a person does to one alarm, alone or among an incident's. A
// refusal is a web.Problem and leaves the alarm as it was.
type deed func(ctx context.Context, b *batch, al *Alarm) error

func acknowledge(text string) deed {
	return func(ctx context.Context, b *batch, al *Alarm) error {
		if al.ClosedAt != nil {
			return closed(al)
		}
		_, err := b.step(ctx, al, acknowledged, b.now, text)
		return err
	}
}

func assign(user, name string) deed {
	return func(_ context.Context, b *batch, al *Alarm) error {
		if al.ClosedAt != nil {
			return closed(al)
		}
		user, name := b.whom(user, name)
		if al.AssigneeID != user || al.Assignee != name {
			before := *al
			al.AssigneeID, al.Assignee = user, name
			b.remarkFrom(&before, al, Assign, name)
		}
		return nil
	}
}

// whom is who is meant: the person who asks, when nobody is named.
func (b *batch) whom(user, name string) (string, string) {
	if user == "" && name == "" {
		return b.by.ID, b.by.Name
	}
	return user, cmp.Or(name, user)
}

func closeFor(role web.Role, reason, text string) deed {
	return func(ctx context.Context, b *batch, al *Alarm) error {
		if err := mayClose(al, role, reason, text); err != nil {
			return err
		}
		before := *al
		o := al.step(reset, b.now, b.now, b.by.Name)
		if al.AckedAt == nil { // who closes it has seen it
			al.AckedAt, al.AckedBy = &b.now, b.by.Name
		}
		al.ClosedBy, al.CloseReason = b.by.Name, reason
		note := reason
		if text := strings.TrimSpace(text); text != "" {
			note += ": " + text
		}
		return b.moved(ctx, &before, al, o, JournalEntry{At: b.now, Actor: b.by.Name, ActorID: b.by.ID, Text: note})
	}
}

// mayClose guards the close. What still holds and will be heard of when it ends
// must not leave the list as if it were over: a latched alarm never, any other
// with a reason that says why the condition is not to be believed. Where the end
// may never be told (an event), a person's word takes its place; for life safety
// that word is wanted in writing.
func mayClose(al *Alarm, role web.Role, reason, text string) error {
	told := strings.TrimSpace(text) != ""
	senior := role == web.Supervisor || role == web.Admin
	switch {
	case al.ClosedAt != nil:
		return closed(al)
	case !al.Active, al.QuietAt != nil: // over; what chatters is only not yet believed
		return nil
	case al.Measured && al.Latched:
		if reason != DeviceRemoved {
			return web.Fail(http.StatusConflict, "alarm.still_active",
				"the condition still holds and this alarm is about life safety: end its cause; it can be closed when the device reports that it is over")
		}
		if !senior || !told {
			return web.Fail(http.StatusConflict, "alarm.supervisor_required",
				"only a supervisor may close this alarm while its condition holds, with the reason device_removed and `text` saying where the device is now")
		}
	case al.Measured && (reason == Handled || reason == Duplicate):
		return web.Fail(http.StatusConflict, "alarm.still_active",
			"the condition still holds: acknowledge it and it closes by itself when it is over, or close it as false_alarm, test or device_removed")
	case al.Latched && !told:
		return web.Fail(http.StatusConflict, "alarm.text_required",
			"nobody has reported that this is over: say in `text` who looked on site and what was found")
	}
	return nil
}

func closed(al *Alarm) error {
	return web.Fail(http.StatusConflict, "alarm.already_closed",
		fmt.Sprintf("closed by %s at %s: %s; a new alarm opens when it happens again", al.ClosedBy, al.ClosedAt.Format(time.RFC3339), al.CloseReason))
}

// act does something to one alarm, in a transaction.
func (a *Alarms) act(ctx context.Context, id string, do deed) (*Alarm, error) {
	var out *Alarm
	err := a.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		b := a.batch(tx, who(ctx))
		al, err := b.byID(ctx, id)
		if err != nil {
			return err
		}
		if err := do(ctx, b, al); err != nil {
			return err
		}
		if _, err := b.flush(ctx); err != nil {
			return err
		}
		al.Journal, err = journal(ctx, tx, id)
		out = al
		return err
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, missing(id)
	case err != nil:
		return nil, err
	}
	return out, a.Committed(ctx)
}

func missing(id string) error {
	return web.Fail(http.StatusNotFound, "alarm.unknown", fmt.Sprintf("there is no alarm %q: see GET /api/v1/alarms?state=all", id))
}
