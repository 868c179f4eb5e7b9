package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"dongyue/devices"
	"dongyue/internal/alarm"
	"dongyue/internal/event"
	"dongyue/internal/journal"
	"dongyue/rules"
)

// besideAlarm adds the newest alarm of the rule for the device: one that a person
// has closed or put aside is why nobody sees a rule that is raised.
func (x *explainer) besideAlarm(ctx context.Context, out *explanation) error {
	device, part := out.Device, out.Part
	if out.Group != "" {
		device, part = out.Group, ""
	}
	al, err := x.alarms.Latest(ctx, out.Rule, device, part)
	if err != nil || al == nil {
		return err
	}
	l, err := x.alarms.Lineage(ctx, al.ID)
	if err != nil {
		return err
	}
	if out.Actions, err = x.traces(ctx, al.ID, l.Actions); err != nil {
		return err
	}
	out.Alarm, out.Transitions = al, l.Alarm.Journal
	r := rules.Reason{What: "alarm", OK: true, At: &al.LastAt}
	hidden := true
	switch {
	case al.ClosedAt != nil && out.Raised:
		r.Text = event.Text{
			ZH: fmt.Sprintf("报警已由 %s 于 %s 关闭(%s);情况再次发生时会重新报警", al.ClosedBy, shortTime(*al.ClosedAt), al.CloseReason),
			EN: fmt.Sprintf("its alarm was closed by %s at %s (%s); it is raised anew when the condition comes back", al.ClosedBy, shortTime(*al.ClosedAt), al.CloseReason),
		}
	case al.ClosedAt == nil && (al.State == alarm.Shelved || al.State == alarm.Suppressed || al.State == alarm.OutOfService):
		word := map[alarm.State]string{alarm.Shelved: "已搁置", alarm.Suppressed: "已抑制", alarm.OutOfService: "已停用检修"}[al.State]
		r.Text = event.Text{ZH: "报警" + word, EN: "its alarm is " + strings.ReplaceAll(string(al.State), "_", " ")}
	default:
		hidden = false
		r.Text = event.Text{
			ZH: fmt.Sprintf("最近一次报警于 %s,状态 %s", shortTime(al.LastAt), al.State),
			EN: fmt.Sprintf("its last alarm was raised at %s and is %s", shortTime(al.LastAt), al.State),
		}
	}
	if hidden {
		r.OK, out.Conclusion = false, r.Text
	}
	out.Why = append(out.Why, r)
	return nil
}

func shortTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// traces follows actions to the devices and back. Of a ladder it is the first cut; its
// other steps stand in the alarm's journal.
func (x *explainer) traces(ctx context.Context, alarmID string, errands []alarm.Errand) ([]actionTrace, error) {
	out := make([]actionTrace, 0, len(errands))
	for i := range errands {
		e := &errands[i]
		t := actionTrace{Type: e.Type, Text: actionText(&e.Action), State: e.State, Result: e.Result, At: e.CreatedAt, EndedAt: e.EndedAt}
		id, err := x.order(ctx, alarmID, e)
		if err == nil && id != "" {
			err = x.command(ctx, id, &t)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// order is the command that an action became; "" for none.
func (x *explainer) order(ctx context.Context, alarmID string, e *alarm.Errand) (string, error) {
	switch {
	case e.State != "done":
	case e.Type == rules.CommandAction:
		return e.Result, nil
	case e.Type == rules.ReactAction:
		return x.ladder.Order(ctx, fmt.Sprintf("%s.%d", alarmID, e.ID)) // alarm.Task.Key
	}
	return "", nil
}

// command adds what became of a command; one that the registry has forgotten is
// only its id.
func (x *explainer) command(ctx context.Context, id string, t *actionTrace) error {
	c, err := x.devices.FindCommand(ctx, id)
	if errors.Is(err, devices.ErrNoCommand) {
		return nil
	}
	if err != nil {
		return err
	}
	t.Command = &commandTrace{ID: c.ID, Device: c.Device, Type: c.Type, Status: string(c.Status), Error: c.Error, At: c.At, UpdatedAt: c.UpdatedAt}
	if !c.SentAt.IsZero() {
		t.Command.SentAt = &c.SentAt
	}
	evs, err := x.journal.Query(ctx, journal.Filter{Device: c.Device, Channel: event.Reply, From: c.At.Add(-time.Minute), Limit: lookBack})
	if err != nil {
		return err
	}
	for i := range evs {
		if evs[i].ID != id {
			continue
		}
		var said struct{ Status, Error string }
		_ = json.Unmarshal(evs[i].Data, &said) // the registry has read it before
		t.Replies = append(t.Replies, replyTrace{evs[i].Seq, evs[i].At, said.Status, said.Error})
	}
	return nil
}

// actionText says what was to be done.
func actionText(a *alarm.Action) event.Text {
	where := strings.Join(a.Zones, ", ")
	switch a.Type {
	case rules.CommandAction:
		args := ""
		if len(a.Args) > 0 {
			if b, err := json.Marshal(a.Args); err == nil {
				args = " " + string(b)
			}
		}
		return event.Text{ZH: "指令 " + a.Command + " → " + a.Device + args, EN: "command " + a.Command + " → " + a.Device + args}
	case rules.ReactAction:
		return event.Text{ZH: "处置阶梯 " + a.Command + " → " + a.Device, EN: "ladder " + a.Command + " → " + a.Device}
	case rules.BroadcastAction:
		return event.Text{ZH: "广播 " + where + ":" + a.Text.ZH, EN: "broadcast " + where + ": " + a.Text.EN}
	case rules.WorkOrderAction:
		return event.Text{ZH: "工单:" + a.Text.ZH, EN: "work order: " + a.Text.EN}
	case rules.ClipAction:
		return event.Text{ZH: fmt.Sprintf("留存录像:前 %v,后 %v", a.Before, a.After), EN: fmt.Sprintf("clip: %v before, %v after", a.Before, a.After)}
	case rules.NotifyAction:
		to := strings.Join(a.To, ", ")
		return event.Text{ZH: "通知 " + to, EN: "notify " + to}
	}
	return event.Text{ZH: a.Type, EN: a.Type}
}
