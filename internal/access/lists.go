package access

import (
	"context"
	"crypto/ed25519"
	"sync"
	"time"

	"dongyue/internal/doorlist"
)

// ListSender carries a message of a list to a door, to whoever is connected at this
// moment: what does not arrive is sent again.
type ListSender interface {
	SendList(door string, message []byte) error
	// Backlog is how much waits for the door's connection to take it (bytes).
	Backlog(door string) int
}

// OfflineFor is how long, by kind of people, a door opens without a fresh list. A
// visitor's own end comes before. None is longer than remember: what a door did alone
// must still be judged.
type OfflineFor struct{ Resident, Staff, Courier time.Duration }

func (o OfflineFor) complete() OfflineFor {
	or := func(d, def time.Duration) time.Duration {
		if d <= 0 {
			return def
		}
		return min(d, remember)
	}
	return OfflineFor{or(o.Resident, remember), or(o.Staff, 7*24*time.Hour), or(o.Courier, 24*time.Hour)}
}

// classes are the classes of a list; classOf is the place of a person in them.
func (o OfflineFor) classes() []doorlist.Class {
	s := func(d time.Duration) int64 { return int64(d / time.Second) }
	return []doorlist.Class{
		{Name: string(Resident), ForS: s(o.Resident)}, {Name: string(Staff), ForS: s(o.Staff)}, {Name: string(Courier), ForS: s(o.Courier)},
		{Name: string(Visitor), ForS: s(remember)}, {Name: leavingClass, ForS: s(remember), Leave: true},
	}
}

// leavingClass is of passes that end when the visitor goes out.
const leavingClass = "visitor_once"

func classOf(p *Person) uint8 {
	switch p.Kind {
	case Staff:
		return 1
	case Courier:
		return 2
	case Visitor:
		if p.Leave {
			return 4
		}
		return 3
	case Resident, Child:
	}
	return 0
}

// How lists are kept fresh.
const (
	renewAfter  = 12 * time.Hour  // a door that is away for long has at most that much less
	firstRetry  = 2 * time.Second // of a list that a door has not confirmed
	lastRetry   = time.Minute     //
	listTick    = time.Second     // rungs, and who is connected, are looked at
	mostChanges = 4096            // keys that a door's log of changes holds
	daysBehind  = 48 * time.Hour  // of the calendar, in a head
	daysAhead   = remember + 48*time.Hour
)

// lists keeps what each door goes by while it is alone. One goroutine works; the
// others only say what has changed.
type lists struct {
	send    ListSender
	classes []doorlist.Class

	due      sync.Mutex // over what is due
	all      bool
	people   map[string]struct{}
	reports  map[string]doorReport
	refusals map[string]doorRefusal
	wake     chan struct{}

	mu      sync.Mutex // over what follows
	doors   map[string]*doorRights
	keys    map[string][]offlineKey // by person: what stands in the lists of it
	took    time.Duration           // for the last building of all
	refused uint64
}

func (l *lists) begin(o Options) {
	l.send, l.classes = o.Lists, o.OfflineFor.complete().classes()
	l.people, l.reports, l.refusals, l.wake = map[string]struct{}{}, map[string]doorReport{}, map[string]doorRefusal{}, make(chan struct{}, 1)
	l.doors, l.keys = map[string]*doorRights{}, map[string][]offlineKey{}
}

func (l *lists) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// touch says that something about a person has changed.
func (l *lists) touch(person string) {
	l.due.Lock()
	l.people[person] = struct{}{}
	l.due.Unlock()
	l.poke()
}

// touchAll says that something has changed for everybody.
func (l *lists) touchAll() {
	l.due.Lock()
	l.all = true
	l.due.Unlock()
	l.poke()
}

// doorRights is the list of one door, and what the door has of it.
type doorRights struct {
	door    Door
	salt    doorlist.Salt
	tree    *doorlist.Tree
	sets    map[doorlist.SetID]*setUse
	version uint64
	root    string
	facts   doorlist.Hash
	issued  time.Time
	head    []byte // signed
	sig     []byte

	changes []change // newest last
	floor   uint64   // differences from this version on can be made

	have       int64 // -1: never spoke of lists
	haveRoot   string
	haveIssued time.Time
	oldSince   time.Time
	fault      string
	faultAt    time.Time

	online  bool
	told    uint64    // version sent last
	sent    time.Time // its last message
	waiting bool      // for the door's word on it
	next    time.Time
	wait    time.Duration
	whole   bool     // send no difference
	rest    [][]byte // messages of told that are still to be sent
}

// setUse is a set of rights, and how many entries name it.
type setUse struct {
	rights []doorlist.Right
	n      int
}

// change is one version: what was put or dropped by it.
type change struct {
	version uint64
	root    string // before
	issued  time.Time
	keys    []doorlist.Key
}

// current reports whether the door has what the hub has.
func (d *doorRights) current() bool {
	return d.have >= 0 && uint64(d.have) == d.version && d.haveRoot == d.root
}

// ListKey is the public key that signs the lists; controllers get it when they are
// installed.
func (x *Access) ListKey() ed25519.PublicKey { return x.signer.Public().(ed25519.PublicKey) } //nolint:forcetypeassert // by its documentation

// keepLists builds, signs and sends lists until ctx ends.
func (x *Access) keepLists(ctx context.Context) {
	if x.lists.send == nil {
		return
	}
	if err := x.loadLists(ctx); err != nil {
		x.log.ErrorContext(ctx, "doors' lists not read; they are made anew", "err", err)
	}
	tick := time.NewTicker(listTick)
	defer tick.Stop()
	flow := time.NewTicker(flowTick)
	defer flow.Stop()
	for {
		if err := x.turnLists(ctx, now()); err != nil && ctx.Err() == nil {
			x.log.ErrorContext(ctx, "doors' lists", "err", err)
			x.lists.touchAll()
		}
		for again := false; !again; {
			select {
			case <-ctx.Done():
				return
			case <-x.lists.wake:
				again = true
			case <-tick.C:
				again = true
			case <-flow.C:
				x.flowOn(ctx, now())
			}
		}
	}
}

// turnLists does what is due: what changed, what doors said, what is to be sent.
func (x *Access) turnLists(ctx context.Context, t time.Time) error {
	l := &x.lists
	l.due.Lock()
	all, people, reports, refusals := l.all, l.people, l.reports, l.refusals
	l.all, l.people, l.reports, l.refusals = false, map[string]struct{}{}, map[string]doorReport{}, map[string]doorRefusal{}
	l.due.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	ds := x.doors.DoorsIn("")
	all = l.meet(ds) || all
	var fresh []*published
	var err error
	if all {
		fresh, err = x.buildAll(ctx, t)
	} else if len(people) > 0 {
		fresh, err = x.buildPeople(ctx, people)
	}
	if err != nil {
		return err
	}
	fresh = x.renew(fresh, t)
	if err := x.publish(ctx, fresh, t); err != nil {
		return err
	}
	if err := x.noteReports(ctx, reports, refusals, t); err != nil {
		return err
	}
	x.sendLists(ctx, t)
	return nil
}

// meet takes the doors as they are now; true when one is new or was moved.
func (l *lists) meet(ds []Door) (news bool) {
	there := make(map[string]bool, len(ds))
	for _, d := range ds {
		there[d.ID] = true
		r := l.doors[d.ID]
		if r == nil {
			r = &doorRights{have: -1}
			l.doors[d.ID] = r
		}
		if r.tree == nil || r.door.Zone != d.Zone {
			news = true
		}
		if d.Online != r.online { // whatever was under way is lost
			r.told, r.next, r.wait, r.waiting, r.rest = 0, time.Time{}, 0, false, nil
		}
		r.door, r.online = d, d.Online
	}
	for id := range l.doors {
		if !there[id] {
			delete(l.doors, id)
		}
	}
	return news
}
