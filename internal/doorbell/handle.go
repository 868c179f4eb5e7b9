package doorbell

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"dongyue/internal/event"
)

// maxFlat bounds the number of a flat, in bytes.
const maxFlat = 16

// maxVisitor bounds the name of a visitor, in bytes.
const maxVisitor = 200

// clip cuts a text between two characters.
func clip(s string, most int) string {
	for len(s) > most {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

// ring is the data of the event `ring`.
type ring struct {
	Flat string `json:"flat"`
	Unit string `json:"unit"` // zone of the stair; empty: the door's own
	// Visitor is whose pass was shown, where the host wants to be asked; the hub says it.
	Visitor string `json:"visitor"`
}

// parseRing reads the data of a ring at a door that stands in a zone. Nobody rings
// outside of that.
func parseRing(data []byte, zone string) (r ring, err error) {
	if err := json.Unmarshal(data, &r); err != nil {
		return ring{}, fmt.Errorf("ring: %w", err)
	}
	r.Flat = strings.TrimSpace(r.Flat)
	if r.Flat == "" || len(r.Flat) > maxFlat {
		return ring{}, fmt.Errorf("ring: flat must have 1 to %d bytes", maxFlat)
	}
	if r.Unit == "" {
		r.Unit = zone
	}
	r.Visitor = clip(r.Visitor, maxVisitor)
	if !event.Within(r.Unit, zone) {
		return ring{}, fmt.Errorf("ring: unit %.80q is not within the door's zone %q", r.Unit, zone)
	}
	return r, nil
}

// Handle takes committed events, inside the follower's transaction. An event that
// was here before has no second effect.
func (b *Doorbell) Handle(ctx context.Context, tx *sql.Tx, evs []event.Event) error {
	b.over = nil
	for i := range evs {
		ev := &evs[i]
		if ev.Kind != event.Door || ev.Channel != event.Happening || ev.Type != "ring" {
			continue
		}
		if err := b.ring(ctx, tx, ev); err != nil {
			return err
		}
	}
	return nil
}

func (b *Doorbell) ring(ctx context.Context, tx *sql.Tx, ev *event.Event) error {
	name, zone, ok := b.o.Doors.Door(ev.Device)
	if !ok {
		return nil // was taken away since
	}
	r, err := parseRing(ev.Data, zone)
	if err != nil {
		b.log.WarnContext(ctx, "ring not understood", "device_id", ev.Device, "event_id", ev.ID, "err", err)
		return nil
	}
	people := b.o.Homes.Residents(r.Unit, r.Flat)
	if len(people) == 0 {
		return nil // an empty flat, or none: the panel rings on by itself
	}
	if again, err := b.replace(ctx, tx, ev, r); err != nil || again {
		return err
	}
	c := Call{
		ID: "call-" + strings.ToLower(rand.Text()[:20]), Door: ev.Device, Event: ev.ID, DoorName: name, Unit: r.Unit, Flat: r.Flat, Visitor: r.Visitor,
		Camera: b.o.Doors.Camera(ctx, ev.Device, zone), RungAt: ev.ReceivedAt.UTC(), Until: ev.ReceivedAt.UTC().Add(ringFor), State: Ringing,
	}
	if t := now(); ev.Late || !t.Before(c.Until) { // nobody stands there any more; the log knows
		c.State, c.RungAt, c.Until, c.EndedAt = Missed, ev.At.UTC(), ev.At.UTC(), &t
	}
	return b.insert(ctx, tx, &c, people)
}

// replace ends the call that goes on at the door. again: it is the same home, or the
// event was here before.
func (b *Doorbell) replace(ctx context.Context, tx *sql.Tx, ev *event.Event, r ring) (again bool, err error) {
	open, err := list(ctx, tx, "WHERE door = ? AND (ended_at = 0 OR event = ?)", ev.Device, ev.ID)
	if err != nil {
		return false, err
	}
	for i := range open {
		c := &open[i]
		switch {
		case c.Event == ev.ID, c.Unit == r.Unit && c.Flat == r.Flat && now().Before(c.Until):
			return true, nil
		case ev.Late:
			continue
		}
		if err := b.end(ctx, tx, c, outcome(c.State), now()); err != nil {
			return false, err
		}
		b.over = append(b.over, c.ID)
	}
	return false, nil
}

func (b *Doorbell) insert(ctx context.Context, tx *sql.Tx, c *Call, people []string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO doorbell_calls(id, door, event, door_name, unit, flat, camera, rung_at, until, state, ended_at, visitor)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, c.ID, c.Door, c.Event, c.DoorName, c.Unit, c.Flat, c.Camera, c.RungAt.UnixMilli(), c.Until.UnixMilli(), c.State, ms(c.EndedAt), c.Visitor)
	if err != nil {
		return fmt.Errorf("write call: %w", err)
	}
	for _, p := range people {
		if _, err := tx.ExecContext(ctx, "INSERT INTO doorbell_rung(call, person) VALUES (?, ?) ON CONFLICT DO NOTHING", c.ID, p); err != nil {
			return fmt.Errorf("write who was rung: %w", err)
		}
	}
	return b.tell(ctx, tx, c)
}

// Committed tells those who wait, after the transaction of the last Handle.
func (b *Doorbell) Committed(ctx context.Context) {
	over := b.over
	b.over = nil
	select {
	case b.wake <- struct{}{}:
	default:
	}
	if err := b.told(ctx, over); err != nil && ctx.Err() == nil {
		b.log.WarnContext(ctx, "feed not told of a call", "err", err)
	}
}

// Undone forgets what the last Handle prepared; its transaction was rolled back.
func (b *Doorbell) Undone() { b.over = nil }

// Answer takes a call for a person: the first one has it.
func (b *Doorbell) Answer(ctx context.Context, actor, person, id string) (c Call, err error) {
	err = b.db.Tx(ctx, func(tx *sql.Tx) error {
		if c, err = b.find(ctx, tx, person, id); err != nil {
			return err
		}
		t := now()
		switch {
		case c.AnsweredBy == person && !c.over():
			return nil // says it twice
		case c.AnsweredBy != "" && c.AnsweredBy != person:
			return ErrTaken
		case c.over() || !t.Before(c.Until):
			return ErrOver
		}
		c.State, c.AnsweredBy, c.AnsweredAt, c.Until = Answered, person, &t, t.Add(talkFor)
		if err := b.save(ctx, tx, &c); err != nil {
			return err
		}
		return b.o.Audit.Audit(ctx, tx, actor, "call.answered", id, map[string]any{"door": c.Door})
	})
	if err != nil {
		return c, err
	}
	b.others(id)
	b.stir()
	return c, b.feed.Committed(ctx)
}

// others ends what everybody sees of a call; who answered looks again.
func (b *Doorbell) others(id string) {
	if b.o.Pictures != nil {
		b.o.Pictures.EndGuests(id)
	}
}

func (b *Doorbell) stir() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// End ends a call: the door was opened, the visitor refused, or it is just over. Who
// ends one that rings has answered it.
func (b *Doorbell) End(ctx context.Context, actor, person, id, state string) (c Call, err error) {
	if state != Opened && state != Refused && state != Ended {
		return c, fmt.Errorf("%w: outcome %.20q is not one of opened, refused, ended", ErrInvalid, state)
	}
	err = b.db.Tx(ctx, func(tx *sql.Tx) error {
		if c, err = b.find(ctx, tx, person, id); err != nil {
			return err
		}
		t := now()
		switch {
		case c.AnsweredBy != "" && c.AnsweredBy != person:
			return ErrTaken
		case c.over():
			return ErrOver
		case c.AnsweredBy == "":
			c.AnsweredBy, c.AnsweredAt = person, &t
		}
		if err := b.end(ctx, tx, &c, state, t); err != nil {
			return err
		}
		return b.o.Audit.Audit(ctx, tx, actor, "call.ended", id, map[string]any{"door": c.Door, "outcome": state})
	})
	if err != nil {
		return c, err
	}
	return c, b.told(ctx, []string{id})
}

// Guest says which camera a person may look at because of a call, and until when.
func (b *Doorbell) Guest(ctx context.Context, person, id string) (camera string, until time.Time, ok bool) {
	c, err := b.find(ctx, b.db.Read(), person, id)
	if err != nil || c.Camera == "" || !c.visibleTo(person, now()) {
		return "", time.Time{}, false
	}
	return c.Camera, c.Until, true
}
