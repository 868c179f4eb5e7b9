package broadcast

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"dongyue/internal/web"
)

// Schedule is a notice or music that comes by itself.
type Schedule struct {
	ID        string   `json:"id,omitempty" readOnly:"true"`
	Name      string   `json:"name" maxLength:"200"`
	Enabled   bool     `json:"enabled"`
	Zones     []string `json:"zones"`
	Text      string   `json:"text,omitempty" maxLength:"2000"`
	Recording string   `json:"recording,omitempty"`
	Priority  int      `json:"priority" minimum:"5" maximum:"6" doc:"5 notice, 6 music"`
	Repeat    int      `json:"repeat,omitempty" minimum:"0" maximum:"100"`
	VolumePct *float64 `json:"volume_pct,omitempty" minimum:"0" maximum:"100"`
	Times     []string `json:"times" doc:"local times of day" example:"[\"07:30\",\"18:00\"]"`
	Days      []int    `json:"days,omitempty" doc:"1 Monday … 7 Sunday; none: every day"`
	NextAt    string   `json:"next_at,omitempty" readOnly:"true" doc:"empty: never"`

	last time.Time
}

// lateBy is how much later than its time a schedule is still carried out; a hub that
// was away for longer passes it over.
const lateBy = time.Minute

const maxSchedules = 200

// moments are the times of a schedule on the local day of t.
func (s *Schedule) moments(t time.Time) (all []time.Time) {
	day := (int(t.Weekday())+6)%7 + 1
	if len(s.Days) > 0 && !slices.Contains(s.Days, day) {
		return nil
	}
	for _, x := range s.Times {
		if c, err := clock(x); err == nil {
			all = append(all, time.Date(t.Year(), t.Month(), t.Day(), int(c.Hours()), int(c.Minutes())%60, 0, 0, t.Location()))
		}
	}
	return all
}

// around are the last moment up to now and the first one after it; zero for none.
func (s *Schedule) around(now time.Time) (last, next time.Time) {
	for d := -7; d <= 7; d++ {
		for _, m := range s.moments(now.AddDate(0, 0, d)) {
			if m.After(now) && (next.IsZero() || m.Before(next)) {
				next = m
			}
			if !m.After(now) && m.After(last) {
				last = m
			}
		}
	}
	return last, next
}

// onSchedule carries out what is due and says when the next is.
func (b *Broadcasts) onSchedule(ctx context.Context, now time.Time) (time.Duration, error) {
	rest := time.Minute
	all, err := b.schedules(ctx)
	if err != nil {
		return 0, err
	}
	for i := range all {
		s := &all[i]
		last, next := s.around(now.In(b.o.Location))
		if s.Enabled && !next.IsZero() {
			rest = min(rest, next.Sub(now))
		}
		// One that was carried out in the future is so no more: the clock was set back. What
		// comes twice by that is known by its key.
		if !last.After(s.last) && !s.last.After(now) {
			continue
		}
		if s.Enabled && now.Sub(last) <= lateBy {
			b.carryOut(ctx, s, last)
		}
		err := b.db.Tx(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE broadcast_schedules SET last = ? WHERE id = ?`, last.UnixMilli(), s.ID)
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("schedule %s: %w", s.ID, err)
		}
	}
	return rest, nil
}

// carryOut carries one moment out. Its key makes it happen once, whatever comes between.
func (b *Broadcasts) carryOut(ctx context.Context, s *Schedule, at time.Time) {
	_, err := b.Send(ctx, Request{
		Zones: s.Zones, Text: s.Text, Recording: s.Recording, Priority: s.Priority, Repeat: s.Repeat, VolumePct: s.VolumePct,
		Key: fmt.Sprintf("schedule/%s/%d", s.ID, at.Unix()), Actor: "schedule", Ref: s.ID,
	})
	if err != nil && ctx.Err() == nil {
		b.log.WarnContext(ctx, "broadcast: schedule was not carried out", "schedule_id", s.ID, "name", s.Name, "err", err)
	}
}

func (b *Broadcasts) schedules(ctx context.Context) ([]Schedule, error) {
	rows, err := b.db.Read().QueryContext(ctx, `SELECT body, last FROM broadcast_schedules ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("read schedules: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := []Schedule{}
	for rows.Next() {
		var s Schedule
		var body string
		var last int64
		if err := rows.Scan(&body, &last); err != nil {
			return nil, fmt.Errorf("read schedules: %w", err)
		}
		if err := json.Unmarshal([]byte(body), &s); err != nil {
			return nil, fmt.Errorf("read schedules: %w", err)
		}
		s.last = time.UnixMilli(last)
		all = append(all, s)
	}
	return all, rows.Err()
}

// saveSchedule adds a schedule, or changes one.
func (b *Broadcasts) saveSchedule(ctx context.Context, s Schedule) (Schedule, error) {
	if what := s.wrong(); what != "" {
		return s, web.Fail(http.StatusUnprocessableEntity, "broadcast.schedule", what)
	}
	if s.Recording != "" {
		if _, err := b.recording(s.Recording); err != nil {
			return s, err
		}
	}
	if s.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return s, err
		}
		s.ID = id.String()
	}
	s.NextAt = ""
	body, err := json.Marshal(s)
	if err != nil {
		return s, fmt.Errorf("schedule: %w", err)
	}
	err = b.db.Tx(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM broadcast_schedules WHERE id <> ?`, s.ID).Scan(&n); err != nil {
			return err
		}
		if n >= maxSchedules {
			return web.Fail(http.StatusConflict, "broadcast.schedules", "there are 200 schedules: delete some")
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO broadcast_schedules(id, body, last) VALUES (?, ?, ?)
			ON CONFLICT(id) DO UPDATE SET body = excluded.body, last = excluded.last`, s.ID, string(body), time.Now().UnixMilli())
		return err
	})
	b.nudge()
	return s.withNext(b.o.Location), err
}

func (s Schedule) withNext(l *time.Location) Schedule {
	s.NextAt = ""
	if _, next := s.around(time.Now().In(l)); s.Enabled && !next.IsZero() {
		s.NextAt = ms(next)
	}
	return s
}

// wrong says what is wrong with a schedule; "" for nothing.
func (s *Schedule) wrong() string {
	s.Name, s.Text = strings.TrimSpace(s.Name), strings.TrimSpace(s.Text)
	switch {
	case s.Name == "":
		return "name: say what it is for"
	case len(s.Zones) == 0 || len(s.Zones) > maxZones:
		return "zones: name 1 to 100 zones, \"\" for the whole community"
	case (s.Text == "") == (s.Recording == ""):
		return "text, recording: give one of them"
	case s.Priority != Notice && s.Priority != Music:
		return "priority: 5 (notice) or 6 (music); what is more urgent does not come on a schedule"
	case len(s.Times) == 0 || len(s.Times) > 48:
		return "times: 1 to 48 times of day, as 07:30"
	}
	for _, t := range s.Times {
		if _, err := clock(t); err != nil {
			return "times: " + err.Error()
		}
	}
	for _, d := range s.Days {
		if d < 1 || d > 7 {
			return "days: 1 (Monday) to 7 (Sunday)"
		}
	}
	return ""
}

func (b *Broadcasts) deleteSchedule(ctx context.Context, id string) error {
	var n int64
	err := b.db.Tx(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `DELETE FROM broadcast_schedules WHERE id = ?`, id)
		if err == nil {
			n, err = r.RowsAffected()
		}
		return err
	})
	if err == nil && n == 0 {
		return web.Fail(http.StatusNotFound, "broadcast.no_schedule", "there is no such schedule: GET /api/v1/broadcasts/schedules lists them")
	}
	return err
}
