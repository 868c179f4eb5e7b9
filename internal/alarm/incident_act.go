package alarm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"dongyue/internal/web"
)

// IncidentDone is an incident after something was done to all of its open alarms
// that allow it.
type IncidentDone struct {
	Incident
	Changed int       `json:"changed" doc:"how many alarms it was done to"`
	Refused []Refused `json:"refused" doc:"alarms that do not allow it"`
}

// Refused is an alarm to which something was not done, and why.
type Refused struct {
	Alarm  string `json:"alarm"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// AcknowledgeAll acknowledges an incident's alarms. seen is when it was raised last as
// the person saw it: what has begun since nobody has seen, and it goes on calling; the
// zero time is all.
func (a *Alarms) AcknowledgeAll(ctx context.Context, id, text string, seen time.Time) (*IncidentDone, error) {
	return a.onAll(ctx, id, Ack, text, acknowledgeSeen(text, seen), nil)
}

func acknowledgeSeen(text string, seen time.Time) deed {
	do := acknowledge(text)
	return func(ctx context.Context, b *batch, al *Alarm) error {
		if !seen.IsZero() && al.AckedAt == nil && al.RaisedAt.After(seen) {
			return web.Fail(http.StatusConflict, "alarm.not_seen", fmt.Sprintf("%s began when you had already looked: look at it and acknowledge again", al.Title.EN))
		}
		return do(ctx, b, al)
	}
}

// AssignAll gives an incident to a person, and with it its open alarms.
func (a *Alarms) AssignAll(ctx context.Context, id, user, name string) (*IncidentDone, error) {
	return a.onAll(ctx, id, Assign, "", assign(user, name), func(b *batch, inc *Incident) string {
		inc.AssigneeID, inc.Assignee = b.whom(user, name)
		return inc.Assignee
	})
}

// ShelveAll shelves an incident's alarms, each for no longer than its priority
// allows.
func (a *Alarms) ShelveAll(ctx context.Context, id, kind string, length time.Duration, reason string) (*IncidentDone, error) {
	if err := checkShelving(kind, length, reason); err != nil {
		return nil, err
	}
	return a.onAll(ctx, id, Shelve, kind+": "+strings.TrimSpace(reason), a.shelve(kind, length, reason), nil)
}

// UnshelveAll takes an incident's alarms back.
func (a *Alarms) UnshelveAll(ctx context.Context, id string) (*IncidentDone, error) {
	return a.onAll(ctx, id, Unshelve, "", unshelve, nil)
}

// CloseAll closes an incident's alarms for one of the reasons; see mayClose. The
// incident is closed when none is left open.
func (a *Alarms) CloseAll(ctx context.Context, id, reason, text string) (*IncidentDone, error) {
	p, _ := web.Who(ctx)
	note := reason
	if text := strings.TrimSpace(text); text != "" {
		note += ": " + text
	}
	return a.onAll(ctx, id, Close, note, closeFor(p.Role, reason, text), nil)
}

// CommentAll writes into the incident's own journal; also after its close.
func (a *Alarms) CommentAll(ctx context.Context, id, text string) (*IncidentDone, error) {
	if strings.TrimSpace(text) == "" {
		return nil, noComment()
	}
	return a.incidentTx(ctx, id, func(b *batch, inc *Incident, _ *IncidentDone) error {
		b.jot(inc, Comment, text)
		return nil
	})
}

// onAll does the same to all open alarms of an incident, in one transaction. It
// is refused only when no alarm allows it, and for the first one's reason. about
// may change the incident itself and say what its journal gets.
func (a *Alarms) onAll(ctx context.Context, id, what, text string, do deed, about func(*batch, *Incident) string) (*IncidentDone, error) {
	return a.incidentTx(ctx, id, func(b *batch, inc *Incident, done *IncidentDone) error {
		if inc.ClosedAt != nil {
			return web.Fail(http.StatusConflict, "incident.already_closed",
				"all its alarms are closed; when it happens again a new incident opens")
		}
		members, err := b.take(ctx, "incident = ? AND closed_at IS NULL ORDER BY id", inc.ID)
		if err != nil {
			return err
		}
		first, err := b.doAll(ctx, members, do, done)
		if err != nil {
			return err
		}
		if about != nil {
			text = about(b, inc)
		} else if done.Changed == 0 && first != nil {
			return first
		}
		if done.Changed > 0 || about != nil {
			b.jot(inc, what, text)
		}
		return nil
	})
}

func (b *batch) doAll(ctx context.Context, members []*Alarm, do deed, done *IncidentDone) (first, err error) {
	for _, al := range members {
		err := do(ctx, b, al)
		var p *web.Problem
		switch {
		case errors.As(err, &p):
			done.Refused = append(done.Refused, Refused{al.ID, p.Code, p.Detail})
			if first == nil {
				first = p
			}
		case err != nil:
			return nil, err
		case b.changed[al]:
			done.Changed++
		}
	}
	return first, nil
}

// jot writes a line into an incident's own journal.
func (b *batch) jot(inc *Incident, what, text string) {
	b.touch(inc)
	inc.change = what
	b.notes = append(b.notes, note{inc, JournalEntry{At: b.now, Actor: b.by.Name, ActorID: b.by.ID, What: what, Text: text}})
}

func (a *Alarms) incidentTx(ctx context.Context, id string, do func(*batch, *Incident, *IncidentDone) error) (*IncidentDone, error) {
	done := &IncidentDone{Refused: []Refused{}}
	err := a.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		b := a.batch(tx, who(ctx))
		inc, err := b.incident(ctx, id)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return noIncident(id)
		case err != nil:
			return err
		case inc.MergedInto != "":
			return web.Fail(http.StatusConflict, "incident.merged", fmt.Sprintf("its alarms are in incident %s now", inc.MergedInto))
		}
		if err := do(b, inc, done); err != nil {
			return err
		}
		if _, err := b.flush(ctx); err != nil {
			return err
		}
		done.Incident = *inc
		return nil
	})
	if err != nil {
		return nil, err
	}
	return done, a.Committed(ctx)
}
