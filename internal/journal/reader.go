package journal

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"dongyue/internal/event"
)

// readAhead is what a reader takes from a file at once; it must hold a record.
const readAhead = maxBody + recordHead + 512<<10

// reader goes through the segments in order. It is for one goroutine. It looks
// at committed records only and passes over what is damaged.
type reader struct {
	s     *segments
	after uint64 // the newest number that was given out or passed over
	words words

	f     *os.File
	first uint64 // of the open file
	off   int64  // of buf[pos] in the file
	buf   []byte
	pos   int
}

func (s *segments) reader(after uint64) *reader {
	return &reader{s: s, after: after, words: words{}}
}

func (r *reader) close() {
	if r.f != nil {
		_ = r.f.Close()
		r.f = nil
	}
}

// next returns up to limit events behind those that were given out, in about
// limited bytes; none at the end of what is committed.
func (r *reader) next(limit int) (es []event.Event, err error) {
	bytes := 0
	for len(es) < limit && bytes < tailBytes {
		body, err := r.record()
		if err != nil {
			if errors.Is(err, io.EOF) {
				break
			}
			return es, err
		}
		if seq, _, ok := place(body); ok && seq <= r.after {
			continue
		}
		e, err := decode(body, r.words)
		if err != nil { // a form that this program does not know
			r.s.log.Error("journal: a record can't be read", "path", r.f.Name(), "offset", r.off)
			continue
		}
		r.after = e.Seq
		bytes += len(body)
		es = append(es, e)
	}
	return es, nil
}

// record returns the next body; io.EOF at the end of what is committed. It is
// valid until the next call.
func (r *reader) record() ([]byte, error) {
	for {
		if r.f == nil {
			if err := r.open(); err != nil {
				return nil, err
			}
		}
		if body, size, ok := bodyOf(r.buf[r.pos:]); ok {
			r.pos, r.off = r.pos+size, r.off+int64(size)
			return body, nil
		}
		g, next, ok := r.s.holding(r.first)
		if !ok || g.first != r.first { // the retention took it meanwhile; what is in hand was all that is asked for
			r.close()
			continue
		}
		left := g.size - r.off
		if left > int64(len(r.buf)-r.pos) && len(r.buf)-r.pos < maxBody+recordHead {
			if err := r.fill(g.size); err != nil {
				return nil, err
			}
			continue
		}
		if left > 0 {
			if err := r.skip(left); err != nil {
				return nil, err
			}
			continue
		}
		if next == 0 {
			return nil, io.EOF
		}
		r.close()
		r.after = max(r.after, next-1)
	}
}

// open opens the file in which the next number is.
func (r *reader) open() error {
	g, _, ok := r.s.holding(r.after + 1)
	if !ok {
		return io.EOF
	}
	f, err := os.Open(g.path)
	if errors.Is(err, fs.ErrNotExist) {
		if now, _, _ := r.s.holding(r.after + 1); now.first != g.first {
			return r.open() // the retention was quicker
		}
	}
	if err != nil {
		return err
	}
	r.f, r.first, r.off, r.pos, r.buf = f, g.first, int64(len(magic)), 0, r.buf[:0]
	return nil
}

// fill reads on, up to size.
func (r *reader) fill(size int64) error {
	if cap(r.buf) == 0 {
		r.buf = make([]byte, 0, readAhead)
	}
	kept := copy(r.buf[:cap(r.buf)], r.buf[r.pos:])
	room := min(int64(cap(r.buf)-kept), size-r.off-int64(kept))
	n, err := r.f.ReadAt(r.buf[kept:kept+int(room)], r.off+int64(kept))
	r.buf, r.pos = r.buf[:kept+n], 0
	if int64(n) == room {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// skip passes over a place that can't be read.
func (r *reader) skip(left int64) error {
	b := make([]byte, left)
	if _, err := r.f.ReadAt(b, r.off); err != nil {
		return err
	}
	n := int64(len(b))
	if at, _ := resync(b, 0, r.off); at > 0 {
		n = int64(at)
	}
	r.s.log.Error("journal is damaged: events are missing", "path", r.f.Name(), "offset", r.off, "bytes", n)
	r.off += n
	r.buf, r.pos = r.buf[:0], 0
	return nil
}
