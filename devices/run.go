package devices

import (
	"context"
	"database/sql"
	"maps"
	"time"
)

// Rhythm of Run.
const (
	showEvery   = 500 * time.Millisecond // so at most two twin messages a second and device
	flushEvery  = 5 * time.Second        // what a crash may cost of QoS 0 values
	seenFlushes = 12                     // last_seen alone is written each minute
)

// Run watches presence, sends waiting commands, ends those whose time is over,
// shows fresh values and writes them. It returns nil when ctx ends.
func (r *Registry) Run(ctx context.Context) error {
	r.mu.RLock()
	for _, rec := range r.devices {
		rec.mu.Lock()
		online := rec.d.Online
		rec.mu.Unlock()
		if online {
			r.later(rec, startGrace)
		}
	}
	r.mu.RUnlock()
	show := time.NewTicker(showEvery)
	defer show.Stop()
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	deadline := time.NewTimer(0)
	defer deadline.Stop()
	dirty := map[*record]struct{}{}
	for flushes := 0; ; {
		select {
		case <-ctx.Done():
			r.show(dirty)
			// The last values are worth a moment beyond the end.
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			r.note(end, "write twins", r.flush(end, dirty, true))
			return nil
		case <-r.wake:
			r.note(ctx, "watch presence", r.watch(ctx, time.Now()))
			deadline.Reset(r.untilDeadline(ctx)) // of a new command, perhaps
		case now := <-show.C:
			r.show(dirty)
			r.endOverlaps(now)
			r.note(ctx, "watch presence", r.watch(ctx, now))
		case <-flush.C:
			flushes++
			r.note(ctx, "write twins", r.flush(ctx, dirty, flushes%seenFlushes == 0))
		case now := <-deadline.C:
			if err := r.expire(ctx, now); err != nil {
				r.note(ctx, "expire commands", err)
				deadline.Reset(time.Second)
			} else {
				deadline.Reset(r.untilDeadline(ctx))
			}
		}
	}
}

// note logs what went wrong; the next round tries again.
func (r *Registry) note(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		r.log.ErrorContext(ctx, "devices: a round was not finished", "work", what, "err", err)
	}
}

// warm puts a record on Run's list.
func (r *Registry) warm(rec *record) {
	r.hotMu.Lock()
	r.hot[rec] = struct{}{}
	r.hotMu.Unlock()
}

// twinMessage is the transient message of fresh values.
type twinMessage struct {
	Device string                        `json:"device"`
	At     string                        `json:"at"`
	Values map[string]map[string]float64 `json:"values,omitempty"`
	Texts  map[string]map[string]string  `json:"texts,omitempty"`
	State  any                           `json:"state,omitempty"`
}

// show sends the fresh values of all devices that have some, one message each,
// and moves the devices to Run's own list of what is to be written.
func (r *Registry) show(dirty map[*record]struct{}) {
	r.hotMu.Lock()
	hot := r.hot
	r.hot = make(map[*record]struct{}, len(hot))
	r.hotMu.Unlock()
	for rec := range hot {
		dirty[rec] = struct{}{}
		if m, ok := rec.freshMessage(); ok {
			r.feed.Transient("twin", m)
		}
	}
}

func (rec *record) freshMessage() (twinMessage, bool) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if len(rec.fresh) == 0 && !rec.freshState {
		return twinMessage{}, false
	}
	m := twinMessage{Device: rec.id, At: ms(rec.d.LastSeen)}
	for part, names := range rec.fresh {
		for name := range names {
			v := rec.d.Values[part][name]
			if v.Text != "" {
				m.Texts = put(m.Texts, part, name, v.Text)
			} else {
				m.Values = put(m.Values, part, name, v.V)
			}
		}
	}
	if rec.freshState {
		m.State = rec.d.State
	}
	rec.fresh, rec.freshState = nil, false
	return m, true
}

func put[V any](m map[string]map[string]V, part, name string, v V) map[string]map[string]V {
	if m == nil {
		m = map[string]map[string]V{}
	}
	if m[part] == nil {
		m[part] = map[string]V{}
	}
	m[part][name] = v
	return m
}

// flush writes twins that changed in memory only; all also writes those of
// which only the last sign of life is new.
func (r *Registry) flush(ctx context.Context, dirty map[*record]struct{}, all bool) error {
	rows, vals := map[*record]struct{}{}, map[*record]struct{}{}
	write := func() error {
		err := r.db.Tx(ctx, func(tx *sql.Tx) error { return r.writeTwins(ctx, tx, rows, vals) })
		if err != nil {
			r.again(rows, vals)
			return err
		}
		clear(rows)
		clear(vals)
		return nil
	}
	for rec := range maps.Clone(dirty) {
		rec.mu.Lock()
		row, val := rec.dirtyRow || all, rec.dirtyVals
		rec.mu.Unlock()
		if row {
			rows[rec] = struct{}{}
		}
		if val {
			vals[rec] = struct{}{}
		}
		if row || all {
			delete(dirty, rec)
		}
		if len(rows)+len(vals) >= perTx {
			if err := write(); err != nil {
				return err
			}
		}
	}
	if len(rows)+len(vals) == 0 {
		return nil
	}
	return write()
}

// again puts records back whose rows could not be written.
func (r *Registry) again(rows, vals map[*record]struct{}) {
	for rec := range rows {
		rec.mu.Lock()
		rec.dirtyRow = true
		rec.mu.Unlock()
		r.warm(rec)
	}
	for rec := range vals {
		rec.mu.Lock()
		rec.dirtyVals = true
		rec.mu.Unlock()
		r.warm(rec)
	}
}
