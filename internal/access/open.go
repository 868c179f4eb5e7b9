package access

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
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
	return x.open(ctx, d, Badge{
		Event: reference(ByDesk, who, door, key), By: ByDesk, Actor: who.ID, Note: reason,
	}, "doors.unlock")
}

// OpenHome opens a door from a resident's phone. A door that is not the
// resident's and one that does not exist give the same error, so nobody learns
// which doors there are.
func (x *Access) OpenHome(ctx context.Context, who web.Principal, door, key string) (Opening, error) {
	if !x.pace.ok(who.Person) {
		return Opening{}, ErrTooOften
	}
	d, known := x.doors.Door(door)
	b := Badge{By: ByApp, Type: "mobile", Actor: who.ID, Person: who.Person}
	verdict := Verdict{Reason: DeviceUntrusted}
	if known {
		x.mu.RLock()
		if p := x.ix.people[who.Person]; p != nil {
			verdict = DecidePerson(p, &d, time.Now().In(x.loc))
			b.PersonName, b.Unit = p.Name, p.Unit
		}
		x.mu.RUnlock()
	}
	if !verdict.Granted {
		if err := x.audit.Audit(ctx, nil, who.ID, "home.open_refused", door, map[string]any{"person": who.Person, "reason": verdict.Reason}); err != nil {
			return Opening{}, err
		}
		return Opening{}, ErrNotYours
	}
	b.Event = reference(ByApp, who, door, key)
	return x.open(ctx, d, b, "home.open")
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

// open writes what is about to happen, then orders it.
func (x *Access) open(ctx context.Context, d Door, b Badge, action string) (Opening, error) {
	if !d.Online {
		return Opening{}, fmt.Errorf("%w: %s", ErrDoorOffline, d.ID)
	}
	b.At = now()
	b.ReceivedAt, b.Door, b.DoorName, b.Zone, b.Side, b.Decision = b.At, d.ID, d.Name, d.Zone, "in", Granted
	err := x.db.Tx(ctx, func(tx *sql.Tx) error {
		fresh, err := x.logBadge(ctx, tx, &b)
		if err != nil || !fresh {
			return err
		}
		return x.audit.Audit(ctx, tx, b.Actor, action, d.ID, map[string]any{"reason": b.Note, "ref": b.Event, "person": b.Person})
	})
	if err != nil {
		return Opening{}, err
	}
	o := Opening{Door: d, Ref: b.Event, ExpiresAt: b.At.Add(openTTL)}
	// No ref in the arguments: to a door that would be the answer to a badge.
	o.Command, err = x.cmd.Command(ctx, d.ID, "unlock", map[string]any{"for_s": unlockSeconds}, openTTL, b.Event, b.Actor, b.Event)
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

// HomeDoors lists the doors that a person may open now, by name.
func (x *Access) HomeDoors(person string) (name, unit string, doors []Door, ok bool) {
	x.mu.RLock()
	p := x.ix.people[person]
	ids, zones := map[string]bool{}, map[string]bool{}
	if p != nil {
		name, unit, ok = p.Name, p.Unit, p.Left == 0
		for _, h := range append([]*Holder{p.Own}, p.Groups...) {
			for d := range h.Doors {
				ids[d] = true
			}
			for z := range h.Zones {
				zones[z] = true
			}
		}
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
	for _, d := range found {
		if DecidePerson(x.ix.people[person], &d, at).Granted {
			doors = append(doors, d)
		}
	}
	sort.Slice(doors, func(a, b int) bool { return doors[a].Name+doors[a].ID < doors[b].Name+doors[b].ID })
	return name, unit, doors, ok
}

// pace limits how often one resident opens doors: ten at once, then one each six
// seconds. A phone that repeats itself does not need more.
type pace struct {
	mu  *sync.Mutex
	per map[string]*rate.Limiter
}

func newPace() pace { return pace{&sync.Mutex{}, map[string]*rate.Limiter{}} }

func (p pace) ok(person string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.per[person]
	if l == nil { // as many as there are accounts of residents
		l = rate.NewLimiter(rate.Every(6*time.Second), 10)
		p.per[person] = l
	}
	return l.Allow()
}
