package access

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"dongyue/internal/doorlist"
	"dongyue/internal/web"
)

// DayKind is what the calendar says of a day.
type DayKind = doorlist.DayKind

// The kinds. Most days are of none: the week decides.
const (
	PlainDay = doorlist.PlainDay
	Holiday  = doorlist.Holiday
	Workday  = doorlist.Workday
)

// Days are the kinds of a day and of the one before, whose nights reach into it.
type Days = doorlist.Days

// CalendarDay is a day of the calendar as the API shows it.
type CalendarDay struct {
	Day  string  `json:"day" format:"date" example:"2026-10-01"`
	Kind DayKind `json:"kind" enum:"holiday,workday"`
	Name string  `json:"name" maxLength:"80" example:"国庆节"`
}

// mostDays bounds the calendar: ten years of holidays.
const mostDays = 1000

// calendar is the kinds by day.
type calendar map[string]DayKind

// days looks a time up, in its own zone. It allocates, so it is asked before the
// decision.
func (c calendar) days(t time.Time) Days {
	if len(c) == 0 {
		return Days{}
	}
	return Days{Today: c[t.Format(time.DateOnly)], Yesterday: c[t.AddDate(0, 0, -1).Format(time.DateOnly)]}
}

// Open reports whether a schedule holds at a time, on the community's clock and by
// its calendar.
func (x *Access) Open(s *Schedule, t time.Time) bool {
	t = t.In(x.loc)
	x.mu.RLock()
	defer x.mu.RUnlock()
	return s.Allows(t, x.site.calendar.days(t))
}

// Calendar lists the days that are not like the week, in order.
func (x *Access) Calendar(ctx context.Context) ([]CalendarDay, error) {
	days := []CalendarDay{}
	err := x.each(ctx, "SELECT day, kind, name FROM access_calendar ORDER BY day", nil, func(rows *sql.Rows) error {
		var d CalendarDay
		err := rows.Scan(&d.Day, &d.Kind, &d.Name)
		days = append(days, d)
		return err
	})
	return days, err
}

// SetCalendar puts a new calendar in place of the old one; the next badge is
// judged by it.
func (x *Access) SetCalendar(ctx context.Context, actor string, days []CalendarDay) error {
	if len(days) > mostDays {
		return fmt.Errorf("%w: more than %d days", ErrInvalid, mostDays)
	}
	seen := map[string]bool{}
	for i, d := range days {
		t, err := time.Parse(time.DateOnly, d.Day)
		switch {
		case err != nil || t.Format(time.DateOnly) != d.Day:
			return fmt.Errorf("%w: item %d: day %q: write it as 2026-10-01", ErrInvalid, i+1, d.Day)
		case d.Kind != Holiday && d.Kind != Workday:
			return fmt.Errorf("%w: item %d: kind %q is not one of holiday, workday", ErrInvalid, i+1, d.Kind)
		case seen[d.Day]:
			return fmt.Errorf("%w: item %d: %s stands there twice", ErrInvalid, i+1, d.Day)
		case len(d.Name) > 200:
			return fmt.Errorf("%w: item %d: the name is longer than 200 bytes", ErrInvalid, i+1)
		}
		seen[d.Day] = true
	}
	if !web.Reaches(ctx, "") { // it holds for every door
		return ErrNotYourZone
	}
	return x.changed(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM access_calendar"); err != nil {
			return fmt.Errorf("set calendar: %w", err)
		}
		for _, d := range days {
			if _, err := tx.ExecContext(ctx, "INSERT INTO access_calendar(day, kind, name) VALUES (?, ?, ?)", d.Day, d.Kind, d.Name); err != nil {
				return fmt.Errorf("set calendar: %w", err)
			}
		}
		return x.audit.Audit(ctx, tx, actor, "calendar.set", "", map[string]any{"days": len(days)})
	}, x.refreshSite)
}
