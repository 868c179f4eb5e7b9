package rtsp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
)

// tidy puts in order what a camera sends over TCP (RFC 2326, 10.12), before the library
// reads it and hangs up: packets that come before PLAY, on channels that were not
// agreed, RTP and RTCP in each other's channel, and bytes that belong to nothing.
//
// Read is called by the library's reader; the rest by its other goroutine.
type tidy struct {
	net.Conn
	in   *bufio.Reader
	left []byte // read and not taken yet
	buf  []byte
	body int // bytes of a message's body that are still to come
	junk int // bytes since the last thing that made sense

	mu    sync.Mutex
	pairs []int // first channels of those agreed
	open  bool  // PLAY was sent
}

// Limits of what a camera may send.
const (
	maxHead = 64 << 10 // bytes of a message without its body
	maxJunk = 1 << 20  // bytes in a row that make no sense
)

var (
	errHead = errors.New("the camera's answer has no end")
	errJunk = errors.New("what the camera sends makes no sense")
)

func newTidy(c net.Conn) *tidy { return &tidy{Conn: c, in: bufio.NewReaderSize(c, 8<<10)} }

// agree notes the channels of a track: "interleaved=2-3" in a Transport header.
func (t *tidy) agree(transport string) {
	first, _, _ := strings.Cut(params(transport)["interleaved"], "-")
	if n, err := strconv.Atoi(first); err == nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.pairs = append(t.pairs, n)
	}
}

// play lets packets through from now on.
func (t *tidy) play() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = true
}

// Read implements io.Reader.
func (t *tidy) Read(b []byte) (int, error) {
	for {
		switch {
		case len(t.left) > 0:
			n := copy(b, t.left)
			t.left = t.left[n:]
			return n, nil
		case t.body > 0:
			n, err := t.in.Read(b[:min(len(b), t.body)])
			t.body -= n
			return n, err
		}
		if err := t.next(); err != nil {
			return 0, err
		}
	}
}

// next reads the next thing.
func (t *tidy) next() error {
	c, err := t.in.Peek(1)
	if err != nil {
		return err
	}
	t.mu.Lock()
	open, pairs := t.open, t.pairs
	t.mu.Unlock()
	switch {
	case c[0] == '$':
		return t.frame(open, pairs)
	case !open || t.message(c[0]):
		t.junk = 0
		return t.head()
	}
	return t.skip()
}

// skip passes over a byte that begins nothing.
func (t *tidy) skip() error {
	if t.junk++; t.junk > maxJunk {
		return errJunk
	}
	_, err := t.in.Discard(1)
	return err
}

// message tells whether an answer or a request begins here. Where the end comes first,
// the library is to see it.
func (t *tidy) message(first byte) bool {
	for _, word := range []string{"RTSP/", "OPTIONS ", "ANNOUNCE ", "SET_PARAMETER ", "GET_PARAMETER ", "REDIRECT ", "TEARDOWN ", "PLAY_NOTIFY "} {
		if word[0] != first {
			continue
		}
		if got, err := t.in.Peek(len(word)); err != nil || string(got) == word {
			return true
		}
	}
	return false
}

// frame reads a packet. Out of step with the camera, only what is a packet of an agreed
// channel counts as one.
func (t *tidy) frame(open bool, pairs []int) error {
	h, err := t.in.Peek(6)
	if err != nil {
		return err
	}
	channel, n := int(h[1]), int(h[2])<<8|int(h[3])
	to, known := route(channel, h[5], pairs)
	if t.junk > 0 && (!known || n < 4 || h[4]>>6 != 2) {
		return t.skip()
	}
	t.junk = 0
	if cap(t.buf) < 4+n {
		t.buf = make([]byte, 4+n)
	}
	b := t.buf[:4+n]
	if n < 2 { // what was looked at is not all of it
		b = b[:4]
	}
	if _, err := io.ReadFull(t.in, b); err != nil {
		return err
	}
	if n < 2 {
		_, err := t.in.Discard(n)
		return err
	}
	if open {
		b[1] = byte(to)
		t.left = b
	}
	return nil
}

// route is the channel on which a packet belongs: RTP on the first of its pair, RTCP on
// the second, which their second byte tells apart (RFC 5761, 4). A camera with a single
// track means that, whatever channel it says.
func route(channel int, second byte, pairs []int) (to int, known bool) {
	rtcp := 0
	if second >= 192 && second <= 223 {
		rtcp = 1
	}
	for _, first := range pairs {
		if channel == first || channel == first+1 {
			return first + rtcp, true
		}
	}
	if len(pairs) == 1 {
		return pairs[0] + rtcp, false
	}
	return channel, false
}

// head reads a message up to its body.
func (t *tidy) head() error {
	b := t.buf[:0]
	for {
		line, err := t.in.ReadSlice('\n')
		b = append(b, line...)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if len(b) > 0 { // the library sees what there was, and then the end
				break
			}
			return err
		}
		if len(b) > maxHead {
			return errHead
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 && err == nil {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(bytes.TrimSpace(name), []byte("content-length")) {
			if n, err := strconv.Atoi(string(bytes.TrimSpace(value))); err == nil && n > 0 {
				t.body = n
			}
		}
	}
	t.buf, t.left = b, b
	return nil //nolint:nilerr // what there was is handed over first
}
