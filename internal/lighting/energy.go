package lighting

import (
	"context"
	"fmt"
	"time"
)

// DayEnergy is what lamps took in a day by local time.
type DayEnergy struct {
	Date string  `json:"date"`
	ID   string  `json:"id" doc:"of the group or the lamp; empty: lamps of no group"`
	KWh  float64 `json:"kwh"`
}

// maxEnergyDays bounds a query: a year.
const maxEnergyDays = 366

// energy sums by day and by lamp or group, for the days from the first to the last.
func (l *Lighting) energy(ctx context.Context, first, last Date, byLamp bool) ([]DayEnergy, error) {
	out := []DayEnergy{}
	if l.o.Meter == nil {
		return out, nil
	}
	from := time.Date(first.Year, first.Month, first.Day, 0, 0, 0, 0, l.o.Zone)
	to := time.Date(last.Year, last.Month, last.Day+1, 0, 0, 0, 0, l.o.Zone)
	type place struct{ date, id string }
	sums, order := map[place]float64{}, []place{}
	for _, x := range l.o.Lamps.Lamps(ctx) {
		hours, err := l.o.Meter.Energy(ctx, x.ID, from, to)
		if err != nil {
			return nil, fmt.Errorf("lighting: energy of %s: %w", x.ID, err)
		}
		id := x.ID
		if !byLamp {
			l.mu.Lock()
			if g := l.plan.group(&x); g != nil {
				id = g.ID
			} else {
				id = ""
			}
			l.mu.Unlock()
		}
		for d := first; !last.before(d); d = d.next(1) {
			if k := (place{d.String(), id}); !has(sums, k) {
				sums[k] = 0
				order = append(order, k)
			}
		}
		for at, wh := range hours {
			sums[place{at.In(l.o.Zone).Format(time.DateOnly), id}] += wh / 1000
		}
	}
	for _, k := range order {
		out = append(out, DayEnergy{k.date, k.id, sums[k]})
	}
	return out, nil
}

func has[K comparable, V any](m map[K]V, k K) bool { _, ok := m[k]; return ok }

func (d Date) before(other Date) bool { return d.String() < other.String() }
