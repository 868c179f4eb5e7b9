package lighting

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dongyue/internal/web"
)

// Why something is stronger than the programme, the strongest first.
const (
	Alarm  = "alarm"
	Test   = "test" // after a repair, so that the meter can show it by day too
	Manual = "manual"
)

// Override is a brightness for a while, whatever the programme says. It always has an end.
type Override struct {
	ID     string    `json:"id"`
	Cause  string    `json:"cause" enum:"manual,alarm,test"`
	Target string    `json:"target" doc:"group:ID or lamp:ID"`
	Pct    int       `json:"pct"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	Ref    string    `json:"ref,omitempty"`
}

const (
	// alarmFor is how long a lamp burns fully after an SOS: time for those who come.
	alarmFor = 5 * time.Minute
	// testFor lets a meter that speaks every minute show several readings.
	testFor = 5 * time.Minute
	// maxOverride keeps what somebody forgot from staying.
	maxOverride  = 7 * 24 * time.Hour
	maxOverrides = 500
)

// Set puts a person's word above the programme, until its end.
func (l *Lighting) Set(ctx context.Context, actor string, o Override) (Override, error) {
	o.Cause, o.By, o.From, o.Until = Manual, actor, l.now(), o.Until.UTC().Truncate(time.Millisecond)
	switch length := o.Until.Sub(o.From); {
	case o.Pct < 0 || o.Pct > 100:
		return o, bad("lighting.bad_override", "pct: 0 to 100 is wanted")
	case length <= 0 || length > maxOverride:
		return o, bad("lighting.bad_override", "until: a time to come, at most 7 days away, is wanted; a change for good belongs into a programme")
	case strings.TrimSpace(o.Reason) == "" || len(o.Reason) > 500:
		return o, bad("lighting.bad_override", "reason: 1 to 500 bytes are wanted")
	}
	if _, ok := l.lampsOf(ctx, o.Target); !ok {
		return o, bad("lighting.bad_override", fmt.Sprintf("target %.80q: there is no such group or lamp; group:ID or lamp:ID is wanted", o.Target))
	}
	l.mu.Lock()
	n := len(l.overrides)
	l.mu.Unlock()
	if n >= maxOverrides {
		return o, bad("lighting.bad_override", "500 are in force: take some back, or use a group")
	}
	return o, l.put(ctx, actor, &o)
}

// Try makes a lamp burn fully, so that its meter can show that it does; the same ref
// again changes nothing.
func (l *Lighting) Try(ctx context.Context, lamp, ref string) error {
	at := l.now()
	return l.put(ctx, "", &Override{Cause: Test, Target: "lamp:" + lamp, Pct: 100, From: at, Until: at.Add(testFor), By: "hub", Ref: ref})
}

func (l *Lighting) put(ctx context.Context, actor string, o *Override) error {
	o.ID = "o-" + strings.ToLower(rand.Text()[:13])
	return l.change(ctx, actor, "lighting.override", o.Target, o, func(tx *sql.Tx) error {
		if o.Ref != "" {
			var n int
			err := tx.QueryRowContext(ctx, "SELECT count(*) FROM lighting_override WHERE target = ? AND cause = ? AND ref = ?", o.Target, o.Cause, o.Ref).Scan(&n)
			if err != nil || n > 0 {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO lighting_override(id, cause, target, pct, begins, ends, reason, author, ref) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			o.ID, o.Cause, o.Target, o.Pct, o.From.UnixMilli(), o.Until.UnixMilli(), o.Reason, o.By, o.Ref)
		return err
	})
}

var errNoOverride = errors.New("no such override")

// Take takes an override back before its end. An alarm's is the alarm's.
func (l *Lighting) Take(ctx context.Context, actor, id string) error {
	err := l.change(ctx, actor, "lighting.override_removed", id, nil, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM lighting_override WHERE id = ? AND cause <> ?", id, Alarm)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errNoOverride)
		}
		return nil
	})
	if errors.Is(err, errNoOverride) {
		return web.Fail(404, "lighting.no_override", "there is no such override that a person may end; GET /api/v1/lighting lists them")
	}
	return err
}

// strongest is the override that holds for a lamp at a time: an alarm's before a
// test's before a person's, one for the lamp before one for its group, the newest. Each
// holds from when it was made, also where the clock was set back behind that.
func strongest(all []Override, lamp, group string, at time.Time) *Override {
	rank := map[string]int{Alarm: 0, Test: 1, Manual: 2}
	var best *Override
	for i := range all {
		o := &all[i]
		if !at.Before(o.Until) || o.Target != "lamp:"+lamp && (group == "" || o.Target != "group:"+group) {
			continue
		}
		if best == nil || cmp.Or(
			rank[o.Cause]-rank[best.Cause],
			-cmp.Compare(o.Target, best.Target), // lamp: sorts behind group:
			best.From.Compare(o.From),
		) < 0 {
			best = o
		}
	}
	return best
}

// ending is the next end of an override; zero: none.
func ending(all []Override, at time.Time) (end time.Time) {
	for _, o := range all {
		if o.Until.After(at) && (end.IsZero() || o.Until.Before(end)) {
			end = o.Until
		}
	}
	return end
}

// inForce are the overrides that have not ended.
func inForce(all []Override, at time.Time) []Override {
	return slices.DeleteFunc(slices.Clone(all), func(o Override) bool { return !at.Before(o.Until) })
}
