package app

import (
	"context"
	"net/http"
	"strings"
	"time"

	"dongyue/devices"
	"dongyue/devices/charger/ladder"
	"dongyue/internal/alarm"
	"dongyue/internal/event"
	"dongyue/internal/journal"
	"dongyue/internal/series"
	"dongyue/internal/web"
	"dongyue/rules"
)

// explainer joins what the rooms know of an alarm into one lineage: the rule and
// the event, the alarm, its actions, the commands that they became and what the
// devices answered.
type explainer struct {
	book    *rules.Book
	store   *rules.Store
	engine  *rules.Engine
	alarms  *alarm.Alarms
	devices *devices.Registry
	journal *journal.Journal
	series  *series.Store
	ladder  *ladder.Ladder
}

func (a *App) explainer() *explainer {
	return &explainer{
		book: a.book, store: a.judge.states, engine: a.engine, alarms: a.alarms, devices: a.devices, journal: a.journal, series: a.series, ladder: a.ladder,
	}
}

// explanation is why, or why not.
type explanation struct {
	rules.Explanation
	Alarm       *alarm.Alarm         `json:"alarm" doc:"the one that is explained, or the newest of the rule for the device; null: none"`
	Transitions []alarm.JournalEntry `json:"transitions" doc:"what became of the alarm"`
	Actions     []actionTrace        `json:"actions" doc:"what it set going"`
}

// actionTrace is an action on its way out of the hub.
type actionTrace struct {
	Type    string        `json:"type"`
	Text    event.Text    `json:"text" doc:"what was to be done"`
	State   string        `json:"state" doc:"pending, claimed, done, failed or expired"`
	Result  string        `json:"result" doc:"what it became, or why not"`
	At      time.Time     `json:"at" doc:"when it was written down, with the alarm"`
	EndedAt *time.Time    `json:"ended_at"`
	Command *commandTrace `json:"command,omitempty"`
	Replies []replyTrace  `json:"replies,omitempty"`
}

// commandTrace is a command as the registry has it.
type commandTrace struct {
	ID        string     `json:"id"`
	Device    string     `json:"device"`
	Type      string     `json:"type"`
	Status    string     `json:"status"`
	Error     string     `json:"error"`
	At        time.Time  `json:"at"`
	SentAt    *time.Time `json:"sent_at"`
	UpdatedAt time.Time  `json:"updated_at"`
}

// replyTrace is a device's answer.
type replyTrace struct {
	Seq    uint64    `json:"seq"`
	At     time.Time `json:"at"`
	Status string    `json:"status"`
	Error  string    `json:"error"`
}

type explained struct{ Body *explanation }

// Register adds the operations.
func (x *explainer) Register(a *web.API) {
	web.Register(a, web.Op{
		Method: http.MethodGet, Path: "/alarms/{id}/explain", Summary: "Why an alarm was raised, and what came of it", Tag: "alarms", Action: web.EventsRead,
	}, func(ctx context.Context, in *struct {
		ID string `path:"id" maxLength:"40"`
	},
	) (*explained, error) {
		out, err := x.alarm(ctx, in.ID)
		return &explained{out}, err
	})
	web.Register(a, web.Op{
		Method: http.MethodGet, Path: "/rules/{rule}/explain", Summary: "Why a rule is raised for a device, or what is in the way", Tag: "rules", Action: web.EventsRead,
		Behind: true, // GET /rules/replays/{id} is no rule
	}, func(ctx context.Context, in *struct {
		Rule   string `path:"rule" maxLength:"100"`
		Device string `query:"device" required:"true" maxLength:"64"`
		Part   string `query:"part" maxLength:"64" doc:"without it, that of the newest event"`
	},
	) (*explained, error) {
		out, err := x.now(ctx, in.Rule, in.Device, in.Part)
		return &explained{out}, err
	})
}

// alarm explains an alarm by the event that raised it last, and by the rule as it
// was then.
func (x *explainer) alarm(ctx context.Context, id string) (*explanation, error) {
	l, err := x.alarms.Lineage(ctx, id)
	if err != nil {
		return nil, err
	}
	al := l.Alarm
	out := &explanation{Alarm: al, Transitions: al.Journal}
	if out.Actions, err = x.traces(ctx, al.ID, l.Actions); err != nil {
		return nil, err
	}
	current, _ := x.book.Set().Rule(al.Rule)
	rule, err := x.ruleAt(ctx, al, current)
	if err != nil {
		return nil, err
	}
	if rule == nil {
		out.Explanation = ruleless(al)
		return out, nil
	}
	c := rules.Case{Rule: rule, Then: al.RuleVersion, Current: current, Device: al.Device, Part: al.Part, Kind: al.Kind, Zone: al.Zone, Event: al.Evidence}
	if c.Past, err = x.past(ctx, rule, al.Evidence); err != nil {
		return nil, err
	}
	out.Explanation = c.Raised()
	out.Alarm.Journal, out.Alarm.Evidence = nil, nil // they stand beside it
	return out, nil
}

// ruleAt is an alarm's rule as it was when the alarm was raised last, or as it is;
// nil when no file has it.
func (x *explainer) ruleAt(ctx context.Context, al *alarm.Alarm, current *rules.Rule) (*rules.Rule, error) {
	if current != nil && current.Version == al.RuleVersion {
		return current, nil
	}
	files, err := x.store.SetAt(ctx, al.LastAt)
	if err != nil {
		return nil, err
	}
	if files == nil || files.Version() == x.book.State().Version {
		return current, nil
	}
	if r, ok := files.Rule(al.Rule, x.book.Set()); ok {
		return r, nil
	}
	return current, nil
}

// ruleless explains an alarm that the hub itself raised: a refusal at the broker,
// a rule that is no longer known.
func ruleless(al *alarm.Alarm) rules.Explanation {
	text := event.Text{ZH: "由枢纽本身报警,没有规则文件", EN: "raised by the hub itself; no rule file has it"}
	return rules.Explanation{
		Rule: al.Rule, Title: al.Title, Device: al.Device, Part: al.Part, Raised: true, Event: al.Evidence, Conclusion: text,
		Why: []rules.Reason{{What: "rule", OK: true, Text: text}},
	}
}

// now explains how a rule stands for a device at this moment.
func (x *explainer) now(ctx context.Context, id, device, part string) (*explanation, error) {
	rule, ok := x.book.Set().Rule(id)
	if !ok {
		return nil, web.Fail(http.StatusNotFound, "rules.unknown", "there is no such rule in force; GET /api/v1/rules lists them")
	}
	d, err := x.devices.Get(ctx, device)
	if err != nil && rule.Quorum != nil { // a group has no device of its own: a zone, or the name of a feeder
		zone, _ := strings.CutPrefix(device, "zone:")
		d, err = devices.Device{ID: device, Zone: zone}, nil
	}
	if err != nil {
		return nil, web.Fail(http.StatusNotFound, "device.not_found", "there is no such device; GET /api/v1/devices lists them")
	}
	state := x.book.State()
	c := rules.Case{Rule: rule, Current: rule, Since: state.LoadedAt, Device: d.ID, Part: part, Kind: d.Kind, Zone: d.Zone}
	if c.Event, err = x.newest(ctx, rule.On, &d, part); err != nil {
		return nil, err
	}
	if c.Event != nil && part == "" {
		c.Part = c.Event.Part
	}
	if c.Cleared, err = x.cleared(ctx, rule, &d, c.Part, c.Event); err != nil {
		return nil, err
	}
	if c.Past, err = x.past(ctx, rule, c.Event); err != nil {
		return nil, err
	}
	asked := rules.Asked{Device: d.ID, Part: c.Part, Zone: d.Zone}
	if c.Event != nil {
		asked.Via = c.Event.Via
	}
	out := &explanation{Explanation: c.Now(x.engine.Standing(id, asked)), Transitions: []alarm.JournalEntry{}, Actions: []actionTrace{}}
	return out, x.besideAlarm(ctx, out)
}
