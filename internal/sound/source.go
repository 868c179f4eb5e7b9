package sound

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Source gives sound as it comes; io.EOF after the last. What it gives stays good until
// the next call.
type Source interface {
	Next() (PCM, error)
}

// chunk is how much a source of PCM gives at once: 20 ms.
const chunk = Rate / 50

// NewSource reads a stream: Ogg Opus packet by packet, the hub's own WAV as it comes,
// any other WAV as a whole.
func NewSource(r io.Reader) (Source, error) {
	b := bufio.NewReaderSize(r, 4<<10)
	head, err := b.Peek(4)
	if err != nil {
		return nil, ErrFormat
	}
	if string(head) == "OggS" {
		return NewOpusReader(b)
	}
	if head, err = b.Peek(HeaderBytes); err == nil && ours(head) {
		_, _ = b.Discard(HeaderBytes) // they were peeked at
		return &stream{r: b}, nil
	}
	all, err := io.ReadAll(io.LimitReader(b, 8*int64(MaxLength.Seconds())*96000))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	p, err := Decode(all)
	if err != nil {
		return nil, err
	}
	return &Played{p}, nil
}

// ours tells whether a header is one that Header writes, whatever its length says.
func ours(head []byte) bool {
	want := Header(0)
	return len(head) == HeaderBytes && bytes.Equal(head[:4], want[:4]) && bytes.Equal(head[8:40], want[8:40])
}

// stream is PCM as it comes.
type stream struct {
	r   io.Reader
	buf [2 * chunk]byte
}

// Next implements Source.
func (s *stream) Next() (PCM, error) {
	n, err := io.ReadFull(s.r, s.buf[:])
	switch {
	case n >= 2:
		return FromBytes(s.buf[:n]), nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF) && n > 0:
		return nil, io.EOF
	}
	return nil, err
}

// Played is a recording as a source.
type Played struct{ Rest PCM }

// Next implements Source.
func (p *Played) Next() (PCM, error) {
	if len(p.Rest) == 0 {
		return nil, io.EOF
	}
	n := min(chunk, len(p.Rest))
	out := p.Rest[:n]
	p.Rest = p.Rest[n:]
	return out, nil
}
