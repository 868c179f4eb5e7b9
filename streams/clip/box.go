package clip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// The few boxes of ISO/IEC 14496-12 that the library does not write, and a way
// through those that it does.

var errBoxes = errors.New("the boxes of the file are damaged")

// box is one box within a buffer.
type box struct {
	kind     string
	from, to int // with its header
	body     int // where its content begins
}

// boxes lists the boxes of a range.
func boxes(b []byte, from, to int) (out []box, err error) {
	for at := from; at < to; {
		if to-at < 8 {
			return out, errBoxes
		}
		size, head := uint64(binary.BigEndian.Uint32(b[at:])), 8
		switch size {
		case 1:
			if to-at < 16 {
				return out, errBoxes
			}
			size, head = binary.BigEndian.Uint64(b[at+8:]), 16
		case 0:
			size = uint64(to - at)
		}
		if size < uint64(head) || size > uint64(to-at) {
			return out, errBoxes
		}
		x := box{string(b[at+4 : at+8]), at, at + int(size), at + head}
		out = append(out, x)
		at = x.to
	}
	return out, nil
}

// find goes down a path of boxes and returns all on the way.
func find(b []byte, path ...string) (way []box, err error) {
	from, to := 0, len(b)
	for _, kind := range path {
		list, err := boxes(b, from, to)
		if err != nil {
			return nil, err
		}
		found := false
		for _, x := range list {
			if x.kind == kind {
				way, from, to, found = append(way, x), x.body, x.to, true
				break
			}
		}
		if !found {
			return nil, fmt.Errorf("%w: no %s", errBoxes, kind)
		}
	}
	return way, nil
}

// splice puts a box behind the last one of a path and makes room in those above.
func splice(b, add []byte, path ...string) ([]byte, error) {
	way, err := find(b, path...)
	if err != nil {
		return nil, err
	}
	at := way[len(way)-1].to
	return replace(b, add, at, at, way[:len(way)-1]), nil
}

// replace puts something at the place of a range and has the boxes above fit.
func replace(b, with []byte, from, to int, above []box) []byte {
	for _, x := range above {
		binary.BigEndian.PutUint32(b[x.from:], uint32(x.to-x.from+len(with)-(to-from)))
	}
	return append(append(append(make([]byte, 0, len(b)+len(with)), b[:from]...), with...), b[to:]...)
}

// writer puts numbers behind each other.
type writer struct{ b []byte }

func (w *writer) u16(v uint16)   { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32)   { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64)   { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *writer) text(s string)  { w.b = append(w.b, s...) }
func (w *writer) bytes(b []byte) { w.b = append(w.b, b...) }

// wrap makes a box of a content.
func wrap(kind string, fill func(*writer)) []byte {
	w := &writer{make([]byte, 4, 64)}
	w.text(kind)
	fill(w)
	binary.BigEndian.PutUint32(w.b, uint32(len(w.b)))
	return w.b
}

// edit is an edit list (8.6.5, 8.6.6) that begins at a time of the media; length is
// in milliseconds, 0 for all that follows.
func edit(media, length int64) []byte {
	return wrap("edts", func(w *writer) {
		w.bytes(wrap("elst", func(w *writer) {
			w.u32(1 << 24) // version 1: 64 bits
			w.u32(1)
			w.u64(uint64(length))
			w.u64(uint64(media))
			w.u16(1) // rate 1.0
			w.u16(0)
		}))
	})
}

// overall is the length of a fragmented movie in milliseconds (8.8.2).
func overall(length int64) []byte {
	return wrap("mehd", func(w *writer) {
		w.u32(1 << 24)
		w.u64(uint64(length))
	})
}

// since1900 is from where NTP counts.
const since1900 = 2208988800

// clock is a producer reference time (8.16.5): the fragment that follows shows at
// media what the server's clock had at at.
func clock(media int64, at time.Time) []byte {
	return wrap("prft", func(w *writer) {
		w.u32(1 << 24) // version 1: 64 bits; flags 0: time at the encoder's input
		w.u32(track)
		sec, nano := uint64(at.Unix()+since1900), uint64(at.Nanosecond())
		w.u64(sec<<32 | nano<<32/1e9)
		w.u64(uint64(media))
	})
}

// stretch is pictures from a key frame up to the next one.
type stretch struct {
	bytes  int64
	length int64 // ticks of it that are shown
}

// index is a segment index (8.16.3) of what follows it, so that players find a moment
// without reading everything before. Its times are those that are shown, after the
// edit list; each entry begins with a key frame, since players go to its beginning and
// decode.
func index(list []stretch) []byte {
	return wrap("sidx", func(w *writer) {
		w.u32(1 << 24)
		w.u32(track)
		w.u32(clockRate)
		w.u64(0)
		w.u64(0) // they follow at once
		w.u16(0)
		w.u16(uint16(len(list)))
		for _, x := range list {
			w.u32(uint32(x.bytes))
			w.u32(uint32(x.length))
			w.u32(1<<31 | 1<<28) // begins with a stream access point of type 1
		}
	})
}

// noteID marks the box in which the hub keeps what a fragment says of itself beyond
// its pictures. Players skip it.
const noteID = "dongyue clip 1\x00\x00"

// note is that box.
func note(text []byte) []byte {
	return wrap("uuid", func(w *writer) {
		w.text(noteID)
		w.bytes(text)
	})
}
