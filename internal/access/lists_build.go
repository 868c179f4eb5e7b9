package access

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"dongyue/internal/doorlist"
)

// published is a door whose list has changed, with what changed in it.
type published struct {
	*doorRights
	keys []doorlist.Key
	gone []doorlist.Entry // dropped
	less []doorlist.Entry // as they were, where they open less now
	kept bool             // of before a restart: the entries are those that were signed
	lost bool             // the same, but they are others, and what was signed is not there to compare with
}

// useCount is how often a credential was used at a door.
type useCount struct{ credential, door string }

// builder makes entries. x.mu is held while it works.
type builder struct {
	x    *Access
	now  int64 // Unix ms
	asOf int64 // as things stood then, Unix ms; 0: as they are
	used map[useCount]int32
	ids  map[doorlist.Right]doorlist.SetID // of sets of one right, which are nearly all
	buf  []doorlist.Right                  // of rights, until the next call
}

// rightSet is what somebody may at a door. The validity of a single right goes into the
// entry, so that most entries share one set.
type rightSet struct {
	id       doorlist.SetID
	rights   []doorlist.Right
	from, to uint32
}

func (x *Access) newBuilder(ctx context.Context, t time.Time) (*builder, error) {
	b := &builder{x: x, now: t.UnixMilli(), used: map[useCount]int32{}, ids: map[doorlist.Right]doorlist.SetID{}}
	return b, x.each(ctx, "SELECT credential, door, used FROM access_uses", nil, func(rows *sql.Rows) error {
		var u useCount
		var n int32
		err := rows.Scan(&u.credential, &u.door, &n)
		b.used[u] = n
		return err
	})
}

// entry is a credential in the list of a door, without its key, with what its person
// may there; ok is false when it opens nothing that the door could judge alone.
func (b *builder) entry(c *Credential, d *Door, pol *Policy, s *rightSet) (e doorlist.Entry, ok bool) {
	switch {
	case len(s.rights) == 0 || !b.alone(c):
		return e, false
	case pol != nil && (pol.TwoPerson > 0 || len(pol.Interlock) > 0): // what needs more than this credential and this door
		return e, false
	case pol != nil && pol.RefuseUID && c.Type == "card" && c.Class != ClassCrypto:
		return e, false
	case pol != nil && pol.PhoneProof && c.Type == "mobile":
		return e, false
	}
	if c.MaxUses > 0 {
		left := c.MaxUses - b.used[useCount{c.ID, d.ID}]
		if left <= 0 {
			return e, false
		}
		e.Uses = uint8(min(left, 255)) //nolint:gosec // bounded here
	}
	e.Class, e.Set = classOf(c.Person), s.id
	e.From, e.To = max(secondsUp(c.From), s.from), earlier(seconds(c.To), s.to)
	if host := c.Person.Host; host != nil && !b.hosted(&e, host, d, pol) {
		return e, false
	}
	return e, true
}

// alone reports whether a door without the hub can judge a credential at all.
func (b *builder) alone(c *Credential) bool {
	p := c.Person
	switch {
	case c.offline.kind == notOffline || b.ended(c.Revoked) || reached(c.To, b.now):
		return false
	case p == nil || b.ended(p.Left) || p.Escort != "": // who went before is the hub's to know
		return false
	}
	return p.Kind != Child || p.Consent || reached(p.ChildUntil, b.now)
}

// ended reports whether something that ends once and for all has.
func (b *builder) ended(at int64) bool { return at != 0 && (b.asOf == 0 || at < b.asOf) }

// hosted limits a guest to what the host may.
func (b *builder) hosted(e *doorlist.Entry, host *Person, d *Door, pol *Policy) bool {
	var last uint32
	live, endless := false, false
	for _, r := range b.rights(host, d, pol) {
		if int64(r.From)*1000 > b.now {
			continue
		}
		live, endless, last = true, endless || r.To == 0, max(last, r.To)
	}
	if live && !endless {
		e.To = earlier(e.To, last)
	}
	return live && !b.ended(host.Left)
}

// rights are those of a person for a door, that hold or will, each once and in order.
// They are good until the next call.
func (b *builder) rights(p *Person, d *Door, pol *Policy) (out []doorlist.Right) {
	out = b.buf[:0]
	look := func(h *Holder) {
		if h == nil {
			return
		}
		if len(h.Doors) > 0 {
			out = b.add(out, h.Doors[d.ID])
		}
		if pol != nil {
			for _, g := range pol.Groups {
				out = b.add(out, h.Groups[g])
			}
		}
		for z := d.Zone; z != "" && len(h.Zones) > 0; {
			out = b.add(out, h.Zones[z])
			z = z[:max(strings.LastIndexByte(z, '/'), 0)]
		}
	}
	look(p.Own)
	for _, g := range p.Groups {
		look(g)
	}
	b.buf = out[:0]
	return inOrder(out)
}

// add appends the rights that hold or will, as they stand in a list.
func (b *builder) add(out []doorlist.Right, rs []Right) []doorlist.Right {
	for i := range rs {
		if r := &rs[i]; !b.ended(r.Ended) && !reached(r.To, b.now) {
			out = append(out, doorlist.Right{When: r.Schedule.String(), From: secondsUp(r.From), To: seconds(r.To), First: r.First, Lockdown: r.Lockdown})
		}
	}
	return out
}

// inOrder has each right once, so that the same rights are the same set.
func inOrder(rs []doorlist.Right) []doorlist.Right {
	if len(rs) > 1 {
		slices.SortFunc(rs, compareRights)
		rs = slices.Compact(rs)
	}
	return rs[:min(len(rs), doorlist.MaxRights)]
}

func compareRights(a, b doorlist.Right) int {
	flag := func(x bool) int {
		if x {
			return 1
		}
		return 0
	}
	for _, c := range []int{strings.Compare(a.When, b.When), int(a.From) - int(b.From), int(a.To) - int(b.To), flag(a.First) - flag(b.First)} {
		if c != 0 {
			return c
		}
	}
	return flag(a.Lockdown) - flag(b.Lockdown)
}

// set makes a set of rights that are in order; of a single one it takes the validity out.
// The rights are the caller's.
func (b *builder) set(rights []doorlist.Right) (s rightSet) {
	s.rights = rights
	if len(rights) != 1 {
		s.id = doorlist.IDOf(rights)
		return s
	}
	r := &rights[0]
	s.from, s.to, r.From, r.To = r.From, r.To, 0, 0
	id, ok := b.ids[*r]
	if !ok {
		id = doorlist.IDOf(rights)
		b.ids[*r] = id
	}
	s.id = id
	return s
}

// build makes the list of one door from nothing.
func (b *builder) build(d *Door, salt doorlist.Salt, r *entrants, may []entrant) (*doorlist.Tree, map[doorlist.SetID]*setUse) {
	pol := b.x.site.doors[d.ID]
	all := make([]doorlist.Entry, 0, len(may))
	named := make([]int, len(r.sets)) // how many entries name each set
	for _, m := range may {
		c := r.credentials[m.credential]
		e, ok := b.entry(c, d, pol, &r.sets[m.set])
		if !ok {
			continue
		}
		e.Key = c.offline.at(salt)
		named[m.set]++
		all = append(all, e)
	}
	sets := map[doorlist.SetID]*setUse{}
	for i, n := range named {
		if n > 0 {
			use(sets, r.sets[i].id, r.sets[i].rights, n)
		}
	}
	return doorlist.Build(all), sets
}

func use(sets map[doorlist.SetID]*setUse, id doorlist.SetID, rights []doorlist.Right, n int) {
	s := sets[id]
	if s == nil {
		s = &setUse{rights: slices.Clone(rights)}
		sets[id] = s
	}
	if s.n += n; s.n <= 0 {
		delete(sets, id)
	}
}

// buildAll makes the lists of all doors and compares them with those that are there.
// It uses all cores; the index is held for reading door by door.
func (x *Access) buildAll(ctx context.Context, t time.Time) ([]*published, error) {
	began := time.Now()
	l := &x.lists
	work := make(chan *doorRights)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var fresh []*published
	first, err := x.newBuilder(ctx, t)
	if err != nil {
		return nil, err
	}
	x.mu.RLock()
	may := first.reach(l.doors)
	x.mu.RUnlock()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			b := *first
			b.ids, b.buf = map[doorlist.Right]doorlist.SetID{}, nil // each its own
			for d := range work {
				if p := x.rebuild(&b, d, may); p != nil {
					mu.Lock()
					fresh = append(fresh, p)
					mu.Unlock()
				}
			}
		})
	}
	for _, d := range l.doors {
		work <- d
	}
	close(work)
	wg.Wait()
	if err := x.compareWithBefore(ctx, fresh); err != nil {
		return nil, err
	}
	x.mu.RLock()
	l.keys = make(map[string][]offlineKey, len(x.ix.people))
	for id := range x.ix.people {
		if k := x.ix.offlineKeys(id); len(k) > 0 {
			l.keys[id] = k
		}
	}
	x.mu.RUnlock()
	l.took = time.Since(began)
	return fresh, nil
}

// offlineKeys are those of a person's credentials that may stand in lists.
func (ix *index) offlineKeys(person string) (keys []offlineKey) {
	for _, m := range ix.macs[person] {
		if c := ix.credentials[m]; c != nil && c.Person.ID == person && c.Revoked == 0 && c.offline.kind != notOffline {
			keys = append(keys, c.offline)
		}
	}
	return keys
}

// rebuild puts a door's list made anew in place of the old one; nil when the entries
// are the same.
func (x *Access) rebuild(b *builder, d *doorRights, may *entrants) *published {
	salt := x.saltOf(d.door.ID)
	x.mu.RLock()
	tree, sets := b.build(&d.door, salt, may, may.doors[d.door.ID])
	x.mu.RUnlock()
	p := &published{doorRights: d}
	if d.tree == nil { // after a start: nothing to compare with but the hash
		root := tree.Root()
		p.kept = d.root != "" && d.root == hexHash(root)
		p.lost = d.root != "" && !p.kept
	} else {
		p.compare(d.tree, d.sets, tree, sets, b.now)
	}
	first := d.tree == nil
	d.salt, d.tree, d.sets = salt, tree, sets
	if !first && len(p.keys) == 0 {
		return nil
	}
	return p
}

// saltOf is that of a door, the same after a restart.
func (x *Access) saltOf(door string) doorlist.Salt {
	m := x.mac("door salt", door)
	return doorlist.Salt(m[:16])
}

// buildPeople brings the changes of some people, and of their guests, into the lists
// of the doors that they touch.
func (x *Access) buildPeople(ctx context.Context, people map[string]struct{}) ([]*published, error) {
	b, err := x.newBuilder(ctx, now())
	if err != nil {
		return nil, err
	}
	l := &x.lists
	touched := map[string]*published{}
	x.mu.RLock()
	defer x.mu.RUnlock()
	for id, p := range x.ix.people {
		if p.Host != nil {
			if _, ok := people[p.Host.ID]; ok {
				people[id] = struct{}{}
			}
		}
	}
	for id := range people { // first away, then in: a card may have gone from one to the other
		for _, d := range l.doors {
			b.person(d, id, l.keys[id], touched, false)
		}
	}
	for id := range people {
		for _, d := range l.doors {
			b.person(d, id, nil, touched, true)
		}
		if l.keys[id] = x.ix.offlineKeys(id); len(l.keys[id]) == 0 {
			delete(l.keys, id)
		}
	}
	fresh := make([]*published, 0, len(touched))
	for _, p := range touched {
		fresh = append(fresh, p)
	}
	return fresh, nil
}

// person takes out of the list of one door what a person no longer has of was, or puts
// in what it has.
func (b *builder) person(d *doorRights, id string, was []offlineKey, touched map[string]*published, put bool) {
	pol := b.x.site.doors[d.door.ID]
	p := touched[d.door.ID]
	note := func(k doorlist.Key) {
		if p == nil {
			p = &published{doorRights: d}
			touched[d.door.ID] = p
		}
		p.keys = append(p.keys, k)
	}
	stays := map[doorlist.Key]bool{}
	for _, m := range b.x.ix.macs[id] {
		c := b.x.ix.credentials[m]
		if c == nil || c.Person.ID != id {
			continue
		}
		s := b.set(slices.Clone(b.rights(c.Person, &d.door, pol))) // a host is looked up meanwhile
		e, ok := b.entry(c, &d.door, pol, &s)
		if !ok {
			continue
		}
		e.Key = c.offline.at(d.salt)
		if stays[e.Key] = true; !put {
			continue
		}
		old, had := d.tree.Get(e.Key)
		if had && old == e {
			continue
		}
		note(e.Key)
		if had {
			if narrower(old, e, rightsOf(d.sets, old.Set), s.rights, b.now) {
				p.less = append(p.less, old)
			}
			use(d.sets, old.Set, nil, -1)
		}
		use(d.sets, e.Set, s.rights, 1)
		d.tree.Set(e)
	}
	for i := range was {
		k := was[i].at(d.salt)
		if stays[k] {
			continue
		}
		if old, had := d.tree.Delete(k); had {
			use(d.sets, old.Set, nil, -1)
			note(k)
			p.gone = append(p.gone, old)
		}
	}
}

// seconds and secondsUp turn Unix ms into the seconds of a list, so that a right never
// gets longer.
func seconds(ms int64) uint32 { return uint32(max(ms, 0) / 1000) } //nolint:gosec // good until 2106

func secondsUp(ms int64) uint32 { return uint32((max(ms, 0) + 999) / 1000) } //nolint:gosec // good until 2106

// earlier is the end that comes first; 0 is none.
func earlier(a, b uint32) uint32 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func hexHash(h doorlist.Hash) string { return fmt.Sprintf("%x", h[:]) }
