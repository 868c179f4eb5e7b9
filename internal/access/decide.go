package access

import (
	"strings"
	"time"
)

// Reason says why somebody was refused; one code per refusal. Screens translate
// it.
type Reason string

// The reasons. The last group is for checks that are still to come; their codes
// are fixed here, because doors report them too.
const (
	None              Reason = ""
	UnknownCredential Reason = "unknown_credential"
	Inactive          Reason = "inactive" // credential revoked, or its person moved out
	Expired           Reason = "expired"
	NotYetValid       Reason = "not_yet_valid"
	LostStolen        Reason = "lost_stolen"
	WrongDoor         Reason = "wrong_door"
	OutsideSchedule   Reason = "outside_schedule"
	PINWrong          Reason = "pin_wrong"
	TooManyTries      Reason = "too_many_tries"
	ClockUntrusted    Reason = "clock_untrusted"
	DeviceUntrusted   Reason = "device_untrusted"

	Passback          Reason = "passback"
	Lockdown          Reason = "lockdown"
	TwoPerson         Reason = "two_person_incomplete"
	EscortMissing     Reason = "escort_missing"
	CredentialReplay  Reason = "credential_replay" //nolint:gosec // a reason, not a secret
	TooOld            Reason = "too_old"           // not refused: not answered
	DoorOffline       Reason = "door_offline"      // not refused: the answer could not be sent
	notACode          Reason = "other"             // a door gave a reason that is no code
	maxReasonFromDoor        = 64
)

// Door is a door as the registry knows it.
type Door struct {
	ID, Name, Zone string
	Online         bool // connected at this moment: a command would reach it
}

// Right is one permission in the index. Times are Unix ms.
type Right struct {
	Schedule *Schedule
	From, To int64 // good from From until before To; To 0: no end
	Ended    int64 // taken away then; 0: not
}

// Holder has rights: a person for itself, or a group for its members.
type Holder struct {
	Doors map[string][]Right // by door
	Zones map[string][]Right // by zone, for all doors within
}

// Person is a person in the index.
type Person struct {
	ID, Name, Unit string
	Left           int64 // moved out then; 0: not
	Own            *Holder
	Groups         []*Holder
}

// Credential is a credential in the index.
type Credential struct {
	ID, Type, Last4 string
	Person          *Person
	From, To        int64
	Revoked         int64 // 0: not
	Lost            bool
}

// Ask is a question to Decide.
type Ask struct {
	Door       *Door       // nil: not in the registry
	Credential *Credential // nil: unknown
	Type       string      // of the credential shown
	At         time.Time   // in the community's time zone, for schedules
	ClockOff   bool        // the door's clock can't be right
	Locked     bool        // too many wrong PINs at this door
}

// Verdict is the answer; Reason is empty when Granted.
type Verdict struct {
	Granted bool
	Reason  Reason
}

// Decide says whether a credential opens a door. It is pure: same question, same
// answer; it allocates nothing, and its cost does not depend on how many people,
// credentials or doors there are.
func Decide(a Ask) Verdict {
	switch {
	case a.Door == nil:
		return Verdict{Reason: DeviceUntrusted}
	case a.ClockOff:
		return Verdict{Reason: ClockUntrusted}
	case a.Locked:
		return Verdict{Reason: TooManyTries}
	case a.Credential == nil && a.Type == "pin":
		return Verdict{Reason: PINWrong}
	case a.Credential == nil:
		return Verdict{Reason: UnknownCredential}
	}
	c, ms := a.Credential, a.At.UnixMilli()
	switch {
	case reached(c.Revoked, ms) && c.Lost:
		return Verdict{Reason: LostStolen}
	case reached(c.Revoked, ms):
		return Verdict{Reason: Inactive}
	case c.From > ms:
		return Verdict{Reason: NotYetValid}
	case reached(c.To, ms):
		return Verdict{Reason: Expired}
	}
	return DecidePerson(c.Person, a.Door, a.At)
}

// DecidePerson says whether a person, known by other means than a credential,
// may open a door. Of several rights the most generous counts; of several
// refusals the one that is nearest to a grant is named.
func DecidePerson(p *Person, d *Door, at time.Time) Verdict {
	switch {
	case d == nil:
		return Verdict{Reason: DeviceUntrusted}
	case p == nil || reached(p.Left, at.UnixMilli()):
		return Verdict{Reason: Inactive}
	}
	best := p.Own.grade(d, at, gradeNone)
	for _, g := range p.Groups {
		best = g.grade(d, at, best)
	}
	return best.verdict()
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

func (g grade) verdict() Verdict {
	switch g {
	case gradeGranted:
		return Verdict{Granted: true}
	case gradeHours:
		return Verdict{Reason: OutsideSchedule}
	case gradeEarly:
		return Verdict{Reason: NotYetValid}
	case gradeExpired:
		return Verdict{Reason: Expired}
	case gradeNone:
	}
	return Verdict{Reason: WrongDoor}
}

// grade looks at the rights for the door itself and for each zone around it.
func (h *Holder) grade(d *Door, at time.Time, best grade) grade {
	if h == nil {
		return best
	}
	best = gradeAll(h.Doors[d.ID], at, best)
	for z := d.Zone; z != "" && best < gradeGranted; {
		best = gradeAll(h.Zones[z], at, best)
		i := strings.LastIndexByte(z, '/')
		if i < 0 {
			break
		}
		z = z[:i]
	}
	return best
}

func gradeAll(rs []Right, at time.Time, best grade) grade {
	ms := at.UnixMilli()
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
		case !r.Schedule.Allows(at):
			g = gradeHours
		}
		best = max(best, g)
	}
	return best
}

// reached reports whether a point in time is there; 0 never is.
func reached(point, now int64) bool { return point != 0 && now >= point }
