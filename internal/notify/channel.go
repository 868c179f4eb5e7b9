package notify

import (
	"context"
	"errors"
	"slices"
	"time"

	"dongyue/internal/event"
)

// Types of channels.
const (
	Desk     = "desk"     // the person's own screens
	Webhook  = "webhook"  // a program
	WeCom    = "wecom"    // 企业微信群机器人
	DingTalk = "dingtalk" // 钉钉群机器人
	Feishu   = "feishu"   // 飞书群机器人
	Ntfy     = "ntfy"     // push to a phone
	SMTP     = "smtp"     // mail
)

// types lists the channels in the order in which they are shown.
func types() []string { return []string{Desk, Webhook, WeCom, DingTalk, Feishu, Ntfy, SMTP} }

func known(channel string) bool { return slices.Contains(types(), channel) }

// Letter is a message as it leaves by one channel, in one language.
type Letter struct {
	ID         string // the same in every attempt; a receiver may know a repeat by it
	Language   Language
	Subject    string
	Body       string
	Priority   event.Priority
	LifeSafety bool
	Alarms     []string // ids
	At         time.Time
	To         []Addressee // several where the channel is shared
}

// Addressee is one person on a letter.
type Addressee struct {
	Account string `json:"user"`
	Name    string `json:"name"`
	Address string `json:"address"`
}

// text is the whole letter as plain lines.
func (l *Letter) text() string {
	if l.Body == "" {
		return l.Subject
	}
	return l.Subject + "\n" + l.Body
}

// Traits of a channel.
type Traits struct {
	Type      string
	Target    string        // where it goes, without keys: the host
	Shared    bool          // one letter to several people: a group chat, a program
	PerMinute int           // most letters in any minute; 0: no limit
	Timeout   time.Duration // of one attempt; 0: ten seconds
	Secrets   []string      // what no log, table or answer may show
}

// Channel carries letters out of the house. Send returns nil when the receiver has
// taken the letter; an error that wraps ErrRefused when it never will; any other
// error is worth another attempt.
type Channel interface {
	Traits() Traits
	Send(ctx context.Context, l *Letter) error
}

// ErrRefused is wrapped by an answer that another attempt would not change.
var ErrRefused = errors.New("refused")

// SlowDown is the answer of a receiver that wants to be left alone for a while.
type SlowDown struct {
	For  time.Duration
	What string
}

func (e *SlowDown) Error() string { return e.What }
