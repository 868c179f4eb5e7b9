package series

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const (
	// grace is how long after its end a slot waits for late points. Later ones
	// are merged into its block, which costs more.
	grace = 2 * time.Minute

	// placesPerTx bounds how long a flush keeps the writer from new points.
	placesPerTx = 2000

	// maxOpen bounds memory: 4 Mi points are 64 MB. Beyond it, blocks are made
	// before their slot has ended, and merged later.
	maxOpen = 4 << 20
)

// keepHouse makes blocks of ended slots and forgets what is too old.
func (s *Store) keepHouse(ctx context.Context) {
	now := s.o.Now()
	ended := slotOf(now.Add(-grace).UnixMilli())
	take := func(slot int64) bool { return slot < ended }
	if s.open.size() > maxOpen {
		take = func(int64) bool { return true }
	}
	err := s.flush(ctx, take)
	if err == nil { // hours are made of what has been flushed
		err = s.rollHours(ctx, ended)
	}
	err = errors.Join(err, s.forget(ctx, now))
	if err != nil && ctx.Err() == nil {
		s.note(ctx, err)
	}
}

// flush turns the chosen buffers into blocks. It changes only where points
// stand: queries see the same before, between and after its transactions.
func (s *Store) flush(ctx context.Context, take func(slot int64) bool) error {
	places := s.open.due(take)
	fresh := s.fresh // each place comes once, so none of this flush meets a block of it
	for len(places) > 0 {
		part := places[:min(len(places), placesPerTx)]
		if err := s.db.Tx(ctx, func(tx *sql.Tx) error { return s.flushPart(ctx, tx, part, fresh) }); err != nil {
			return fmt.Errorf("make telemetry blocks: %w", err)
		}
		s.open.drop(part)
		s.fresh = max(s.fresh, part[len(part)-1].slot+1) // the last one's slot is the greatest
		places = places[len(part):]
	}
	return nil
}

func (s *Store) flushPart(ctx context.Context, tx *sql.Tx, places []place, fresh int64) error {
	const upsert = "(slot, series, data) VALUES (?, ?, ?) ON CONFLICT(slot, series) DO UPDATE SET data = excluded.data"
	blocks, err := tx.PrepareContext(ctx, "INSERT INTO blocks"+upsert)
	if err != nil {
		return err
	}
	defer func() { _ = blocks.Close() }()
	minutes, err := tx.PrepareContext(ctx, "INSERT INTO minutes"+upsert)
	if err != nil {
		return err
	}
	defer func() { _ = minutes.Close() }()
	done := make(map[place]bool, len(places))
	for _, p := range places {
		points := s.open.copyOf(p)
		if p.slot < fresh {
			if points, err = s.mergeBlock(ctx, tx, p, points); err != nil {
				return err
			}
		}
		if _, err := blocks.ExecContext(ctx, p.slot, p.series, encodePoints(points)); err != nil {
			return err
		}
		if _, err := minutes.ExecContext(ctx, p.slot, p.series, encodeMinutes(minutesOf(points))); err != nil {
			return err
		}
		if p.slot/slotsPerHour < s.hours.Load() {
			if err := s.rollHour(ctx, tx, p); err != nil {
				return err
			}
		}
		done[p] = true
	}
	open := s.open.oldest(done, s.next)
	if err := setCursor(ctx, tx, "open", open); err != nil {
		return err
	}
	return s.trim(ctx, tx, open)
}

// mergeBlock adds points to what the block has already.
func (s *Store) mergeBlock(ctx context.Context, tx *sql.Tx, p place, points []point) ([]point, error) {
	var data []byte
	err := tx.QueryRowContext(ctx, "SELECT data FROM blocks WHERE slot = ? AND series = ?", p.slot, p.series).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return points, nil
	}
	if err != nil {
		return nil, err
	}
	old, err := decodePoints(data)
	if err != nil { // what can't be read is no reason to lose what can
		s.log.ErrorContext(ctx, "telemetry block replaced", "slot", p.slot, "series", p.series, "err", err)
		return points, nil
	}
	return merge(old, points), nil
}

// trim removes arrivals that stand in blocks and have been copied.
func (s *Store) trim(ctx context.Context, tx *sql.Tx, open uint64) error {
	if s.copier != nil {
		open = min(open, s.copier.cursor.Load()+1)
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM arrivals WHERE n < ?", open)
	return err
}

func setCursor(ctx context.Context, tx *sql.Tx, name string, n uint64) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO cursor(name, n) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET n = excluded.n", name, n)
	return err
}

// forget removes what is older than the retention: whole slots, and arrivals
// that InfluxDB has not taken in all that time – the disk must not fill because
// another machine is away.
func (s *Store) forget(ctx context.Context, now time.Time) error {
	oldest := now.Add(-time.Duration(s.retention.Load())).UnixMilli()
	oldestMinute := now.Add(-time.Duration(s.rollup.Load())).UnixMilli()
	var gone sql.NullInt64
	err := s.db.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM blocks WHERE slot < ?", slotOf(oldest)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM minutes WHERE slot < ?", slotOf(oldestMinute)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM hours WHERE hour < ?", now.Add(-max(defaultHours, time.Duration(s.rollup.Load()))).UnixMilli()/hourLength); err != nil {
			return err
		}
		open := s.open.oldest(nil, s.next)
		if s.copier == nil {
			return s.trim(ctx, tx, open)
		}
		if err := tx.QueryRowContext(ctx, "SELECT sum(points) FROM arrivals WHERE n < ? AND n > ? AND newest < ?",
			open, s.copier.cursor.Load(), oldest).Scan(&gone); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM arrivals WHERE n < ? AND newest < ?", open, oldest); err != nil {
			return err
		}
		return s.trim(ctx, tx, open)
	})
	if err != nil {
		return fmt.Errorf("forget old telemetry: %w", err)
	}
	if gone.Int64 > 0 {
		s.copier.spoiled.Add(uint64(gone.Int64))
		s.log.ErrorContext(ctx, "telemetry not copied within the retention", "points", gone.Int64)
	}
	return nil
}
