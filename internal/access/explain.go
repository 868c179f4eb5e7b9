package access

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dongyue/internal/event"
)

// Opener is a person and a door, whether the one may open the other now, and by
// which rights.
type Opener struct {
	Person    string      `json:"person"`
	Name      string      `json:"name"`
	Unit      string      `json:"unit"`
	Household string      `json:"household"`
	Kind      Kind        `json:"kind"`
	Door      string      `json:"door"`
	DoorName  string      `json:"door_name"`
	Zone      string      `json:"zone"`
	Open      bool        `json:"open" doc:"a right holds now; what the door demands besides is not asked"`
	Reason    Reason      `json:"reason" doc:"why not"`
	Why       []RightInfo `json:"why" doc:"the rights that name the door, whether or not they hold now"`
	List      string      `json:"list" enum:",current,old,none,unsupported" doc:"the door's list of rights as to this person; empty: doors have no lists here"`
}

// Explanation says what a door would answer, and by which rights.
type Explanation struct {
	Granted bool        `json:"granted"`
	Reason  Reason      `json:"reason"`
	Alert   Reason      `json:"alert" doc:"granted, and yet this would be noted"`
	Rung    string      `json:"rung"`
	At      time.Time   `json:"at"`
	Why     []RightInfo `json:"why"`
}

// mostOpeners bounds the answer to who may open a door.
const mostOpeners = 5000

// naming lists the rights that name a door: itself, one of its groups, a zone around it.
func (x *Access) naming(ctx context.Context, d *Door) ([]RightInfo, error) {
	filters := []RightsFilter{{Door: d.ID}}
	x.mu.RLock()
	if pol := x.site.doors[d.ID]; pol != nil {
		for _, g := range pol.Groups {
			filters = append(filters, RightsFilter{DoorGroup: g})
		}
	}
	x.mu.RUnlock()
	for z := d.Zone; z != ""; z = z[:max(strings.LastIndexByte(z, '/'), 0)] {
		filters = append(filters, RightsFilter{Zone: z})
	}
	all := []RightInfo{}
	for _, f := range filters {
		rs, err := x.Rights(ctx, f, "", maxImportRows)
		if err != nil {
			return nil, err
		}
		all = append(all, rs...)
	}
	return all, nil
}

// names reports whether a right names a door of those groups.
func (r *RightInfo) names(d *Door, groups []string) bool {
	switch {
	case r.Door != "":
		return r.Door == d.ID
	case r.DoorGroup != "":
		return slices.Contains(groups, r.DoorGroup)
	}
	return event.Within(d.Zone, r.Zone)
}

// WhoOpens lists those who have a right to a door, by name.
func (x *Access) WhoOpens(ctx context.Context, door string) ([]Opener, error) {
	d, ok := x.doors.Door(door)
	if !ok {
		return nil, fmt.Errorf("%w: door %s", ErrNotFound, door)
	}
	rights, err := x.naming(ctx, &d)
	if err != nil {
		return nil, err
	}
	by := map[string][]RightInfo{} // by person
	for _, r := range rights {
		if r.Person != "" {
			by[r.Person] = append(by[r.Person], r)
			continue
		}
		err := x.each(ctx, "SELECT person FROM access_members WHERE grp = ? LIMIT ?", []any{r.Group, mostOpeners}, func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			by[id] = append(by[id], r)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	all := make([]Opener, 0, len(by))
	at := time.Now().In(x.loc)
	x.mu.RLock()
	for id, why := range by {
		if p := x.ix.people[id]; p != nil && p.Left == 0 {
			all = append(all, x.opener(p, &d, why, at))
		}
	}
	x.mu.RUnlock()
	slices.SortFunc(all, func(a, b Opener) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Person, b.Person))
	})
	return all[:min(len(all), mostOpeners)], nil
}

// DoorsOf lists the doors that a person's rights name, by name, with what each door's
// list knows of the person's last change.
func (x *Access) DoorsOf(ctx context.Context, person string) ([]Opener, error) {
	info, err := readPerson(ctx, x.db.Read(), person)
	if err != nil {
		return nil, err
	}
	rights, err := x.rightsOf(ctx, info)
	if err != nil {
		return nil, err
	}
	ids, zones := map[string]bool{}, map[string]bool{}
	x.mu.RLock()
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
	all := make([]Opener, 0, len(found))
	at := time.Now().In(x.loc)
	x.mu.RLock()
	for _, d := range found {
		var groups []string
		if pol := x.site.doors[d.ID]; pol != nil {
			groups = pol.Groups
		}
		why := []RightInfo{}
		for i := range rights {
			if rights[i].names(&d, groups) {
				why = append(why, rights[i])
			}
		}
		if p := x.ix.people[person]; p != nil && len(why) > 0 { // named keeps rights that were taken away
			all = append(all, x.opener(p, &d, why, at))
		}
	}
	x.mu.RUnlock()
	x.listed(person, all)
	slices.SortFunc(all, func(a, b Opener) int {
		return cmp.Or(strings.Compare(a.DoorName, b.DoorName), strings.Compare(a.Door, b.Door))
	})
	return all, nil
}

// rightsOf lists a person's own rights and those of its groups.
func (x *Access) rightsOf(ctx context.Context, p PersonInfo) ([]RightInfo, error) {
	all, err := x.Rights(ctx, RightsFilter{Person: p.ID}, "", mostPerPerson)
	for _, g := range p.Groups {
		var rs []RightInfo
		if err == nil {
			rs, err = x.Rights(ctx, RightsFilter{Group: g}, "", mostPerPerson)
		}
		all = append(all, rs...)
	}
	return all, err
}

// opener judges a person at a door by rights alone. x.mu is held.
func (x *Access) opener(p *Person, d *Door, why []RightInfo, at time.Time) Opener {
	v := DecidePerson(p, Ask{Door: d, Policy: x.site.doors[d.ID], Rung: x.rungOf(d.ID), At: at, Days: x.site.calendar.days(at)})
	return Opener{
		Person: p.ID, Name: p.Name, Unit: p.Unit, Household: p.Household, Kind: p.Kind, Door: d.ID, DoorName: d.Name, Zone: d.Zone,
		Open: v.Granted, Reason: v.Reason, Why: why,
	}
}

// listed fills in how the doors' lists stand. A change of the person that no list has
// yet makes all of them old.
func (x *Access) listed(person string, all []Opener) {
	l := &x.lists
	l.due.Lock()
	_, changed := l.people[person]
	changed = changed || l.all
	l.due.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range all {
		d := l.doors[all[i].Door]
		if d == nil {
			continue
		}
		if all[i].List = d.state(); changed && all[i].List == "current" {
			all[i].List = "old"
		}
	}
}

// Explain says what a door would answer to a person, or to one of its credentials, and
// why. Nothing is counted, opened or kept. At another time than now only rights and
// schedules are asked: what was before is not known of it.
func (x *Access) Explain(ctx context.Context, door, person, credential string, at time.Time) (e Explanation, err error) {
	d, ok := x.doors.Door(door)
	if !ok {
		return e, fmt.Errorf("%w: door %s", ErrNotFound, door)
	}
	info, err := readPerson(ctx, x.db.Read(), person)
	if err != nil {
		return e, err
	}
	rights, err := x.rightsOf(ctx, info)
	if err != nil {
		return e, err
	}
	present := at.IsZero()
	if present {
		at = time.Now()
	}
	ask := Ask{Door: &d, Type: "card", At: at.In(x.loc), Proven: true}
	if present {
		ask.Rung = x.rungOf(door)
	}
	e.Rung, e.At, e.Why = ask.Rung.String(), at.UTC(), []RightInfo{}
	if err := x.fillAsk(&ask, person, credential); err != nil {
		return e, err
	}
	for i := range rights {
		if rights[i].names(&d, ask.groups()) {
			e.Why = append(e.Why, rights[i])
		}
	}
	var was State
	if present {
		if err := x.db.Tx(ctx, func(tx *sql.Tx) (err error) {
			was, err = x.recall(ctx, tx, &ask)
			return errors.Join(err, errDry)
		}); !errors.Is(err, errDry) {
			return e, err
		}
	}
	x.mu.RLock()
	v, _ := Decide(ask, was)
	if !present {
		v = Verdict{Granted: true}
		if v.Reason = ask.credential(); v.Reason == None {
			v.Reason, _ = ask.person()
		}
		v.Granted = v.Reason == None
	}
	x.mu.RUnlock()
	e.Granted, e.Reason, e.Alert = v.Granted, v.Reason, v.Alert
	return e, nil
}

func (a *Ask) groups() []string {
	if a.Policy == nil {
		return nil
	}
	return a.Policy.Groups
}

// fillAsk puts policy, calendar, and who asks into an ask.
func (x *Access) fillAsk(a *Ask, person, credential string) error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	a.Policy, a.Days = x.site.doors[a.Door.ID], x.site.calendar.days(a.At)
	if credential == "" {
		if a.Person = x.ix.people[person]; a.Person == nil {
			return fmt.Errorf("%w: person %s", ErrNotFound, person)
		}
		return nil
	}
	for _, m := range x.ix.macs[person] {
		if c := x.ix.credentials[m]; c != nil && c.ID == credential {
			a.Credential, a.Type = c, c.Type
			return nil
		}
	}
	for _, tag := range x.ix.pinTags[person] {
		for _, e := range x.ix.pins[tag] {
			if e.credential.ID == credential {
				a.Credential, a.Type = e.credential, "pin"
				return nil
			}
		}
	}
	return fmt.Errorf("%w: credential %s of %s", ErrNotFound, credential, person)
}
