package series

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// maxArrival bounds one row, and so what one transaction and one copy hold.
const maxArrival = 10_000

// drainFor is how long the last write may take when the hub stops.
const drainFor = 5 * time.Second

// write is the one goroutine that changes the file, but for the copier's cursor.
func (s *Store) write(ctx context.Context) error {
	beat, house := time.NewTicker(commitEvery), time.NewTicker(houseEvery)
	defer beat.Stop()
	defer house.Stop()
	var kept []reading // what the last attempt could not write
	for {
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainFor)
			defer cancel()
			if _, err := s.commit(end, append(kept, s.readings(s.queue.take())...)); err != nil {
				s.log.ErrorContext(end, "telemetry lost at the end", "err", err)
			}
			return nil
		case r := <-s.appends:
			_, err := s.commit(ctx, s.readings(r.events))
			r.done <- err
			continue
		case <-house.C:
			s.keepHouse(ctx)
			continue
		case <-beat.C:
		case <-s.queue.wake:
		}
		// While the disk refuses, readings stay here and events in the queue, which
		// is the one that overflows and counts.
		if kept == nil {
			kept = s.readings(s.queue.take())
		}
		kept, _ = s.commit(ctx, kept)
	}
}

// commit writes readings as arrivals. After an error, left is what is not
// written yet.
func (s *Store) commit(ctx context.Context, rs []reading) (left []reading, err error) {
	for len(rs) > 0 {
		part := rs[:min(len(rs), maxArrival)]
		if err := s.commitPart(ctx, part); err != nil {
			s.note(ctx, err)
			return rs, err
		}
		rs = rs[len(part):]
		s.note(ctx, nil)
	}
	return nil, nil
}

// note keeps the state for Err and logs only its changes.
func (s *Store) note(ctx context.Context, err error) {
	before := s.Err()
	if err == nil {
		s.err.Store(nil)
		if before != nil {
			s.log.InfoContext(ctx, "telemetry is written again")
		}
		return
	}
	if errors.Is(err, context.Canceled) {
		return
	}
	s.err.Store(&err)
	if before == nil || before.Error() != err.Error() {
		s.log.ErrorContext(ctx, "telemetry can't be written", "err", err)
	}
}

func (s *Store) commitPart(ctx context.Context, rs []reading) error {
	var samples []sample
	var made map[key]int64
	err := s.db.Tx(ctx, func(tx *sql.Tx) (err error) {
		if samples, made, err = s.number(ctx, tx, rs); err != nil || len(samples) == 0 {
			return err
		}
		newest := samples[0].at
		for _, x := range samples {
			newest = max(newest, x.at)
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO arrivals(n, newest, points, data) VALUES (?, ?, ?, ?)",
			s.next, newest, len(samples), encodeSamples(samples))
		return err
	})
	if err != nil {
		return fmt.Errorf("write telemetry: %w", err)
	}
	for _, r := range rs {
		if id, ok := made[r.key]; ok {
			s.names.add(id, r.named)
			delete(made, r.key)
		}
	}
	if len(samples) == 0 {
		return nil
	}
	s.open.add(s.next, samples)
	s.points.Add(uint64(len(samples)))
	if s.copier != nil {
		s.copier.arrived(s.next)
	}
	s.next++
	return nil
}

// loadOpen reads the cursors and, into memory, the arrivals not yet in blocks.
func (s *Store) loadOpen(ctx context.Context) error {
	r := s.db.Read()
	var open, last uint64
	err := r.QueryRowContext(ctx, `SELECT
		coalesce((SELECT n FROM cursor WHERE name = 'open'), 1),
		max(coalesce((SELECT max(n) FROM arrivals), 0), coalesce((SELECT max(n) FROM cursor), 1) - 1),
		coalesce((SELECT max(slot) + 1 FROM blocks), 0)`).Scan(&open, &last, &s.fresh)
	if err != nil {
		return fmt.Errorf("read telemetry cursors: %w", err)
	}
	s.next = last + 1
	rows, err := r.QueryContext(ctx, "SELECT n, data FROM arrivals WHERE n >= ? ORDER BY n", open)
	if err != nil {
		return fmt.Errorf("read arrivals: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var n uint64
		var data []byte
		if err := rows.Scan(&n, &data); err != nil {
			return fmt.Errorf("read arrivals: %w", err)
		}
		samples, err := decodeSamples(data)
		if err != nil {
			s.log.ErrorContext(ctx, "arrival can't be read", "n", n, "err", err)
			continue
		}
		s.open.add(n, samples)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read arrivals: %w", err)
	}
	return nil
}
