package series

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
	"github.com/influxdata/influxdb-client-go/v2/api/write"
)

// Influx is where a copy of every point goes: InfluxDB 2, or a server that takes
// its writes. Points become the measurement "telemetry" with the tags device,
// kind and part, and the metric as the field.
type Influx struct {
	URL, Org, Bucket string
	Token            string
	Batch            int           // most points in one write; 0: 2,000
	Timeout          time.Duration // of one write; 0: 10 s
	MinRetry         time.Duration // first pause after a failure; 0: 500 ms
	MaxRetry         time.Duration // longest pause; 0: 1 min
}

const measurement = "telemetry"

// copier sends arrivals in their order and moves its cursor when the server has
// confirmed. A crash between the two sends some points again, which the server
// knows by series and time: nothing is doubled.
type copier struct {
	o      Influx
	s      *Store
	client influxdb2.Client
	api    api.WriteAPIBlocking
	wake   chan struct{}

	cursor, last    atomic.Uint64 // arrivals: copied, and there
	copied, spoiled atomic.Uint64 // points
	err             atomic.Pointer[error]
}

func newCopier(o Influx, s *Store) (*copier, error) {
	if o.URL == "" || o.Bucket == "" {
		return nil, errors.New("series: influx: an address and a bucket are required")
	}
	if o.Batch <= 0 {
		o.Batch = 2000
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.MinRetry <= 0 {
		o.MinRetry = 500 * time.Millisecond
	}
	if o.MaxRetry < o.MinRetry {
		o.MaxRetry = max(time.Minute, o.MinRetry)
	}
	// The client's own buffering write API drops what it could not send after a
	// few tries; the blocking one leaves that to us.
	client := influxdb2.NewClientWithOptions(o.URL, o.Token, influxdb2.DefaultOptions().
		SetHTTPRequestTimeout(uint(max(time.Second, o.Timeout)/time.Second)).
		SetPrecision(time.Millisecond).SetUseGZip(true).SetApplicationName("dongyue"))
	return &copier{o: o, s: s, client: client, api: client.WriteAPIBlocking(o.Org, o.Bucket), wake: make(chan struct{}, 1)}, nil
}

func (c *copier) load(ctx context.Context) error {
	var cursor uint64
	err := c.s.db.Read().QueryRowContext(ctx, "SELECT n FROM cursor WHERE name = 'influx'").Scan(&cursor)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read influx cursor: %w", err)
	}
	c.cursor.Store(cursor)
	c.last.Store(c.s.next - 1)
	return nil
}

// arrived says that there is an arrival more.
func (c *copier) arrived(n uint64) {
	c.last.Store(n)
	select {
	case c.wake <- struct{}{}:
	default: // it knows already
	}
}

func (c *copier) close() { c.client.Close() }

// run copies until ctx ends; no failure ends it.
func (c *copier) run(ctx context.Context) error {
	for failures := 0; ctx.Err() == nil; {
		upTo, points, err := c.read(ctx)
		if err == nil && len(points) == 0 && upTo == 0 {
			select {
			case <-ctx.Done():
			case <-c.wake:
			}
			continue
		}
		if err == nil {
			err = c.send(ctx, points)
		}
		if err == nil {
			err = c.advance(ctx, upTo)
		}
		c.note(ctx, err)
		if err == nil {
			failures = 0
			continue
		}
		c.pause(ctx, failures, err)
		failures++
	}
	return nil
}

// read collects the next arrivals up to one batch; upTo is 0 when there are none.
func (c *copier) read(ctx context.Context) (upTo uint64, points []*write.Point, err error) {
	rows, err := c.s.db.Read().QueryContext(ctx, "SELECT n, data FROM arrivals WHERE n > ? ORDER BY n LIMIT 1000", c.cursor.Load())
	if err != nil {
		return 0, nil, fmt.Errorf("read arrivals: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for len(points) < c.o.Batch && rows.Next() {
		var data []byte
		if err := rows.Scan(&upTo, &data); err != nil {
			return 0, nil, fmt.Errorf("read arrivals: %w", err)
		}
		samples, err := decodeSamples(data)
		if err != nil {
			c.s.log.ErrorContext(ctx, "arrival can't be copied", "n", upTo, "err", err)
			continue
		}
		for _, x := range samples {
			if n, ok := c.s.names.name(x.series); ok {
				points = append(points, lineOf(n, x.point))
			}
		}
	}
	if err := rows.Err(); err != nil {
		return 0, nil, fmt.Errorf("read arrivals: %w", err)
	}
	return upTo, points, nil
}

func lineOf(n named, p point) *write.Point {
	l := write.NewPointWithMeasurement(measurement).SetTime(time.UnixMilli(p.at)).AddField(n.metric, p.v)
	if n.kind != "" {
		l.AddTag("kind", n.kind)
	}
	l.AddTag("device", n.device)
	if n.part != "" { // the line protocol has no empty tags
		l.AddTag("part", n.part)
	}
	return l.SortTags()
}

// send writes points batch by batch. What the server will never take is halved
// until the one point is found, counted and left behind: it must not hold up the
// others for ever.
func (c *copier) send(ctx context.Context, points []*write.Point) error {
	for len(points) > 0 {
		n := min(len(points), c.o.Batch)
		if err := c.sendBatch(ctx, points[:n]); err != nil {
			return err
		}
		points = points[n:]
	}
	return nil
}

func (c *copier) sendBatch(ctx context.Context, points []*write.Point) error {
	err := c.api.WritePoint(ctx, points...)
	switch {
	case err == nil:
		c.copied.Add(uint64(len(points)))
		return nil
	case !hopeless(err):
		return fmt.Errorf("copy telemetry to influx: %w", err)
	case len(points) == 1:
		c.spoiled.Add(1)
		c.s.log.WarnContext(ctx, "influx refuses a point", "metric", points[0].FieldList()[0].Key, "at", points[0].Time(), "err", err)
		return nil
	}
	half := len(points) / 2
	if err := c.sendBatch(ctx, points[:half]); err != nil {
		return err
	}
	return c.sendBatch(ctx, points[half:])
}

// hopeless reports whether the same write will fail again: bad or too much
// data. A wrong token, a missing bucket or a busy server may be put right.
func hopeless(err error) bool {
	e, ok := errors.AsType[*influxhttp.Error](err)
	if !ok {
		return false
	}
	switch e.StatusCode {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		return true
	}
	return false
}

// advance moves the cursor; what lies behind it and stands in blocks is removed
// with the next round of house-keeping.
func (c *copier) advance(ctx context.Context, upTo uint64) error {
	err := c.s.db.Tx(ctx, func(tx *sql.Tx) error { return setCursor(ctx, tx, "influx", upTo) })
	if err != nil {
		return fmt.Errorf("move influx cursor: %w", err)
	}
	c.cursor.Store(upTo)
	return nil
}

// note keeps the state for CopyErr and logs only its changes.
func (c *copier) note(ctx context.Context, err error) {
	var before error
	if p := c.err.Load(); p != nil {
		before = *p
	}
	switch {
	case ctx.Err() != nil:
	case err == nil:
		c.err.Store(nil)
		if before != nil {
			c.s.log.InfoContext(ctx, "telemetry is copied again")
		}
	default:
		c.err.Store(&err)
		if before == nil || before.Error() != err.Error() {
			c.s.log.WarnContext(ctx, "telemetry can't be copied, it waits here", "err", err)
		}
	}
}

// pause waits before the next try: twice as long each time, with jitter, so that
// many hubs do not come back to one server at once.
func (c *copier) pause(ctx context.Context, failures int, err error) {
	d := min(c.o.MinRetry<<min(failures, 16), c.o.MaxRetry)
	d = d/2 + rand.N(d/2+1) //nolint:gosec // jitter, no secret
	if e, ok := errors.AsType[*influxhttp.Error](err); ok {
		d = max(d, min(time.Duration(e.RetryAfter)*time.Second, 5*time.Minute))
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
