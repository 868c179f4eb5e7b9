package access

import (
	"crypto/sha256"

	"dongyue/internal/doorlist"
)

// mac is the keyed hash of a credential's type and value.
type mac [sha256.Size]byte

// personRow, credentialRow and rightRow are the tables as the index reads them.
type personRow struct {
	id, name, unit, household string
	kind                      Kind
	left, childUntil          int64
	consent, leave            bool
	host, escort              string
	groups                    []string
}

type credentialRow struct {
	id, person, typ, class, last4 string
	mac                           mac
	from, to, revoked             int64
	lost, duress                  bool
	maxUses                       int32
	salt                          []byte
	tag                           int
	offline                       offlineKey
}

type rightRow struct {
	id, person, group, door, doorGroup, zone, schedule string
	from, to, ended                                    int64
	first, lockdown                                    bool
}

// index answers "who is this" in one look-up. Its owner locks it.
type index struct {
	credentials map[mac]*Credential
	people      map[string]*Person
	macs        map[string][]mac   // by person
	pins        map[int][]pinEntry // by tag
	pinTags     map[string][]int   // by person
	codes       map[doorlist.Ref]*Credential
	groups      map[string]*Holder
	schedules   map[string]*Schedule
}

func newIndex() *index {
	return &index{
		credentials: map[mac]*Credential{}, people: map[string]*Person{}, macs: map[string][]mac{},
		pins: map[int][]pinEntry{}, pinTags: map[string][]int{}, codes: map[doorlist.Ref]*Credential{},
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

func newHolder() *Holder {
	return &Holder{Doors: map[string][]Right{}, Groups: map[string][]Right{}, Zones: map[string][]Right{}}
}

func (h *Holder) clear() {
	clear(h.Doors)
	clear(h.Groups)
	clear(h.Zones)
}

func (ix *index) putPerson(r personRow) {
	p := ix.person(r.id)
	p.Name, p.Unit, p.Household, p.Kind, p.Left, p.Groups = r.name, r.unit, r.household, r.kind, r.left, nil
	p.ChildUntil, p.Consent, p.Escort, p.Host, p.Leave = r.childUntil, r.consent, r.escort, nil, r.leave
	if r.host != "" {
		p.Host = ix.person(r.host)
	}
	for _, g := range r.groups {
		p.Groups = append(p.Groups, ix.group(g))
	}
}

// putCredential keeps, of several rows with one value, the one that is good: a
// revoked card may have been given to somebody else.
func (ix *index) putCredential(r credentialRow) {
	c := &Credential{
		ID: r.id, Type: r.typ, Class: r.class, Last4: r.last4, Person: ix.person(r.person),
		From: r.from, To: r.to, Revoked: r.revoked, Lost: r.lost, Duress: r.duress, MaxUses: r.maxUses, offline: r.offline,
	}
	if r.typ == "pin" {
		ix.putPIN(r, c)
		return
	}
	if old := ix.credentials[r.mac]; old != nil && old.Revoked == 0 || old != nil && r.revoked != 0 && r.revoked < old.Revoked {
		return
	}
	ix.credentials[r.mac] = c
	ix.macs[r.person] = append(ix.macs[r.person], r.mac)
	if r.class == ClassRotating {
		ix.codes[refOf(r.mac)] = c
	}
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
	right := Right{Schedule: s, From: r.from, To: r.to, Ended: r.ended, First: r.first, Lockdown: r.lockdown}
	switch {
	case r.door != "":
		h.Doors[r.door] = append(h.Doors[r.door], right)
	case r.doorGroup != "":
		h.Groups[r.doorGroup] = append(h.Groups[r.doorGroup], right)
	default:
		h.Zones[r.zone] = append(h.Zones[r.zone], right)
	}
	return nil
}

// dropPerson takes away what a person can open with. The person itself stays,
// because others may point to it.
func (ix *index) dropPerson(id string) {
	p := ix.person(id)
	p.Own.clear()
	p.Groups = nil
	ix.dropPINs(p)
	for _, m := range ix.macs[id] {
		if c := ix.credentials[m]; c != nil && c.Person == p {
			delete(ix.credentials, m)
			delete(ix.codes, refOf(m))
		}
	}
	delete(ix.macs, id)
}

func (ix *index) dropGroup(name string) {
	ix.group(name).clear()
}
