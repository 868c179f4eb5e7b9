package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dongyue/internal/event"
)

// Kinds of actions.
const (
	CommandAction   = "command"
	BroadcastAction = "broadcast"
	WorkOrderAction = "work_order"
	ClipAction      = "clip"
	NotifyAction    = "notify"
	ReactAction     = "react"
)

// How long an action is worth carrying out, where the file does not say. An
// order can be written at any time; a relay must not move minutes later.
const (
	commandTTL   = 30 * time.Second
	broadcastTTL = 2 * time.Minute
	notifyTTL    = time.Hour
	reactTTL     = 10 * time.Minute // a fire is still one when the hub has been away for a while
)

// action reads one action: the key says its type.
func (l *loader) action(n node) ActionRule {
	known := []string{CommandAction, BroadcastAction, WorkOrderAction, ClipAction, NotifyAction, ReactAction}
	f := n.fields(append(known, "device", "args", "ttl")...)
	var types []string
	for _, t := range known {
		if f[t].ok() {
			types = append(types, t)
		}
	}
	if len(types) != 1 {
		n.problem("is not one action", "each item has exactly one of "+strings.Join(known, ", "))
		return ActionRule{}
	}
	a := ActionRule{Type: types[0], TTL: f["ttl"].duration()}
	if a.Type != CommandAction {
		for _, k := range []string{"device", "args"} {
			if f[k].ok() {
				f[k].problem("belongs to a command", "remove it")
			}
		}
	}
	switch a.Type {
	case CommandAction:
		l.command(&a, f)
	case BroadcastAction:
		l.broadcast(&a, f[BroadcastAction])
	case WorkOrderAction:
		l.workOrder(&a, f[WorkOrderAction])
	case ClipAction:
		clip(&a, f[ClipAction])
	case NotifyAction:
		notification(&a, f[NotifyAction])
	case ReactAction:
		l.reaction(&a, f[ReactAction])
	}
	return a
}

// What a clip shows around the moment of the alarm, where the file does not say.
const (
	clipBefore  = 10 * time.Second
	clipAfter   = 30 * time.Second
	longestClip = 10 * time.Minute
	clipTTL     = 2 * time.Minute // the ring of pictures before the alarm is short
)

func clip(a *ActionRule, n node) {
	f := n.fields("before", "after")
	a.Before, a.After = clipBefore, clipAfter
	for key, to := range map[string]*time.Duration{"before": &a.Before, "after": &a.After} {
		if !f[key].ok() {
			continue
		}
		if *to = f[key].duration(); *to > longestClip {
			f[key].problem("is too long for a clip", "at most 10m")
		}
	}
	if a.TTL == 0 {
		a.TTL = clipTTL
	}
}

// notification reads notify: {to: on_duty} or {to: [on_duty, supervisor]}.
func notification(a *ActionRule, n node) {
	f := n.fields("to")
	if a.To = f["to"].texts(); len(a.To) == 0 {
		n.problem("says not whom", "to: on_duty, supervisor, list:NAME or user:ID")
	}
	for _, to := range a.To {
		kind, name, named := strings.Cut(to, ":")
		plain := !named && (to == "on_duty" || to == "next_on_duty" || to == "supervisor")
		if !plain && (!named || name == "" || kind != "list" && kind != "user") {
			f["to"].problem(fmt.Sprintf("%q is nobody", to), "on_duty, next_on_duty, supervisor, list:NAME or user:ID")
		}
	}
	if a.TTL == 0 {
		a.TTL = notifyTTL
	}
}

// reaction reads react: cut, a rung of the chargers' ladder: the hub knows what
// belongs to it, in which order, and what proves it.
func (l *loader) reaction(a *ActionRule, n node) {
	a.Command, a.Device = n.text(), "{device}"
	if !slices.Contains(reactions(), a.Command) {
		n.problem(fmt.Sprintf("%q is no rung of the ladder", a.Command), strings.Join(reactions(), ", "))
	}
	a.device = l.template(n, a.Device)
	a.Args = map[string]any{"part": "{part}"}
	if a.TTL == 0 {
		a.TTL = reactTTL
	}
}

func reactions() []string { return []string{"cut", "neighbours", "evacuate"} }

func (l *loader) command(a *ActionRule, f map[string]node) {
	a.Command, a.Device = f[CommandAction].text(), "{device}"
	if f["device"].ok() {
		a.Device = f["device"].text()
	}
	a.device = l.template(f["device"], a.Device)
	if a.TTL == 0 {
		a.TTL = commandTTL
	}
	if !f["args"].ok() {
		return
	}
	args, ok := f["args"].plain(0).(map[string]any)
	if !ok {
		f["args"].problem("must be a mapping (key: value)", "")
		return
	}
	a.Args = args
	l.templates(f["args"], args)
}

// templates checks every text in an action's arguments.
func (l *loader) templates(n node, v any) {
	switch v := v.(type) {
	case string:
		l.template(n, v)
	case []any:
		for _, x := range v {
			l.templates(n, x)
		}
	case map[string]any:
		for _, k := range sortedKeys(v) {
			l.templates(n, v[k])
		}
	}
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// lifeSafety is a rule's rank on the ladder of broadcasts: below live speech and
// official warnings, above an operator's announcement.
const lifeSafety = 3

func (l *loader) broadcast(a *ActionRule, n node) {
	f := n.fields("zones", "text", "priority")
	a.Zones = f["zones"].texts()
	if len(a.Zones) == 0 {
		n.problem("has no zones", `zones: ["{zone}"] is where the device stands`)
	}
	for _, z := range a.Zones {
		a.zones = append(a.zones, l.template(f["zones"], z))
	}
	if !f["text"].ok() {
		n.problem("has no text", `write text: {zh: "…", en: "…"}`)
	}
	a.Text = f["text"].bilingual()
	a.text = l.bilingual(f["text"], a.Text)
	a.Level = lifeSafety
	if f["priority"].ok() {
		a.Level = f["priority"].integer(1, 6)
	}
	if a.TTL == 0 {
		a.TTL = broadcastTTL
	}
}

func (l *loader) workOrder(a *ActionRule, n node) {
	f := n.fields("title", "priority")
	if !f["title"].ok() {
		n.problem("has no title", `write title: {zh: "…", en: "…"}`)
	}
	a.Text = f["title"].bilingual()
	a.text = l.bilingual(f["title"], a.Text)
	a.Priority = priority(n, f["priority"])
}

// Action is what a transition asks to be done. It has the same fields as
// alarm.Action, in the same order, so that the one converts into the other.
type Action struct {
	Type     string         // see the action constants
	Device   string         // of a command
	Command  string         // of a command: cut, flash …
	Args     map[string]any // of a command
	Zones    []string       // of a broadcast
	Text     event.Text     // of a broadcast; title of a work order. May hold {name}
	Level    int            // of a broadcast: 1 (fire, live) to 6 (music)
	Priority event.Priority // of a work order
	Before   time.Duration  // of a clip: this much before the alarm
	After    time.Duration  // of a clip
	To       []string       // of a notification
	Deadline time.Time      // after it the action is dropped; zero: never
}

// act fills an action's placeholders. Its time runs from when the hub heard of
// the cause, so that what is carried out after a long stop is dropped.
func (a *ActionRule) act(f *facts, at time.Time) Action {
	out := Action{
		Type: a.Type, Command: a.Command, Text: a.text.fill(f), Level: a.Level, Priority: a.Priority,
		Before: a.Before, After: a.After, To: a.To,
	}
	if a.Type == CommandAction || a.Type == ReactAction {
		out.Device = a.device.fill(f)
		out.Args, _ = fillAll(a.Args, f).(map[string]any)
	}
	for _, z := range a.zones {
		if zone := z.fill(f); !slices.Contains(out.Zones, zone) {
			out.Zones = append(out.Zones, zone)
		}
	}
	if a.TTL > 0 {
		if f.received.After(at) {
			at = f.received
		}
		out.Deadline = at.Add(a.TTL)
	}
	return out
}
