package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"dongyue/internal/event"
)

// A record is one event in a segment:
//
//	u32 n, length of the body | u32 CRC-32C of the body | body
//
// and the body, with varints of encoding/binary:
//
//	u8 form and flags | uvarint seq | uvarint start of the group in the file |
//	varint at, Unix ms | varint received at, less at | uvarint boot seq |
//	device, id, kind, zone, channel, type, part, boot, via where its flag is set, data:
//	each uvarint length and bytes
//
// The start of the group tells a torn tail from damage: a group is begun only
// after the one before it has been synced, so a readable record of a later group
// proves that what is unreadable before it had been on disk.
const (
	recordHead = 8
	minBody    = 15
	maxBody    = 1 << 20 // far above what a device may send

	form     = 0x10 // the high half of the first byte
	flagLate = 0x01
	flagVia  = 0x02 // records from before have none
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errRecord = errors.New("not a whole record")

// appendRecord adds the record of e, which belongs to the group that starts at
// offset group.
func appendRecord(b []byte, e *event.Event, group int64) []byte {
	start := len(b)
	flags := byte(form)
	if e.Late {
		flags |= flagLate
	}
	if e.Via != "" {
		flags |= flagVia
	}
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0, flags)
	b = binary.AppendUvarint(b, e.Seq)
	b = binary.AppendUvarint(b, uint64(group)) //nolint:gosec // an offset
	at := e.At.UnixMilli()
	b = binary.AppendVarint(b, at)
	b = binary.AppendVarint(b, e.ReceivedAt.UnixMilli()-at)
	b = binary.AppendUvarint(b, e.BootSeq)
	for _, s := range [...]string{e.Device, e.ID, string(e.Kind), e.Zone, string(e.Channel), e.Type, e.Part, e.Boot} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	if e.Via != "" {
		b = binary.AppendUvarint(b, uint64(len(e.Via)))
		b = append(b, e.Via...)
	}
	b = binary.AppendUvarint(b, uint64(len(e.Data)))
	b = append(b, e.Data...)
	body := b[start+recordHead:]
	binary.LittleEndian.PutUint32(b[start:], uint32(len(body))) //nolint:gosec // at most maxBody
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(body, castagnoli))
	return b
}

// bodyOf returns the body of the record at the beginning of b and the length of
// the record; ok is false when none stands there whole.
func bodyOf(b []byte) (body []byte, size int, ok bool) {
	if len(b) < recordHead {
		return nil, 0, false
	}
	n := binary.LittleEndian.Uint32(b)
	if n < minBody || n > maxBody || int(n) > len(b)-recordHead {
		return nil, 0, false
	}
	body = b[recordHead : recordHead+int(n)]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return nil, 0, false
	}
	return body, recordHead + int(n), true
}

// place reads where a body belongs, without the rest.
func place(body []byte) (seq uint64, group int64, ok bool) {
	if len(body) < minBody || body[0]&0xf0 != form {
		return 0, 0, false
	}
	seq, n := binary.Uvarint(body[1:])
	if n <= 0 || seq == 0 {
		return 0, 0, false
	}
	g, m := binary.Uvarint(body[1+n:])
	return seq, int64(g), m > 0 && g < 1<<62 //nolint:gosec // bounded in the same line
}

// words makes one string of equal bytes: devices, zones and types come again and
// again.
type words map[string]string

const maxWords = 8192

func (w words) of(b []byte) string {
	if s, ok := w[string(b)]; ok {
		return s
	}
	if len(w) >= maxWords {
		clear(w)
	}
	s := string(b)
	w[s] = s
	return s
}

// cursor takes a body apart; after the first error all reads are empty.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.b)
	if n <= 0 {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) bytes() []byte {
	n := c.uvarint()
	if n > uint64(len(c.b)) {
		c.bad, c.b = true, nil
		return nil
	}
	s := c.b[:n]
	c.b = c.b[n:]
	return s
}

// decode reads a body whose CRC is right. What it returns shares nothing with
// the body.
func decode(body []byte, w words) (e event.Event, err error) {
	if len(body) < minBody || body[0]&0xf0 != form {
		return e, errRecord
	}
	c := cursor{b: body[1:]}
	e.Late = body[0]&flagLate != 0
	e.Seq = c.uvarint()
	c.uvarint() // the group
	at := c.varint()
	e.At, e.ReceivedAt = time.UnixMilli(at).UTC(), time.UnixMilli(at+c.varint()).UTC()
	e.BootSeq = c.uvarint()
	e.Device = w.of(c.bytes())
	e.ID = string(c.bytes())
	e.Kind = event.Kind(w.of(c.bytes()))
	e.Zone = w.of(c.bytes())
	e.Channel = event.Channel(w.of(c.bytes()))
	e.Type = w.of(c.bytes())
	e.Part = w.of(c.bytes())
	e.Boot = w.of(c.bytes())
	if body[0]&flagVia != 0 {
		e.Via = w.of(c.bytes())
	}
	e.Data = append([]byte(nil), c.bytes()...)
	if c.bad || len(c.b) != 0 || e.Seq == 0 {
		return event.Event{}, errRecord
	}
	return e, nil
}
