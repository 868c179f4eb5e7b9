package series

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Query asks for one series.
type Query struct {
	Device, Part, Metric string
	From, To             time.Time     // From is in, To is not
	Step                 time.Duration // what one Point stands for; 0: about 500 points
}

// Point is a step's lowest, highest and mean value.
type Point struct {
	At  time.Time `json:"at" doc:"beginning of the step"`
	Min float64   `json:"min"`
	Max float64   `json:"max"`
	Avg float64   `json:"avg"`
}

// Metric is one series of a device.
type Metric struct {
	Metric string `json:"metric"`
	Part   string `json:"part"`
	Unit   string `json:"unit"`
}

const (
	aimed     = 500    // points of a query without a step
	maxPoints = 10_000 // of any query
	maxSpan   = 3660 * 24 * time.Hour
)

// ErrTooMany is the answer to a query for more than 10,000 points.
var ErrTooMany = errors.New("series: more than 10000 points; ask for a longer step or a shorter time")

// Metrics lists what is measured on a device.
func (s *Store) Metrics(device string) []Metric {
	out := []Metric{}
	for _, k := range s.names.of(device) {
		out = append(out, Metric{Metric: k.metric, Part: k.part, Unit: UnitOf(k.metric)})
	}
	return out
}

// Query returns the points of a series and the step they stand for. Steps below
// a minute are made of single points, while those are kept; longer ones of
// minutes, and those of whole hours of hours, which are kept for the longest. Steps begin at multiples of the step since 1970, UTC.
func (s *Store) Query(ctx context.Context, q Query) ([]Point, time.Duration, error) {
	if !q.From.Before(q.To) || q.To.Sub(q.From) > maxSpan {
		return nil, 0, fmt.Errorf("series: from %s to %s is no span", q.From, q.To)
	}
	step := q.Step
	if step <= 0 {
		step = stepFor(q.To.Sub(q.From))
	}
	oldest := s.o.Now().Add(-time.Duration(s.retention.Load()))
	fine := step < time.Minute && !q.From.Before(oldest)
	if !fine {
		step = max(time.Minute, step.Truncate(time.Minute))
	}
	step = max(time.Millisecond, step.Truncate(time.Millisecond))
	if q.To.Sub(q.From)/step > maxPoints {
		return nil, 0, ErrTooMany
	}
	id, ok := s.names.id(key{q.Device, q.Part, q.Metric})
	if !ok {
		return []Point{}, step, nil
	}
	from, to, every := max(0, q.From.UnixMilli()), max(0, q.To.UnixMilli()), step.Milliseconds()
	from -= from % every // a step is whole or not there
	var err error
	var ms []minute
	if every%hourLength == 0 {
		if ms, from, err = s.hourly(ctx, id, from, to); err != nil {
			return nil, 0, fmt.Errorf("query series: %w", err)
		}
	}
	if from < to {
		rest, err := s.minutes(ctx, id, from, to, fine)
		if err != nil {
			return nil, 0, fmt.Errorf("query series: %w", err)
		}
		ms = append(ms, rest...)
	}
	return steps(ms, every), step, nil
}

// stepFor is the shortest comfortable step that keeps a chart near 500 points.
func stepFor(span time.Duration) time.Duration {
	const h = time.Hour
	for _, step := range []time.Duration{
		time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute,
		10 * time.Minute, 15 * time.Minute, 30 * time.Minute, h, 2 * h, 6 * h, 12 * h, 24 * h,
	} {
		if span/step <= aimed {
			return step
		}
	}
	return 7 * 24 * h
}

// minutes collects the sums between two times: of minutes, or of single points
// when they are asked for.
func (s *Store) minutes(ctx context.Context, series, from, to int64, fine bool) ([]minute, error) {
	first, last := slotOf(from), slotOf(to-1)
	// Memory before disk: what moves to a block meanwhile is then seen twice and
	// merged, never missed.
	open := s.open.between(series, first, last)
	var blocks, sums map[int64][]byte
	var err error
	if fine {
		blocks, err = s.blocks(ctx, "blocks", series, first, last)
	} else if sums, err = s.blocks(ctx, "minutes", series, first, last); err == nil && len(open) > 0 {
		// A slot with open points may have a block from before: its minutes are
		// summed from both.
		at := slices.Collect(maps.Keys(open))
		blocks, err = s.blocks(ctx, "blocks", series, slices.Min(at), slices.Max(at))
	}
	if err != nil {
		return nil, err
	}
	var out []minute
	for slot := first; slot <= last; slot++ {
		ms, err := slotOfBoth(open[slot], blocks[slot], sums[slot], fine)
		if err != nil {
			s.log.ErrorContext(ctx, "telemetry block can't be read", "slot", slot, "series", series, "err", err)
		}
		for _, m := range ms {
			if m.at >= from && m.at < to {
				out = append(out, m)
			}
		}
	}
	return out, nil
}

// slotOfBoth joins what memory and disk have of one slot.
func slotOfBoth(open []point, block, sums []byte, fine bool) ([]minute, error) {
	if !fine && open == nil {
		if sums == nil {
			return nil, nil
		}
		return decodeMinutes(sums)
	}
	points := open
	var err error
	if block != nil {
		var old []point
		if old, err = decodePoints(block); err == nil {
			points = merge(old, open)
		}
	}
	if !fine {
		return minutesOf(points), err
	}
	ms := make([]minute, len(points))
	for i, p := range points {
		ms[i] = minute{at: p.at, min: p.v, max: p.v, sum: p.v, count: 1}
	}
	return ms, err
}

// blocks reads a series' rows of some slots. The primary key begins with the
// slot, so the slots are counted up and each is one step down the tree.
func (s *Store) blocks(ctx context.Context, table string, series, first, last int64) (map[int64][]byte, error) {
	rows, err := s.db.Read().QueryContext(ctx, `WITH RECURSIVE slots(slot) AS (
			SELECT max(?1, coalesce((SELECT min(slot) FROM `+table+`), ?2 + 1))
			UNION ALL SELECT slot + 1 FROM slots WHERE slot < min(?2, (SELECT max(slot) FROM `+table+`)))
		SELECT slots.slot, b.data FROM slots CROSS JOIN `+table+` b ON b.slot = slots.slot AND b.series = ?3 WHERE slots.slot <= ?2`,
		first, last, series)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := map[int64][]byte{}
	for rows.Next() {
		var slot int64
		var data []byte
		if err := rows.Scan(&slot, &data); err != nil {
			return nil, err
		}
		out[slot] = data
	}
	return out, rows.Err()
}

// steps sums ordered minutes up to steps.
func steps(ms []minute, every int64) []Point {
	points := []Point{}
	for i := 0; i < len(ms); {
		at := ms[i].at - ms[i].at%every
		sum := minute{min: ms[i].min, max: ms[i].max}
		for ; i < len(ms) && ms[i].at-ms[i].at%every == at; i++ {
			m := ms[i]
			sum.min, sum.max, sum.sum, sum.count = min(sum.min, m.min), max(sum.max, m.max), sum.sum+m.sum, sum.count+m.count
		}
		points = append(points, Point{
			At: time.UnixMilli(at).UTC(), Min: sum.min, Max: sum.max, Avg: decimal(sum.sum / float64(sum.count)),
		})
	}
	return points
}
