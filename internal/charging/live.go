package charging

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"dongyue/internal/event"
)

// readEvery is how often what meters told past the journal is kept. A bill does not wait
// for it: the cabinet's last word has the counter, and a cut takes the newest reading.
const readEvery = 3 * time.Second

// lately is a reading and its event without the data.
type lately struct {
	ev   event.Event
	said said
}

// Live takes a reading of QoS 0, which is not in the journal: most cabinets tell of their
// meters so.
func (c *Charging) Live(ev event.Event) {
	if ev.Kind != event.Charger || ev.Channel != event.Telemetry || ev.Part == "" || ev.Late {
		return
	}
	r := lately{ev: ev}
	if json.Unmarshal(ev.Data, &r.said) != nil {
		return
	}
	c.watch(&ev, &r.said)
	if r.said.Energy == nil {
		return
	}
	r.ev.Data = nil
	c.mu.Lock()
	c.live[ev.Device+"/"+ev.Part] = r
	c.mu.Unlock()
}

// latest is the newest such reading of a session's socket since its meter was read.
func (c *Charging) latest(s *Session) (r lately, ok bool) {
	c.mu.Lock()
	r, ok = c.live[s.Device+"/"+s.Part]
	c.mu.Unlock()
	at := r.ev.At.UnixMilli()
	return r, ok && (at > s.countedAt || wasAhead(s, at, r.ev.ReceivedAt.UnixMilli())) && s.StartedAt != nil && (s.countedAt > 0 || r.ev.ReceivedAt.After(*s.StartedAt))
}

// keepReadings counts the newest readings of all sessions that run, and ends those that
// run no more. Of two at one socket the reading is the newer one's.
func (c *Charging) keepReadings(ctx context.Context, now time.Time) error {
	ended := false
	f := &Charging{o: c.o} // what it finds is told by itself; Handle may be at work
	err := c.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		f.news = nil
		all, err := list(ctx, tx, "WHERE state = 'charging' ORDER BY started_at DESC")
		if err != nil {
			return err
		}
		counted := map[string]bool{}
		for _, s := range all {
			if c.lost(s, now) {
				if err := c.end(ctx, tx, s, endLost, now); err != nil {
					return err
				}
				ended = true
				continue
			}
			socket := s.Device + "/" + s.Part
			if counted[socket] {
				continue
			}
			counted[socket] = true
			r, ok := c.latest(s)
			if !ok {
				continue
			}
			if err := f.advanceMeter(ctx, tx, s, &r.ev, &r.said); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if f.Committed(); ended {
		c.nudge()
		return c.o.Feed.Committed(ctx)
	}
	return nil
}
