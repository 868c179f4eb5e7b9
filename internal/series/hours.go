package series

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const (
	hourLength   = 60 * minuteLength       // ms
	slotsPerHour = hourLength / slotLength //
	hoursPerTurn = 48                      // made in one round of house-keeping, after an update of the hub
	defaultHours = 365 * 24 * time.Hour    // how long hours are kept
)

// loadHours reads which hours have been made.
func (s *Store) loadHours(ctx context.Context) error {
	var next int64
	err := s.db.Read().QueryRowContext(ctx, "SELECT n FROM cursor WHERE name = 'hours'").Scan(&next)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read hours: %w", err)
	}
	s.hours.Store(next)
	return nil
}

// rollHours sums the minutes of ended hours. A late point that changes an hour
// afterwards makes its row anew (rollHour).
func (s *Store) rollHours(ctx context.Context, ended int64) error {
	next, end := s.hours.Load(), ended/slotsPerHour
	if next == 0 {
		first := sql.NullInt64{}
		if err := s.db.Read().QueryRowContext(ctx, "SELECT min(slot) FROM minutes").Scan(&first); err != nil {
			return fmt.Errorf("make hours: %w", err)
		}
		if next = end; first.Valid {
			next = min(first.Int64/slotsPerHour, end)
		}
	}
	for n := 0; next < end && n < hoursPerTurn; n++ {
		sums, err := s.sumHour(ctx, next)
		if err != nil {
			return fmt.Errorf("make hours: %w", err)
		}
		if err := s.writeHour(ctx, next, sums); err != nil {
			return fmt.Errorf("make hours: %w", err)
		}
		next++
		s.hours.Store(next)
	}
	return nil
}

// sumHour sums the committed minutes of all series in one hour.
func (s *Store) sumHour(ctx context.Context, hour int64) (map[int64]minute, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT slot, series, data FROM minutes WHERE slot >= ? AND slot < ?",
		hour*slotsPerHour, (hour+1)*slotsPerHour)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	sums := map[int64]minute{}
	for rows.Next() {
		var slot, series int64
		var data []byte
		if err := rows.Scan(&slot, &series, &data); err != nil {
			return nil, err
		}
		ms, err := decodeMinutes(data)
		if err != nil {
			s.log.ErrorContext(ctx, "telemetry block can't be read", "slot", slot, "series", series, "err", err)
			continue
		}
		sum, known := sums[series]
		sums[series] = addMinutes(sum, known, ms)
	}
	return sums, rows.Err()
}

func addMinutes(sum minute, known bool, ms []minute) minute {
	for _, m := range ms {
		if !known {
			sum, known = m, true
			continue
		}
		sum.min, sum.max, sum.sum, sum.count = min(sum.min, m.min), max(sum.max, m.max), sum.sum+m.sum, sum.count+m.count
	}
	return sum
}

const upsertHour = `INSERT INTO hours(hour, series, low, high, total, count) VALUES (?, ?, ?, ?, ?, ?)
	ON CONFLICT(hour, series) DO UPDATE SET low = excluded.low, high = excluded.high, total = excluded.total, count = excluded.count`

// writeHour writes in parts, so that new points need not wait for all; the last
// moves the cursor. A crash in between makes the same rows again.
func (s *Store) writeHour(ctx context.Context, hour int64, sums map[int64]minute) error {
	part := make(map[int64]minute, min(len(sums), placesPerTx))
	write := func(last bool) error {
		err := s.db.Tx(ctx, func(tx *sql.Tx) error {
			for series, m := range part {
				if m.count == 0 {
					continue
				}
				if _, err := tx.ExecContext(ctx, upsertHour, hour, series, m.min, m.max, m.sum, m.count); err != nil {
					return err
				}
			}
			if !last {
				return nil
			}
			return setCursor(ctx, tx, "hours", uint64(hour+1))
		})
		clear(part)
		return err
	}
	for series, m := range sums {
		if part[series] = m; len(part) == placesPerTx {
			if err := write(false); err != nil {
				return err
			}
		}
	}
	return write(true)
}

// rollHour makes one series' hour anew after a late point.
func (s *Store) rollHour(ctx context.Context, tx *sql.Tx, p place) error {
	hour := p.slot / slotsPerHour
	var sum minute
	known := false
	for slot := hour * slotsPerHour; slot < (hour+1)*slotsPerHour; slot++ {
		var data []byte
		err := tx.QueryRowContext(ctx, "SELECT data FROM minutes WHERE slot = ? AND series = ?", slot, p.series).Scan(&data)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return err
		}
		ms, err := decodeMinutes(data)
		if err != nil {
			continue // told of when it is read
		}
		sum = addMinutes(sum, known, ms)
		known = sum.count > 0
	}
	if !known {
		return nil
	}
	_, err := tx.ExecContext(ctx, upsertHour, hour, p.series, sum.min, sum.max, sum.sum, sum.count)
	return err
}

// hourly collects whole hours from the table of hours, as minutes of that
// length, and says up to where they go; what follows is for the minutes.
func (s *Store) hourly(ctx context.Context, series, from, to int64) (out []minute, until int64, err error) {
	last := min(to/hourLength, s.hours.Load())
	if from%hourLength != 0 || last*hourLength <= from || len(s.open.between(series, slotOf(from), last*slotsPerHour-1)) > 0 {
		return nil, from, nil // late points in memory are not in the hours yet
	}
	rows, err := s.db.Read().QueryContext(ctx, `WITH RECURSIVE n(hour) AS (
			SELECT max(?1, coalesce((SELECT min(hour) FROM hours), ?2))
			UNION ALL SELECT hour + 1 FROM n WHERE hour + 1 < ?2)
		SELECT h.hour, h.low, h.high, h.total, h.count FROM n CROSS JOIN hours h ON h.hour = n.hour AND h.series = ?3
		WHERE n.hour < ?2 ORDER BY h.hour`, from/hourLength, last, series)
	if err != nil {
		return nil, from, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var m minute
		if err := rows.Scan(&m.at, &m.min, &m.max, &m.sum, &m.count); err != nil {
			return nil, from, err
		}
		m.at *= hourLength
		out = append(out, m)
	}
	return out, last * hourLength, rows.Err()
}
