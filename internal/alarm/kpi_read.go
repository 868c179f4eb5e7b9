package alarm

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"dongyue/internal/event"
)

// reading is one look at the figures of a span. Every question is answered by an
// index that holds all it asks for; three years of alarms make it no slower, a
// longer span does.
type reading struct {
	ctx      context.Context
	q        querier
	from, to int64
	now      time.Time
}

func (r *reading) number(into any, query string, args ...any) error {
	return r.q.QueryRowContext(r.ctx, query, args...).Scan(into)
}

// each calls f for each row.
func (r *reading) each(f func(rows *sql.Rows) error, query string, args ...any) error {
	rows, err := r.q.QueryContext(r.ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// standing is how it is now.
func (r *reading) standing(k *KPI) error {
	k.Open = map[string]int{"critical": 0, "high": 0, "medium": 0, "low": 0}
	err := r.each(func(rows *sql.Rows) error {
		var p event.Priority
		var open, active, unacked, shelved, out int
		if err := rows.Scan(&p, &open, &active, &unacked, &shelved, &out); err != nil {
			return err
		}
		k.Open[string(p)], k.Standing, k.Unacked = open, k.Standing+active, k.Unacked+unacked
		k.Shelved, k.Out = k.Shelved+shelved, k.Out+out
		return nil
	}, "SELECT priority, count(*), sum(active), sum(acked_at IS NULL), sum(state = 'shelved'), sum(suppressed_by <> '') FROM alarm WHERE closed_at IS NULL AND drill = 0 GROUP BY priority")
	if err != nil {
		return err
	}
	return r.number(&k.Per10Min, "SELECT count(*) FROM alarm_journal WHERE rule <> '' AND at > ?", r.now.Add(-10*time.Minute).UnixMilli())
}

// counts is what the span brought.
func (r *reading) counts(k *KPI) error {
	var prio [6]float64
	err := r.each(func(rows *sql.Rows) error {
		var p, n int
		if err := rows.Scan(&p, &n); err != nil {
			return err
		}
		k.Raised += n
		prio[min(max(p, 0), 5)] += float64(n)
		return nil
	}, "SELECT prio, count(*) FROM alarm_journal WHERE rule <> '' AND at >= ? AND at < ? GROUP BY prio", r.from, r.to)
	if err != nil {
		return err
	}
	all := float64(k.Raised)
	k.Mix = Mix{share(prio[1], all), share(prio[2], all), share(prio[3], all), share(prio[4]+prio[5], all)}
	day := r.to - (24 * time.Hour).Milliseconds()
	return r.number(&k.Stale, `SELECT count(*) FROM (
		SELECT id FROM alarm WHERE closed_at IS NULL AND drill = 0 AND raised_at <= ? AND (returned_at IS NULL OR returned_at > ?)
		UNION ALL
		SELECT id FROM alarm WHERE closed_at IS NOT NULL AND closed_at > ? AND drill = 0 AND raised_at <= ? AND (returned_at IS NULL OR returned_at > ?))`,
		day, r.to, r.to, day, r.to)
}

// load is how much the operators were called.
func (r *reading) load(k *KPI) error {
	ten := floodWindow.Milliseconds()
	var sum float64
	err := r.each(func(rows *sql.Rows) error {
		var slot int64
		var n int
		var each float64
		if err := rows.Scan(&slot, &n, &each); err != nil {
			return err
		}
		k.Annunciated += n
		sum += each
		k.Max10Min = max(k.Max10Min, round(each))
		return nil
	}, "SELECT (at - ?) / ?, count(*), sum(1.0 / operators) FROM annunciation WHERE at >= ? AND at < ? AND held = 0 GROUP BY 1", r.from, ten, r.from, r.to)
	if err != nil {
		return err
	}
	k.Avg10Min = round(sum / max(float64(r.to-r.from)/float64(ten), 1))
	if err := r.number(&k.Held, "SELECT count(*) FROM annunciation WHERE at >= ? AND at < ? AND held = 1", r.from, r.to); err != nil {
		return err
	}
	k.Hours = []Hour{}
	hour := time.Hour.Milliseconds()
	return r.each(func(rows *sql.Rows) error {
		var h int64
		var n int
		if err := rows.Scan(&h, &n); err != nil {
			return err
		}
		k.Hours = append(k.Hours, Hour{time.UnixMilli(h * hour).UTC(), n})
		return nil
	}, "SELECT at / ?, count(*) FROM annunciation WHERE at >= ? AND at < ? AND held = 0 GROUP BY 1 ORDER BY 1", hour, r.from, r.to)
}

func (r *reading) floods(k *KPI) error {
	in, err := floods(r.ctx, r.q, "began_at < ? AND (ended_at IS NULL OR ended_at > ?) ORDER BY began_at", r.to, r.from)
	if err != nil {
		return err
	}
	var under int64
	for _, f := range in {
		began, ended := f.BeganAt.UnixMilli(), r.to
		if f.EndedAt != nil {
			ended = min(f.EndedAt.UnixMilli(), r.to)
		}
		if began >= r.from {
			k.Floods++
		}
		under += ended - max(began, r.from)
	}
	k.FloodPct = share(float64(under), float64(r.to-r.from))
	return nil
}

// times are medians and the time that nine of ten were within.
func (r *reading) times(k *KPI) (err error) {
	if k.acks, k.AckMedianS, k.AckP90S, err = r.percentiles("ack_ms"); err != nil {
		return err
	}
	_, k.CloseMedS, k.CloseP90S, err = r.percentiles("close_ms")
	return err
}

func (r *reading) percentiles(column string) (n int, median, p90 float64, err error) {
	var ms []int64
	err = r.each(func(rows *sql.Rows) error {
		var x int64
		ms = append(ms, 0)
		err := rows.Scan(&x)
		ms[len(ms)-1] = x
		return err
	}, "SELECT "+column+" FROM alarm_journal WHERE "+column+" IS NOT NULL AND at >= ? AND at < ? ORDER BY 1", r.from, r.to)
	if n = len(ms); n == 0 || err != nil {
		return n, 0, 0, err
	}
	median = float64(ms[(n-1)/2]+ms[n/2]) / 2000
	p90 = float64(ms[(9*n+9)/10-1]) / 1000
	return n, median, p90, nil
}

// top are the ten that were raised most.
func (r *reading) top(k *KPI) error {
	k.Top = []Top{}
	most := 0
	err := r.each(func(rows *sql.Rows) error {
		var t Top
		if err := rows.Scan(&t.Rule, &t.Device, &t.Count); err != nil {
			return err
		}
		most += t.Count
		t.SharePct = share(float64(t.Count), float64(k.Raised))
		k.Top = append(k.Top, t)
		return nil
	}, "SELECT rule, device, count(*) FROM alarm_journal WHERE rule <> '' AND at >= ? AND at < ? GROUP BY rule, device ORDER BY 3 DESC, 1, 2 LIMIT 10", r.from, r.to)
	if err != nil {
		return err
	}
	k.topShare = share(float64(most), float64(k.Raised))
	for i := range k.Top {
		t := &k.Top[i]
		err := r.q.QueryRowContext(r.ctx, "SELECT device_name, title_zh, title_en FROM alarm WHERE device = ? AND rule = ? ORDER BY id DESC LIMIT 1", t.Device, t.Rule).
			Scan(&t.DeviceName, &t.Title.ZH, &t.Title.EN)
		if err != nil && !errors.Is(err, sql.ErrNoRows) { // its alarms may be older than is kept
			return err
		}
	}
	return nil
}

func (r *reading) actors(k *KPI) error {
	for kind, n := range map[string]*int{Chattering: &k.Chattering, Fleeting: &k.Fleeting} {
		if err := r.number(n, "SELECT count(*) FROM bad_actor WHERE kind = ? AND first_at < ? AND last_at >= ?", kind, r.to, r.from); err != nil {
			return err
		}
	}
	return nil
}
