package journal

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"dongyue/internal/event"
)

// insert leaves an event out that is there already; any other clash is an error
// (and so a stop), above all a number that is taken: then a second hub writes
// to this file.
const insert = `INSERT INTO journal(seq, device, id, kind, zone, channel, type, part, boot, boot_seq, at, received_at, late, data)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (device, id) WHERE channel = 'event' DO NOTHING`

// Append queues an event. The journal numbers it; done gets the number after
// the event has been synced to disk. dup says that the device had sent this
// event before: it is acknowledged, has no number of its own and does not come
// to the followers again. done is called once, in the order of Append for what
// was queued; on a journal that has stopped it is called before Append returns.
//
// Append waits while too much is queued. Data must not be changed afterwards.
func (j *Journal) Append(e event.Event, done func(seq uint64, dup bool, err error)) {
	if err := j.Err(); err != nil {
		done(0, false, err)
		return
	}
	if !j.queue.put(item{normal(e), done}) {
		done(0, false, ErrClosed)
	}
}

// Run writes what is appended until ctx ends; then it writes what is queued and
// returns. Appends after that get ErrClosed. It returns nil even after a failed
// write: Err says why, and the hub stays up to say so.
func (j *Journal) Run(ctx context.Context) error {
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		j.retain(ctx)
	}()
	unhook := context.AfterFunc(ctx, j.queue.seal)
	defer func() {
		unhook()
		<-cut
	}()
	var group []item
	results := make([]result, 0, maxGroup)
	for {
		group = j.queue.take(group)
		if len(group) == 0 {
			return nil
		}
		results = j.commit(group, results[:0]) //nolint:contextcheck // see commit
		clear(group)                           // let go of the data while idle
	}
}

type result struct {
	seq uint64
	dup bool
}

// commit writes one group and tells the appenders. The context of Run is not
// used: a commit under way is never given up half-way.
func (j *Journal) commit(group []item, results []result) []result {
	err := j.Err()
	if err == nil {
		if results, err = j.write(context.Background(), group, results); err != nil {
			err = fmt.Errorf("journal: write %d events: %w", len(group), err)
			j.stop(err)
		}
	}
	if err != nil {
		for _, it := range group {
			it.done(0, false, err)
		}
		return results
	}
	fresh := make([]event.Event, 0, len(group))
	for i := range group {
		if !results[i].dup {
			group[i].e.Seq = results[i].seq
			fresh = append(fresh, group[i].e)
		}
	}
	j.tail.add(fresh)
	for i, it := range group {
		it.done(results[i].seq, results[i].dup, nil)
	}
	return results
}

func (j *Journal) write(ctx context.Context, group []item, results []result) ([]result, error) {
	next := j.next
	err := j.db.Tx(ctx, func(tx *sql.Tx) error {
		stmt, err := tx.PrepareContext(ctx, insert)
		if err != nil {
			return err
		}
		defer func() { _ = stmt.Close() }()
		for i := range group {
			e := &group[i].e
			res, err := stmt.ExecContext(ctx, next, e.Device, e.ID, string(e.Kind), e.Zone, string(e.Channel), e.Type, e.Part,
				e.Boot, int64(e.BootSeq), e.At.UnixMilli(), e.ReceivedAt.UnixMilli(), e.Late, string(e.Data))
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			if n == 0 {
				results = append(results, result{dup: true})
				continue
			}
			results = append(results, result{seq: next})
			next++
		}
		return nil
	})
	if err != nil {
		return results, err
	}
	j.next = next
	j.commits.Add(1)
	return results, nil
}

// pruneEvery is the time between two looks for what has become too old. The
// first look comes after one such time, when the followers have caught up with
// what came before a restart.
const pruneEvery = 10 * time.Minute

func (j *Journal) retain(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if err := j.Prune(ctx, now.Add(-j.opts.Keep), now.Add(-j.opts.KeepTelemetry)); err != nil && ctx.Err() == nil {
				j.log.Warn("journal retention failed", "path", j.path, "err", err)
			}
		}
	}
}
