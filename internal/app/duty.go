package app

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"dongyue/internal/alarm"
	"dongyue/internal/event"
	"dongyue/internal/identity"
	"dongyue/internal/notify"
	"dongyue/internal/rota"
)

// buildDuty makes the rooms that know whom to call, and how.
func (a *App) buildDuty(ctx context.Context) (err error) {
	staff := staff{a.identity}
	a.rota, err = rota.New(ctx, rota.Options{DB: a.db, Feed: a.feed, People: staff, Audit: a.identity, Zone: a.zone, Log: a.log})
	if err != nil {
		return err
	}
	c := a.o.Config.Notify
	ways, err := channels(c)
	if err != nil {
		return err
	}
	a.notify, err = notify.New(ctx, notify.Options{
		DB: a.db, Feed: a.feed, People: staff, Audit: a.identity, Channels: ways, Log: a.log, Language: notify.Language(c.Language), Wait: c.GroupWait,
		Settled: a.delivered, Metrics: a.reg,
	})
	return err
}

// staff are the accounts of those who work here, as rota and notify see them.
type staff struct{ identity *identity.Identity }

func (s staff) Staff() (out []rota.Person) {
	for _, u := range s.identity.Staff() {
		out = append(out, rota.Person{ID: u.ID, Name: u.Name, Role: u.Role})
	}
	return out
}

func (s staff) Name(account string) (string, bool) {
	us := s.identity.Staff()
	i := slices.IndexFunc(us, func(u identity.User) bool { return u.ID == account })
	if i < 0 {
		return "", false
	}
	return us[i].Name, true
}

// shift is the rota's word for the figures of a shift.
func (a *App) shift(_ context.Context, at time.Time) (from, to time.Time, name event.Text) {
	from, to, name, _ = a.rota.Shift(at)
	return from, to, name
}

// called finds the people that an alarm's words mean.
func (a *App) called(to []string, at time.Time) (people []notify.Recipient, fallback bool) {
	for _, word := range to {
		var c rota.Called
		switch kind, name, _ := strings.Cut(word, ":"); kind {
		case "on_duty":
			c = a.rota.OnDuty(at)
		case "next_on_duty":
			c = a.rota.NextOnDuty(at)
		case "supervisor":
			c = a.rota.Supervisor(at)
		case "list":
			c = a.rota.List(name)
		case "user":
			if c = a.rota.User(name); len(c.People) == 0 { // no longer here: a step that calls nobody is none
				c = a.rota.Supervisor(at)
				c.Gap = true
			}
		}
		fallback = fallback || c.Gap
		for _, p := range c.People {
			if r := (notify.Recipient{Account: p.ID, Name: p.Name}); !slices.Contains(people, r) {
				people = append(people, r)
			}
		}
	}
	return people, fallback
}

func names(people []notify.Recipient) (out []string) {
	for _, p := range people {
		out = append(out, p.Name)
	}
	return out
}

// escalate tells those of one step of an escalation, in its transaction. Of a
// drill only the screens hear.
func (a *App) escalate(ctx context.Context, tx *sql.Tx, n alarm.Notice) (alarm.Called, error) {
	people, fallback := a.called(n.To, time.Now())
	m := a.message(ctx, n.Alarm)
	step := event.Text{ZH: fmt.Sprintf("第 %d 次呼叫", n.Step+(n.Round-1)*n.Of), EN: fmt.Sprintf("call %d", n.Step+(n.Round-1)*n.Of)}
	m.Key, m.To = n.Key, people
	m.Subject = event.Text{ZH: m.Subject.ZH + "（" + step.ZH + "）", EN: m.Subject.EN + " (" + step.EN + ")"}
	waited := int(time.Since(n.At).Seconds())
	m.Body = event.Text{
		ZH: fmt.Sprintf("%s\n已 %d 秒无人确认，请立即在调度台或手机上确认", m.Body.ZH, waited),
		EN: fmt.Sprintf("%s\nNobody has acknowledged for %d s: acknowledge it at the desk or on the phone", m.Body.EN, waited),
	}
	if fallback {
		m.Body.ZH += "\n值班表此时无人，已通知所有可值班的人"
		m.Body.EN += "\nThe rota has nobody at this time: everybody who could be on duty was told"
	}
	if _, err := a.notify.Send(ctx, tx, m); err != nil {
		return alarm.Called{}, err
	}
	return alarm.Called{Names: names(people), Fallback: fallback}, nil
}

// carryNotify tells those whom a rule wants to be told.
func (a *App) carryNotify(ctx context.Context, t alarm.Task) (string, error) {
	al, err := a.alarms.Get(ctx, t.Alarm)
	if err != nil {
		return "", again(err)
	}
	people, fallback := a.called(t.Action.To, time.Now())
	m := a.message(ctx, al)
	m.Key, m.To, m.Deadline = t.Key, people, t.Action.Deadline
	err = a.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := a.notify.Send(ctx, tx, m)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("%w: %w", alarm.ErrRetry, err)
	}
	a.notify.Committed()
	told := strings.Join(names(people), ", ")
	if fallback {
		told += "; fallback"
	}
	return told, again(a.feed.Committed(ctx))
}

// message is what people are told of an alarm, without whom.
func (a *App) message(ctx context.Context, al *alarm.Alarm) notify.Notification {
	mark := urgencyWord(al)
	m := notify.Notification{
		Priority: al.Priority, LifeSafety: al.LifeSafety, Alarm: al.ID, Cluster: al.Incident, Inside: al.Drill,
		Subject: event.Text{ZH: "【" + mark.ZH + "】" + al.Title.ZH, EN: "[" + mark.EN + "] " + al.Title.EN},
	}
	place, at := a.address(ctx, al.Zone), al.RaisedAt.In(a.zone).Format("01-02 15:04:05")
	m.Body = event.Text{ZH: "时间：" + at, EN: "Time: " + at}
	if place.ZH != "" {
		m.Body = event.Text{ZH: "地点：" + place.ZH + "\n" + m.Body.ZH, EN: "Place: " + place.EN + "\n" + m.Body.EN}
	}
	if al.Silent {
		m.Body.ZH += "\n请勿声张，不要联系住户"
		m.Body.EN += "\nKeep quiet about it; do not contact the flat"
	}
	return m
}

// urgencyWord is how grave an alarm is, in a word.
func urgencyWord(al *alarm.Alarm) event.Text {
	switch {
	case al.Drill:
		return event.Text{ZH: "演练", EN: "Drill"}
	case al.LifeSafety:
		return event.Text{ZH: "生命安全", EN: "Life safety"}
	}
	switch al.Priority {
	case event.Critical:
		return event.Text{ZH: "危急", EN: "Critical"}
	case event.High:
		return event.Text{ZH: "高", EN: "High"}
	case event.Medium:
		return event.Text{ZH: "中", EN: "Medium"}
	case event.Low:
	}
	return event.Text{ZH: "低", EN: "Low"}
}

// address is where a zone is, from the court down.
func (a *App) address(ctx context.Context, zone string) event.Text {
	var zh, en []string
	for _, z := range a.devices.Zones(ctx) {
		if z.ID != "" && event.Within(zone, z.ID) {
			zh, en = append(zh, z.Name.ZH), append(en, z.Name.EN)
		}
	}
	return event.Text{ZH: strings.Join(zh, " "), EN: strings.Join(en, ", ")}
}

// delivered writes into an alarm's journal whether a message has arrived. Where
// somebody is reached is personal and stays out of it.
func (a *App) delivered(ctx context.Context, tx *sql.Tx, d notify.Delivery) error {
	if d.Alarm == "" || d.Channel == notify.Desk {
		return nil
	}
	switch d.State {
	case notify.Sent:
		return a.alarms.Note(ctx, tx, d.Alarm, alarm.NotifySent, d.Channel+": "+d.Name)
	case notify.Failed, notify.Expired:
		return a.alarms.Note(ctx, tx, d.Alarm, alarm.NotifyFailed, fmt.Sprintf("%s: %s: %s: %s", d.Channel, d.Name, d.State, d.Problem))
	case notify.Waiting, notify.Sending, notify.Duplicate:
	}
	return nil
}
