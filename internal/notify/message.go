package notify

import (
	"errors"
	"fmt"
	"time"

	"dongyue/internal/event"
)

// Language of a person.
type Language string

// The languages.
const (
	Chinese Language = "zh"
	English Language = "en"
)

// in picks the text of a language; the other where that one is missing.
func (l Language) in(t event.Text) string {
	if l == English && t.EN != "" || t.ZH == "" {
		return t.EN
	}
	return t.ZH
}

// Notification is what some people are to be told.
type Notification struct {
	Key        string // what is sent again under the same key is not sent again
	To         []Recipient
	Subject    event.Text // one line
	Body       event.Text // a few
	Priority   event.Priority
	LifeSafety bool
	Alarm      string    // that it is about; "": none
	Cluster    string    // those of one cluster may go out in one letter; "": alone
	Deadline   time.Time // not sent any more after it; zero: an hour from now
	Inside     bool      // to the screens only, as in an exercise
}

// Recipient is who is told.
type Recipient struct {
	Account string
	Name    string
}

// lifetime of a notification without a deadline: what nobody heard of for an hour
// is on the desk's screens anyway.
const lifetime = time.Hour

func (n *Notification) check() error {
	switch {
	case n.Key == "" || len(n.Key) > 300:
		return errors.New("notify: a notification has a key of 1 to 300 bytes")
	case n.Subject.ZH == "" || n.Subject.EN == "":
		return fmt.Errorf("notify: %s: the subject is in both languages", n.Key)
	case len(n.To) > 200:
		return fmt.Errorf("notify: %s: %d recipients; at most 200", n.Key, len(n.To))
	}
	return nil
}

// State of a delivery.
type State string

// The states.
const (
	Waiting   State = "waiting" // for its cluster, its channel's pace, or another attempt
	Sending   State = "sending"
	Sent      State = "sent"      // the receiver has taken it
	Failed    State = "failed"    // it never will
	Expired   State = "expired"   // its time was over before it could be sent
	Duplicate State = "duplicate" // told a moment ago
)

// Delivery is a notification's way to one person by one channel.
type Delivery struct {
	ID         int64          `json:"-"`
	Letter     string         `json:"letter" doc:"id that the receiver sees, the same for all that one letter carried; empty: in none yet"`
	Alarm      string         `json:"alarm"`
	Account    string         `json:"user"`
	Name       string         `json:"name"`
	Channel    string         `json:"channel" enum:"desk,webhook,wecom,dingtalk,feishu,ntfy,smtp"`
	Address    string         `json:"address" doc:"empty of others, but for supervisors"`
	State      State          `json:"state" enum:"waiting,sending,sent,failed,expired,duplicate"`
	Subject    event.Text     `json:"subject"`
	Priority   event.Priority `json:"priority"`
	LifeSafety bool           `json:"life_safety"`
	Attempts   int            `json:"attempts"`
	CreatedAt  time.Time      `json:"created_at"`
	DueAt      time.Time      `json:"due_at" doc:"of the next attempt"`
	EndedAt    *time.Time     `json:"ended_at"`
	Problem    string         `json:"problem" doc:"why it failed, or why it waits"`

	body     event.Text
	message  string
	cluster  string
	language Language
	deadline time.Time
}

// urgency orders deliveries: life safety first, then by priority.
func urgency(lifeSafety bool, p event.Priority) int {
	if lifeSafety {
		return 0
	}
	return p.Rank()
}
