package journal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"dongyue/internal/event"
)

// Follow calls f with the committed events behind after, in order and in
// batches of at most limit, and then with what comes, until ctx ends (nil) or f
// fails (its error). f must not change the events. A follower that lags reads
// from the file and holds nobody up.
func (j *Journal) Follow(ctx context.Context, after uint64, limit int, f func([]event.Event) error) error {
	if last := j.Last(); after > last {
		return fmt.Errorf("follow journal from %d, last is %d: %w", after, last, ErrAhead)
	}
	if limit < 1 {
		limit = maxGroup
	}
	var r *reader // while the follower lags
	defer func() {
		if r != nil {
			r.close()
		}
	}()
	for ctx.Err() == nil {
		es, bell := j.tail.after(after, limit)
		if bell != nil {
			select {
			case <-ctx.Done():
			case <-bell:
			}
			continue
		}
		if es == nil {
			if r == nil || r.after != after {
				if r != nil {
					r.close()
				}
				r = j.seg.reader(after)
			}
			var err error
			if es, err = r.next(limit); err != nil {
				return fmt.Errorf("follow journal from %d: %w", after, err)
			}
			if len(es) == 0 { // the retention took what was there
				after = max(after, j.tail.oldestBefore())
				continue
			}
		}
		after = es[len(es)-1].Seq
		if err := f(es); err != nil {
			return err
		}
	}
	return nil
}

// Filter chooses events; a zero field does not limit.
type Filter struct {
	After        uint64 // numbers above this
	Before       uint64 // numbers below this
	Newest       bool   // newest first instead of oldest first
	Device, Type string
	Channel      event.Channel
	From, To     time.Time // by the device's clock, From ≤ at < To
	Limit        int       // 0: 100
}

// clockAhead is how far a device's clock may be ahead of the hub's before a
// search by From can miss its events.
const clockAhead = 24 * time.Hour

// Query returns the events that were committed before the call, in order. The
// index answers; what it has not got after a little waiting is read from the
// segments, so an answer is never short of its newest.
func (j *Journal) Query(ctx context.Context, f Filter) ([]event.Event, error) {
	if f.Limit < 1 {
		f.Limit = 100
	}
	last := j.Last()
	if j.idx.reach(ctx, last, queryWait) {
		return j.query(ctx, f)
	}
	mark := j.idx.upTo.Load()
	indexed := f
	if indexed.Before == 0 || indexed.Before > mark+1 {
		indexed.Before = mark + 1
	}
	if f.Newest {
		es, err := j.scan(ctx, mark, last, f)
		if err != nil || len(es) == f.Limit {
			return es, err
		}
		indexed.Limit = f.Limit - len(es)
		old, err := j.query(ctx, indexed)
		return append(es, old...), err
	}
	es, err := j.query(ctx, indexed)
	if err != nil || len(es) == f.Limit {
		return es, err
	}
	f.Limit -= len(es)
	fresh, err := j.scan(ctx, mark, last, f)
	return append(es, fresh...), err
}

// scan reads the events behind mark up to last from the segments and returns
// those that the filter chooses, in its order.
func (j *Journal) scan(ctx context.Context, mark, last uint64, f Filter) ([]event.Event, error) {
	r := j.seg.reader(max(mark, f.After))
	defer r.close()
	var out []event.Event
	for r.after < last && ctx.Err() == nil {
		es, err := r.next(maxGroup)
		if err != nil {
			return nil, fmt.Errorf("query journal: %w", err)
		}
		if len(es) == 0 {
			break // the rest has been damaged
		}
		for i := range es {
			if es[i].Seq > last || !f.chooses(&es[i]) {
				continue
			}
			out = append(out, es[i])
			if len(out) == f.Limit && !f.Newest {
				return out, nil
			}
		}
		if n := len(out) - f.Limit; f.Newest && n > 0 {
			out = append(out[:0], out[n:]...)
		}
	}
	if f.Newest {
		slices.Reverse(out)
	}
	return out, ctx.Err()
}

// chooses is the filter for one event, as where is for the index.
func (f *Filter) chooses(e *event.Event) bool {
	return e.Seq > f.After && (f.Before == 0 || e.Seq < f.Before) &&
		(f.Device == "" || e.Device == f.Device) && (f.Type == "" || e.Type == f.Type) && (f.Channel == "" || e.Channel == f.Channel) &&
		(f.From.IsZero() || e.At.UnixMilli() >= f.From.UnixMilli()) && (f.To.IsZero() || e.At.UnixMilli() < f.To.UnixMilli())
}

func (j *Journal) query(ctx context.Context, f Filter) ([]event.Event, error) {
	where, args, err := j.where(ctx, f)
	if err != nil {
		return nil, err
	}
	order := "ASC"
	if f.Newest {
		order = "DESC"
	}
	rows, err := j.db.Read().QueryContext(ctx, `SELECT seq, device, id, kind, zone, channel, type, part, boot, boot_seq, at, received_at, late, data
		FROM journal WHERE `+where+" ORDER BY seq "+order+" LIMIT ?", append(args, f.Limit)...) //nolint:gosec // where has no outside text
	if err != nil {
		return nil, fmt.Errorf("query journal: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var es []event.Event
	for rows.Next() {
		var e event.Event
		var at, received, bootSeq int64
		var data string
		if err := rows.Scan(&e.Seq, &e.Device, &e.ID, &e.Kind, &e.Zone, &e.Channel, &e.Type, &e.Part, &e.Boot, &bootSeq, &at, &received, &e.Late, &data); err != nil {
			return nil, fmt.Errorf("query journal: %w", err)
		}
		e.BootSeq = uint64(bootSeq)
		e.At, e.ReceivedAt, e.Data = time.UnixMilli(at).UTC(), time.UnixMilli(received).UTC(), []byte(data)
		es = append(es, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("query journal: %w", err)
	}
	return es, nil
}

func (j *Journal) where(ctx context.Context, f Filter) (string, []any, error) {
	cond, args := []string{"seq > ?"}, []any{f.After}
	add := func(c string, v any) { cond, args = append(cond, c), append(args, v) }
	if f.Before > 0 {
		add("seq < ?", f.Before)
	}
	if f.Device != "" {
		add("device = ?", f.Device)
	}
	if f.Channel != "" {
		// Written into the text, because a partial index is chosen only for
		// constants; every channel is one of our own words.
		switch f.Channel {
		case event.Happening, event.Telemetry, event.State, event.Presence, event.Reply, event.Quarantine:
			cond = append(cond, "channel = '"+string(f.Channel)+"'")
		default:
			add("channel = ?", string(f.Channel))
		}
	}
	if f.Type != "" {
		add("type = ?", f.Type)
	}
	if !f.From.IsZero() {
		add("at >= ?", f.From.UnixMilli())
		seq, err := j.seqBefore(ctx, f.From.Add(-clockAhead))
		if err != nil {
			return "", nil, err
		}
		args[0] = max(f.After, seq)
	}
	if !f.To.IsZero() {
		add("at < ?", f.To.UnixMilli())
	}
	return strings.Join(cond, " AND "), args, nil
}
