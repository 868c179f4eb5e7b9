package journal

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync/atomic"

	"dongyue/internal/event"
)

// key stands for (device, id): 128 bits under seeds that nobody knows, so that
// no two events can be made to look alike.
type key [2]uint64

// dedupe knows which events are in the journal. What the index has not yet got
// is in memory; for older ones a filter says surely not, and the index says
// whether. It belongs to the committer.
type dedupe struct {
	seeds [2]maphash.Seed
	young generation
	old   generation
	most  int // see maxYoung

	filter *filter                // nil while it is being made: then the index is asked
	made   atomic.Pointer[filter] // of all that the index had, to be adopted
	look   func(device, id string) (bool, error)
}

// generation is a set of keys up to a number.
type generation struct {
	keys map[key]struct{}
	last uint64
}

const (
	perGeneration = 256 << 10
	maxYoung      = 4 << 20 // keys that the index has not got; some 200 MB
)

func newDedupe(look func(device, id string) (bool, error)) *dedupe {
	return &dedupe{
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, look: look, most: maxYoung,
		young: generation{keys: map[key]struct{}{}}, old: generation{keys: map[key]struct{}{}},
	}
}

func (d *dedupe) keyOf(device, id string) key {
	var k key
	for i, seed := range d.seeds {
		k[i] = maphash.String(seed, device)*0x9e3779b97f4a7c15 + maphash.String(seed, id)
	}
	return k
}

// adopt takes over a filter that has been made of the index. What has come since
// is in memory still: see turn.
func (d *dedupe) adopt() {
	f := d.made.Swap(nil)
	if f == nil {
		return
	}
	for _, g := range []generation{d.old, d.young} {
		for k := range g.keys {
			f.add(k)
		}
	}
	d.filter = f
}

// known reports whether the journal has the event, and notes that it has it from
// now on, as number seq.
func (d *dedupe) known(e *event.Event, seq uint64) (bool, error) {
	k := d.keyOf(e.Device, e.ID)
	if d.filter == nil || d.filter.has(k) { // it has what is in memory, too
		if d.has(k) {
			return true, nil
		}
		if yes, err := d.look(e.Device, e.ID); yes || err != nil {
			return yes, err
		}
	}
	d.note(k, seq)
	return false, nil
}

func (d *dedupe) has(k key) bool {
	if _, ok := d.young.keys[k]; ok {
		return true
	}
	_, ok := d.old.keys[k]
	return ok
}

func (d *dedupe) note(k key, seq uint64) {
	d.young.keys[k], d.young.last = struct{}{}, seq
	if d.filter != nil {
		d.filter.add(k)
	}
}

// turn lets go of the older half when that is in the index and in the filter. It
// reports false when there is more in memory than there should be.
func (d *dedupe) turn(indexed uint64) bool {
	d.adopt()
	if len(d.young.keys) < perGeneration {
		return true
	}
	if d.filter != nil && d.old.last <= indexed {
		clear(d.old.keys)
		d.old, d.young = d.young, generation{keys: d.old.keys}
		return true
	}
	return len(d.young.keys) < d.most
}

// filter is a set that may take what is not in it for a member, once in a hundred
// times. Its layers double in size.
type filter struct {
	layers []layer
	bytes  int
}

type layer struct {
	blocks   [][8]uint64 // each one line of the processor's cache
	room     int
	capacity int
}

const (
	firstLayer  = 256 << 10 // keys
	bitsPerKey  = 12
	filterBytes = 64 << 20 // beyond, the index is asked more often
	blockBits   = 512
)

func (f *filter) grow() {
	capacity := firstLayer
	if n := len(f.layers); n > 0 {
		capacity = 2 * f.layers[n-1].capacity
	}
	l := layer{blocks: make([][8]uint64, capacity*bitsPerKey/blockBits), room: capacity, capacity: capacity}
	f.layers = append(f.layers, l)
	f.bytes += len(l.blocks) * blockBits / 8
}

func (f *filter) add(k key) {
	if len(f.layers) == 0 || f.layers[len(f.layers)-1].room == 0 && f.bytes < filterBytes {
		f.grow()
	}
	l := &f.layers[len(f.layers)-1]
	l.room = max(l.room-1, 0)
	b := &l.blocks[k[0]%uint64(len(l.blocks))]
	for h := k[1]; h > 1<<8; h >>= 9 {
		b[h>>6&7] |= 1 << (h & 63)
	}
}

func (f *filter) has(k key) bool {
	for i := range f.layers {
		l := &f.layers[i]
		b := &l.blocks[k[0]%uint64(len(l.blocks))]
		in := true
		for h := k[1]; h > 1<<8 && in; h >>= 9 {
			in = b[h>>6&7]>>(h&63)&1 == 1
		}
		if in {
			return true
		}
	}
	return false
}

// learn makes the filter of what the index has. It runs beside the committer,
// once, at the start.
func (j *Journal) learn(ctx context.Context) error {
	f := &filter{}
	rows, err := j.db.Read().QueryContext(ctx, "SELECT device, id FROM journal WHERE channel = 'event' ORDER BY device, id")
	if err != nil {
		return fmt.Errorf("journal: read ids: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var device, id string
		if err := rows.Scan(&device, &id); err != nil {
			return fmt.Errorf("journal: read ids: %w", err)
		}
		f.add(j.dedupe.keyOf(device, id))
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("journal: read ids: %w", err)
	}
	j.dedupe.made.Store(f)
	return nil
}
