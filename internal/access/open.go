package access

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"dongyue/internal/web"
)

// unlockSeconds is how long a door stays unlocked after a grant; old people and
// prams get through in that time.
const unlockSeconds = 5

// openTTL is how long an opening from desk or phone may be on its way.
const openTTL = 5 * time.Second

// maxNote bounds the operator's reason, in bytes.
const maxNote = 500

// Opening is an order to open a door.
type Opening struct {
	Command   string    // id
	Door      Door      //
	Ref       string    // in the badge log
	ExpiresAt time.Time // it has no effect after
}

// Unlock opens a door from the desk. The reason goes into the audit and the
// badge log before the door is told. key makes a repeat harmless; empty: each
// call is its own.
func (x *Access) Unlock(ctx context.Context, who web.Principal, door, reason, key string) (Opening, error) {
	if reason = strings.TrimSpace(reason); reason == "" || len(reason) > maxNote {
		return Opening{}, fmt.Errorf("%w: say in 1 to %d bytes why the door is opened", ErrInvalid, maxNote)
	}
	d, ok := x.doors.Door(door)
	if !ok {
		return Opening{}, fmt.Errorf("%w: door %s", ErrNotFound, door)
	}
	if !who.Covers(d.Zone) {
		if err := x.audit.Audit(ctx, nil, who.ID, "doors.unlock_refused", door, map[string]any{"reason": reason, "zones": who.Zones}); err != nil {
			return Opening{}, err
		}
		return Opening{}, ErrNotYourZone
	}
	return x.open(ctx, d, Badge{
		Event: reference(ByDesk, who, door, key), By: ByDesk, Actor: who.ID, Note: reason,
	}, "doors.unlock", nil)
}

// OpenHome opens a door from a resident's phone; proven says that the phone has
// proved itself for this opening.
func (x *Access) OpenHome(ctx context.Context, who web.Principal, door, key string, proven bool) (Opening, error) {
	if !x.pace.ok(who.Person) {
		return Opening{}, ErrTooOften
	}
	d, known := x.doors.Door(door)
	if !known {
		return Opening{}, x.refuseHome(ctx, who, door, DeviceUntrusted)
	}
	b := Badge{By: ByApp, Type: "mobile", Actor: who.ID, Person: who.Person, Event: reference(ByApp, who, door, key)}
	ask := Ask{Door: &d, Type: "mobile", At: time.Now().In(x.loc), Rung: x.rungOf(door), Proven: proven}
	if ask.Rung != Controlled {
		b.Rung = ask.Rung.String()
	}
	x.mu.RLock()
	ask.Policy, ask.Days = x.site.doors[door], x.site.calendar.days(ask.At)
	if p := x.ix.people[who.Person]; p != nil {
		ask.Person, b.PersonName, b.Unit = p, p.Name, p.Unit
	}
	x.mu.RUnlock()
	if ask.Person == nil {
		return Opening{}, x.refuseHome(ctx, who, door, Inactive)
	}
	o, err := x.open(ctx, d, b, "home.open", func(ctx context.Context, tx *sql.Tx, b *Badge) error { return x.decideHome(ctx, tx, ask, b) })
	if r, ok := errors.AsType[*RefusedError](err); ok {
		return Opening{}, x.refuseHome(ctx, who, door, r.Reason)
	}
	return o, err
}

// decideHome judges an opening from a phone within the transaction that writes it,
// so that nothing that is counted is counted past.
func (x *Access) decideHome(ctx context.Context, tx *sql.Tx, ask Ask, b *Badge) error {
	was, err := x.recall(ctx, tx, &ask)
	if err != nil {
		return err
	}
	x.mu.RLock()
	v, is := Decide(ask, was)
	x.mu.RUnlock()
	b.Flag = v.Alert
	if err := x.keep(ctx, tx, &ask, was, is); err != nil {
		return err
	}
	if !v.Granted {
		return &RefusedError{v.Reason}
	}
	return nil
}

// refuseHome writes down that somebody tried. A door that is not the resident's
// and one that does not exist give the same error, so nobody learns which doors
// there are; what a rule of the own door refused is told.
func (x *Access) refuseHome(ctx context.Context, who web.Principal, door string, r Reason) error {
	if err := x.audit.Audit(ctx, nil, who.ID, "home.open_refused", door, map[string]any{"person": who.Person, "reason": r}); err != nil {
		return err
	}
	switch r {
	case OutsideSchedule, LockedDown, PhoneUnproven, Interlocked, FirstPerson, EscortMissing, Passback, TwoPerson, ConsentMissing:
		return &RefusedError{r}
	default:
		return ErrNotYours
	}
}

// reference names an opening in the badge log and towards the door. With the
// client's key it is the same for a repeat, and never the same for another
// account or door; it tells nothing about either.
func reference(by string, who web.Principal, door, key string) string {
	if key == "" {
		return newID(by + "-")
	}
	sum := sha256.Sum256([]byte(who.ID + "\x00" + door + "\x00" + key))
	return by + "-" + hex.EncodeToString(sum[:12])
}

// open writes what is about to happen, then orders it. may decides, when it is
// not decided yet; a refusal may have an effect, too, which is kept.
func (x *Access) open(ctx context.Context, d Door, b Badge, action string, may func(context.Context, *sql.Tx, *Badge) error) (Opening, error) {
	b.At = now()
	b.ReceivedAt, b.Door, b.DoorName, b.Zone, b.Side, b.Decision = b.At, d.ID, d.Name, d.Zone, "in", Granted
	var refused *RefusedError
	ttl := openTTL
	err := x.db.Tx(ctx, func(tx *sql.Tx) error {
		if again, err := wasOpened(ctx, tx, &b); err != nil || again {
			ttl = max(time.Until(b.At.Add(openTTL)), time.Nanosecond)
			return err
		}
		if may != nil {
			if err := may(ctx, tx, &b); errors.As(err, &refused) {
				return nil
			} else if err != nil {
				return err
			}
		}
		if !d.Online { // said only to those who may open it
			return fmt.Errorf("%w: %s", ErrDoorOffline, d.ID)
		}
		fresh, err := x.logBadge(ctx, tx, &b)
		if err != nil || !fresh {
			return err
		}
		return x.audit.Audit(ctx, tx, b.Actor, action, d.ID, map[string]any{"reason": b.Note, "ref": b.Event, "person": b.Person})
	})
	if err == nil && refused != nil {
		err = refused
	}
	if err != nil {
		return Opening{}, err
	}
	o := Opening{Door: d, Ref: b.Event, ExpiresAt: b.At.Add(openTTL)}
	// No ref in the arguments: to a door that would be the answer to a badge.
	o.Command, err = x.cmd.Command(ctx, d.ID, "unlock", map[string]any{"for_s": unlockSeconds}, ttl, b.Event, b.Actor, b.Event)
	if err != nil && b.ID != 0 {
		if err := x.markUnanswered(context.WithoutCancel(ctx), map[int64]Reason{b.ID: DoorOffline}); err != nil {
			x.log.ErrorContext(ctx, "note failed opening", "device_id", d.ID, "err", err)
		}
	}
	if err != nil {
		return Opening{}, fmt.Errorf("open %s: %w", d.ID, err)
	}
	return o, x.feed.Committed(ctx)
}

// wasOpened reports whether this opening was here before: a repeat counts nothing a second
// time. Nor is it decided a second time, so it is of the time when it was: a door that did
// not hear of it then does not open by it now.
func wasOpened(ctx context.Context, tx *sql.Tx, b *Badge) (bool, error) {
	var at int64
	var decision string
	err := tx.QueryRowContext(ctx, "SELECT received_at, decision FROM access_badges WHERE door = ? AND event = ?", b.Door, b.Event).Scan(&at, &decision)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("open %s: %w", b.Door, err)
	case decision == Unanswered:
		return false, fmt.Errorf("%w: %s", ErrDoorOffline, b.Door)
	}
	b.At = time.UnixMilli(at).UTC()
	return true, nil
}

// Home is what a resident's first page is made of.
type Home struct {
	Name, Unit, Flat string
	Doors            []HomeDoor
}

// HomeDoor is a door that is a resident's own.
type HomeDoor struct {
	Door
	Closed Reason // why it does not open now: the hour, or a lockdown
	Proof  bool   // the phone must prove itself
	Floor  *int   // the lift behind it goes to this one, the person's own; nil: none does
}

// HomeOf gathers a resident's home; ok is false for one who does not live here.
func (x *Access) HomeOf(person string) (h Home, ok bool) {
	x.mu.RLock()
	p := x.ix.people[person]
	if p != nil {
		h.Name, h.Unit, h.Flat, ok = p.Name, p.Unit, p.Household, p.Left == 0
	}
	x.mu.RUnlock()
	own := x.doorsOf(person, gradeHours)
	floors := make([]*int, len(own))
	for i := range own {
		if floor, ok := x.floorFor(own[i].ID, p); ok {
			floors[i] = &floor
		}
	}
	at := time.Now().In(x.loc)
	x.mu.RLock()
	defer x.mu.RUnlock()
	for i := range own {
		d := HomeDoor{Door: own[i], Floor: floors[i]}
		ask := Ask{Door: &d.Door, Policy: x.site.doors[d.ID], Rung: x.rungOf(d.ID), At: at, Days: x.site.calendar.days(at)}
		d.Closed = DecidePerson(x.ix.people[person], ask).Reason
		d.Proof = ask.Policy != nil && ask.Policy.PhoneProof
		h.Doors = append(h.Doors, d)
	}
	return h, ok
}

// HomeDoors lists the doors that a person may open now, by name.
func (x *Access) HomeDoors(person string) (name, unit string, doors []Door, ok bool) {
	x.mu.RLock()
	if p := x.ix.people[person]; p != nil {
		name, unit, ok = p.Name, p.Unit, p.Left == 0
	}
	x.mu.RUnlock()
	return name, unit, x.doorsOf(person, gradeGranted), ok
}

// doorsOf lists the doors, by name, to which a person has a right that is at
// least so near to a grant now.
func (x *Access) doorsOf(person string, least grade) (doors []Door) {
	x.mu.RLock()
	ids, zones := map[string]bool{}, map[string]bool{}
	if p := x.ix.people[person]; p != nil {
		x.named(p, ids, zones)
	}
	x.mu.RUnlock()
	found := map[string]Door{}
	for id := range ids {
		if d, ok := x.doors.Door(id); ok {
			found[id] = d
		}
	}
	for z := range zones {
		for _, d := range x.doors.DoorsIn(z) {
			found[d.ID] = d
		}
	}
	at := time.Now().In(x.loc)
	x.mu.RLock()
	defer x.mu.RUnlock()
	p := x.ix.people[person]
	for _, d := range found {
		ask := Ask{Door: &d, Policy: x.site.doors[d.ID], Rung: x.rungOf(d.ID), At: at, Days: x.site.calendar.days(at)}
		if p != nil && ask.alive(p) == None && ask.find(p).best >= least {
			doors = append(doors, d)
		}
	}
	sort.Slice(doors, func(a, b int) bool { return doors[a].Name+doors[a].ID < doors[b].Name+doors[b].ID })
	return doors
}

// named collects the doors and zones that a person's rights name. x.mu is held.
func (x *Access) named(p *Person, doors, zones map[string]bool) {
	for _, h := range append([]*Holder{p.Own}, p.Groups...) {
		for d := range h.Doors {
			doors[d] = true
		}
		for z := range h.Zones {
			zones[z] = true
		}
		for g := range h.Groups {
			for d, pol := range x.site.doors {
				if slices.Contains(pol.Groups, g) {
					doors[d] = true
				}
			}
		}
	}
}

// pace limits how often one resident opens doors: ten at once, then one each six
// seconds. A phone that repeats itself does not need more.
type pace struct {
	mu  *sync.Mutex
	per map[string]*rate.Limiter
}

// mostPaced bounds who is remembered: there are fewer residents, but addresses of
// visitors come from all over the world.
const mostPaced = 50_000

func newPace() pace { return pace{&sync.Mutex{}, map[string]*rate.Limiter{}} }

func (p pace) ok(person string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.per[person]
	if l == nil {
		if len(p.per) >= mostPaced { // those who come are slowed anew, which is better than no memory
			clear(p.per)
		}
		l = rate.NewLimiter(rate.Every(6*time.Second), 10)
		p.per[person] = l
	}
	return l.Allow()
}
