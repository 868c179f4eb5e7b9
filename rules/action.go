package rules

import (
	"slices"
	"time"

	"dongyue/internal/event"
)

// Kinds of actions.
const (
	CommandAction   = "command"
	BroadcastAction = "broadcast"
	WorkOrderAction = "work_order"
)

// How long an action is worth carrying out, where the file does not say. An
// order can be written at any time; a relay must not move minutes later.
const (
	commandTTL   = 30 * time.Second
	broadcastTTL = 2 * time.Minute
)

// action reads one action: the key says its type.
func (l *loader) action(n node) ActionRule {
	f := n.fields(CommandAction, BroadcastAction, WorkOrderAction, "device", "args", "ttl")
	var types []string
	for _, t := range []string{CommandAction, BroadcastAction, WorkOrderAction} {
		if f[t].ok() {
			types = append(types, t)
		}
	}
	if len(types) != 1 {
		n.problem("is not one action", "each item has exactly one of command, broadcast and work_order")
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
	}
	return a
}

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
	Type     string         // command, broadcast or work_order
	Device   string         // of a command
	Command  string         // of a command: cut, flash …
	Args     map[string]any // of a command
	Zones    []string       // of a broadcast
	Text     event.Text     // of a broadcast; title of a work order. May hold {name}
	Level    int            // of a broadcast: 1 (fire, live) to 6 (music)
	Priority event.Priority // of a work order
	Deadline time.Time      // after it the action is dropped; zero: never
}

// act fills an action's placeholders. Its time runs from when the hub heard of
// the cause, so that what is carried out after a long stop is dropped.
func (a *ActionRule) act(f *facts, at time.Time) Action {
	out := Action{Type: a.Type, Command: a.Command, Text: a.text.fill(f), Level: a.Level, Priority: a.Priority}
	if a.Type == CommandAction {
		out.Device = a.device.fill(f)
		out.Args, _ = fillAll(a.Args, f).(map[string]any)
	}
	for _, z := range a.zones {
		if zone := z.fill(f); !slices.Contains(out.Zones, zone) {
			out.Zones = append(out.Zones, zone)
		}
	}
	if a.TTL > 0 {
		if f.ev.ReceivedAt.After(at) {
			at = f.ev.ReceivedAt
		}
		out.Deadline = at.Add(a.TTL)
	}
	return out
}
