package clip

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// maxIndex bounds what is read of a fragment beside its pictures, in bytes.
const maxIndex = 1 << 20

// skim lists the fragments of a reel without reading their pictures, so an hour of a
// recording is found in some milliseconds. It knows what encode writes; scan is the
// one that also hashes. It stops where something is not whole.
func skim(f io.ReaderAt, size int64, name string) (ps []*piece, err error) {
	var at int64
	for _, kind := range []string{"ftyp", "moov"} {
		k, n, err := boxAt(f, at, size)
		if err != nil || k != kind {
			return nil, errReel
		}
		at += n
	}
	for at < size {
		p, err := skimFragment(f, at, size)
		if err != nil {
			return ps, nil //nolint:nilerr // what follows is being written
		}
		p.reel = name
		ps = append(ps, p)
		at += p.size
	}
	return ps, nil
}

// boxAt reads a box's header.
func boxAt(f io.ReaderAt, at, end int64) (kind string, size int64, err error) {
	var b [8]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		return "", 0, fmt.Errorf("read reel: %w", err)
	}
	size = int64(binary.BigEndian.Uint32(b[:]))
	if size < 8 || size > maxFragment || size > end-at {
		return "", 0, errReel
	}
	return string(b[4:]), size, nil
}

func skimFragment(f io.ReaderAt, from, end int64) (*piece, error) {
	p := &piece{at: from}
	indexed := false
	for at := from; at < end; {
		kind, n, err := boxAt(f, at, end)
		if err != nil {
			return nil, err
		}
		if at += n; kind == "mdat" {
			if p.size = at - from; !indexed || p.start.IsZero() {
				return nil, errReel
			}
			return p, nil
		}
		if n > maxIndex {
			return nil, errReel
		}
		b := make([]byte, n)
		if _, err := f.ReadAt(b, at-n); err != nil {
			return nil, fmt.Errorf("read reel: %w", err)
		}
		if err := p.learn(kind, b); err != nil {
			return nil, err
		}
		indexed = indexed || kind == "moof"
	}
	return nil, io.ErrUnexpectedEOF
}

// learn takes in one of a fragment's boxes.
func (p *piece) learn(kind string, b []byte) error {
	body := b[8:]
	switch kind {
	case "uuid":
		if text, ok := strings.CutPrefix(string(body), noteID); ok {
			_ = json.Unmarshal([]byte(text), &p.notes) // only helpful
		}
	case "prft":
		return p.learnClock(body)
	case "moof":
		return p.learnIndex(b)
	}
	return nil
}

func (p *piece) learnClock(body []byte) error {
	if len(body) < 24 {
		return errReel
	}
	stamp := binary.BigEndian.Uint64(body[8:])
	p.start = time.Unix(int64(stamp>>32)-since1900, int64(stamp&0xffffffff*1e9>>32)).UTC().Round(time.Microsecond)
	if p.pts = int64(binary.BigEndian.Uint64(body[16:])); p.pts < 0 || p.pts > maxTime {
		return errReel
	}
	return nil
}

// learnIndex reads number and times of a fragment's pictures (8.8.5, 8.8.8, 8.8.12).
func (p *piece) learnIndex(b []byte) error {
	number, err := content(b, 4, "moof", "mfhd")
	if err != nil {
		return err
	}
	p.seq = binary.BigEndian.Uint32(number)
	when, err := content(b, 4, "moof", "traf", "tfdt")
	if err != nil {
		return err
	}
	way, err := find(b, "moof", "traf", "tfdt")
	if err != nil {
		return err
	}
	p.dts = int64(binary.BigEndian.Uint32(when))
	if b[way[2].body] == 1 {
		if len(when) < 8 {
			return errReel
		}
		p.dts = int64(binary.BigEndian.Uint64(when))
	}
	if p.dts < 0 || p.dts > maxTime {
		return errReel
	}
	run, err := find(b, "moof", "traf", "trun")
	if err != nil {
		return err
	}
	if err := p.learnSound(b); err != nil {
		return err
	}
	return p.learnRun(b[run[2].body:run[2].to])
}

// content is a full box's content behind version and flags, at least so long.
func content(b []byte, least int, path ...string) ([]byte, error) {
	way, err := find(b, path...)
	if err != nil {
		return nil, err
	}
	x := way[len(way)-1]
	if x.to-x.body < 4+least {
		return nil, errReel
	}
	return b[x.body+4 : x.to], nil
}

// notSync is the sample flag of a picture that needs others.
const notSync = 1 << 16

// learnRun reads the times of the pictures. A run without flags has key frames only.
func (p *piece) learnRun(b []byte) error {
	if len(b) < 8 {
		return errReel
	}
	has := func(bit uint32) bool { return binary.BigEndian.Uint32(b)&bit != 0 }
	n, at := int(binary.BigEndian.Uint32(b[4:])), 8
	for _, bit := range []uint32{1, 4} { // data offset, flags of the first picture
		if has(bit) {
			at += 4
		}
	}
	width := 0
	for _, bit := range []uint32{0x100, 0x200, 0x400, 0x800} {
		if has(bit) {
			width += 4
		}
	}
	if n <= 0 || width == 0 || !has(0x100) || n > (len(b)-at)/width || len(b) < at {
		return errReel
	}
	dts, low, end, flags := p.dts, p.pts, int64(0), uint32(0)
	for i := range n {
		field := b[at+i*width:]
		duration, offset := int64(binary.BigEndian.Uint32(field)), int64(0)
		field = field[4:]
		if has(0x200) {
			field = field[4:]
		}
		if has(0x400) {
			if i == 0 {
				flags = binary.BigEndian.Uint32(field)
			}
			field = field[4:]
		}
		if has(0x800) {
			offset = int64(int32(binary.BigEndian.Uint32(field))) //nolint:gosec // signed in version 1
		}
		low, end = min(low, dts+offset), max(end, dts+offset)
		dts += duration
	}
	p.frames, p.key, p.length = n, flags&notSync == 0, dts-p.dts
	if end += p.length / int64(n); dts > maxTime || end > maxTime {
		return errReel
	}
	p.low, p.end = p.start.Add(span(low-p.pts)), p.start.Add(span(end-p.pts))
	return nil
}

// skimReel lists the fragments of a file.
func skimReel(path, name string) ([]*piece, error) {
	f, err := os.Open(path) //nolint:gosec // G703: folder and name are ours, from the database
	if err != nil {
		return nil, fmt.Errorf("read reel: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read reel: %w", err)
	}
	ps, err := skim(f, info.Size(), name)
	if errors.Is(err, errReel) {
		return nil, fmt.Errorf("%w: %s", errReel, name)
	}
	return ps, err
}
