package alarm

import "time"

// axes is the alarm as the state machine sees it.
func (a *Alarm) axes() axes {
	return axes{
		Active: a.Active, Acked: a.AckedAt != nil, Latched: a.Latched, Safety: a.LifeSafety,
		Shelf: a.ShelveKind, Off: a.Off, Told: a.ToldAt != nil, Open: a.State != "", Closed: a.ClosedAt != nil,
	}
}

// step moves the alarm by an input; at is when it happened, now the hub's time,
// by the person or the hub. Nothing has changed where the outcome is not ok.
func (a *Alarm) step(in input, at, now time.Time, by string) outcome {
	was := a.axes()
	x, o := was.next(in)
	if !o.ok {
		return o
	}
	a.Active, a.State = x.Active, x.state()
	a.Latched = x.Latched
	switch {
	case x.Acked && !was.Acked:
		a.AckedAt, a.AckedBy = &at, by
	case !x.Acked:
		a.AckedAt, a.AckedBy = nil, ""
	}
	switch {
	case in == begins:
		a.ReturnedAt = nil
	case was.Active && !x.Active:
		a.ReturnedAt = &at
	}
	switch {
	case !x.Told:
		a.ToldAt = nil
	case o.call != "" && in != reminded:
		a.ToldAt = &now
	}
	if a.ShelveKind = x.Shelf; x.Shelf == "" {
		a.ShelvedUntil, a.ShelvedBy, a.ShelveReason = nil, "", ""
	}
	if a.Off = x.Off; x.Off == "" {
		a.SuppressedBy = ""
	}
	if x.Closed {
		a.ClosedAt, a.ClosedBy, a.CloseReason, a.QuietAt = &at, hub, reasonReturned, nil
	}
	a.remind(was, x, o, now)
	return o
}

// remind sets when the alarm annunciates again: anew whenever it has called or
// the time between has changed, as it does with the acknowledgement.
func (a *Alarm) remind(was, x axes, o outcome, now time.Time) {
	every := x.every(a.ReAlarm)
	switch {
	case every == 0:
		a.ReAlarmAt = nil
	case a.ReAlarmAt == nil || o.call != "" || was.every(a.ReAlarm) != every || was.Acked != x.Acked:
		due := now.Add(every)
		a.ReAlarmAt = &due
	}
}
