package access

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"dongyue/internal/event"
)

// answerWithin is how long somebody stands at a door that did not open. An
// answer after that would open it for the next one.
const answerWithin = 3 * time.Second

// clockTolerance is how far a door's clock may be ahead of the hub's. GB
// 50396-2007 allows a device 10 s a day with a daily correction; a minute is
// far outside of that.
const clockTolerance = time.Minute

// Badge is what a door says of a badge: the data of the event `badge`.
type badgeData struct {
	Credential struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	} `json:"credential"`
	Side     string `json:"side"`
	Decision string `json:"decision"` // ask, granted, denied
	Reason   string `json:"reason"`
}

// parseBadge reads the data of a badge event. What it returns is bounded and
// safe to store.
func parseBadge(data []byte) (b badgeData, err error) {
	if err := json.Unmarshal(data, &b); err != nil {
		return badgeData{}, fmt.Errorf("badge: %w", err)
	}
	switch b.Decision {
	case "ask", "granted", "denied":
	default:
		return badgeData{}, fmt.Errorf("badge: decision %q", b.Decision)
	}
	switch b.Credential.Type {
	case "card", "pin", "qr", "mobile":
	default:
		return badgeData{}, fmt.Errorf("badge: credential type %q", b.Credential.Type)
	}
	if len(b.Credential.Value) > 512 {
		return badgeData{}, fmt.Errorf("badge: credential value has %d bytes", len(b.Credential.Value))
	}
	if b.Side != "out" {
		b.Side = "in"
	}
	if b.Reason != "" && (len(b.Reason) > maxReasonFromDoor || strings.Trim(b.Reason, "abcdefghijklmnopqrstuvwxyz0123456789_") != "") {
		b.Reason = string(notACode)
	}
	return b, nil
}

// pending is what Handle has prepared and Committed will do.
type pending struct {
	answers []answer
	tries   map[string]tries
}

// answer goes back to a door.
type answer struct {
	badge    int64 // row of the log
	door     string
	event    string
	verdict  Verdict
	received time.Time
}

// Handle takes committed events, inside the follower's transaction: it writes
// the badge log and prepares the answers, which Committed sends. An event that
// was here before has no second effect.
func (x *Access) Handle(ctx context.Context, tx *sql.Tx, evs []event.Event) error {
	x.pending = pending{tries: map[string]tries{}}
	for i := range evs {
		ev := &evs[i]
		if ev.Kind != event.Door || ev.Channel != event.Happening || ev.Type != "badge" {
			continue
		}
		b, err := parseBadge(ev.Data)
		if err != nil { // devices has checked it before; nobody gets in by what can't be read
			x.log.WarnContext(ctx, "badge event not understood", "device_id", ev.Device, "event_id", ev.ID, "err", err)
			continue
		}
		if err := x.handleBadge(ctx, tx, ev, b); err != nil {
			return err
		}
	}
	return nil
}

func (x *Access) handleBadge(ctx context.Context, tx *sql.Tx, ev *event.Event, b badgeData) error {
	row := Badge{
		At: ev.At.UTC(), ReceivedAt: ev.ReceivedAt.UTC(), Seq: ev.Seq, Event: ev.ID, Door: ev.Device, Zone: ev.Zone,
		Type: b.Credential.Type, Side: b.Side, Late: ev.Late, Decision: b.Decision, Reason: Reason(b.Reason), By: ByDoor,
	}
	verdict := x.judge(ev, b, &row)
	ask := b.Decision == "ask"
	switch {
	case ask && tooOld(ev, time.Now()):
		row.By, row.Decision, row.Reason = ByHub, Unanswered, TooOld
	case ask:
		row.By, row.Decision, row.Reason = ByHub, verdict.decision(), verdict.Reason
	case b.Decision == Granted:
		row.Reason = None
		row.Flag = verdict.Reason // the door let in whom the hub would have refused
	}
	fresh, err := x.logBadge(ctx, tx, &row)
	if err != nil || !fresh {
		return err
	}
	if ask && row.Decision != Unanswered {
		x.countTry(ev, verdict)
		x.pending.answers = append(x.pending.answers, answer{row.ID, ev.Device, ev.ID, verdict, ev.ReceivedAt})
	}
	return nil
}

// judge decides, and fills in who it was.
func (x *Access) judge(ev *event.Event, b badgeData, row *Badge) Verdict {
	value := normal(b.Credential.Type, b.Credential.Value)
	row.Last4 = last4(b.Credential.Type, value)
	ask := Ask{Type: b.Credential.Type, At: ev.At.In(x.loc), ClockOff: ev.At.Sub(ev.ReceivedAt) > clockTolerance}
	if b.Decision == "ask" {
		// Now is now, whatever the door thinks; and only who asks can be locked.
		ask.At = ev.ReceivedAt.In(x.loc)
		ask.Locked = b.Credential.Type == "pin" && x.locked(ev)
	}
	if d, ok := x.doors.Door(ev.Device); ok {
		ask.Door = &d
		row.DoorName, row.Zone = d.Name, d.Zone
	}
	m := x.mac(b.Credential.Type, value)
	x.mu.RLock()
	defer x.mu.RUnlock()
	ask.Credential = x.ix.credentials[m]
	if c := ask.Credential; c != nil {
		row.Credential, row.Person, row.PersonName, row.Unit = c.ID, c.Person.ID, c.Person.Name, c.Person.Unit
	}
	return Decide(ask)
}

// tooOld reports whether nobody stands at the door any more: the event waited,
// on its way or in the hub.
func tooOld(ev *event.Event, n time.Time) bool {
	return ev.Late || n.Sub(ev.ReceivedAt) > answerWithin || n.Sub(ev.At) > answerWithin
}

// Committed sends the answers of the last Handle, after its transaction was
// committed. An answer that can't be sent in time is noted as not answered: the
// door then has decided by itself.
func (x *Access) Committed(ctx context.Context) {
	p := x.pending
	x.pending = pending{}
	maps.Copy(x.tries, p.tries)
	failed := map[int64]Reason{}
	for _, a := range p.answers {
		if time.Since(a.received) > answerWithin {
			failed[a.badge] = TooOld
			continue
		}
		if err := x.send(ctx, a); err != nil {
			x.log.WarnContext(ctx, "door not answered", "device_id", a.door, "event_id", a.event, "err", err)
			failed[a.badge] = DoorOffline
		}
	}
	if len(failed) == 0 {
		return
	}
	if err := x.markUnanswered(ctx, failed); err != nil {
		x.log.ErrorContext(ctx, "note unanswered badges", "err", err)
	}
}

// Undone forgets what the last Handle prepared; its transaction was rolled back.
func (x *Access) Undone() { x.pending = pending{} }

func (x *Access) send(ctx context.Context, a answer) error {
	typ, args := "deny", map[string]any{"ref": a.event, "reason": a.verdict.Reason}
	if a.verdict.Granted {
		typ, args = "unlock", map[string]any{"ref": a.event, "for_s": unlockSeconds}
	}
	_, err := x.cmd.Command(ctx, a.door, typ, args, answerWithin, "badge:"+a.door+":"+a.event, "hub", a.event)
	return err
}

func (v Verdict) decision() string {
	if v.Granted {
		return Granted
	}
	return Denied
}
