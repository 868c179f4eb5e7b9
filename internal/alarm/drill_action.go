package alarm

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"dongyue/internal/event"
)

// DrillAction is what would have been done.
type DrillAction struct {
	Alarm   string         `json:"alarm"`
	Type    string         `json:"type" doc:"command, react, broadcast, work_order, clip, notify"`
	Text    event.Text     `json:"text" doc:"in words"`
	Device  string         `json:"device,omitempty"`
	Command string         `json:"command,omitempty"`
	Args    map[string]any `json:"args,omitempty"`
	Zones   []string       `json:"zones,omitempty"`
	To      []string       `json:"to,omitempty"`
	State   string         `json:"state" enum:"drill"`
}

// describe says an action in words.
func (a *Alarms) describe(ctx context.Context, al *Alarm, x Action) DrillAction {
	return DrillAction{
		Alarm: al.ID, Type: x.Type, Text: a.words(ctx, al, x), Device: x.Device, Command: x.Command, Args: x.Args, Zones: x.Zones, To: x.To, State: ForDrill,
	}
}

func (a *Alarms) words(ctx context.Context, al *Alarm, x Action) event.Text {
	say := func(zh, en string, args ...any) event.Text {
		return event.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}
	}
	name := x.Device
	if a.o.Device != nil && x.commands() {
		n, _ := a.o.Device(ctx, x.Device)
		name = cmp.Or(n, x.Device)
	}
	switch x.Type {
	case reactAction:
		part, _ := x.Args["part"].(string)
		return rungWords(x.Command, name, part)
	case commandAction:
		args := ""
		if len(x.Args) > 0 {
			b, _ := json.Marshal(x.Args) // of JSON values only
			args = " " + string(b)
		}
		return say("向%[1]s下达命令 %[2]s%[3]s", "command %[2]s%[3]s to %[1]s", name, x.Command, args)
	case "broadcast":
		where := a.zones(ctx, x.Zones)
		return event.Text{ZH: "向" + where.ZH + "广播：“" + x.Text.ZH + "”", EN: "announce to " + where.EN + ": “" + x.Text.EN + "”"}
	case "work_order":
		t := x.Text
		if t.ZH == "" {
			t = al.Title
		}
		return event.Text{ZH: "开工单：" + t.ZH, EN: "open an order: " + t.EN}
	case "clip":
		return say("保存录像：之前 %[1]d 秒、之后 %[2]d 秒", "keep the picture from %[1]d s before to %[2]d s after", int(x.Before.Seconds()), int(x.After.Seconds()))
	case "notify":
		return event.Text{ZH: "通知" + targets(x.To, true), EN: "tell " + targets(x.To, false)}
	}
	return say("%s", "%s", x.Type)
}

// rungWords say what a rung of the chargers' ladder does.
func rungWords(rung, name, part string) event.Text {
	at := event.Text{ZH: name, EN: name}
	if part != "" {
		at = event.Text{ZH: name + " " + part + " 号口", EN: "port " + part + " of " + name}
	}
	switch rung {
	case "cut":
		return event.Text{ZH: "切断" + at.ZH, EN: "cut " + at.EN}
	case "neighbours":
		return event.Text{ZH: "切断" + at.ZH + "及左右各两口，向车棚广播警告", EN: "cut " + at.EN + " and two on either side, and warn the shed"}
	case "evacuate":
		return event.Text{
			ZH: "切断" + at.ZH + "与整棚电源，向车棚和对面单元广播疏散，单元门解锁，路灯全亮",
			EN: "cut " + at.EN + " and the feeder of the shed, tell the shed and the units that face it to leave, unlock their doors, lamps full",
		}
	}
	return event.Text{ZH: rung, EN: rung}
}

func (a *Alarms) zones(ctx context.Context, ids []string) event.Text {
	var zh, en []string
	for _, id := range ids {
		var n event.Text
		if a.o.Zone != nil {
			n = a.o.Zone(ctx, id)
		}
		zh, en = append(zh, cmp.Or(n.ZH, id)), append(en, cmp.Or(n.EN, n.ZH, id))
	}
	return event.Text{ZH: strings.Join(zh, "、"), EN: strings.Join(en, ", ")}
}

// targets are those who are called, in words.
func targets(to []string, chinese bool) string {
	words := make([]string, len(to))
	for i, t := range to {
		kind, name, _ := strings.Cut(t, ":")
		zh, en := t, t
		switch kind {
		case "on_duty":
			zh, en = "当班人员", "those on duty"
		case "next_on_duty":
			zh, en = "下一班人员", "those on duty next"
		case "supervisor":
			zh, en = "主管", "the supervisor"
		case "list":
			zh, en = "名单 "+name, "call list "+name
		case "user":
			zh, en = name, name
		}
		if words[i] = en; chinese {
			words[i] = zh
		}
	}
	if chinese {
		return strings.Join(words, "、")
	}
	return strings.Join(words, ", ")
}
