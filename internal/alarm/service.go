package alarm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"dongyue/internal/event"
)

// Service is an entry of what is out of service: while it stands, alarms of the
// device, the zone or the rule are kept and listed, but nobody is called. Life
// safety comes through always.
type Service struct {
	ID         string     `json:"id"`
	Device     string     `json:"device"`
	DeviceName string     `json:"device_name"`
	Zone       string     `json:"zone" doc:"and what lies within"`
	ZoneName   event.Text `json:"zone_name"`
	Rule       string     `json:"rule" doc:"only alarms of this rule; empty: all"`
	Until      time.Time  `json:"until"`
	Reason     string     `json:"reason"`
	By         string     `json:"by"`
	ByID       string     `json:"by_id"`
	CreatedAt  time.Time  `json:"created_at"`
	EndedAt    *time.Time `json:"ended_at"`
	EndedBy    string     `json:"ended_by"`
}

// covers reports whether the entry takes the alarm out.
func (s *Service) covers(al *Alarm) bool {
	switch {
	case al.LifeSafety || al.Drill || s.Rule != "" && s.Rule != al.Rule:
		return false
	case s.Device != "":
		return s.Device == al.Device
	case s.Zone != "":
		return event.Within(al.Zone, s.Zone)
	}
	return s.Rule != ""
}

// state of the alarms that the entry takes out. A device or a rule that is
// itself under maintenance is OutOfService; what only lies in a zone that is, is
// suppressed as a group (OPC UA Part 9: AlarmSuppressionGroup).
func (s *Service) state() State {
	if s.Zone != "" {
		return Suppressed
	}
	return OutOfService
}

// input is what the entry does to an alarm.
func (s *Service) input() input {
	if s.Zone != "" {
		return suppressed
	}
	return outOfService
}

// what is the word for it in the journal.
func what(s *Service) string {
	if s.Zone != "" {
		return Suppress
	}
	return TakenOut
}

// outFor is the entry that takes an alarm out, nil when none does: the one of the
// device rather than that of the zone.
func (b *batch) outFor(al *Alarm) *Service {
	var zone *Service
	for i := range b.services {
		s := &b.services[i]
		if !s.covers(al) {
			continue
		}
		if s.Zone == "" {
			return s
		}
		zone = s
	}
	return zone
}

const serviceColumns = "id, device, zone, rule, until, reason, by_name, by_id, created_at, ended_at, ended_by"

// standing are the entries in force.
func standing(ctx context.Context, q querier, now time.Time) ([]Service, error) {
	return manyServices(ctx, q, inForce, now.UnixMilli())
}

const inForce = "ended_at IS NULL AND until > ? ORDER BY created_at, id"

func manyServices(ctx context.Context, q querier, where string, args ...any) ([]Service, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+serviceColumns+" FROM out_of_service WHERE "+where, args...) //nolint:gosec // where is ours
	if err != nil {
		return nil, fmt.Errorf("read what is out of service: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := []Service{}
	for rows.Next() {
		var s Service
		var until, created int64
		var ended sql.NullInt64
		if err := rows.Scan(&s.ID, &s.Device, &s.Zone, &s.Rule, &until, &s.Reason, &s.By, &s.ByID, &created, &ended, &s.EndedBy); err != nil {
			return nil, fmt.Errorf("read what is out of service: %w", err)
		}
		s.Until, s.CreatedAt, s.EndedAt = time.UnixMilli(until).UTC(), time.UnixMilli(created).UTC(), moment(ended)
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read what is out of service: %w", err)
	}
	return out, nil
}

// rejudge puts open alarms out of service or back, after an entry has come or
// gone.
func (b *batch) rejudge(ctx context.Context, where string, args ...any) error {
	var err error
	if b.services, err = standing(ctx, b.tx, b.now); err != nil {
		return err
	}
	alarms, err := b.take(ctx, "closed_at IS NULL AND life_safety = 0 AND drill = 0 AND "+where, args...)
	if err != nil {
		return err
	}
	if err := b.incidentsOf(ctx); err != nil {
		return err
	}
	for _, al := range alarms {
		if err := b.rejudgeOne(ctx, al); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) rejudgeOne(ctx context.Context, al *Alarm) error {
	out := b.outFor(al)
	switch {
	case out == nil && al.SuppressedBy == "", out != nil && al.SuppressedBy == out.ID:
		return nil
	case out == nil:
		_, err := b.step(ctx, al, inService, b.now, "")
		return err
	case al.Off == out.state(): // another entry, the same for the alarm
		al.SuppressedBy = out.ID
		b.mark(al)
		return nil
	}
	before := *al
	o := al.step(out.input(), b.now, b.now, b.by.Name)
	al.SuppressedBy = out.ID
	return b.moved(ctx, &before, al, o, JournalEntry{At: b.now, Actor: b.by.Name, ActorID: b.by.ID, Text: out.Reason})
}

// serviceTimer ends entries whose time is over.
func (a *Alarms) serviceTimer() timer {
	return timer{
		name: "end of out of service",
		next: func(ctx context.Context) (time.Time, error) {
			return earliest(ctx, a.o.DB.Read(), "SELECT min(until) FROM out_of_service WHERE ended_at IS NULL")
		},
		fire: func(ctx context.Context, tx *sql.Tx, now time.Time) error {
			over, err := manyServices(ctx, tx, "ended_at IS NULL AND until <= ?", now.UnixMilli())
			if err != nil {
				return err
			}
			b := a.batch(tx, actor{hub, hub})
			for i := range over {
				if err := b.endService(ctx, &over[i]); err != nil {
					return err
				}
			}
			_, err = b.flush(ctx)
			return err
		},
	}
}

func (b *batch) endService(ctx context.Context, s *Service) error {
	_, err := b.tx.ExecContext(ctx, "UPDATE out_of_service SET ended_at = ?, ended_by = ? WHERE id = ?", b.now.UnixMilli(), b.by.Name, s.ID)
	if err != nil {
		return fmt.Errorf("end out of service %s: %w", s.ID, err)
	}
	return b.rejudge(ctx, "suppressed_by = ?", s.ID)
}

// earliest is a due time, zero when there is none.
func earliest(ctx context.Context, q querier, query string) (time.Time, error) {
	var due sql.NullInt64
	err := q.QueryRowContext(ctx, query).Scan(&due)
	if err != nil && !errors.Is(err, sql.ErrNoRows) || !due.Valid {
		return time.Time{}, err
	}
	return time.UnixMilli(due.Int64).UTC(), nil
}
