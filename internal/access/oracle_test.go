package access

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// case1 is one question with all that it is judged by, as plain tables.
type case1 struct {
	world
	site     []DoorPolicy
	areas    []PassbackArea
	groups   []DoorGroup
	calendar []CalendarDay

	door                     *Door
	cred                     int // of world.credentials; -1: unknown
	app                      int // person of a phone, with cred -1; -1: none
	typ                      string
	fault                    Reason
	out, clock, locked, sure bool
	rung                     Rung
	at                       time.Time
	state                    State
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func moment(r *rand.Rand) int64 {
	if r.IntN(3) > 0 {
		return 0
	}
	return monday(r.IntN(12)-2, 12, 0).UnixMilli()
}

// drawCase draws worlds in which most questions come far: one with all at odds
// would be refused by the first rule.
func drawCase(r *rand.Rand) (c case1) {
	for i, n := 0, 1+r.IntN(3); i < n; i++ {
		p := personRow{
			id: fmt.Sprint("p", i), kind: pick(r, Resident, Resident, Staff, Courier, Visitor, Child), household: pick(r, "0101", "0102"),
			consent: r.IntN(2) > 0, childUntil: moment(r), escort: pick(r, "", "", "", EscortHousehold, EscortStaff, "p0"),
		}
		if r.IntN(8) == 0 {
			p.left = moment(r)
		}
		if i > 0 && r.IntN(3) == 0 {
			p.host = "p0"
		}
		if r.IntN(2) == 0 {
			p.groups = []string{"crew"}
		}
		c.people = append(c.people, p)
	}
	c.door = &Door{ID: pick(r, doorIDs()...), Zone: pick(r, zoneIDs()...), Vehicles: r.IntN(4) == 0}
	for i, n := 0, r.IntN(4); i < n; i++ {
		k := credentialRow{
			id: fmt.Sprint("c", i), person: c.people[r.IntN(len(c.people))].id, typ: "card", class: pick(r, ClassUID, ClassCrypto), mac: key(i),
			maxUses: pick[int32](r, 0, 0, 0, 1, 3), duress: r.IntN(5) == 0, confirm: r.IntN(6) == 0,
		}
		if r.IntN(3) == 0 {
			k.typ, k.class, k.plate = "plate", "", fmt.Sprint("川A1234", i)
		}
		if r.IntN(4) == 0 {
			k.from, k.to, k.revoked, k.lost = moment(r), moment(r), moment(r), r.IntN(2) == 0
		}
		c.credentials = append(c.credentials, k)
	}
	for i, n := 0, r.IntN(6); i < n; i++ {
		q := rightRow{id: fmt.Sprint("r", i), schedule: pick(r, schedules()...), first: r.IntN(4) == 0, lockdown: r.IntN(3) == 0}
		if r.IntN(3) == 0 {
			q.from, q.to, q.ended = moment(r), moment(r), moment(r)
		}
		if r.IntN(3) == 0 {
			q.group = pick(r, groups()...)
		} else {
			q.person = c.people[r.IntN(len(c.people))].id
		}
		switch r.IntN(4) {
		case 0:
			q.zone = pick(r, zoneIDs()...)
		case 1:
			q.doorGroup = pick(r, "perimeter", "cellars")
		case 2:
			q.door = pick(r, doorIDs()...)
		default:
			q.door = c.door.ID
		}
		c.rights = append(c.rights, q)
	}
	c.drawSite(r)
	c.drawAsk(r)
	return c
}

func (c *case1) drawSite(r *rand.Rand) {
	for _, id := range []string{"in", "out"} {
		c.areas = append(c.areas, PassbackArea{ID: id, Passback: pick(r, PassbackNone, PassbackAlert, PassbackEnforce), ForgetS: pick(r, 0, 0, 600), ByContact: r.IntN(2) == 0})
	}
	for _, id := range doorIDs() {
		if r.IntN(2) == 0 {
			c.site = append(c.site, DoorPolicy{
				Door: id, RefuseUID: r.IntN(4) == 0, PhoneProof: r.IntN(2) == 0, FirstIn: r.IntN(3) == 0, TwoPersonS: pick(r, 0, 0, 15),
				Inside: pick(r, "", "in"), Outside: pick(r, "", "out"), Interlock: pick(r, nil, nil, []string{"d9"}),
			})
		}
	}
	for _, g := range []string{"perimeter", "cellars"} {
		c.groups = append(c.groups, DoorGroup{Name: g, Doors: []string{pick(r, doorIDs()...), c.door.ID}[:1+r.IntN(2)]})
	}
	for d := range 9 {
		if r.IntN(3) == 0 {
			c.calendar = append(c.calendar, CalendarDay{Day: monday(d-1, 0, 0).Format(time.DateOnly), Kind: pick(r, Holiday, Workday)})
		}
	}
}

func (c *case1) drawAsk(r *rand.Rand) {
	c.at = monday(0, r.IntN(7*24), r.IntN(60))
	c.cred, c.app, c.typ = r.IntN(len(c.credentials)+1)-1, -1, pick(r, "card", "pin")
	if c.cred < 0 && r.IntN(3) > 0 {
		c.app, c.typ = r.IntN(len(c.people)), "mobile"
	}
	c.fault = pick(r, None, None, None, None, None, None, None, CredentialReplay, QRExpired)
	c.out, c.sure, c.clock, c.locked = r.IntN(5) == 0, r.IntN(2) == 0, r.IntN(40) == 0, r.IntN(40) == 0
	c.rung = pick(r, Controlled, Controlled, Controlled, Controlled, ScheduleFree, ManualOverride, Maintenance, Lockdown, Lockdown, FireRelease)
	if r.IntN(40) == 0 {
		c.door = nil
	}
	n := c.at.UnixMilli()
	ago := func() int64 {
		return n - pick[int64](r, 0, 1, 13_999, 14_000, 14_001, 30_000, 30_001, 599_999, 600_000, 86_400_000)
	}
	c.state = State{Area: pick(r, "", "in", "out"), Since: ago(), Used: pick[int32](r, 0, 0, 1, 3), Escort: pick(r, 0, ago()), Inside: r.IntN(4) == 0, Gate: r.IntN(8) == 0, Busy: r.IntN(2) == 0}
	d := &c.state.Door
	d.FirstDay = int32(n/86_400_000) + pick[int32](r, 0, 0, 1, -1) //nolint:gosec // a day of this century
	if r.IntN(2) == 0 {
		d.Waiting, d.WaitEnd, d.WaitFirst = fmt.Sprint("p", r.IntN(3)), ago()+14_000, r.IntN(2) == 0
	}
}

func (c *case1) ask(t *testing.T) Ask {
	t.Helper()
	ix, err := build(c.people, c.credentials, c.rights)
	if err != nil {
		t.Fatal(err)
	}
	s := buildSite(c.site, c.areas, c.groups, c.calendar)
	a := Ask{Door: c.door, Rung: c.rung, Out: c.out, Type: c.typ, Fault: c.fault, Proven: c.sure, At: c.at, Days: s.calendar.days(c.at), ClockOff: c.clock, Locked: c.locked}
	if c.door != nil {
		a.Policy = s.doors[c.door.ID]
	}
	if c.cred >= 0 {
		a.Credential = ix.credentials[key(c.cred)]
	}
	if c.app >= 0 {
		a.Person = ix.people[c.people[c.app].id]
	}
	return a
}

// outcome is what the rules say, in the plainest words: the first sentence that
// holds is the reason.
type outcome struct {
	reason, alert Reason
	granted       bool
	waits, used   bool
	first         bool
	area          string // where the person is then; empty: as before
}

func (c *case1) person(id string) personRow {
	return c.people[slices.IndexFunc(c.people, func(p personRow) bool { return p.id == id })]
}

func (c *case1) policy() DoorPolicy {
	for _, p := range c.site {
		if p.Door == c.door.ID {
			return p
		}
	}
	return DoorPolicy{}
}

// rightsOf collects what the rights of a person say here and now.
func (c *case1) rightsOf(id string) (says map[Reason]bool, first, lockdown bool) {
	says = map[Reason]bool{}
	p, n := c.person(id), c.at.UnixMilli()
	for _, r := range c.rights {
		mine := r.person == id || r.person == "" && slices.Contains(p.groups, r.group)
		grouped := slices.ContainsFunc(c.groups, func(g DoorGroup) bool { return g.Name == r.doorGroup && slices.Contains(g.Doors, c.door.ID) })
		around := r.zone != "" && (c.door.Zone == r.zone || strings.HasPrefix(c.door.Zone, r.zone+"/"))
		if !mine || r.door != c.door.ID && !grouped && !around || r.ended != 0 && n >= r.ended {
			continue
		}
		switch {
		case r.to != 0 && n >= r.to:
			says[Expired] = true
		case r.from != 0 && n < r.from:
			says[NotYetValid] = true
		case !c.open(r.schedule):
			says[OutsideSchedule] = true
		default:
			says[None] = true
			first, lockdown = first || r.first, lockdown || r.lockdown
		}
	}
	return says, first, lockdown
}

// like is the weekday that a day counts as.
func (c *case1) like(t time.Time) time.Weekday {
	for _, d := range c.calendar {
		if d.Day != t.Format(time.DateOnly) {
			continue
		}
		weekend := t.Weekday() == time.Saturday || t.Weekday() == time.Sunday
		if d.Kind == Holiday {
			return time.Sunday
		}
		if weekend {
			return time.Monday
		}
	}
	return t.Weekday()
}

// open knows the schedules of these tests by name; none has hours for holidays.
func (c *case1) open(schedule string) bool {
	today, before, h := c.like(c.at), c.like(c.at.AddDate(0, 0, -1)), c.at.Hour()
	switch schedule {
	case Always:
		return true
	case "mon-fri 07:00-19:00":
		return today != time.Saturday && today != time.Sunday && h >= 7 && h < 19
	case "fri 22:00-06:00; sun 00:00-24:00":
		return today == time.Friday && h >= 22 || before == time.Friday && h < 6 || today == time.Sunday
	}
	panic("schedule " + schedule)
}

func (c *case1) judge() (o outcome) {
	if c.door == nil {
		return outcome{reason: DeviceUntrusted}
	}
	refuse, alert, waits, first := c.refusal()
	pol := c.policy()
	free := c.rung == FireRelease || c.rung == Maintenance || c.rung == ManualOverride || c.rung == ScheduleFree
	switch {
	case refuse == None:
		o = outcome{granted: true, alert: alert}
		o.used = !c.out && c.cred >= 0 && c.credentials[c.cred].maxUses > 0
		o.first = !c.out && first && pol.FirstIn
	case free || c.out:
		o = outcome{granted: true, alert: refuse}
	default:
		return outcome{reason: refuse, waits: waits}
	}
	if c.cred >= 0 || c.app >= 0 {
		if o.area = pol.Inside; c.out {
			o.area = pol.Outside
		}
	}
	return o
}

func (c *case1) refusal() (r, alert Reason, waits, first bool) {
	n, pol := c.at.UnixMilli(), c.policy()
	if c.clock {
		return ClockUntrusted, None, false, false
	}
	if c.locked {
		return TooManyTries, None, false, false
	}
	if c.fault != None {
		return c.fault, None, false, false
	}
	var id string
	if c.cred >= 0 {
		k := c.credentials[c.cred]
		id = k.person
		gone := k.revoked != 0 && n >= k.revoked
		switch {
		case gone && k.lost:
			return LostStolen, None, false, false
		case gone:
			return Inactive, None, false, false
		case k.from != 0 && n < k.from:
			return NotYetValid, None, false, false
		case k.to != 0 && n >= k.to:
			return Expired, None, false, false
		case pol.RefuseUID && k.typ == "card" && k.class == ClassUID:
			return CredentialClass, None, false, false
		case c.door.Vehicles && k.typ != "plate" && c.person(id).host != "" && !c.out:
			return PlateNeeded, None, false, false
		}
	} else if c.app >= 0 {
		if id = c.people[c.app].id; pol.PhoneProof && !c.sure {
			return PhoneUnproven, None, false, false
		}
	} else if c.typ == "pin" {
		return PINWrong, None, false, false
	} else {
		return UnknownCredential, None, false, false
	}
	p := c.person(id)
	if p.left != 0 && n >= p.left {
		return Inactive, None, false, false
	}
	if p.host != "" {
		if host := c.person(p.host); host.left != 0 && n >= host.left {
			return Inactive, None, false, false
		}
	}
	if p.kind == Child && !p.consent && (p.childUntil == 0 || n < p.childUntil) {
		return ConsentMissing, None, false, false
	}
	says, first, rescuer := c.rightsOf(id)
	switch {
	case says[None]:
	case says[OutsideSchedule]:
		return OutsideSchedule, None, false, false
	case says[NotYetValid]:
		return NotYetValid, None, false, false
	case says[Expired]:
		return Expired, None, false, false
	default:
		return WrongDoor, None, false, false
	}
	if p.host != "" {
		if says, _, _ := c.rightsOf(p.host); !says[None] && !says[OutsideSchedule] {
			return Inactive, None, false, false
		}
	}
	if c.rung == Lockdown && !c.out {
		if !rescuer {
			return LockedDown, None, false, false
		}
		return None, None, false, first
	}
	r, alert, waits = c.memory(p, pol, first)
	return r, alert, waits, first || pol.TwoPersonS > 0 && c.another(p.id) && c.state.Door.WaitFirst
}

// memory is the part of the rules that asks what was before.
func (c *case1) memory(p personRow, pol DoorPolicy, first bool) (r, alert Reason, waits bool) {
	n, s := c.at.UnixMilli(), c.state
	if !c.out {
		if c.cred >= 0 && c.credentials[c.cred].typ == "plate" && s.Inside {
			return CarInside, None, false
		}
		if c.cred >= 0 && s.Gate {
			return GateFirst, None, false
		}
		if c.cred >= 0 && c.credentials[c.cred].maxUses > 0 && s.Used >= c.credentials[c.cred].maxUses {
			return UsedUp, None, false
		}
		if len(pol.Interlock) > 0 && s.Busy {
			return Interlocked, None, false
		}
		today := int32((n + 8*3600*1000) / 86_400_000) //nolint:gosec // a day of this century
		if pol.FirstIn && !first && s.Door.FirstDay != today && (pol.TwoPersonS == 0 || !c.another(p.id) || !s.Door.WaitFirst) {
			return FirstPerson, None, false
		}
		if p.escort != "" && (s.Escort == 0 || n > s.Escort+30_000) {
			return EscortMissing, None, false
		}
	}
	name := pol.Inside
	if c.out {
		name = pol.Outside
	}
	for _, area := range c.areas {
		if area.ID != name || s.Area != name || area.ForgetS > 0 && n >= s.Since+int64(area.ForgetS)*1000 {
			continue
		}
		if area.Passback == PassbackEnforce {
			return Passback, None, false
		}
		if area.Passback == PassbackAlert {
			alert = Passback
		}
	}
	if c.cred >= 0 && c.credentials[c.cred].confirm && !c.out {
		return ConfirmNeeded, None, false
	}
	if pol.TwoPersonS > 0 && !c.out && !c.another(p.id) {
		return TwoPerson, None, true
	}
	return None, alert, false
}

// another reports whether somebody else waits for a second person.
func (c *case1) another(id string) bool {
	d := c.state.Door
	return d.Waiting != "" && d.Waiting != id && c.at.UnixMilli() <= d.WaitEnd
}

// compare says where a decision and the oracle differ.
func (c *case1) compare(v Verdict, s State) string {
	o := c.judge()
	if v.Granted != o.granted || v.Reason != o.reason || v.Alert != o.alert {
		return fmt.Sprintf("verdict %+v", v)
	}
	used := s.Used - c.state.Used
	if (used == 1) != o.used || used > 1 || used < 0 {
		return "uses"
	}
	if o.waits != (s.Door.WaitEnd == c.at.UnixMilli()+15_000 && !v.Granted && s.Door.Waiting != "") {
		return "who waits"
	}
	if v.Granted && !c.out && o.reason == None && o.alert == None && c.policy().TwoPersonS > 0 && c.rung != Lockdown && s.Door.Waiting != "" {
		return "still somebody waits"
	}
	if o.first && s.Door.FirstDay != int32((c.at.UnixMilli()+8*3600*1000)/86_400_000) { //nolint:gosec // a day of this century
		return "first person"
	}
	inside := ""
	for _, m := range append([]Move{s.Moved[0]}, entered(s)...) {
		if m.Person != "" && (c.cred >= 0 && c.credentials[c.cred].person == m.Person || c.app >= 0 && c.people[c.app].id == m.Person) {
			inside = m.Area
		}
	}
	if inside != o.area {
		return "area " + inside
	}
	return ""
}

func entered(s State) []Move {
	_, m := s.Door.Opened(s.Door.FreeEnd)
	return m[:]
}

// TestDecideAgainstTheRules asks a hundred thousand questions of 25,000
// communities; with DONGYUE_CASES=1000000 a million, which takes a minute.
func TestDecideAgainstTheRules(t *testing.T) {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("DONGYUE_CASES"), "100000"))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(20260302, 7)) //nolint:gosec // a test that can be repeated
	granted, reasons, alerts := 0, map[Reason]int{}, map[Reason]int{}
	for range n / 4 {
		c := drawCase(r)
		door := c.door
		for range 4 {
			v, s := Decide(c.ask(t), c.state)
			if wrong := c.compare(v, s); wrong != "" {
				t.Fatalf("%s; the oracle says %+v\n%+v\nstate %+v", wrong, c.judge(), c, s)
			}
			reasons[v.Reason]++
			alerts[v.Alert]++
			if v.Granted {
				granted++
			}
			c.door = door
			c.drawAsk(r)
		}
	}
	if granted < n/20 {
		t.Errorf("only %d of %d granted", granted, n)
	}
	for _, want := range []Reason{
		UnknownCredential, Inactive, Expired, NotYetValid, LostStolen, WrongDoor, OutsideSchedule, PINWrong, TooManyTries, ClockUntrusted, DeviceUntrusted,
		CredentialClass, CredentialReplay, QRExpired, ConsentMissing, LockedDown, UsedUp, PhoneUnproven, Interlocked, FirstPerson, EscortMissing, Passback, TwoPerson,
		PlateNeeded, CarInside, ConfirmNeeded, GateFirst,
	} {
		if reasons[want] == 0 {
			t.Errorf("%s never came up", want)
		}
	}
	if alerts[Passback] == 0 || alerts[UnknownCredential] == 0 {
		t.Error("alerts never came up")
	}
}
