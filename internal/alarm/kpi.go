package alarm

import (
	"context"
	"fmt"
	"time"

	"dongyue/internal/event"
)

// KPI are the figures by which ISA-18.2 and EEMUA 191 judge an alarm system: how
// it stands now, and how a span of time was. Drills count nowhere.
type KPI struct {
	Unacked    int            `json:"unacked" doc:"now: open and seen by nobody"`
	Standing   int            `json:"standing" doc:"now: open and still active"`
	Per10Min   int            `json:"per_10min" doc:"now: raised in the last ten minutes"`
	Open       map[string]int `json:"open" doc:"now: by priority"`
	AckMedianS float64        `json:"ack_median_s" doc:"from being told to the acknowledgement"`
	AckP90S    float64        `json:"ack_p90_s"`

	From        time.Time  `json:"from"`
	To          time.Time  `json:"to" doc:"or now, when that is earlier"`
	Shift       string     `json:"shift" doc:"its name in Chinese; empty: no shift was asked for"`
	ShiftName   event.Text `json:"shift_name"`
	Raised      int        `json:"raised" doc:"alarms, also those that an incident took in silently"`
	Annunciated int        `json:"annunciated" doc:"how often the operators were called"`
	Held        int        `json:"held" doc:"incidents that a flood kept from calling"`
	Stale       int        `json:"stale" doc:"at the end: active for more than a day"`
	Shelved     int        `json:"shelved" doc:"now"`
	Out         int        `json:"out_of_service" doc:"now: out of service or suppressed"`
	Avg10Min    float64    `json:"per_10min_avg" doc:"calls for one operator"`
	Max10Min    float64    `json:"per_10min_max" doc:"calls for one operator"`
	FloodPct    float64    `json:"flood_share_pct" doc:"of the time"`
	Floods      int        `json:"floods" doc:"that began"`
	CloseMedS   float64    `json:"close_median_s" doc:"from the first raise to the close"`
	CloseP90S   float64    `json:"close_p90_s"`
	Top         []Top      `json:"top" doc:"the ten that were raised most"`
	Mix         Mix        `json:"mix"`
	Chattering  int        `json:"chattering" doc:"alarms that came and went three times a minute"`
	Fleeting    int        `json:"fleeting" doc:"alarms that went within seconds, again and again"`
	Hours       []Hour     `json:"hours" doc:"calls in each hour"`
	Verdicts    []Verdict  `json:"verdicts"`

	topShare float64
	acks     int
}

// Top is one of the ten that were raised most.
type Top struct {
	Rule       string     `json:"rule"`
	Device     string     `json:"device"`
	DeviceName string     `json:"device_name"`
	Title      event.Text `json:"title"`
	Count      int        `json:"count"`
	SharePct   float64    `json:"share_pct"`
}

// Mix is the share of each priority in %.
type Mix struct {
	Critical float64 `json:"critical"`
	High     float64 `json:"high"`
	Medium   float64 `json:"medium"`
	Low      float64 `json:"low"`
}

// Hour is what one hour brought.
type Hour struct {
	At    time.Time `json:"at" doc:"its beginning"`
	Count int       `json:"count"`
}

// Figures works the KPIs out: how it stands now, and how the span was. The zero
// span is the last 24 hours.
func (a *Alarms) Figures(ctx context.Context, s Span) (KPI, error) {
	now := a.now()
	if s.From.IsZero() && s.To.IsZero() {
		s.From, s.To = now.Add(-24*time.Hour), now
	}
	if err := checkSpan(s); err != nil {
		return KPI{}, err
	}
	k := KPI{From: s.From.UTC(), To: s.To.UTC(), Shift: s.Name.ZH, ShiftName: s.Name}
	if !now.After(k.To) && now.After(k.From) {
		k.To = now
	}
	r := &reading{ctx: ctx, q: a.o.DB.Read(), from: k.From.UnixMilli(), to: k.To.UnixMilli(), now: now}
	if k.To.Equal(now) { // what happened in this very millisecond has happened
		r.to++
	}
	for _, f := range []func(*KPI) error{r.standing, r.counts, r.load, r.floods, r.times, r.top, r.actors} {
		if err := f(&k); err != nil {
			return k, fmt.Errorf("alarm: figures: %w", err)
		}
	}
	k.Verdicts = k.judge()
	return k, nil
}

// share is a part in %, with one decimal.
func share(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return round(100 * part / whole)
}

// round keeps one decimal.
func round(x float64) float64 { return float64(int64(x*10+0.5)) / 10 }
