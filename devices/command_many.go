package devices

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Commanded is what became of one of many requests.
type Commanded struct {
	Command Command
	Err     error
}

// Commands is Command for many devices at once, with one write for all of them: sixty
// loudspeakers begin together. The answers are in the order of the requests; one that is
// refused does not hinder the others.
func (r *Registry) Commands(ctx context.Context, qs []CommandRequest) []Commanded {
	out := make([]Commanded, len(qs))
	recs := make([]*record, len(qs))
	for i, q := range qs {
		if recs[i] = r.find(q.Device); recs[i] == nil {
			out[i].Err = fmt.Errorf("command %s to %s: %w", q.Type, q.Device, ErrNoDevice)
			continue
		}
		out[i].Command, out[i].Err = r.newCommand(recs[i], q)
	}
	defer hold(recs)()
	again := make([]bool, len(qs))
	err := r.db.Tx(ctx, func(tx *sql.Tx) error {
		for i := range qs {
			if out[i].Err != nil {
				continue
			}
			var refused *Refusal
			there := r.pub.Connected(recs[i].id)
			again[i], out[i].Err = r.storeCommand(ctx, tx, &out[i].Command, qs[i], there)
			if err := out[i].Err; err != nil && !errors.As(err, &refused) {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = r.feed.Committed(ctx)
	}
	r.nudge() // Run learns the deadlines
	ctx = context.WithoutCancel(ctx)
	for i := range out {
		switch {
		case out[i].Err != nil || again[i]:
		case err != nil:
			out[i].Err = err
		default:
			out[i].Command, out[i].Err = r.deliver(ctx, recs[i], out[i].Command)
		}
	}
	return out
}

// hold locks the sending of devices, each once and always in the same order, and returns
// what lets them go.
func hold(recs []*record) (release func()) {
	held := slices.DeleteFunc(slices.Clone(recs), func(r *record) bool { return r == nil })
	slices.SortFunc(held, func(a, b *record) int { return strings.Compare(a.id, b.id) })
	held = slices.Compact(held)
	for _, r := range held {
		r.send.Lock()
	}
	return func() {
		for _, r := range held {
			r.send.Unlock()
		}
	}
}
