package access

// What Decide looks at. All of it is in memory and is never changed by a decision.

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
	First    bool  // opens the day at a door that waits for its first person
	Lockdown bool  // holds while the door is locked down, too: for rescuers
}

// Holder has rights: a person for itself, or a group for its members.
type Holder struct {
	Doors  map[string][]Right // by door
	Groups map[string][]Right // by group of doors
	Zones  map[string][]Right // by zone, for all doors within
}

// Kind of a person.
type Kind string

// The kinds.
const (
	Resident Kind = "resident"
	Staff    Kind = "staff"
	Courier  Kind = "courier"
	Visitor  Kind = "visitor"
	Child    Kind = "child" // under 14: a guardian must have agreed (PIPL, article 31)
)

// Who must go along with somebody that may not go alone; any other value is one
// person's id.
const (
	EscortHousehold = "household"
	EscortStaff     = "staff"
)

// Person is a person in the index.
type Person struct {
	ID, Name, Unit, Household string
	Kind                      Kind
	Left                      int64 // moved out then; 0: not
	ChildUntil                int64 // a child's fourteenth birthday; 0: not known
	Consent                   bool  // of a child's guardian
	Escort                    string
	Host                      *Person // of a visitor
	Leave                     bool    // of a visitor: the pass ends when the visitor goes out
	Own                       *Holder
	Groups                    []*Holder
}

// Classes of credentials.
const (
	ClassUID      = "uid"      // a card's number, which anybody can copy
	ClassCrypto   = "crypto"   // the reader had the card prove itself
	ClassFixed    = "fixed"    // a QR code that stays the same
	ClassRotating = "rotating" // a signed QR code of half a minute
)

// Credential is a credential in the index.
type Credential struct {
	ID, Type, Class, Last4 string
	Person                 *Person
	From, To               int64
	Revoked                int64 // 0: not
	Lost                   bool
	Duress                 bool  // opens, and calls for help in silence
	MaxUses                int32 // at each door; 0: as often as wanted

	offline offlineKey // as doors know it that are alone
}

// Area is a piece of ground that people enter and leave through known doors.
type Area struct {
	ID        string
	Mode      PassbackMode
	Forget    int64 // ms after which it no longer counts that somebody is inside; 0: never
	ByContact bool  // entered only when the door opened
}

// PassbackMode says what happens when somebody comes in who is inside already.
type PassbackMode string

// The modes.
const (
	PassbackNone    PassbackMode = "none"
	PassbackAlert   PassbackMode = "alert"   // let in, and noted
	PassbackEnforce PassbackMode = "enforce" // refused
)

// Policy is what the community has laid down for one door, besides rights. Nil
// demands nothing.
type Policy struct {
	Groups          []string // of doors, that this one belongs to
	RefuseUID       bool     // takes no card that can be copied: a door of the perimeter
	PhoneProof      bool     // a phone must prove itself
	FirstIn         bool     // waits each day for somebody whose right says first
	TwoPerson       int64    // ms within which a second person must show a credential; 0: one is enough
	Inside, Outside *Area    // where the door leads in, and out
	Interlock       []string // doors that must be shut while this one opens
}
