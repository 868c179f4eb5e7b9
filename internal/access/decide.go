package access

import (
	"strings"
	"time"
)

// Ask is a question to Decide.
type Ask struct {
	Door       *Door       // nil: not in the registry
	Policy     *Policy     // of the door; nil: none
	Rung       Rung        // where the door stands
	Out        bool        // shown inside, to get out
	Credential *Credential // nil: unknown, or none was needed
	Person     *Person     // known by other means than a credential: a signed-in phone
	Type       string      // of the credential shown
	Fault      Reason      // what is wrong with the credential itself: replayed, too old
	Proven     bool        // the phone proved itself
	At         time.Time   // in the community's time zone, for schedules
	Days       Days        // what the calendar says of that day
	ClockOff   bool        // the door's clock can't be right
	Locked     bool        // too many wrong PINs
	Help       bool        // and this one calls for help
}

// Verdict is the answer; Reason is empty when Granted.
type Verdict struct {
	Granted bool
	Reason  Reason
	Alert   Reason // granted, and yet this is to be noted
	Duress  bool   // somebody is made to open: tell the desk, never the door
}

// escortWithin is how long after a host a guest may follow, in ms.
const escortWithin = 30_000

// Decide says whether a credential opens a door. It is pure: same question and
// state, same answer and state; it allocates nothing, and its cost does not
// depend on how many people, credentials or doors there are.
//
// In this order, and the first that fails is the reason:
//
//  1. The door is known; its clock is right; it is not locked by wrong PINs; the
//     credential is not faulty in itself, is known, and is good now.
//  2. A door that refuses copyable cards is shown none. A barrier for cars takes of a
//     guest the plate only. A phone has proved itself where that is asked.
//  3. The person has not moved out; a guest's host neither. A child's guardian has
//     agreed.
//  4. One of the rights of the person, or of its groups, for the door, its
//     groups or the zones around it, holds now. The most generous counts. Of a
//     guest, the host has a right to the door, too, whatever the hour.
//  5. In a lockdown that right says so. To such a right the rest does not apply:
//     rescuers are not kept waiting.
//  6. To get in: a guest's car is not inside already; a courier has passed a gate before
//     the stair; the credential is not used up; no door of the interlock is open; the day's first person has been there; who may not
//     go alone does not.
//  7. Who comes in is not inside already, where that is enforced.
//  8. To get in: the host has said yes, where the pass wants that; a second person
//     follows the first in time.
//
// A door that is free refuses nobody, and neither does any door from inside: what
// would have been the reason is noted in Alert.
func Decide(a Ask, s State) (Verdict, State) {
	if a.Door == nil {
		return Verdict{Reason: DeviceUntrusted}, s
	}
	v := Verdict{Duress: a.duress()}
	var first bool
	next := s
	v.Reason = a.credential()
	if v.Reason == None {
		v.Reason, first = a.person()
	}
	if v.Reason == None && (a.Rung != Lockdown || a.Out) {
		v.Reason, v.Alert = a.rules(&next, first)
	}
	switch {
	case v.Reason == None:
		v.Granted = true
		a.count(&next, first)
	case a.Out || a.Rung.Free():
		v = Verdict{Granted: true, Alert: v.Reason, Duress: v.Duress}
		next = s
	default:
		return v, next
	}
	a.enter(&next)
	return v, next
}

// who asks; nil when that is not known.
func (a *Ask) who() *Person {
	if a.Credential != nil {
		return a.Credential.Person
	}
	return a.Person
}

// duress counts when the credential was good once, so that a stranger's old PIN
// calls nobody.
func (a *Ask) duress() bool {
	c := a.Credential
	return a.Help || c != nil && c.Duress && !reached(c.Revoked, a.At.UnixMilli()) && !a.Locked
}

// credential is 1 and 2 of the rules.
func (a *Ask) credential() Reason {
	c, ms := a.Credential, a.At.UnixMilli()
	switch {
	case a.ClockOff:
		return ClockUntrusted
	case a.Locked:
		return TooManyTries
	case a.Fault != None:
		return a.Fault
	case c == nil && a.Person != nil:
		if a.Policy != nil && a.Policy.PhoneProof && !a.Proven {
			return PhoneUnproven
		}
		return None
	case c == nil && a.Type == "pin":
		return PINWrong
	case c == nil:
		return UnknownCredential
	case reached(c.Revoked, ms) && c.Lost:
		return LostStolen
	case reached(c.Revoked, ms):
		return Inactive
	case c.From > ms:
		return NotYetValid
	case reached(c.To, ms):
		return Expired
	case a.Policy != nil && a.Policy.RefuseUID && c.Type == "card" && c.Class != ClassCrypto:
		return CredentialClass
	case a.Door.Vehicles && c.Type != "plate" && c.Person != nil && c.Person.Host != nil && !a.Out:
		return PlateNeeded
	}
	return None
}

// person is 3 to 5 of the rules. first is whether a right opens the day.
func (a *Ask) person() (r Reason, first bool) {
	p := a.who()
	if r := a.alive(p); r != None {
		return r, false
	}
	f := a.find(p)
	switch {
	case f.best != gradeGranted:
		return f.best.reason(), false
	case p.Host != nil && a.find(p.Host).best < gradeHours:
		return Inactive, false
	case a.Rung == Lockdown && !f.lockdown && !a.Out:
		return LockedDown, false
	}
	return None, f.first
}

func (a *Ask) alive(p *Person) Reason {
	ms := a.At.UnixMilli()
	switch {
	case p == nil || reached(p.Left, ms):
		return Inactive
	case p.Host != nil && reached(p.Host.Left, ms):
		return Inactive
	case p.Kind == Child && !p.Consent && !reached(p.ChildUntil, ms):
		return ConsentMissing
	}
	return None
}

// DecidePerson says whether a person has a right to a door now; it asks for
// nothing else that the door may demand.
func DecidePerson(p *Person, a Ask) Verdict {
	a.Credential, a.Person = nil, p
	if a.Door == nil {
		return Verdict{Reason: DeviceUntrusted}
	}
	r, _ := a.person()
	return Verdict{Granted: r == None, Reason: r}
}

// grade orders how near a right is to a grant.
type grade int

const (
	gradeNone grade = iota
	gradeExpired
	gradeEarly
	gradeHours
	gradeGranted
)

func (g grade) reason() Reason {
	switch g {
	case gradeGranted:
		return None
	case gradeHours:
		return OutsideSchedule
	case gradeEarly:
		return NotYetValid
	case gradeExpired:
		return Expired
	case gradeNone:
	}
	return WrongDoor
}

// found is the best of all rights, and what those that hold allow besides.
type found struct {
	best            grade
	first, lockdown bool
}

func (a *Ask) find(p *Person) (f found) {
	a.look(p.Own, &f)
	for _, g := range p.Groups {
		a.look(g, &f)
	}
	return f
}

// look goes through the rights for the door itself, for its groups, and for each
// zone around it.
func (a *Ask) look(h *Holder, f *found) {
	if h == nil {
		return
	}
	a.gradeAll(h.Doors[a.Door.ID], f)
	if a.Policy != nil && len(h.Groups) > 0 {
		for _, g := range a.Policy.Groups {
			a.gradeAll(h.Groups[g], f)
		}
	}
	if len(h.Zones) == 0 {
		return
	}
	for z := a.Door.Zone; z != ""; {
		a.gradeAll(h.Zones[z], f)
		i := strings.LastIndexByte(z, '/')
		if i < 0 {
			break
		}
		z = z[:i]
	}
}

func (a *Ask) gradeAll(rs []Right, f *found) {
	ms := a.At.UnixMilli()
	for i := range rs {
		r := &rs[i]
		g := gradeGranted
		switch {
		case reached(r.Ended, ms):
			continue // as if it had never been
		case reached(r.To, ms):
			g = gradeExpired
		case r.From > ms:
			g = gradeEarly
		case !r.Schedule.Allows(a.At, a.Days):
			g = gradeHours
		}
		f.best = max(f.best, g)
		if g == gradeGranted {
			f.first, f.lockdown = f.first || r.First, f.lockdown || r.Lockdown
		}
	}
}

// reached reports whether a point in time is there; 0 never is.
func reached(point, now int64) bool { return point != 0 && now >= point }
