package alarm

import (
	"context"
	"net/http"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// Span is the time that figures are about.
type Span struct {
	From, To time.Time
	Name     event.Text // of the shift
}

// longestSpan bounds what one question reads.
const longestSpan = 1100 * 24 * time.Hour // three years, as long as alarms are kept

// ShiftSpan is the current or the previous shift.
func (a *Alarms) ShiftSpan(ctx context.Context, which string) (Span, error) {
	at := a.now()
	s := a.shift(ctx, at)
	switch which {
	case "current":
		return s, nil
	case "previous":
		return a.shift(ctx, s.From.Add(-time.Millisecond)), nil
	}
	return s, web.Fail(http.StatusUnprocessableEntity, "alarm.bad_shift", "shift is `current` or `previous`")
}

func checkSpan(s Span) error {
	if s.From.Before(s.To) && s.To.Sub(s.From) <= longestSpan {
		return nil
	}
	return web.Fail(http.StatusUnprocessableEntity, "alarm.bad_span", "`from` must be before `to`, and at most three years before")
}

func (a *Alarms) shift(ctx context.Context, at time.Time) Span {
	if a.o.Shift != nil {
		if from, to, name := a.o.Shift(ctx, at); from.Before(to) {
			return Span{from.UTC(), to.UTC(), name}
		}
	}
	return threeShifts(at.In(a.o.Location))
}

// threeShifts are those of a community without a rota.
func threeShifts(at time.Time) Span {
	names := []event.Text{{ZH: "早班", EN: "Morning"}, {ZH: "中班", EN: "Afternoon"}, {ZH: "夜班", EN: "Night"}}
	day := time.Date(at.Year(), at.Month(), at.Day(), 7, 0, 0, 0, at.Location())
	if at.Before(day) {
		day = day.AddDate(0, 0, -1)
	}
	n := min(int(at.Sub(day)/(8*time.Hour)), 2)
	from := day.Add(time.Duration(n) * 8 * time.Hour)
	return Span{from.UTC(), from.Add(8 * time.Hour).UTC(), names[n]}
}
