package doorlist

import (
	"crypto/sha256"
	"iter"
	"slices"
)

// Tree is the entries of one door, sorted by key within 256 buckets of the key's
// first byte, so that a change costs one bucket and not the list.
type Tree struct {
	buckets [256][]Entry
	sums    [256]Hash
	stale   [256]bool // the sum does not fit the bucket any more
	n       int
}

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// NewTree has no entries. Of an empty bucket the sum is that of no bytes.
func NewTree() *Tree {
	t := &Tree{}
	none := Hash(sha256.Sum256(nil))
	for i := range t.sums {
		t.sums[i] = none
	}
	return t
}

// Build makes a tree of entries in any order; of two with one key the last counts.
func Build(all []Entry) *Tree {
	t := NewTree()
	var sizes [256]int
	for i := range all {
		sizes[all[i].Key[0]]++
	}
	for i, n := range sizes {
		if n > 0 {
			t.buckets[i] = make([]Entry, 0, n)
		}
	}
	for _, e := range all {
		t.buckets[e.Key[0]] = append(t.buckets[e.Key[0]], e)
	}
	for i, b := range t.buckets {
		if len(b) == 0 {
			continue
		}
		slices.SortStableFunc(b, func(x, y Entry) int { return slices.Compare(x.Key[:], y.Key[:]) })
		kept := b[:0]
		for j, e := range b {
			if j+1 < len(b) && b[j+1].Key == e.Key {
				continue
			}
			kept = append(kept, e)
		}
		t.buckets[i], t.stale[i] = kept, true
		t.n += len(kept)
	}
	return t
}

// Len is how many entries there are.
func (t *Tree) Len() int { return t.n }

func (t *Tree) find(k Key) (bucket []Entry, i int, ok bool) {
	bucket = t.buckets[k[0]]
	i, ok = slices.BinarySearchFunc(bucket, k, func(e Entry, k Key) int { return slices.Compare(e.Key[:], k[:]) })
	return bucket, i, ok
}

// Get finds an entry.
func (t *Tree) Get(k Key) (Entry, bool) {
	b, i, ok := t.find(k)
	if !ok {
		return Entry{}, false
	}
	return b[i], true
}

// Set puts an entry; it returns the one that was there.
func (t *Tree) Set(e Entry) (old Entry, had bool) {
	b, i, ok := t.find(e.Key)
	t.stale[e.Key[0]] = true
	if ok {
		old, b[i] = b[i], e
		return old, true
	}
	t.buckets[e.Key[0]] = slices.Insert(b, i, e)
	t.n++
	return Entry{}, false
}

// Delete takes an entry away.
func (t *Tree) Delete(k Key) (old Entry, had bool) {
	b, i, ok := t.find(k)
	if !ok {
		return Entry{}, false
	}
	old = b[i]
	t.buckets[k[0]], t.stale[k[0]] = slices.Delete(b, i, i+1), true
	t.n--
	return old, true
}

// All goes through the entries in the order of their keys.
func (t *Tree) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for _, b := range t.buckets {
			for _, e := range b {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// Clone is a tree of its own with the same entries.
func (t *Tree) Clone() *Tree {
	c := *t
	for i, b := range c.buckets {
		c.buckets[i] = slices.Clone(b)
	}
	return &c
}

// Root is the hash of all entries: the SHA-256 of the 256 hashes of the buckets,
// each of its entries one behind the other.
func (t *Tree) Root() Hash {
	var buf []byte
	for i, old := range t.stale {
		if !old {
			continue
		}
		buf = buf[:0]
		for _, e := range t.buckets[i] {
			buf = e.append(buf)
		}
		t.sums[i], t.stale[i] = sha256.Sum256(buf), false
	}
	buf = buf[:0]
	for _, s := range t.sums {
		buf = append(buf, s[:]...)
	}
	return sha256.Sum256(buf)
}
