package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"dongyue/internal/event"
)

// scanBatch is how many events Scan hands out at once.
const scanBatch = 1024

// Scan calls f with what arrived from a time on and before another, in order and
// in batches; every channel, as long as the segments are kept. It ends with f's
// error, or with that of ctx. f may keep the events, and must not change them.
func (j *Journal) Scan(ctx context.Context, from, to time.Time, f func([]event.Event) error) error {
	return j.seg.scan(ctx, from, to, f)
}

// Archive reads the segments of a journal that it does not own: of a hub that is
// not running, or beside one that is; of that it sees what was on disk when it was
// opened.
type Archive struct{ seg *segments }

// OpenArchive opens the segments that belong to an index file, as Options.Path.
func OpenArchive(path string, log *slog.Logger) (*Archive, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &segments{dir: strings.TrimSuffix(path, filepath.Ext(path)) + ".segments", log: log}
	if err := s.read(); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if n := len(s.list); n > 0 { // its end may be in the middle of a write
		b, err := os.ReadFile(s.list[n-1].path)
		if err != nil {
			return nil, fmt.Errorf("open journal: %w", err)
		}
		s.list[n-1].size = survey(b).end
	}
	return &Archive{s}, nil
}

// Scan is Journal.Scan.
func (a *Archive) Scan(ctx context.Context, from, to time.Time, f func([]event.Event) error) error {
	return a.seg.scan(ctx, from, to, f)
}

func (s *segments) scan(ctx context.Context, from, to time.Time, f func([]event.Event) error) error {
	r := s.reader(s.begins(from))
	defer r.close()
	first, end := from.UnixMilli(), to.UnixMilli()
	for {
		es, err := r.between(first, end)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("scan journal: %w", err)
		}
		if len(es) > 0 {
			if err := f(es); err != nil {
				return err
			}
		}
		if err != nil || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// begins is the number behind which everything from t on stands. Files are in the
// order of arrival, so the last one that begins before t decides.
func (s *segments) begins(t time.Time) (after uint64) {
	s.mu.Lock()
	list := append([]segment(nil), s.list...)
	s.mu.Unlock()
	limit := t.UnixMilli()
	i := sort.Search(len(list), func(i int) bool {
		received, ok := firstReceived(list[i].path)
		return ok && received >= limit
	})
	if i > 0 {
		i--
	}
	if i >= len(list) {
		return 0
	}
	return max(list[i].first, 1) - 1
}

// firstReceived is when the first event of a file arrived; ok is false when its
// beginning can't be read.
func firstReceived(path string) (ms int64, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, 4<<10)
	n, _ := f.ReadAt(b, int64(len(magic))) // short at the end of the file
	body := b[:n]
	if len(body) < recordHead+minBody {
		return 0, false
	}
	return received(body[recordHead:])
}

// received reads when the event of a body arrived, without the rest.
func received(body []byte) (ms int64, ok bool) {
	if len(body) < minBody || body[0]&0xf0 != form {
		return 0, false
	}
	c := cursor{b: body[1:]}
	c.uvarint() // seq
	c.uvarint() // the group
	at := c.varint()
	ms = at + c.varint()
	return ms, !c.bad
}

// between returns the next batch of what arrived from first on and before end;
// io.EOF with the last of it.
func (r *reader) between(first, end int64) ([]event.Event, error) {
	es, size := make([]event.Event, 0, scanBatch), 0
	for len(es) < scanBatch && size < tailBytes {
		body, err := r.record()
		if err != nil {
			return es, err
		}
		seq, _, _ := place(body)
		ms, ok := received(body)
		switch {
		case !ok || seq <= r.after:
			continue
		case ms >= end:
			return es, io.EOF
		case ms < first:
			r.after = seq
			continue
		}
		e, err := decode(body, r.words)
		if err != nil {
			r.s.log.Error("journal: a record can't be read", "path", r.f.Name(), "offset", r.off)
			continue
		}
		r.after, size = e.Seq, size+len(body)
		es = append(es, e)
	}
	return es, nil
}

// Oldest is when the oldest event that is kept arrived; zero: there is none.
func (j *Journal) Oldest() time.Time { return j.seg.oldest() }

// Oldest is Journal.Oldest.
func (a *Archive) Oldest() time.Time { return a.seg.oldest() }

func (s *segments) oldest() time.Time {
	s.mu.Lock()
	list := append([]segment(nil), s.list...)
	s.mu.Unlock()
	for _, g := range list {
		if ms, ok := firstReceived(g.path); ok {
			return time.UnixMilli(ms).UTC()
		}
	}
	return time.Time{}
}

// Newest is when the newest event arrived; zero: there is none.
func (a *Archive) Newest() (newest time.Time) {
	for i := len(a.seg.list) - 1; i >= 0 && newest.IsZero(); i-- {
		b, err := os.ReadFile(a.seg.list[i].path)
		for at := len(magic); err == nil && at < len(b); {
			body, size, ok := bodyOf(b[at:])
			if !ok {
				break
			}
			if ms, ok := received(body); ok {
				newest = time.UnixMilli(ms).UTC()
			}
			at += size
		}
	}
	return newest
}
