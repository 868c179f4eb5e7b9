package doorlist

import (
	"crypto/ed25519"
	"encoding/binary"
)

// Body is a list as it goes to a door, whole or as a difference. On the wire:
//
//	"DYRL" | 1 | kind 1 | base 8 | head length 4 | head | signature 64
//	| entries 4 | entries of 32 bytes | dropped 4 | keys of 16 bytes
//
// numbers big-endian, entries and keys sorted without repetition. kind is 0 for a
// whole list (base 0, nothing dropped), 1 for the difference to version base.
type Body struct {
	Base uint64 // 0: whole
	Head []byte
	Sig  []byte
	Set  []Entry
	Drop []Key
}

const (
	magic       = "DYRL\x01"
	fixedBytes  = len(magic) + 1 + 8 + 4 + ed25519.SignatureSize + 4 + 4
	maxBodySize = fixedBytes + MaxHead + MaxEntries*(EntryBytes+len(Key{}))
)

// Encode writes the body; Set and Drop must be sorted.
func (b *Body) Encode() []byte {
	out := make([]byte, 0, fixedBytes+len(b.Head)+len(b.Set)*EntryBytes+len(b.Drop)*len(Key{}))
	kind := byte(0)
	if b.Base != 0 {
		kind = 1
	}
	out = append(append(out, magic...), kind)
	out = binary.BigEndian.AppendUint64(out, b.Base)
	out = binary.BigEndian.AppendUint32(out, uint32(len(b.Head))) //nolint:gosec // bounded by Sign
	out = append(append(out, b.Head...), b.Sig...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(b.Set))) //nolint:gosec // bounded by Sign
	for _, e := range b.Set {
		out = e.append(out)
	}
	out = binary.BigEndian.AppendUint32(out, uint32(len(b.Drop))) //nolint:gosec // bounded by the list before
	for _, k := range b.Drop {
		out = append(out, k[:]...)
	}
	return out
}

// cursor reads numbers and pieces; once something was missing, all is.
type cursor struct {
	b     []byte
	short bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.short, c.b = true, nil
		return make([]byte, min(max(n, 0), 8))
	}
	out := c.b[:n]
	c.b = c.b[n:]
	return out
}

// count reads how many pieces of a size follow; more than there are bytes for is
// short, so that nothing is made room for on a stranger's word.
func (c *cursor) count(size int) int {
	n := int(binary.BigEndian.Uint32(c.take(4)))
	if n > len(c.b)/size {
		c.short = true
		return 0
	}
	return n
}

// ParseBody reads a body. It proves nothing yet: only Keeper.Apply does.
func ParseBody(text []byte) (b Body, err error) {
	if len(text) > maxBodySize {
		return b, refuse(TooLarge, 0, "%d bytes", len(text))
	}
	c := cursor{b: text}
	if string(c.take(len(magic))) != magic {
		return b, refuse(BadFormat, 0, "does not begin with DYRL 1")
	}
	kind := c.take(1)[0]
	b.Base = binary.BigEndian.Uint64(c.take(8))
	b.Head = c.take(c.count(1))
	b.Sig = c.take(ed25519.SignatureSize)
	b.Set = make([]Entry, c.count(EntryBytes))
	for i := range b.Set {
		b.Set[i] = entryOf(c.take(EntryBytes))
	}
	b.Drop = make([]Key, c.count(len(Key{})))
	for i := range b.Drop {
		b.Drop[i] = Key(c.take(len(Key{})))
	}
	switch {
	case c.short:
		return Body{}, refuse(BadFormat, 0, "ends too early")
	case len(c.b) > 0:
		return Body{}, refuse(BadFormat, 0, "%d bytes behind the end", len(c.b))
	case len(b.Head) > MaxHead || len(b.Set) > MaxEntries || len(b.Drop) > MaxEntries:
		return Body{}, refuse(TooLarge, 0, "%d bytes of head, %d entries, %d dropped", len(b.Head), len(b.Set), len(b.Drop))
	case kind > 1 || (kind == 0) != (b.Base == 0) || kind == 0 && len(b.Drop) > 0:
		return Body{}, refuse(BadFormat, 0, "kind %d with base %d and %d dropped", kind, b.Base, len(b.Drop))
	}
	return b, b.sorted()
}

func (b *Body) sorted() error {
	for i := 1; i < len(b.Set); i++ {
		if !b.Set[i-1].Key.less(b.Set[i].Key) {
			return refuse(BadFormat, 0, "entry %d is not behind the one before", i)
		}
	}
	for i := 1; i < len(b.Drop); i++ {
		if !b.Drop[i-1].less(b.Drop[i]) {
			return refuse(BadFormat, 0, "dropped key %d is not behind the one before", i)
		}
	}
	return nil
}
