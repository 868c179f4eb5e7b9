package journal

import (
	"context"
	"fmt"
	"time"

	"dongyue/internal/event"
)

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
	it := item{normal(e), done}
	if len(it.e.Data) > maxData {
		done(0, false, fmt.Errorf("journal: an event of %d bytes; at most %d", len(it.e.Data), maxData))
		return
	}
	if !j.queue.put(&it) {
		done(0, false, ErrClosed)
	}
}

// maxData leaves room for the rest of a record.
const maxData = maxBody - 64<<10

// Run writes what is appended until ctx ends; then it writes what is queued and
// returns. Appends after that get ErrClosed. It returns nil even after a failed
// write: Err says why, and the hub stays up to say so.
func (j *Journal) Run(ctx context.Context) error {
	unhook := context.AfterFunc(ctx, j.queue.seal)
	defer unhook()
	j.work.Go(func() { j.retain(ctx) })
	j.work.Go(func() { j.index(ctx) })
	j.work.Go(func() {
		if err := j.learn(ctx); err != nil && ctx.Err() == nil {
			j.log.Warn("journal: every id is looked up in the index", "path", j.path, "err", err)
		}
	})
	told := make(chan told, 2)
	j.work.Go(func() {
		for t := range told {
			t.tell()
			j.spare(t.items)
		}
	})
	defer j.work.Wait()
	defer close(told)
	for {
		group := j.queue.take(j.spared())
		if len(group) == 0 {
			return nil
		}
		told <- j.commit(ctx, group)
	}
}

// told is a group whose fate is known. Telling happens beside the next write.
type told struct {
	items   []item
	results []result
	err     error
}

type result struct {
	seq uint64
	dup bool
}

func (t told) tell() {
	for i := range t.items {
		if t.err != nil {
			t.items[i].done(0, false, t.err)
		} else {
			t.items[i].done(t.results[i].seq, t.results[i].dup, nil)
		}
	}
}

// spare and spared pass the room of groups around.
func (j *Journal) spare(items []item) {
	clear(items) // let go of the data while idle
	select {
	case j.rooms <- items:
	default:
	}
}

func (j *Journal) spared() []item {
	select {
	case items := <-j.rooms:
		return items
	default:
		return nil
	}
}

// commit writes one group. A commit under way is never given up half-way; ctx
// ends only the waiting for the index.
func (j *Journal) commit(ctx context.Context, group []item) told {
	t := told{items: group, err: j.Err()}
	if t.err != nil {
		return t
	}
	fresh, err := j.write(ctx, group, &t)
	if err != nil {
		t.err = fmt.Errorf("journal: write %d events: %w", len(group), err)
		j.stop(t.err)
		return t
	}
	j.tail.add(fresh)
	return t
}

func (j *Journal) write(ctx context.Context, group []item, t *told) ([]event.Event, error) {
	for !j.dedupe.turn(j.idx.upTo.Load()) {
		// Too many ids that the index has not got: the devices wait for it.
		if p := j.idx.fail.Load(); p != nil {
			return nil, *p
		}
		j.idx.hurry()
		if sleep(ctx, 10*time.Millisecond) != nil {
			break // the end: the last group may take the room
		}
	}
	t.results = make([]result, len(group))
	fresh := make([]event.Event, 0, len(group))
	next := j.next
	for i := range group {
		e := &group[i].e
		if e.Channel == event.Happening {
			dup, err := j.dedupe.known(e, next)
			if err != nil {
				return nil, err
			}
			if dup {
				t.results[i].dup = true
				continue
			}
		}
		e.Seq, t.results[i].seq = next, next
		fresh = append(fresh, *e)
		next++
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	err := j.seg.append(j.next, func(start int64) []byte {
		b := j.buf[:0]
		for i := range fresh {
			b = appendRecord(b, &fresh[i], start)
		}
		j.buf = b
		return b
	})
	if cap(j.buf) > 4<<20 {
		j.buf = nil
	}
	if err != nil {
		return nil, err
	}
	j.next = next
	j.commits.Add(1)
	return fresh, nil
}
