package app

import (
	"context"
	"slices"
	"time"

	"dongyue/internal/alarm"
	"dongyue/internal/event"
	"dongyue/streams/clip"
)

// What recordings need to know of alarms, and alarms of recordings.

const (
	alarmPage  = 1000
	alarmPages = 10 // of alarms that are looked through for a time line
)

// alarmsAt are the alarms at which a camera looked in a time, the oldest first.
func (a *App) alarmsAt(ctx context.Context, camera string, from, to time.Time) ([]clip.Mark, error) {
	marks := []clip.Mark{}
	f := alarm.Filter{State: "all", Limit: alarmPage}
	for range alarmPages {
		items, next, err := a.alarms.List(ctx, f)
		if err != nil {
			return nil, err
		}
		for i := range items {
			x := &items[i]
			if x.RaisedAt.Before(from) && x.LastAt.Before(from) {
				continue
			}
			at := x.RaisedAt
			if at.Before(from) {
				at = x.LastAt
			}
			if at.Before(to) && slices.Contains(x.Cameras, camera) {
				marks = append(marks, clip.Mark{ID: x.ID, At: at, Title: x.Title, Priority: x.Priority, Open: x.ClosedAt == nil})
			}
		}
		// The newest come first; one that was raised long before may have been raised again.
		if f.Cursor = next; next == "" || len(items) > 0 && items[len(items)-1].RaisedAt.Before(from.Add(-24*time.Hour)) {
			break
		}
	}
	slices.Reverse(marks)
	return marks, nil
}

// hubSubject is what an alarm of the hub itself is about.
const hubSubject = "hub"

// recordingTrouble raises an alarm while continuous recordings can't be written.
func (a *App) recordingTrouble(ctx context.Context, code string) {
	s := hubAlarm("recording.stopped", code, event.High)
	s.Raised, s.Measured, s.Cause = code != "", true, "recording"
	s.Title = event.Text{ZH: "连续录像无法写入磁盘", EN: "continuous recording can't be written to the disk"}
	a.raise(ctx, s)
}

// hubAlarm is an alarm about the hub itself, with what it goes by.
func hubAlarm(rule, evidence string, p event.Priority) alarm.Signal {
	now := time.Now().UTC()
	return alarm.Signal{
		Rule: rule, Device: hubSubject, Raised: true, At: now, Priority: p,
		Evidence: event.Event{Device: hubSubject, Channel: event.Happening, Type: evidence, At: now, ReceivedAt: now},
	}
}
