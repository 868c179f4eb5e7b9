package alarm

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// KPI are the figures by which ISA-18.2 and EEMUA 191 judge an alarm system.
type KPI struct {
	Unacked    int            `json:"unacked" doc:"open and seen by nobody"`
	Standing   int            `json:"standing" doc:"open and still active"`
	Per10Min   int            `json:"per_10min" doc:"raised in the last ten minutes; above 10 is a flood"`
	AckMedianS float64        `json:"ack_median_s" doc:"from raise to acknowledgement over the last 24 h"`
	Open       map[string]int `json:"open" doc:"by priority"`
}

// Figures works the KPIs out.
func (a *Alarms) Figures(ctx context.Context) (KPI, error) {
	k := KPI{Open: map[string]int{"critical": 0, "high": 0, "medium": 0, "low": 0}}
	now := a.now()
	open, err := many(ctx, a.o.DB.Read(), "closed_at IS NULL")
	if err != nil {
		return k, err
	}
	for i := range open {
		k.Open[string(open[i].Priority)]++
		if open[i].AckedAt == nil {
			k.Unacked++
		}
		if open[i].Active {
			k.Standing++
		}
	}
	err = a.o.DB.Read().QueryRowContext(ctx, "SELECT count(*) FROM alarm_journal WHERE what = ? AND at > ?", Raise, now.Add(-10*time.Minute).UnixMilli()).Scan(&k.Per10Min)
	if err != nil {
		return k, fmt.Errorf("alarm: count raised: %w", err)
	}
	k.AckMedianS, err = a.ackMedian(ctx, now.Add(-24*time.Hour))
	return k, err
}

// ackMedian is over journal lines, so that one who acknowledged a repeated
// raise counts from that raise.
func (a *Alarms) ackMedian(ctx context.Context, since time.Time) (float64, error) {
	rows, err := a.o.DB.Read().QueryContext(ctx, `SELECT k.at - (SELECT max(r.at) FROM alarm_journal r WHERE r.alarm = k.alarm AND r.what = ? AND r.id < k.id)
		FROM alarm_journal k WHERE k.what = ? AND k.at > ?`, Raise, Ack, since.UnixMilli())
	if err != nil {
		return 0, fmt.Errorf("alarm: times to acknowledge: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var took []float64
	for rows.Next() {
		var ms *float64
		if err := rows.Scan(&ms); err != nil {
			return 0, fmt.Errorf("alarm: times to acknowledge: %w", err)
		}
		if ms != nil {
			took = append(took, max(*ms, 0)/1000)
		}
	}
	if err := rows.Err(); err != nil || len(took) == 0 {
		return 0, err
	}
	slices.Sort(took)
	mid := len(took) / 2
	if len(took)%2 == 1 {
		return took[mid], nil
	}
	return (took[mid-1] + took[mid]) / 2, nil
}
