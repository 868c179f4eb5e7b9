package access

import (
	"strings"

	"dongyue/internal/doorlist"
)

// entrants are, for each door, the credentials of those who have some right there, and
// what they may. Rights are looked up once for each person and not once for each person
// at each door: with 20,000 people at 275 doors that look-up was most of the work.
type entrants struct {
	credentials []*Credential
	sets        []rightSet // each once
	doors       map[string][]entrant
}

// entrant is a credential at a door, and its rights there: places in entrants.
type entrant struct{ credential, set int32 }

// reach finds the entrants of all doors. x.mu is held.
func (b *builder) reach(doors map[string]*doorRights) *entrants {
	r := newReacher(b, doors)
	people := map[*Person][]int32{}
	for _, c := range b.x.ix.credentials {
		if b.alone(c) {
			people[c.Person] = append(people[c.Person], int32(len(r.out.credentials))) //nolint:gosec // as many as memory holds
			r.out.credentials = append(r.out.credentials, c)
		}
	}
	for p, cs := range people {
		r.person(p, cs)
	}
	out := &entrants{credentials: r.out.credentials, sets: r.out.sets, doors: make(map[string][]entrant, len(doors))}
	for id, at := range r.doors {
		out.doors[id] = r.may[at]
	}
	return out
}

// reacher knows which doors a holder's rights name. Doors have numbers while it works.
type reacher struct {
	b             *builder
	out           entrants
	doors         map[string]int
	zones, groups map[string][]int
	may           [][]entrant

	here    [][]doorlist.Right // of the person that is looked at, by door
	touched []int              // doors where it has any
	single  map[doorlist.Right]int32
	several map[doorlist.SetID]int32
	last    doorlist.Right // whose place is lastAt: whole zones have the same
	lastAt  int32
}

func newReacher(b *builder, doors map[string]*doorRights) *reacher {
	n := len(doors)
	r := &reacher{
		b: b, doors: make(map[string]int, n), zones: map[string][]int{}, groups: map[string][]int{},
		may: make([][]entrant, n), here: make([][]doorlist.Right, n),
		single: map[doorlist.Right]int32{}, several: map[doorlist.SetID]int32{}, lastAt: -1,
	}
	for id, d := range doors {
		at := len(r.doors)
		r.doors[id] = at
		for z := d.door.Zone; z != ""; z = z[:max(strings.LastIndexByte(z, '/'), 0)] {
			r.zones[z] = append(r.zones[z], at)
		}
		if pol := b.x.site.doors[id]; pol != nil {
			for _, g := range pol.Groups {
				r.groups[g] = append(r.groups[g], at)
			}
		}
	}
	return r
}

// person enters a person's credentials at every door where it has a right.
func (r *reacher) person(p *Person, cs []int32) {
	r.holder(p.Own)
	for _, g := range p.Groups {
		r.holder(g)
	}
	for _, at := range r.touched {
		set := r.place(inOrder(r.here[at]))
		for _, c := range cs {
			r.may[at] = append(r.may[at], entrant{c, set})
		}
		r.here[at] = r.here[at][:0]
	}
	r.touched = r.touched[:0]
}

func (r *reacher) holder(h *Holder) {
	if h == nil {
		return
	}
	for id, rs := range h.Doors {
		if at, ok := r.doors[id]; ok {
			r.put(r.b.add(r.b.buf[:0], rs), at)
		}
	}
	for g, rs := range h.Groups {
		r.put(r.b.add(r.b.buf[:0], rs), r.groups[g]...)
	}
	for z, rs := range h.Zones {
		r.put(r.b.add(r.b.buf[:0], rs), r.zones[z]...)
	}
}

func (r *reacher) put(rs []doorlist.Right, doors ...int) {
	r.b.buf = rs[:0]
	if len(rs) == 0 {
		return
	}
	for _, at := range doors {
		if len(r.here[at]) == 0 {
			r.touched = append(r.touched, at)
		}
		r.here[at] = append(r.here[at], rs...)
	}
}

// place finds a set among those that there are, or adds it.
func (r *reacher) place(rs []doorlist.Right) int32 {
	if len(rs) == 1 {
		if r.lastAt >= 0 && r.last == rs[0] {
			return r.lastAt
		}
		r.last = rs[0]
		at, ok := r.single[r.last]
		if !ok {
			at = r.add(rs)
			r.single[r.last] = at
		}
		r.lastAt = at
		return at
	}
	id := doorlist.IDOf(rs)
	at, ok := r.several[id]
	if !ok {
		at = r.add(rs)
		r.several[id] = at
	}
	return at
}

func (r *reacher) add(rs []doorlist.Right) int32 {
	r.out.sets = append(r.out.sets, r.b.set(append([]doorlist.Right(nil), rs...)))
	return int32(len(r.out.sets) - 1) //nolint:gosec // fewer than rights
}
