package alarm

import (
	"time"

	"dongyue/internal/event"
)

// State of an alarm, as in docs/protocol.md.
type State string

// The states. The last three hide the others, which go on beneath.
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
	Incident    string         `json:"incident" doc:"the affair it belongs to"`
	Cause       string         `json:"cause" doc:"of the incident: fire, power …"`
	LifeSafety  bool           `json:"life_safety" doc:"never shelved, never suppressed; stays until a person resets it"`
	Drill       bool           `json:"drill" doc:"an exercise: nothing was carried out"`
	RuleVersion string         `json:"rule_version"`

	ShelveKind   string     `json:"shelve_kind" enum:"timed,one_shot," doc:"empty: not shelved"`
	ShelvedUntil *time.Time `json:"shelved_until"`
	ShelvedBy    string     `json:"shelved_by"`
	ShelveReason string     `json:"shelve_reason"`
	SuppressedBy string     `json:"suppressed_by" doc:"the out-of-service entry, or what suppresses it"`
	ReAlarmAt    *time.Time `json:"realarm_at" doc:"when it annunciates again"`

	Escalation *Escalation `json:"escalation"`

	// What the hub goes by and nobody is told.
	Place   string        `json:"-"` // level of the incident's place
	Causes  []string      `json:"-"` // rules whose alarms are the cause where they stand
	Via     string        `json:"-"` // what the device hangs on, outermost first
	ReAlarm time.Duration `json:"-"`
	Policy  string        `json:"-"` // of escalation; "": the one for the priority
	Off     State         `json:"-"` // Suppressed or OutOfService by SuppressedBy
	ToldAt  *time.Time    `json:"-"` // when it asked for a person; nil: nobody was told since it began
	QuietAt *time.Time    `json:"-"` // chattering: when it is taken to have ended
	Spot    string        `json:"-"` // the incident's place: zone:… or device:…
	Leads   bool          `json:"-"` // others of the incident come from it
	Led     bool          `json:"-"` // it comes from another of the incident

	Evidence *event.Event   `json:"evidence,omitempty" doc:"the event that raised it last"`
	Journal  []JournalEntry `json:"journal,omitempty"`
}

// Escalation says whom an alarm that nobody acknowledges goes to next.
type Escalation struct {
	Policy string     `json:"policy"`
	Step   int        `json:"step" doc:"of the policy, from 1; 0: none yet"`
	Round  int        `json:"round" doc:"the ladder is climbed again and again, from 1; 0: no step yet"`
	To     []string   `json:"to" doc:"whom this step calls: on_duty, next_on_duty, supervisor, list:NAME, user:ID"`
	Names  []string   `json:"names" doc:"who that was"`
	NextAt *time.Time `json:"next_at" doc:"null: all steps have been taken"`
	NextTo []string   `json:"next_to"`
}

// JournalEntry is a line of an alarm's journal.
type JournalEntry struct {
	At      time.Time `json:"at"`
	Actor   string    `json:"actor" doc:"name of the person, or hub"`
	ActorID string    `json:"actor_id"`
	What    string    `json:"what" doc:"raise, return, ack, assign, comment, close, shelve, unshelve, suppress, out_of_service, in_service, realarm, escalate, step, notify_sent, notify_failed, action_done, action_failed, action_expired"`
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
	Shelve        = "shelve"
	Unshelve      = "unshelve"
	Suppress      = "suppress"       // its zone is under maintenance
	TakenOut      = "out_of_service" // it is itself
	InService     = "in_service"
	Regroup       = "regroup"    // it belongs to another incident now
	Merge         = "merge"      // two incidents are one
	Annunciated   = "annunciate" // of an incident: the operators were called
	ReAlarmed     = "realarm"
	ActionDone    = "action_done"
	ActionFailed  = "action_failed"
	ActionExpired = "action_expired"
)

// Change is an alarm after something happened to it; in the feed and over MQTT
// it is the alarm's JSON with `change`.
type Change struct {
	Alarm
	Change     string `json:"change"`
	Annunciate bool   `json:"annunciate" doc:"the operators are called"`
}

// reasonReturned closes an alarm by itself: seen by a person, and over.
const reasonReturned = "returned"
