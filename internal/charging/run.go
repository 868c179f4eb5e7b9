package charging

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const (
	lookEvery  = 500 * time.Millisecond
	startTTL   = 30 * time.Second
	startGrace = 10 * time.Second // after the command's end, for an event that is on its way
	payWithin  = 2 * time.Minute  // after it the resident has gone
)

// Reasons of a session whose deposit went back whole.
const (
	notStarted     = "not_started"
	paymentTimeout = "payment_timeout"
)

// Run moves money and starts sockets until ctx ends.
func (c *Charging) Run(ctx context.Context) error {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	var read time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.wake:
		case <-t.C:
		}
		if now := time.Now(); now.Sub(read) >= readEvery {
			read = now
			if err := c.keepReadings(ctx, now); err != nil && ctx.Err() == nil {
				c.o.Log.ErrorContext(ctx, "charging: readings not kept", "err", err)
			}
		}
		// None is put off for longer than lastPause: then the clock was set back.
		now := time.Now()
		due, err := list(ctx, c.o.DB.Read(), "WHERE state IN ('paying', 'starting', 'refunding', 'owing') AND (next_at <= ? OR next_at > ?) ORDER BY asked_at LIMIT 64",
			now.UnixMilli(), now.Add(lastPause+time.Second).UnixMilli())
		if err != nil {
			if ctx.Err() == nil {
				c.o.Log.ErrorContext(ctx, "charging: sessions can't be read", "err", err)
			}
			continue
		}
		for _, s := range due {
			if ctx.Err() != nil {
				break
			}
			if err := c.advance(ctx, s); err != nil && ctx.Err() == nil {
				c.o.Log.WarnContext(ctx, "charging: session waits", "session", s.ID, "state", string(s.State), "err", err)
				c.later(ctx, s)
			}
		}
	}
}

// advance does what a session waits for. Each outside act has the session's id in
// its key, and what follows is written only where the state is still the one from
// which it began.
func (c *Charging) advance(ctx context.Context, s *Session) error {
	switch s.State {
	case Paying:
		return c.pay(ctx, s)
	case Starting:
		return c.start(ctx, s)
	case Refunding:
		if c.o.Payments == nil {
			return errNoProvider
		}
		err := c.o.Payments.Refund(ctx, "refund/"+s.ID, "pay/"+s.ID, s.Refund)
		if err != nil && (!errors.Is(err, ErrNoPayment) || !neverPaid(s)) {
			return err
		}
		return c.to(ctx, s, Settled, "")
	case Owing:
		if c.o.Payments == nil {
			return errNoProvider
		}
		err := c.o.Payments.Pay(ctx, "due/"+s.ID, s.Person, s.Due)
		if errors.Is(err, ErrDeclined) {
			return c.to(ctx, s, Unpaid, s.Reason)
		}
		if err != nil {
			return err
		}
		return c.to(ctx, s, Settled, "")
	case Unpaid, Running, Settled:
	}
	return nil
}

var errNoProvider = errors.New("no provider of payments is configured")

// bookedWithin is how much later than its answer was awaited a provider may book a
// payment: until then one that it does not know may still come, and would be kept.
const bookedWithin = 30 * time.Minute

// neverPaid reports whether a payment that the provider does not know was never made.
// One that it has confirmed was: there the provider is wrong, and is asked again.
func neverPaid(s *Session) bool {
	return s.Reason == paymentTimeout && time.Since(s.AskedAt) > payWithin+bookedWithin
}

func (c *Charging) pay(ctx context.Context, s *Session) error {
	if c.o.Payments == nil {
		return errNoProvider
	}
	err := c.o.Payments.Pay(ctx, "pay/"+s.ID, s.Person, s.Deposit)
	switch {
	case errors.Is(err, ErrDeclined):
		return c.to(ctx, s, Unpaid, "declined")
	case err == nil:
		c.nudge()
		return c.to(ctx, s, Starting, "")
	case time.Since(s.AskedAt) > payWithin: // nobody knows whether it was paid: give it all back
		s.Refund = s.Deposit
		return c.back(ctx, s, paymentTimeout)
	}
	return err
}

// start orders the socket on. The limit is what the deposit pays for.
func (c *Charging) start(ctx context.Context, s *Session) error {
	if s.command == "" {
		args := map[string]any{"part": s.Part, "user": s.Person, "session": s.ID}
		if limit := min(s.Tariff.Worth(s.Deposit), mostWh); limit > 0 { // a tariff of nothing limits nothing
			args["limit_wh"] = limit
		}
		if s.Battery != "" {
			args["battery"] = s.Battery
		}
		id, err := c.o.Cabinets.Command(ctx, s.Device, "start", args, startTTL, "charge/"+s.ID, "charging", s.ID)
		if err != nil {
			s.Refund = s.Deposit
			return errors.Join(c.back(ctx, s, notStarted), ctx.Err())
		}
		return c.o.DB.Tx(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE charging_sessions SET command = ?, next_at = ? WHERE id = ?", id, time.Now().Add(time.Second).UnixMilli(), s.ID)
			return err
		})
	}
	waited := time.Since(s.AskedAt)
	switch c.o.Cabinets.Fate(ctx, s.command) {
	case Carried:
		return c.begun(ctx, s)
	case Open:
		if waited < payWithin+startTTL+startGrace {
			return c.wait(ctx, s, time.Second)
		}
	case Lapsed:
		if waited < startTTL+startGrace {
			return c.wait(ctx, s, time.Second)
		}
	case Refused:
	}
	s.Refund = s.Deposit
	return c.back(ctx, s, notStarted)
}

// mostWh is the largest limit that a cabinet takes, as its kind has it.
const mostWh = 50_000

// begun takes a session for running whose cabinet says that the socket is on, where
// its event has not come: what flows must be counted. No reading has been taken yet,
// so the cabinet's clock is not known and counted_at stays 0.
func (c *Charging) begun(ctx context.Context, s *Session) error {
	c.taken(s.Device, s.Part)
	err := c.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE charging_sessions SET started_at = ? WHERE id = ? AND state = 'starting'", time.Now().UnixMilli(), s.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("charging: %s: %w", s.ID, err)
	}
	return c.to(ctx, s, Running, "")
}

// back returns the whole deposit of what never began.
func (c *Charging) back(ctx context.Context, s *Session, reason string) error {
	err := c.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE charging_sessions SET state = 'refunding', reason = ?, refund = ?, ended_at = ?, tries = 0, next_at = 0 WHERE id = ? AND state = ?",
			reason, int64(s.Refund), time.Now().UnixMilli(), s.ID, string(s.State))
		return err
	})
	c.nudge()
	return err
}

func (c *Charging) to(ctx context.Context, s *Session, next State, reason string) error {
	err := c.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE charging_sessions SET state = ?, reason = CASE ? WHEN '' THEN reason ELSE ? END, tries = 0, next_at = 0 WHERE id = ? AND state = ?",
			string(next), reason, reason, s.ID, string(s.State))
		if err != nil {
			return err
		}
		s.State = next
		return c.show(ctx, tx, s)
	})
	if err != nil {
		return fmt.Errorf("charging: %s: %w", s.ID, err)
	}
	return c.o.Feed.Committed(ctx)
}

func (c *Charging) wait(ctx context.Context, s *Session, d time.Duration) error {
	return c.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE charging_sessions SET next_at = ? WHERE id = ?", time.Now().Add(d).UnixMilli(), s.ID)
		return err
	})
}

// lastPause is the longest that a session is put off.
const lastPause = 5 * time.Minute

// later doubles the pause.
func (c *Charging) later(ctx context.Context, s *Session) {
	pause := min(500*time.Millisecond<<min(s.tries, 10), lastPause)
	err := c.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE charging_sessions SET tries = tries + 1, next_at = ? WHERE id = ?", time.Now().Add(pause).UnixMilli(), s.ID)
		return err
	})
	if err != nil && ctx.Err() == nil {
		c.o.Log.ErrorContext(ctx, "charging: session not put off", "session", s.ID, "err", err)
	}
}
