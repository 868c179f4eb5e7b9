package access

// State is what the rules remember. Decide takes it and returns it changed; the
// room keeps it in the tables, so a restart changes nothing. Times are Unix ms.
type State struct {
	Area   string // where the person was seen last; empty: not known
	Since  int64  //
	Used   int32  // how often the credential opened this door
	Escort int64  // when somebody last passed here who may accompany the person; 0: nobody
	Inside bool   // the car of the booking, or one with its plate, is inside
	Gate   bool   // a courier is at the stair and has passed no gate of the pass
	Busy   bool   // another door of the interlock is open, or free to open
	Door   DoorState

	Moved [2]Move // who is in another area now: the person, and the one who waited
}

// Move is that somebody is in another area now.
type Move struct{ Person, Area string }

// DoorState is what is remembered of one door.
type DoorState struct {
	FirstDay int32  `json:"first_day,omitempty"` // on which its first person came: days since 1970, local
	Waiting  string `json:"waiting,omitempty"`   // the first of two persons
	WaitEnd  int64  `json:"wait_end,omitempty"`

	WaitFirst bool   `json:"wait_first,omitempty"` // that one's right opens the day
	WaitBy    string `json:"wait_by,omitempty"`    // the credential that was shown; empty: a phone

	FreeEnd  int64    `json:"free_end,omitempty"` // the last grant lets the lock free until then
	Open     bool     `json:"open,omitempty"`     // the contact says so
	Entering [4]Entry `json:"entering"`           // granted, but the door has not opened yet
}

// Entry is somebody that may come in and has not yet.
type Entry struct {
	Person string `json:"person,omitempty"`
	Area   string `json:"area,omitempty"`
	End    int64  `json:"end,omitempty"`
}

// enterWithin is how long after a grant an opening of the door is taken for an
// entry, in ms: the lock is free for 5 s, and a slow controller tells of it late.
const enterWithin = 10_000

// Opened notes that the door opened, and who is in another area by that.
func (d DoorState) Opened(at int64) (DoorState, [4]Move) {
	var moved [4]Move
	for i, e := range d.Entering {
		if e.Person != "" && at <= e.End && e.End-at <= enterWithin {
			moved[i] = Move{e.Person, e.Area}
		}
	}
	d.Open, d.Entering = true, [4]Entry{}
	return d, moved
}

// Closed notes that the door is shut; what is free until later stays so, because
// a second one may still pull it open.
func (d DoorState) Closed() DoorState {
	d.Open = false
	return d
}

// busy reports whether a door of an interlock stands in the way of another. A lock that
// would be free for longer than any grant was freed before the clock was set back.
func (d DoorState) busy(at int64) bool {
	return d.Open || at < d.FreeEnd && d.FreeEnd-at <= unlockSeconds*1000
}

// enter remembers one who may come in until the door opens. Of more than four the
// one that came first is forgotten.
func (d DoorState) enter(e Entry) DoorState {
	for i := range d.Entering {
		if d.Entering[i].Person == "" || d.Entering[i].Person == e.Person || d.Entering[i].End < e.End-enterWithin {
			d.Entering[i] = e
			return d
		}
	}
	copy(d.Entering[:], d.Entering[1:])
	d.Entering[len(d.Entering)-1] = e
	return d
}
