package alarm

import (
	"time"

	"dongyue/internal/event"
)

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
	LifeSafety               bool          // latches; never shelved, never suppressed
	ReAlarm                  time.Duration // annunciated again while it stands; 0: not
	Cause                    string        // of the incident: fire, power …
	Place                    string        // of the incident: community, court, building, unit or device
	Causes                   []string      // rules whose alarms are the cause where they stand
	Via                      string        // what the device hangs on, outermost first
	Version                  string        // of the rule
	Escalation               string        // policy; "": the one for the priority
	Procedure                string
	Nearest                  int // how many cameras to show
	Actions                  []Action
	Late                     bool
	Drill                    bool // an exercise: its actions are not queued
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
	Before   time.Duration  `json:"before,omitempty"` // of a clip: this much before the alarm
	After    time.Duration  `json:"after,omitempty"`
	To       []string       `json:"to,omitempty"` // of a notification
	Deadline time.Time      `json:"deadline,omitzero"`
}
