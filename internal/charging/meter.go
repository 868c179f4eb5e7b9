package charging

import (
	"context"
	"database/sql"
	"math"
	"strings"
	"time"

	"dongyue/internal/event"
)

func (c *Charging) metered(ctx context.Context, tx *sql.Tx, ev *event.Event, x *said) error {
	s, err := running(ctx, tx, ev, x)
	if err != nil || s == nil {
		return err
	}
	return c.advanceMeter(ctx, tx, s, ev, x)
}

func (c *Charging) advanceMeter(ctx context.Context, tx *sql.Tx, s *Session, ev *event.Event, x *said) error {
	if !c.count(s, ev, x) {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE charging_sessions SET counter = ?, counted_at = ?, heard_at = ?, credit = ?, high = ?, used = ?, flags = ?
		WHERE id = ? AND state IN ('charging', 'starting')`, int64(s.counter), s.countedAt, s.heardAt, int64(s.credit), int64(s.high), int64(s.EnergyMWh), s.Flags, s.ID)
	return err
}

// What a socket can give at most: 1,000 W and a fifth, and what the meter may have
// kept back, 20 Wh. What a meter has told beyond the watts comes back to it as time
// passes, so that all readings of a session together tell no more than that.
const (
	mostWatts = 1200
	slack     = Energy(20_000) // mWh
)

// setBack is by how much a clock must be wrong before it may be set back within a
// session: a journal that lags or a message that is sent twice is never that late.
const setBack = int64(60_000) // ms

// gives is what a power comes to.
func gives(watts float64, ms int64) Energy { return Energy(watts * float64(ms) / 3600) }

// count takes a reading of the session's counter. One that goes back takes nothing
// off, one that leaps beyond what the socket can give adds nothing; both are told.
func (c *Charging) count(s *Session, ev *event.Event, x *said) (changed bool) {
	at, heard := ev.At.UnixMilli(), ev.ReceivedAt.UnixMilli()
	if x.Energy == nil || *x.Energy < 0 || *x.Energy > 1e6 || at < s.countedAt && !wasAhead(s, at, heard) {
		return false
	}
	raw, passed := Energy(math.Round(*x.Energy*1000)), s.passed(at, heard)
	by, code := s.advance(raw, passed, x.Power), ""
	most := s.credit + gives(mostWatts, passed)
	switch {
	case by < 0:
		code, s.high = "meter_rollback", max(s.high, s.counter)
	case by > most:
		code, s.credit = "meter_leap", min(most, slack)
	default:
		s.EnergyMWh += by
		s.credit = min(most-by, slack)
		if by > 0 && x.Power != nil && *x.Power < 1 && int64(by)*3_600_000 > 20_000*max(passed, 1) && passed > 5_000 && x.State == "charging" {
			code = "meter_power" // energy flows and the power says 0
		}
	}
	if by >= 0 && raw != s.counter {
		s.high = 0
	}
	changed = raw != s.counter || code != ""
	s.counter, s.countedAt, s.heardAt = raw, at, heard
	if code != "" && !strings.Contains(s.Flags, code) {
		s.Flags = strings.Trim(s.Flags+","+code, ",")
		c.wrong(s, ev, code)
	}
	return changed
}

// wasAhead reports whether the cabinet's clock ran ahead of the hub's when the session
// was counted last, and has been set since: what it says now is not of the past.
func wasAhead(s *Session, at, heard int64) bool {
	return s.heardAt != 0 && heard >= s.heardAt && s.countedAt-heard > setBack && s.countedAt-at > setBack
}

// passed is the time since the last reading in ms: by the cabinet's clock, which counts
// on while it is cut off, or by the hub's where that was set.
func (s *Session) passed(at, heard int64) int64 {
	switch {
	case s.countedAt == 0 && s.StartedAt != nil: // the first word of it, and its clock is not ours
		return max(heard-s.StartedAt.UnixMilli(), 0)
	case s.countedAt == 0: // its end came before its beginning
		return max(heard-s.AskedAt.UnixMilli(), 0)
	case s.heardAt == 0:
		return max(at-s.countedAt, 0)
	}
	return max(at-s.countedAt, heard-s.heardAt)
}

// advance is by how much the counter has advanced; less than 0: it went back. Where it
// has gone back before and now is beyond what it was, it either counts anew or was only
// read wrongly; which of them the power tells. Without one it is the smaller.
func (s *Session) advance(raw Energy, passed int64, watts *float64) Energy {
	anew := raw - s.counter
	if s.high == 0 || raw < s.high {
		return anew
	}
	wrongly := raw - s.high
	if watts == nil {
		return wrongly
	}
	flowed := gives(min(max(*watts, 0), mostWatts), passed)
	if max(anew-flowed, flowed-anew) < max(wrongly-flowed, flowed-wrongly) {
		return anew
	}
	return wrongly
}

// watch notes since when a socket says that nothing is plugged in.
func (c *Charging) watch(ev *event.Event, x *said) {
	if ev.Channel != event.Telemetry || x.State == "" || ev.Late {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := ev.Device + "/" + ev.Part
	if x.State != "idle" {
		delete(c.idle, key)
	} else if _, ok := c.idle[key]; !ok {
		c.idle[key] = ev.ReceivedAt
	}
}

// taken forgets it: a session begins.
func (c *Charging) taken(device, part string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.idle, device+"/"+part)
}

// How long a session runs on whose end does not come: a cabinet that lost its power
// says of its sockets that they are idle and nothing of what was; one that is gone says
// nothing, and no session is as long.
const (
	lostAfter = 2 * time.Minute
	goneAfter = 24 * time.Hour
	returning = 30 * time.Minute // what a hub that was away itself gives cabinets to tell what they kept
)

// endLost is the reason of a session whose end was never told.
const endLost = "lost"

// lost reports whether the end of a session was lost.
func (c *Charging) lost(s *Session, now time.Time) bool {
	c.mu.Lock()
	since, idle := c.idle[s.Device+"/"+s.Part]
	c.mu.Unlock()
	if idle && now.Sub(since) > lostAfter {
		return true
	}
	last := max(s.heardAt, s.AskedAt.UnixMilli())
	if s.StartedAt != nil {
		last = max(last, s.StartedAt.UnixMilli())
	}
	return now.Sub(time.UnixMilli(last)) > goneAfter && now.Sub(c.up) > returning
}
