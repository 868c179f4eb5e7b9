package app

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"dongyue/broker"
	"dongyue/devices"
	"dongyue/internal/alarm"
	"dongyue/internal/db"
	"dongyue/internal/event"
)

// watch hears of connections: it tells the registry, and raises a security alarm
// when somebody tries what is not allowed. It implements broker.Observer.
type watch struct {
	devices *devices.Registry
	alarms  *alarm.Alarms
	db      *db.DB
	log     *slog.Logger
	queue   chan refusal
}

type refusal struct {
	at                        time.Time
	id, remote, topic, reason string
}

func newWatch(a *App) *watch {
	a.watch = &watch{devices: a.devices, alarms: a.alarms, db: a.db, log: a.log, queue: make(chan refusal, 256)}
	return a.watch
}

// Connected and Disconnected pass on what concerns devices.
func (w *watch) Connected(id broker.Identity) {
	if !id.Integrator {
		w.devices.Connected(id.ID)
	}
}

// Disconnected see Connected.
func (w *watch) Disconnected(id broker.Identity, _ error) {
	if !id.Integrator {
		w.devices.Disconnected(id.ID)
	}
}

// Subscribed passes on that a device hears its commands now. It implements
// broker.SubscriptionObserver.
func (w *watch) Subscribed(id broker.Identity, _ string) {
	if !id.Integrator {
		w.devices.Subscribed(id.ID)
	}
}

// Refused queues the alarm; a flood of them is one alarm anyway.
func (w *watch) Refused(id, remote, topic, reason string) {
	select {
	case w.queue <- refusal{time.Now().UTC(), id, remote, topic, reason}:
	default:
	}
}

// run raises the alarms.
func (w *watch) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case r := <-w.queue:
			w.log.WarnContext(ctx, "refused at the broker", "client_id", r.id, "remote", r.remote, "topic", r.topic, "reason", r.reason)
			s, ok := w.signal(ctx, r)
			if !ok {
				continue
			}
			err := w.db.Tx(ctx, func(tx *sql.Tx) error {
				_, err := w.alarms.Apply(ctx, tx, []alarm.Signal{s})
				return err
			})
			if err == nil {
				err = w.alarms.Committed(ctx)
			}
			if err != nil && ctx.Err() == nil {
				w.log.ErrorContext(ctx, "security alarm not raised", "err", err)
			}
		}
	}
}

// signal says how serious a refusal is. A stranger with a bad password is an
// everyday event in any network and makes no alarm; one who knows a device's id,
// or a device that goes beyond its own topics, does.
func (w *watch) signal(ctx context.Context, r refusal) (alarm.Signal, bool) {
	s := alarm.Signal{
		Rule: "security." + r.reason, Device: r.id, Raised: true, At: r.at, Latch: true, Procedure: "intruder",
		Evidence: event.Event{Device: r.id, Channel: event.Quarantine, Type: r.reason, At: r.at, ReceivedAt: r.at},
	}
	d, err := w.devices.Get(ctx, r.id)
	known := err == nil
	if known {
		s.Zone, s.Kind = d.Zone, d.Kind
	}
	switch r.reason {
	case broker.ReasonTopic, broker.ReasonSubscription, broker.ReasonWill:
		s.Priority = event.High
		s.Title = event.Text{ZH: "{name} 越权:" + r.topic, EN: "{name} went beyond its own topics: " + r.topic}
	case broker.ReasonQuarantine, broker.ReasonRate:
		s.Priority = event.Medium
		s.Title = event.Text{ZH: "{name} 消息异常,已隔离", EN: "{name} misbehaves and is kept out"}
	case broker.ReasonCredentials:
		s.Priority = event.Medium
		s.Title = event.Text{ZH: "有人以 {name} 的名义登录失败", EN: "a failed sign-in in the name of {name}"}
		return s, known
	default:
		return s, false
	}
	return s, true
}
