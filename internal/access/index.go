package access

import "crypto/sha256"

// mac is the keyed hash of a credential's type and value.
type mac [sha256.Size]byte

// personRow, credentialRow and rightRow are the tables as the index reads them.
type personRow struct {
	id, name, unit string
	left           int64
	groups         []string
}

type credentialRow struct {
	id, person, typ, last4 string
	mac                    mac
	from, to, revoked      int64
	lost                   bool
}

type rightRow struct {
	id, person, group, door, zone, schedule string
	from, to, ended                         int64
}

// index answers "who is this" in one look-up. Its owner locks it.
type index struct {
	credentials map[mac]*Credential
	people      map[string]*Person
	macs        map[string][]mac // by person
	groups      map[string]*Holder
	schedules   map[string]*Schedule
}

func newIndex() *index {
	return &index{
		credentials: map[mac]*Credential{}, people: map[string]*Person{}, macs: map[string][]mac{},
		groups: map[string]*Holder{}, schedules: map[string]*Schedule{},
	}
}

// build makes an index of whole tables.
func build(people []personRow, credentials []credentialRow, rights []rightRow) (*index, error) {
	ix := newIndex()
	for _, p := range people {
		ix.putPerson(p)
	}
	for _, c := range credentials {
		ix.putCredential(c)
	}
	for _, r := range rights {
		if err := ix.putRight(r); err != nil {
			return nil, err
		}
	}
	return ix, nil
}

func (ix *index) person(id string) *Person {
	p := ix.people[id]
	if p == nil {
		p = &Person{ID: id, Own: newHolder()}
		ix.people[id] = p
	}
	return p
}

func (ix *index) group(name string) *Holder {
	h := ix.groups[name]
	if h == nil {
		h = newHolder()
		ix.groups[name] = h
	}
	return h
}

func newHolder() *Holder { return &Holder{Doors: map[string][]Right{}, Zones: map[string][]Right{}} }

func (ix *index) putPerson(r personRow) {
	p := ix.person(r.id)
	p.Name, p.Unit, p.Left, p.Groups = r.name, r.unit, r.left, nil
	for _, g := range r.groups {
		p.Groups = append(p.Groups, ix.group(g))
	}
}

// putCredential keeps, of several rows with one value, the one that is good: a
// revoked card may have been given to somebody else.
func (ix *index) putCredential(r credentialRow) {
	if old := ix.credentials[r.mac]; old != nil && old.Revoked == 0 || old != nil && r.revoked != 0 && r.revoked < old.Revoked {
		return
	}
	ix.credentials[r.mac] = &Credential{
		ID: r.id, Type: r.typ, Last4: r.last4, Person: ix.person(r.person),
		From: r.from, To: r.to, Revoked: r.revoked, Lost: r.lost,
	}
	ix.macs[r.person] = append(ix.macs[r.person], r.mac)
}

func (ix *index) putRight(r rightRow) error {
	s := ix.schedules[r.schedule]
	if s == nil {
		var err error
		if s, err = ParseSchedule(r.schedule); err != nil {
			return err
		}
		ix.schedules[r.schedule] = s
	}
	h := ix.group(r.group)
	if r.person != "" {
		h = ix.person(r.person).Own
	}
	right := Right{Schedule: s, From: r.from, To: r.to, Ended: r.ended}
	if r.door != "" {
		h.Doors[r.door] = append(h.Doors[r.door], right)
	} else {
		h.Zones[r.zone] = append(h.Zones[r.zone], right)
	}
	return nil
}

// dropPerson takes away what a person can open with. The person itself stays,
// because others may point to it.
func (ix *index) dropPerson(id string) {
	p := ix.person(id)
	clear(p.Own.Doors)
	clear(p.Own.Zones)
	p.Groups = nil
	for _, m := range ix.macs[id] {
		if c := ix.credentials[m]; c != nil && c.Person == p {
			delete(ix.credentials, m)
		}
	}
	delete(ix.macs, id)
}

func (ix *index) dropGroup(name string) {
	h := ix.group(name)
	clear(h.Doors)
	clear(h.Zones)
}
