package clip

import (
	"encoding/binary"
	"fmt"
	"io"

	"dongyue/streams/evidence"
)

// Fragments bear the time of their session's clock, which goes on for as long as a
// camera is recorded. Players take the last of these times for the length of the file:
// what was recorded for a minute after three days would seem to last three days. For
// them the times are counted from the first fragment while the file is read; what is
// signed, verified and exported are the bytes as they lie on the disk.

// times says where in a fragment times stand, and the first of them.
type times struct {
	fields []timeField
	first  int64 // the earliest decoding time, on the clock of the pictures
}

// timeField is a time of 64 bits: of prft or tfdt.
type timeField struct {
	at    int64 // from the fragment's beginning
	scale int64 // ticks a second
}

// timesOf finds them; scales are those of the tracks.
func timesOf(f io.ReaderAt, from, size int64, scales map[int]int64) (t times, err error) {
	for at := from; at < from+size; {
		kind, n, err := boxAt(f, at, from+size)
		if err != nil {
			return t, err
		}
		switch kind {
		case "prft":
			t.fields = append(t.fields, timeField{at - from + 8 + 16, clockRate})
		case "moof":
			return t, t.find(f, at, at-from, n, scales)
		}
		at += n
	}
	return t, errReel
}

// find looks for each tfdt in a moof.
func (t *times) find(f io.ReaderAt, at, off, size int64, scales map[int]int64) error {
	if size > maxIndex {
		return errReel
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, at); err != nil {
		return fmt.Errorf("read reel: %w", err)
	}
	list, err := trafs(b)
	if err != nil {
		return err
	}
	t.first = maxTime
	for _, x := range list {
		scale := scales[x.id]
		way, err := find(b[x.body:x.to], "tfdt")
		if err != nil {
			return err
		}
		body := x.body + way[0].body
		if x.to-body < 12 || b[body] != 1 || scale == 0 { // version 1: 64 bits
			return errReel
		}
		t.fields = append(t.fields, timeField{off + int64(body) + 4, scale})
		if at := int64(binary.BigEndian.Uint64(b[body+4:])); at >= 0 && at <= maxTime {
			t.first = min(t.first, at*clockRate/scale)
		}
	}
	return nil
}

// rebase has the times counted from the first fragment.
func (v *video) rebase() error {
	if len(v.parts) < 2 {
		return nil
	}
	head := append([]byte(nil), v.head...)
	list, err := tracksIn(head)
	if err != nil {
		return err
	}
	v.scales = map[int]int64{}
	for _, t := range list {
		v.scales[t.id] = t.scale
	}
	first, err := v.timesOf(&v.parts[1])
	if err != nil {
		return err
	}
	for _, t := range list {
		media, err := editOf(head, &t)
		if err != nil {
			return err
		}
		putEdit(head, &t, max(media-first.first*t.scale/clockRate, 0))
	}
	v.head, v.shift = head, first.first
	return nil
}

func (v *video) timesOf(p *evidence.Part) (times, error) {
	if err := v.open(p.File); err != nil {
		return times{}, err
	}
	return timesOf(v.f, p.FileAt, p.Size, v.scales)
}

// move counts the times in what was read of a part, from an offset on.
func (v *video) move(b []byte, p *evidence.Part, off int64) error {
	if v.shift == 0 || p.N == 0 {
		return nil
	}
	if v.moved != p.N {
		t, err := v.timesOf(p)
		if err != nil {
			return err
		}
		v.moved, v.times = p.N, t
	}
	for _, x := range v.times.fields {
		at := x.at
		if at+8 <= off || at >= off+int64(len(b)) {
			continue
		}
		var field [8]byte
		if _, err := v.f.ReadAt(field[:], p.FileAt+at); err != nil {
			return fmt.Errorf("read reel: %w", err)
		}
		now := max(int64(binary.BigEndian.Uint64(field[:]))-v.shift*x.scale/clockRate, 0)
		binary.BigEndian.PutUint64(field[:], uint64(now))
		for i, x := range field { // the field may lie across two reads
			if k := at + int64(i) - off; k >= 0 && k < int64(len(b)) {
				b[k] = x
			}
		}
	}
	return nil
}
