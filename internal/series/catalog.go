package series

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/event"
)

// key names a series.
type key struct{ device, part, metric string }

// named is a key with what a copy is labelled by.
type named struct {
	key
	kind string
}

// catalog knows every series by name and by number. It only grows.
type catalog struct {
	mu    *sync.RWMutex
	ids   map[key]int64
	names map[int64]named
}

func newCatalog() catalog {
	return catalog{mu: &sync.RWMutex{}, ids: map[key]int64{}, names: map[int64]named{}}
}

func (c *catalog) load(ctx context.Context, d *db.DB) error {
	rows, err := d.Read().QueryContext(ctx, "SELECT id, device, part, metric, kind FROM series")
	if err != nil {
		return fmt.Errorf("read series: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id int64
		var n named
		if err := rows.Scan(&id, &n.device, &n.part, &n.metric, &n.kind); err != nil {
			return fmt.Errorf("read series: %w", err)
		}
		c.add(id, n)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read series: %w", err)
	}
	return nil
}

func (c *catalog) add(id int64, n named) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids[n.key], c.names[id] = id, n
}

func (c *catalog) id(k key) (int64, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	id, ok := c.ids[k]
	return id, ok
}

func (c *catalog) name(id int64) (named, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	n, ok := c.names[id]
	return n, ok
}

func (c *catalog) size() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.ids)
}

// of lists a device's series by metric, then part.
func (c *catalog) of(device string) []key {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var keys []key
	for k := range c.ids {
		if k.device == device {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b key) int {
		return strings.Compare(a.metric+"\x00"+a.part, b.metric+"\x00"+b.part)
	})
	return keys
}

// reading is one value of a device, before its series has a number.
type reading struct {
	named
	at int64 // ms
	v  float64
}

// future is how far a device's clock may run ahead before the hub's own is
// taken: a point in the year 2100 would outlive every retention.
const future = 5 * time.Minute

// readings takes telemetry apart; what can't be kept is counted.
func (s *Store) readings(evs []event.Event) []reading {
	var out []reading
	oldest := s.o.Now().Add(-time.Duration(s.retention.Load())).UnixMilli()
	for i := range evs {
		e := &evs[i]
		if e.Channel != event.Telemetry {
			continue
		}
		at := e.At
		if at.IsZero() || at.After(e.ReceivedAt.Add(future)) {
			at = e.ReceivedAt
		}
		ms := at.UnixMilli()
		values := e.Numbers()
		if ms < oldest || len(e.Part) > 64 {
			s.refused.Add(uint64(len(values)))
			continue
		}
		for metric, v := range values {
			if !validMetric(metric) || math.IsNaN(v) || math.IsInf(v, 0) {
				s.refused.Add(1)
				continue
			}
			out = append(out, reading{named{key{e.Device, e.Part, metric}, string(e.Kind)}, ms, v})
		}
	}
	return out
}

// validMetric reports whether a name has the form [a-z][a-z0-9_]{0,63}.
func validMetric(m string) bool {
	if m == "" || len(m) > 64 || m[0] < 'a' || m[0] > 'z' {
		return false
	}
	return strings.Trim(m, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// number gives every reading its series, making new ones in the transaction.
// The catalog learns of those only after the commit.
func (s *Store) number(ctx context.Context, tx *sql.Tx, rs []reading) (samples []sample, made map[key]int64, err error) {
	made = map[key]int64{}
	samples = make([]sample, 0, len(rs))
	for _, r := range rs {
		id, ok := s.names.id(r.key)
		if !ok {
			id, ok = made[r.key]
		}
		if !ok {
			if s.names.size()+len(made) >= s.maxSeries {
				s.refused.Add(1)
				continue
			}
			err := tx.QueryRowContext(ctx, "INSERT INTO series(device, part, metric, kind) VALUES (?, ?, ?, ?) RETURNING id",
				r.device, r.part, r.metric, r.kind).Scan(&id)
			if err != nil {
				return nil, nil, fmt.Errorf("add series %s %s %s: %w", r.device, r.part, r.metric, err)
			}
			made[r.key] = id
		}
		samples = append(samples, sample{id, point{r.at, r.v}})
	}
	return samples, made, nil
}
