package charging

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

const columns = `SELECT id, device, part, person, battery, state, reason, deposit, rate_power, rate_service, asked_at, started_at, ended_at, cut_at, counter, counted_at,
	heard_at, credit, high, used, electricity, service, refund, due, command, flags, tries FROM charging_sessions `

func list(ctx context.Context, q querier, where string, args ...any) (out []*Session, err error) {
	rows, err := q.QueryContext(ctx, columns+where, args...) //nolint:gosec // where is ours
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		s := &Session{}
		var asked, started, ended int64
		err := rows.Scan(&s.ID, &s.Device, &s.Part, &s.Person, &s.Battery, &s.State, &s.Reason, &s.Deposit, &s.Tariff.Electricity, &s.Tariff.Service,
			&asked, &started, &ended, &s.cutAt, &s.counter, &s.countedAt,
			&s.heardAt, &s.credit, &s.high, &s.EnergyMWh, &s.Electricity, &s.Service, &s.Refund, &s.Due, &s.command, &s.Flags, &s.tries)
		if err != nil {
			return nil, err
		}
		s.AskedAt, s.StartedAt, s.EndedAt, s.CutAt = time.UnixMilli(asked).UTC(), moment(started), moment(ended), moment(s.cutAt)
		out = append(out, s)
	}
	return out, rows.Err()
}

func (c *Charging) one(ctx context.Context, where string, args ...any) (*Session, error) {
	all, err := list(ctx, c.o.DB.Read(), where, args...)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errNone
	}
	return all[0], nil
}

var errNone = errors.New("there is no such session")

func moment(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}
