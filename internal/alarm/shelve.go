package alarm

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"time"

	"dongyue/internal/web"
)

// Shelve puts an alarm aside with a reason: Timed for so long, OneShot until the
// condition ends, and at most for as long as its priority allows (OPC UA Part 9:
// MaxTimeShelved). Life safety is never shelved.
func (a *Alarms) Shelve(ctx context.Context, id, kind string, length time.Duration, reason string) (*Alarm, error) {
	if err := checkShelving(kind, length, reason); err != nil {
		return nil, err
	}
	return a.act(ctx, id, a.shelve(kind, length, reason))
}

// Unshelve takes an alarm back; it calls when nobody has seen it and it stands.
func (a *Alarms) Unshelve(ctx context.Context, id string) (*Alarm, error) {
	return a.act(ctx, id, unshelve)
}

func (a *Alarms) shelve(kind string, length time.Duration, reason string) deed {
	reason = strings.TrimSpace(reason)
	return func(ctx context.Context, b *batch, al *Alarm) error {
		limit := a.limits[al.Priority]
		if err := mayShelve(al, kind, length, limit); err != nil {
			return err
		}
		in, until := shelvedTimed, b.now.Add(length)
		if kind == OneShot {
			in = shelvedOnce
			if length == 0 {
				until = b.now.Add(limit)
			}
		}
		before := *al
		o := al.step(in, b.now, b.now, b.by.Name)
		al.ShelvedUntil, al.ShelvedBy, al.ShelveReason = &until, b.by.Name, reason
		return b.moved(ctx, &before, al, o, JournalEntry{At: b.now, Actor: b.by.Name, ActorID: b.by.ID, Text: kind + ": " + reason})
	}
}

// checkShelving looks at what is asked, whatever it is asked of.
func checkShelving(kind string, length time.Duration, reason string) error {
	switch {
	case strings.TrimSpace(reason) == "":
		return web.Fail(http.StatusUnprocessableEntity, "alarm.reason_required", "say in `reason` why it is shelved, for those who come after you")
	case kind == Timed && length <= 0:
		return web.Fail(http.StatusUnprocessableEntity, "alarm.shelve_minutes", "say in `minutes` for how long")
	}
	return nil
}

func mayShelve(al *Alarm, kind string, length, limit time.Duration) error {
	switch {
	case al.ClosedAt != nil:
		return closed(al)
	case al.LifeSafety:
		return web.Fail(http.StatusConflict, "alarm.life_safety", "this alarm is about life safety and can't be put aside: acknowledge it, and end its cause")
	case al.Off != "":
		return web.Fail(http.StatusConflict, "alarm.out_of_service", "it is out of service already; nobody is called for it")
	case kind == OneShot && (!al.Active || al.QuietAt != nil):
		return web.Fail(http.StatusConflict, "alarm.not_active", "the condition is over, so there is no end to wait for: acknowledge it, or shelve it for a time")
	case length > limit:
		return web.Fail(http.StatusUnprocessableEntity, "alarm.shelve_too_long",
			fmt.Sprintf("an alarm of priority %s is shelved for at most %d minutes", al.Priority, int(limit.Minutes())))
	}
	return nil
}

func unshelve(ctx context.Context, b *batch, al *Alarm) error {
	switch {
	case al.ClosedAt != nil:
		return closed(al)
	case al.ShelveKind == "":
		return web.Fail(http.StatusConflict, "alarm.not_shelved", "it is not shelved")
	}
	_, err := b.step(ctx, al, unshelved, b.now, "")
	return err
}

// atATime is how many alarms one transaction of a timer takes; the rest follows
// at once.
const atATime = 500

// alarmTimer fires what is due by a column of the alarms.
func (a *Alarms) alarmTimer(name, column string, fire func(ctx context.Context, b *batch, al *Alarm) error) timer {
	return timer{
		name: name,
		next: func(ctx context.Context) (time.Time, error) {
			return earliest(ctx, a.o.DB.Read(), "SELECT min("+column+") FROM alarm WHERE "+column+" IS NOT NULL")
		},
		fire: func(ctx context.Context, tx *sql.Tx, now time.Time) error {
			b := a.batch(tx, actor{hub, hub})
			due, err := b.take(ctx, column+" <= ? ORDER BY "+column+", id LIMIT ?", now.UnixMilli(), atATime)
			if err != nil {
				return err
			}
			if err := b.incidentsOf(ctx); err != nil {
				return err
			}
			for _, al := range due {
				if err := fire(ctx, b, al); err != nil {
					return err
				}
			}
			_, err = b.flush(ctx)
			return err
		},
	}
}

// shelveTimer takes alarms back whose time on the shelf is over.
func (a *Alarms) shelveTimer() timer {
	return a.alarmTimer("end of shelving", "shelved_until", func(ctx context.Context, b *batch, al *Alarm) error {
		_, err := b.step(ctx, al, unshelved, b.now, "its time is over")
		return err
	})
}

// reAlarmTimer calls again.
func (a *Alarms) reAlarmTimer() timer {
	return a.alarmTimer("re-alarm", "realarm_at", func(ctx context.Context, b *batch, al *Alarm) error {
		done, err := b.step(ctx, al, reminded, b.now, "")
		if !done {
			al.ReAlarmAt = nil
			b.mark(al)
		}
		return err
	})
}

// quietTimer takes a chattering condition to have ended, once it has been gone
// for a while.
func (a *Alarms) quietTimer() timer {
	return a.alarmTimer("quiet", "quiet_at", func(ctx context.Context, b *batch, al *Alarm) error {
		al.QuietAt = nil
		b.mark(al)
		_, err := b.step(ctx, al, ends, b.now, fmt.Sprintf("gone for %d s", int(chatterQuiet.Seconds())))
		return err
	})
}
