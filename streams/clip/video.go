package clip

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"dongyue/streams/evidence"
)

// video is a clip's file, put together while it is read: the header of its manifest,
// then fragments where they lie. It implements io.ReadSeeker.
type video struct {
	dir    string
	parts  []evidence.Part
	head   []byte
	size   int64
	at     int64
	name   string
	f      *os.File
	shift  int64         // that is taken off the times; 0: they are as they lie there
	scales map[int]int64 // of the tracks, ticks a second
	moved  int           // part whose times are known
	times  times
}

func newVideo(dir string, s *evidence.Signed) (*video, error) {
	head, err := base64.StdEncoding.DecodeString(s.Video.Head)
	if err != nil || len(head) == 0 {
		return nil, fmt.Errorf("read clip %s: its manifest has no header", s.Clip)
	}
	return &video{dir: dir, parts: s.Parts, head: head, size: s.Video.Size}, nil
}

// Read implements io.Reader.
func (v *video) Read(b []byte) (int, error) {
	if v.at >= v.size {
		return 0, io.EOF
	}
	i, found := slices.BinarySearchFunc(v.parts, v.at, func(p evidence.Part, at int64) int { return cmp.Compare(p.At, at) })
	if !found {
		i--
	}
	p := &v.parts[i]
	off := v.at - p.At
	if rest := p.Size - off; int64(len(b)) > rest {
		b = b[:rest]
	}
	if i == 0 {
		n, err := bytes.NewReader(v.head[off:]).Read(b)
		v.at += int64(n)
		return n, err
	}
	if err := v.open(p.File); err != nil {
		return 0, err
	}
	n, err := v.f.ReadAt(b, p.FileAt+off)
	v.at += int64(n)
	if merr := v.move(b[:n], p, off); merr != nil {
		return 0, merr
	}
	if n > 0 {
		return n, nil //nolint:nilerr // the next call tells it again
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return 0, err
}

func (v *video) open(name string) error {
	if v.name == name {
		return nil
	}
	v.close()
	f, err := os.Open(filepath.Join(v.dir, name))
	if err != nil {
		return fmt.Errorf("read reel: %w", err)
	}
	v.f, v.name = f, name
	return nil
}

func (v *video) close() {
	if v.f != nil {
		_ = v.f.Close()
	}
	v.f, v.name = nil, ""
}

// Seek implements io.Seeker.
func (v *video) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += v.at
	case io.SeekEnd:
		offset += v.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	v.at = offset
	return offset, nil
}

// ErrEmpty means that a clip shows nothing, or nothing yet.
var ErrEmpty = errors.New("clips: the clip has no pictures")

// signed returns a clip's manifest: the one that was signed when it ended, or one of
// what there is so far.
func (r *Recorder) signed(ctx context.Context, id string) (Clip, *evidence.Signed, error) {
	row, err := r.Get(ctx, id)
	if err != nil {
		return Clip{}, nil, err
	}
	if row.State == Recording {
		if c, ps := r.soFar(id); len(ps) > 0 {
			return r.signDraft(c, ps, row)
		}
	}
	text, err := r.manifestOf(ctx, id)
	if err != nil {
		return Clip{}, nil, err
	}
	if len(text) == 0 {
		return row, nil, ErrEmpty
	}
	s, err := evidence.Parse(text)
	if err != nil {
		return Clip{}, nil, fmt.Errorf("read manifest of clip %s: %w", id, err)
	}
	return row, s, nil
}

// draft is a manifest of what there was of a clip when it had so many fragments. A
// player asks for a piece at a time, and hashing all for each would be a burden.
type draft struct {
	fragments int
	row       Clip
	signed    *evidence.Signed
}

func (r *Recorder) signDraft(c *clip, ps []*piece, row Clip) (Clip, *evidence.Signed, error) {
	if d := c.draft.Load(); d != nil && d.fragments == len(ps) {
		return d.row, d.signed, nil
	}
	var s *evidence.Signed
	var err error
	r.turn(func() { s, err = r.sign(c, ps, &row, false) })
	if err == nil {
		c.draft.Store(&draft{len(ps), row, s})
	}
	return row, s, err
}

// soFar is what lies on disk of a clip that is being recorded; nil when it is not.
func (r *Recorder) soFar(id string) (*clip, []*piece) {
	r.mu.Lock()
	c := r.active[id]
	var a *armed
	if c != nil {
		a = r.armed[c.row.Camera]
	}
	r.mu.Unlock()
	switch {
	case c == nil:
		return nil, nil
	case a == nil:
		return c, nil
	}
	a.ring.mu.Lock()
	defer a.ring.mu.Unlock()
	return c, c.pieces()
}
