package access

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"dongyue/internal/doorlist"
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
	case "card", "pin", "qr", "mobile", "plate":
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
	changed []string // people whose passes ended
	counted []string // people whose credentials were used up a little
	reports []said   // by doors, of their lists
}

// answer goes back to a door.
type answer struct {
	badge    int64 // row of the log
	door     string
	event    string
	verdict  Verdict
	pin      bool
	received time.Time
	floor    *int // to which the lift is called; nil: it is not
}

// Handle takes committed events, inside the follower's transaction: it writes
// the badge log and prepares the answers, which Committed sends. An event that
// was here before has no second effect.
func (x *Access) Handle(ctx context.Context, tx *sql.Tx, evs []event.Event) error {
	x.pending = pending{}
	for i := range evs {
		ev := &evs[i]
		if ev.Kind != event.Door {
			continue
		}
		x.lags.see(ev)
		x.pending.hear(ev)
		if ev.Channel == event.State && !ev.Late {
			if err := x.leaf(ctx, tx, ev); err != nil {
				return err
			}
		}
		if ev.Channel != event.Happening {
			continue
		}
		if ev.Type == "opened" || ev.Type == "closed" {
			at := ev.ReceivedAt
			if ev.Late { // the door's own time is all there is
				at = ev.At
			}
			if err := x.contact(ctx, tx, ev.Device, ev.Type == "opened", at); err != nil {
				return err
			}
		}
		if ev.Type != "badge" {
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
	ask := b.Decision == "ask"
	j, err := x.judge(ctx, tx, ev, b, &row)
	if err != nil {
		return err
	}
	verdict := j.verdict
	replayed := ask && ev.Reused && !ev.Late
	switch {
	case replayed: // recorded on the line: whoever is at the door shows something anew
		row.By, row.Decision, row.Reason = ByHub, Unanswered, CredentialReplay
	case ask && tooOld(ev, time.Now(), x.lags.of(ev.Device, ev.ReceivedAt)):
		row.By, row.Decision, row.Reason = ByHub, Unanswered, TooOld
	case ask:
		row.By, row.Decision, row.Reason, row.Flag = ByHub, verdict.decision(), verdict.Reason, verdict.Alert
	case b.Decision == Granted:
		row.Reason = None
		row.Flag = verdict.Reason // the door let in whom the hub would have refused
	}
	fresh, err := x.logBadge(ctx, tx, &row)
	if err != nil || !fresh {
		return err
	}
	if replayed {
		x.log.WarnContext(ctx, "badge under a number that was there before, not answered", "device_id", ev.Device, "event_id", ev.ID, "boot", ev.Boot, "boot_seq", ev.BootSeq)
		return x.report(ctx, tx, fmt.Sprintf("replayed:%s:%d", ev.ID, ev.ReceivedAt.Unix()/3600), ev.Device, "badge_replayed",
			map[string]any{"by": "hub", "event": ev.ID, "at": ev.At.UTC(), "age_s": int(ev.ReceivedAt.Sub(ev.At).Seconds())})
	}
	if verdict.Duress { // the answer and the log are those of any badge
		if err := x.report(ctx, tx, "duress:"+ev.Device+":"+ev.ID, ev.Device, "duress", map[string]any{"badge": row.ID}); err != nil {
			return err
		}
	}
	if b.Side == "out" {
		if err := exitSeen(ctx, tx, ev.Device); err != nil {
			return err
		}
	}
	if !ask {
		return x.afterTheFact(ctx, tx, ev, b, &row, j)
	}
	if row.Decision != Unanswered {
		if err := x.settle(ctx, tx, ev, b, j); err != nil {
			return err
		}
		a := answer{badge: row.ID, door: ev.Device, event: ev.ID, verdict: verdict, pin: b.Credential.Type == "pin", received: ev.ReceivedAt}
		if floor, ok := x.floorFor(ev.Device, j.ask.who()); ok && verdict.Granted && !j.ask.Out {
			a.floor = &floor
		}
		x.pending.answers = append(x.pending.answers, a)
	}
	return nil
}

// judged is a decision with what it was made of.
type judged struct {
	ask     Ask
	was, is State
	verdict Verdict
	scopes  []string // of a PIN: where wrong ones count
}

// settle keeps what an answered ask has changed.
func (x *Access) settle(ctx context.Context, tx *sql.Tx, ev *event.Event, b badgeData, j judged) error {
	if b.Credential.Type == "pin" {
		if err := x.countTry(ctx, tx, ev, j.scopes, j.verdict); err != nil {
			return err
		}
	}
	if err := x.learn(ctx, tx, j.ask.Credential, normal(b.Credential.Type, b.Credential.Value)); err != nil {
		return err
	}
	if err := x.settleState(ctx, tx, &j.ask, j.was, j.is); err != nil {
		return err
	}
	if j.verdict.Reason == ConfirmNeeded {
		return x.askHost(ctx, tx, ev, &j.ask)
	}
	if !j.verdict.Granted {
		return nil
	}
	return x.passed(ctx, tx, &j.ask)
}

// judge decides, and fills in who it was. What a door did alone is judged by the
// rights of that time, without the rules that need to know what was before.
func (x *Access) judge(ctx context.Context, tx *sql.Tx, ev *event.Event, b badgeData, row *Badge) (j judged, err error) {
	value := normal(b.Credential.Type, b.Credential.Value)
	row.Last4 = last4(b.Credential.Type, value)
	asked := b.Decision == "ask"
	j.ask = Ask{Type: b.Credential.Type, Out: b.Side == "out", At: ev.At.In(x.loc), ClockOff: ev.At.Sub(ev.ReceivedAt) > clockTolerance}
	if asked { // now is now, whatever the door thinks
		j.ask.At = ev.ReceivedAt.In(x.loc)
	}
	d, known := x.doors.Door(ev.Device)
	if known {
		j.ask.Door = &d
		row.DoorName, row.Zone = d.Name, d.Zone
	}
	if asked && b.Credential.Type == "pin" { // only who asks can be locked
		j.scopes = tryScopes(ev.Device, row.Zone, value)
		if j.ask.Locked, err = locked(ctx, tx, j.scopes, ev.ReceivedAt); err != nil {
			return j, err
		}
	}
	c := x.identify(&j.ask, value, row)
	if asked && c != nil && j.ask.Fault == None {
		fresh, err := takeCode(ctx, tx, *c, ev.ReceivedAt)
		if err != nil {
			return j, err
		}
		if !fresh {
			j.ask.Fault = CredentialReplay
		}
	}
	if asked {
		if j.was, err = x.recall(ctx, tx, &j.ask); err != nil {
			return j, err
		}
		if j.ask.Rung = x.rungOf(ev.Device); j.ask.Rung != Controlled {
			row.Rung = j.ask.Rung.String()
		}
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	if asked {
		j.verdict, j.is = Decide(j.ask, j.was)
	} else {
		j.verdict = x.judgeAlone(j.ask)
	}
	return j, nil
}

// judgeAlone judges what a door decided without the hub.
func (x *Access) judgeAlone(a Ask) Verdict {
	if a.Policy != nil {
		a.Policy = &Policy{Groups: a.Policy.Groups, RefuseUID: a.Policy.RefuseUID}
	}
	if c := a.Credential; c != nil && c.MaxUses > 0 { // how often, the hub will count when it knows
		limitless := *c
		limitless.MaxUses = 0
		a.Credential = &limitless
	}
	a.Out = false // somebody who had no right to be in is worth a flag
	v, _ := Decide(a, State{Escort: a.At.UnixMilli()})
	return v
}

// identify finds whose credential it is, and what policy and calendar say of the
// ask. The code is returned when one was read.
func (x *Access) identify(a *Ask, value string, row *Badge) (shown *doorlist.Code) {
	var door string
	if a.Door != nil {
		door = a.Door.ID
	}
	m := x.mac(a.Type, value)
	x.mu.RLock()
	defer x.mu.RUnlock()
	a.Policy, a.Days = x.site.doors[door], x.site.calendar.days(a.At)
	switch {
	case a.Type == "pin" && a.Locked: // opens nothing, whosever it is; but help must come
		c := x.findPIN(value)
		a.Help = c != nil && c.Duress && !reached(c.Revoked, a.At.UnixMilli())
	case a.Type == "pin":
		a.Credential = x.findPIN(value)
	case a.Type == "plate":
		x.readPlate(a, value)
	case a.Type == "qr" && doorlist.IsCode(value):
		var c doorlist.Code
		if c, a.Credential, a.Fault = x.checkCode(value, door, a.At); a.Credential != nil {
			shown = &c
		}
	default:
		a.Credential = x.ix.credentials[m]
	}
	if c := a.Credential; c != nil {
		row.Credential, row.Person, row.PersonName, row.Unit = c.ID, c.Person.ID, c.Person.Name, c.Person.Unit
	}
	return shown
}

func (x *Access) rungOf(door string) Rung {
	if x.rungs == nil {
		return Controlled
	}
	return x.rungs.Rung(door)
}

// tooOld reports whether nobody stands at the door any more: the event waited,
// on its way or in the hub. behind is how far the door's clock is.
func tooOld(ev *event.Event, n time.Time, behind time.Duration) bool {
	return ev.Late || n.Sub(ev.ReceivedAt) > answerWithin || n.Sub(ev.At.Add(behind)) > answerWithin
}

// Committed sends the answers of the last Handle, after its transaction was
// committed. An answer that can't be sent in time is noted as not answered: the
// door then has decided by itself.
func (x *Access) Committed(ctx context.Context) {
	p := x.pending
	x.pending = pending{}
	x.tell()
	x.lists.heard(p.reports)
	for _, id := range p.counted {
		x.lists.touch(id)
	}
	for _, id := range p.changed {
		if err := x.changed(ctx, func(*sql.Tx) error { return nil }, func(ctx context.Context) error { return x.refreshPerson(ctx, id) }); err != nil {
			x.log.ErrorContext(ctx, "end pass of who left", "err", err)
		}
	}
	failed := map[int64]Reason{}
	for _, a := range p.answers {
		if time.Since(a.received) > answerWithin {
			failed[a.badge] = TooOld
			continue
		}
		if err := x.send(ctx, a); err != nil {
			x.log.WarnContext(ctx, "door not answered", "device_id", a.door, "event_id", a.event, "err", err)
			failed[a.badge] = DoorOffline
			continue
		}
		if a.floor != nil {
			x.callAfter(ctx, &a)
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
	typ, args := "deny", map[string]any{"ref": a.event, "reason": a.told()}
	if a.verdict.Granted {
		typ, args = "unlock", map[string]any{"ref": a.event, "for_s": unlockSeconds}
	}
	_, err := x.cmd.Command(ctx, a.door, typ, args, answerWithin, "badge:"+a.door+":"+a.event, "hub", a.event)
	return err
}

// told is the reason that the door shows. Of a PIN it does not say that it opens elsewhere
// or did once: the log does.
func (a *answer) told() Reason {
	if a.pin && a.verdict.Reason.strange() {
		return PINWrong
	}
	return a.verdict.Reason
}

func (v Verdict) decision() string {
	if v.Granted {
		return Granted
	}
	return Denied
}
