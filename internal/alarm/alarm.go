package alarm

import (
	"time"

	"dongyue/internal/event"
)

// State of an alarm, as in docs/protocol.md.
type State string

// The states. The last three are names kept for shelving, suppression by design
// and maintenance.
const (
	UnackedActive   State = "unacked_active"
	AckedActive     State = "acked_active"
	UnackedReturned State = "unacked_returned"
	Normal          State = "normal"
	Shelved         State = "shelved"
	Suppressed      State = "suppressed"
	OutOfService    State = "out_of_service"
)

// Alarm as the API, the feed and the integrators see it.
type Alarm struct {
	ID          string         `json:"id" doc:"sorts by time"`
	Seq         uint64         `json:"seq" doc:"place in the feed of the last change"`
	Rule        string         `json:"rule"`
	Device      string         `json:"device"`
	DeviceName  string         `json:"device_name"`
	Kind        event.Kind     `json:"kind"`
	Part        string         `json:"part"`
	Zone        string         `json:"zone"`
	Priority    event.Priority `json:"priority" enum:"critical,high,medium,low"`
	State       State          `json:"state" enum:"unacked_active,acked_active,unacked_returned,normal,shelved,suppressed,out_of_service"`
	Title       event.Text     `json:"title"`
	Active      bool           `json:"active" doc:"the condition holds"`
	Latched     bool           `json:"latched" doc:"stays until a person closes it"`
	Silent      bool           `json:"silent" doc:"must make no sound"`
	Measured    bool           `json:"measured" doc:"the hub will hear of the return"`
	Late        bool           `json:"late" doc:"the device told it too late to act on"`
	Count       int            `json:"count" doc:"how often it was raised"`
	RaisedAt    time.Time      `json:"raised_at"`
	LastAt      time.Time      `json:"last_at" doc:"when it was raised last"`
	AckedAt     *time.Time     `json:"acked_at"`
	AckedBy     string         `json:"acked_by"`
	ReturnedAt  *time.Time     `json:"returned_at"`
	ClosedAt    *time.Time     `json:"closed_at"`
	ClosedBy    string         `json:"closed_by"`
	CloseReason string         `json:"close_reason"`
	Cameras     []string       `json:"cameras"`
	Procedure   string         `json:"procedure"`
	Assignee    string         `json:"assignee"`
	AssigneeID  string         `json:"assignee_id"`
	Incident    string         `json:"incident"`
	Evidence    *event.Event   `json:"evidence,omitempty" doc:"the event that raised it last"`
	Journal     []JournalEntry `json:"journal,omitempty"`
}

// JournalEntry is a line of an alarm's journal.
type JournalEntry struct {
	At      time.Time `json:"at"`
	Actor   string    `json:"actor" doc:"name of the person, or hub"`
	ActorID string    `json:"actor_id"`
	What    string    `json:"what" doc:"raise, return, ack, assign, comment, close, action_done, action_failed, action_expired"`
	Text    string    `json:"text"`
}

// What a change or a journal line says.
const (
	Raise         = "raise"
	Repeat        = "repeat" // told again while active: counted, not journaled
	Return        = "return"
	Ack           = "ack"
	Assign        = "assign"
	Comment       = "comment"
	Close         = "close"
	ActionDone    = "action_done"
	ActionFailed  = "action_failed"
	ActionExpired = "action_expired"
)

// Change is an alarm after something happened to it; in the feed and over MQTT
// it is the alarm's JSON with `change`.
type Change struct {
	Alarm
	Change string `json:"change"`
}

// Signal is what the rules have to say: a condition began, was told again, or
// returned to normal.
type Signal struct {
	Rule, Device, Part, Zone string
	Kind                     event.Kind
	Raised                   bool
	Repeat                   bool // raised while it had not returned
	At                       time.Time
	Priority                 event.Priority
	Title                    event.Text // {name} stands for the device's name
	Latch, Silent, Measured  bool
	Procedure                string
	Nearest                  int // how many cameras to show
	Actions                  []Action
	Late                     bool
	Evidence                 event.Event
}

// Action is something to be done because of an alarm. It has the same fields as
// rules.Action, in the same order, so that the one converts into the other.
type Action struct {
	Type     string         `json:"type"`
	Device   string         `json:"device,omitempty"`
	Command  string         `json:"command,omitempty"`
	Args     map[string]any `json:"args,omitempty"`
	Zones    []string       `json:"zones,omitempty"`
	Text     event.Text     `json:"text,omitzero"`
	Level    int            `json:"level,omitempty"`
	Priority event.Priority `json:"priority,omitempty"`
	Deadline time.Time      `json:"deadline,omitzero"`
}

// raise moves the alarm by a signal and returns what changed.
func (a *Alarm) raise(s *Signal, at time.Time) string {
	a.Count++
	if at.After(a.LastAt) {
		a.LastAt = at
	}
	ev := s.Evidence
	a.Evidence = &ev
	again := !a.Active || !s.Repeat
	a.Late = a.Late && s.Late || a.Count == 1 && s.Late
	if !again {
		return Repeat
	}
	// A condition that comes back wants a person anew.
	a.Active, a.ReturnedAt, a.AckedAt, a.AckedBy = true, nil, nil, ""
	a.State = UnackedActive
	return Raise
}

// back is the condition returning to normal.
func (a *Alarm) back(at time.Time) {
	a.Active, a.ReturnedAt = false, &at
	switch {
	case a.AckedAt == nil:
		a.State = UnackedReturned
	case !a.Latched:
		a.end(at, hub, reasonReturned)
	}
}

// ack is a person having seen it.
func (a *Alarm) ack(at time.Time, by string) {
	a.AckedAt, a.AckedBy = &at, by
	if a.Active || a.Latched {
		a.State = AckedActive
		return
	}
	a.end(at, hub, reasonReturned)
}

func (a *Alarm) end(at time.Time, by, reason string) {
	a.State, a.ClosedAt, a.ClosedBy, a.CloseReason = Normal, &at, by, reason
}

// reasonReturned closes an alarm by itself: seen by a person, and over.
const reasonReturned = "returned"
