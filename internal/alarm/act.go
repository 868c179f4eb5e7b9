package alarm

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"
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
	return a.act(ctx, id, func(al *Alarm, by actor, at time.Time) (string, string, error) {
		if al.ClosedAt != nil {
			return "", "", closed(al)
		}
		if al.AckedAt != nil {
			return "", "", nil
		}
		al.ack(at, by.Name)
		return Ack, text, nil
	})
}

// AssignTo gives an alarm to a person, by account id and name.
func (a *Alarms) AssignTo(ctx context.Context, id, user, name string) (*Alarm, error) {
	return a.act(ctx, id, func(al *Alarm, by actor, _ time.Time) (string, string, error) {
		if al.ClosedAt != nil {
			return "", "", closed(al)
		}
		if user == "" && name == "" {
			user, name = by.ID, by.Name
		}
		name = cmp.Or(name, user)
		if al.AssigneeID == user && al.Assignee == name {
			return "", "", nil
		}
		al.AssigneeID, al.Assignee = user, name
		return Assign, name, nil
	})
}

// AddComment writes into the journal; also after the close.
func (a *Alarms) AddComment(ctx context.Context, id, text string) (*Alarm, error) {
	return a.act(ctx, id, func(*Alarm, actor, time.Time) (string, string, error) {
		if strings.TrimSpace(text) == "" {
			return "", "", web.Fail(http.StatusUnprocessableEntity, "alarm.text_required", "write the comment in `text`")
		}
		return Comment, text, nil
	})
}

// CloseFor closes an alarm for one of the reasons; see mayClose.
func (a *Alarms) CloseFor(ctx context.Context, id, reason, text string) (*Alarm, error) {
	p, _ := web.Who(ctx)
	return a.act(ctx, id, func(al *Alarm, by actor, at time.Time) (string, string, error) {
		if err := mayClose(al, p.Role, reason, text); err != nil {
			return "", "", err
		}
		if al.AckedAt == nil { // who closes it has seen it
			al.AckedAt, al.AckedBy = &at, by.Name
		}
		al.end(at, by.Name, reason)
		if text = strings.TrimSpace(text); text != "" {
			reason += ": " + text
		}
		return Close, reason, nil
	})
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
	case !al.Active:
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

// act changes one alarm in a transaction; f returns what happened, "" for
// nothing, and the journal's text.
func (a *Alarms) act(ctx context.Context, id string, f func(al *Alarm, by actor, at time.Time) (what, text string, err error)) (*Alarm, error) {
	var out *Alarm
	err := a.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		al, err := one(ctx, tx, "id = ?", id)
		if err != nil {
			return err
		}
		by, at := who(ctx), a.now()
		what, text, err := f(al, by, at)
		if err != nil {
			return err
		}
		if what != "" {
			if _, err := a.store(ctx, tx, al, JournalEntry{At: at, Actor: by.Name, ActorID: by.ID, What: what, Text: text}); err != nil {
				return err
			}
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

// Get reads an alarm with its journal.
func (a *Alarms) Get(ctx context.Context, id string) (*Alarm, error) {
	al, err := one(ctx, a.o.DB.Read(), "id = ?", id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, missing(id)
	}
	if err != nil {
		return nil, err
	}
	al.Journal, err = journal(ctx, a.o.DB.Read(), id)
	return al, err
}

// Filter of List. The zero value lists the open ones.
type Filter struct {
	State    string // open (""), all, or one of the states
	Priority string
	Device   string
	Zone     string // and what lies within
	Rule     string
	Limit    int    // 0: 100, at most 1000
	Cursor   string // where the page before ended
}

// List reads a page: open alarms by priority, then newest first; all others
// newest first. next is "" at the end.
func (a *Alarms) List(ctx context.Context, f Filter) (items []Alarm, next string, err error) {
	limit := f.Limit
	if limit <= 0 {
		limit = 100
	}
	limit = min(limit, 1000)
	var where []string
	var args []any
	add := func(clause string, values ...any) { where, args = append(where, clause), append(args, values...) }
	open := f.State == "" || f.State == "open"
	if open {
		add("closed_at IS NULL")
	} else if f.State != "all" {
		add("state = ?", f.State)
	}
	for _, c := range []struct{ column, value string }{{"priority", f.Priority}, {"device", f.Device}, {"rule", f.Rule}} {
		if c.value != "" {
			add(c.column+" = ?", c.value)
		}
	}
	if f.Zone != "" {
		add("(zone = ? OR substr(zone, 1, ?) = ?)", f.Zone, len([]rune(f.Zone))+1, f.Zone+"/")
	}
	order := "id DESC"
	if open {
		order = "prio_rank, id DESC"
	}
	if f.Cursor != "" {
		if err := after(f.Cursor, open, add); err != nil {
			return nil, "", err
		}
	}
	clause := strings.Join(slices.Concat([]string{"1 = 1"}, where), " AND ")
	items, err = many(ctx, a.o.DB.Read(), clause+" ORDER BY "+order+" LIMIT ?", append(args, limit+1)...)
	if err != nil {
		return nil, "", err
	}
	if len(items) > limit {
		items = items[:limit]
		last := items[limit-1]
		next = fmt.Sprintf("%d.%s", last.Priority.Rank(), last.ID)
	}
	return items, next, nil
}

func after(cursor string, open bool, add func(string, ...any)) error {
	rank, id, ok := strings.Cut(cursor, ".")
	if !ok || len(rank) != 1 || rank < "1" || rank > "5" || id == "" {
		return web.Fail(http.StatusBadRequest, "alarm.bad_cursor", "send `next` of the page before as cursor, or none")
	}
	if open {
		add("(prio_rank > ? OR prio_rank = ? AND id < ?)", int(rank[0]-'0'), int(rank[0]-'0'), id)
	} else {
		add("id < ?", id)
	}
	return nil
}
