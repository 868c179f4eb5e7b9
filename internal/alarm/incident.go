package alarm

import (
	"cmp"
	"strings"
	"time"

	"dongyue/internal/event"
)

// Incident is the alarms that are one affair: one cause, one place, one time.
// Its title, cameras and procedure are those of its root, the alarm that the
// others come from.
type Incident struct {
	ID         string         `json:"id" doc:"sorts by time"`
	Seq        uint64         `json:"seq" doc:"place in the feed of the last change"`
	Cause      string         `json:"cause"`
	Zone       string         `json:"zone" doc:"of the place"`
	ZoneName   event.Text     `json:"zone_name"`
	Title      event.Text     `json:"title"`
	Priority   event.Priority `json:"priority" enum:"critical,high,medium,low" doc:"the highest of the alarms that are open and not put aside"`
	State      State          `json:"state" enum:"unacked_active,acked_active,unacked_returned,normal,shelved,suppressed,out_of_service" doc:"of the alarm that asks most of a person"`
	Root       string         `json:"root" doc:"alarm that the others come from"`
	Rule       string         `json:"rule" doc:"of the root"`
	Device     string         `json:"device" doc:"of the root"`
	DeviceName string         `json:"device_name"`
	Alarms     int            `json:"alarms" doc:"how many there were"`
	Open       int            `json:"open" doc:"how many are not closed"`
	Raw        int            `json:"raw" doc:"how often they were raised"`
	Active     int            `json:"active" doc:"of how many the condition holds"`
	Unacked    int            `json:"unacked" doc:"open and seen by nobody"`
	LifeSafety bool           `json:"life_safety"`
	Silent     bool           `json:"silent" doc:"must make no sound"`
	Drill      bool           `json:"drill"`
	RaisedAt   time.Time      `json:"raised_at"`
	LastAt     time.Time      `json:"last_at" doc:"when one of them was raised last"`
	ToldAt     *time.Time     `json:"annunciated_at" doc:"when the operators were called last, or would have been but for a flood"`
	AckedAt    *time.Time     `json:"acked_at" doc:"when the last of them was acknowledged"`
	AckedBy    string         `json:"acked_by"`
	ClosedAt   *time.Time     `json:"closed_at"`
	MergedInto string         `json:"merged_into" doc:"the incident that its alarms are in now"`
	Assignee   string         `json:"assignee"`
	AssigneeID string         `json:"assignee_id"`
	Cameras    []string       `json:"cameras"`
	Procedure  string         `json:"procedure"`

	spot  string
	rank  rank
	tally tally

	// In a transaction only.
	was     was
	touched bool
	change  string // what happened last
	calls   []call // of its alarms
	rang    string // why it annunciates
	lost    bool   // the root may no longer be the best
}

// call is an alarm that asks for a person, and why.
type call struct {
	alarm  *Alarm
	reason string
}

// IncidentChange is an incident after something happened to it: one entry in the
// feed for each transaction, however many of its alarms moved.
type IncidentChange struct {
	Incident
	Change     string `json:"change" doc:"what happened last: as an alarm's changes, merge"`
	Annunciate bool   `json:"annunciate" doc:"the operators are called"`
	Reason     string `json:"reason,omitempty" doc:"why: new, priority, life_safety, realarm, again, unshelved, in_service"`
}

// rank orders those that could be the root: a cause before what comes from it,
// what others come from before what nothing comes from, then by priority and age.
type rank struct {
	Open     int       `json:"open"`  // 0: open, 1: closed
	Place    int       `json:"place"` // 0: a first cause, 1: a cause that has one itself, 2: no cause
	Priority int       `json:"priority"`
	At       time.Time `json:"at"`
	ID       string    `json:"id"`
}

func (r rank) compare(o rank) int {
	return cmp.Or(cmp.Compare(r.Open, o.Open), cmp.Compare(r.Place, o.Place), cmp.Compare(r.Priority, o.Priority), r.At.Compare(o.At), strings.Compare(r.ID, o.ID))
}

func rankOf(al *Alarm) rank {
	r := rank{Place: 2, Priority: al.Priority.Rank(), At: al.RaisedAt, ID: al.ID}
	switch {
	case al.Leads && !al.Led:
		r.Place = 0
	case al.Leads:
		r.Place = 1
	}
	if al.ClosedAt != nil {
		r.Open = 1
	}
	return r
}

// reach widens the incident's time.
func (i *Incident) reach(from, to time.Time) {
	if from.Before(i.RaisedAt) {
		i.RaisedAt = from
	}
	if to.After(i.LastAt) {
		i.LastAt = to
	}
}

// lead makes the alarm the root.
func (i *Incident) lead(al *Alarm) {
	i.Root, i.Rule, i.Device, i.DeviceName = al.ID, al.Rule, al.Device, al.DeviceName
	i.Title, i.Cameras, i.Procedure = al.Title, al.Cameras, al.Procedure
	if zone := spotZone(al); zone != i.Zone {
		i.Zone, i.ZoneName = zone, event.Text{}
	}
	i.Cause, i.spot = al.Cause, al.Spot
	i.rank = rankOf(al)
}

// tally counts an incident's alarms. It moves with each of them, so that an
// incident of ten thousand is not counted anew for each.
type tally struct {
	Alarms  int           `json:"alarms"`
	Raw     int           `json:"raw"`
	Open    int           `json:"open"`
	Active  int           `json:"active"`
	Unacked int           `json:"unacked"`
	Safety  int           `json:"safety"` // open
	Silent  int           `json:"silent"` // open
	Saved   int           `json:"saved"`  // life safety, also closed ones
	States  map[State]int `json:"states"` // open
	Prio    [6]int        `json:"prio"`   // by rank: open and not put aside
}

// add counts an alarm as it is; n is 1, or -1 to take it out again.
func (t *tally) add(al *Alarm, n int) {
	t.Alarms += n
	t.Raw += n * al.Count
	if al.LifeSafety {
		t.Saved += n
	}
	if al.ClosedAt != nil {
		return
	}
	if t.States == nil {
		t.States = map[State]int{}
	}
	t.Open += n
	t.States[al.State] += n
	for _, c := range []struct {
		is bool
		at *int
	}{
		{al.Active, &t.Active}, {al.AckedAt == nil, &t.Unacked}, {al.LifeSafety, &t.Safety}, {al.Silent, &t.Silent},
		{!al.axes().hidden(), &t.Prio[al.Priority.Rank()]},
	} {
		if c.is {
			*c.at += n
		}
	}
}

// join adds what another incident counted.
func (t *tally) join(o *tally) {
	t.Alarms, t.Raw, t.Open, t.Active = t.Alarms+o.Alarms, t.Raw+o.Raw, t.Open+o.Open, t.Active+o.Active
	t.Unacked, t.Safety, t.Silent, t.Saved = t.Unacked+o.Unacked, t.Safety+o.Safety, t.Silent+o.Silent, t.Saved+o.Saved
	if t.States == nil {
		t.States = map[State]int{}
	}
	for s, n := range o.States {
		t.States[s] += n
	}
	for r, n := range o.Prio {
		t.Prio[r] += n
	}
}

// highest is the rank of the gravest alarm that is not put aside; 6: none.
func (t *tally) highest() int {
	for r := 1; r < len(t.Prio); r++ {
		if t.Prio[r] > 0 {
			return r
		}
	}
	return len(t.Prio)
}

// state is that of the alarm that asks most of a person.
func (t *tally) state() State {
	for _, s := range []State{UnackedActive, UnackedReturned, AckedActive, Shelved, Suppressed, OutOfService} {
		if t.States[s] > 0 {
			return s
		}
	}
	return Normal
}

// was is an incident before the transaction, for what changed by it.
type was struct {
	there   bool
	highest int
	visible bool
	unacked int
	closed  bool
}

func (i *Incident) note() {
	h := i.tally.highest()
	i.was = was{there: true, highest: h, visible: h < len(i.tally.Prio), unacked: i.tally.Unacked, closed: i.ClosedAt != nil}
}

// sum brings what is shown up to date with the tally.
func (i *Incident) sum(at time.Time, by actor) {
	i.counts()
	t := &i.tally
	i.LifeSafety, i.Silent, i.State = t.Safety > 0, t.Silent > 0, t.state()
	if r := t.highest(); r < len(t.Prio) {
		i.Priority = priorities(r)
	}
	switch {
	case t.Unacked > 0:
		i.AckedAt, i.AckedBy = nil, ""
	case i.AckedAt == nil && i.was.unacked > 0 && by.ID != hub: // who only comments has acknowledged nothing
		i.AckedAt, i.AckedBy = &at, by.Name
	}
	switch {
	case t.Open > 0:
		i.ClosedAt = nil
	case i.ClosedAt == nil:
		i.ClosedAt = &at
	}
	if i.ClosedAt != nil {
		i.LifeSafety, i.State = t.Saved > 0, Normal
	}
}

func (i *Incident) counts() {
	t := &i.tally
	i.Alarms, i.Open, i.Raw, i.Active, i.Unacked = t.Alarms, t.Open, t.Raw, t.Active, t.Unacked
}

// priorities is the priority of a rank.
func priorities(rank int) event.Priority {
	return [...]event.Priority{"", event.Critical, event.High, event.Medium, event.Low, event.Low}[rank]
}
