package broker

import (
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// firstBuffer is the reading buffer of a quiet connection; most packets of
// devices are smaller.
const firstBuffer = 512

// conn is what the embedded server gets in place of the socket. Its Read gives
// out whole and checked packets only, without those that the session takes; its
// Write never blocks (outbox).
type conn struct {
	net.Conn // the socket, or TLS on it
	raw      net.Conn
	l        *listener
	out      outbox

	// Reader; one goroutine.
	buf      []byte
	r, ok, w int // given out up to r, checked up to ok, read up to w
	version  byte
	rerr     error
	armed    time.Time
	quiet    atomic.Int64 // longest silence that the server allows, ns; 0: any

	session atomic.Pointer[session] // nil until the login has succeeded
	refusal packets.Code            // why it has not; reading goroutine
}

func newConn(nc net.Conn, l *listener) *conn {
	c := &conn{Conn: nc, raw: nc, l: l}
	if l.tls != nil {
		c.Conn = tls.Server(nc, l.tls)
	}
	c.out.c, c.out.limit = c, l.b.limits.PendingBytes
	return c
}

// fill reads once.
func (c *conn) fill() error {
	if c.r == c.w && len(c.buf) > 8*firstBuffer { // a burst is over
		c.buf, c.r, c.ok, c.w = nil, 0, 0, 0
	}
	if c.r > 0 {
		copy(c.buf, c.buf[c.r:c.w])
		c.w, c.ok, c.r = c.w-c.r, c.ok-c.r, 0
	}
	if c.w == len(c.buf) { // grows only as bytes arrive, not as a header says
		nb := make([]byte, max(firstBuffer, min(2*len(c.buf), maxPublish+firstBuffer)))
		copy(nb, c.buf[:c.w])
		c.buf = nb
	}
	n, err := c.Conn.Read(c.buf[c.w:])
	c.w += n
	if n > 0 {
		return nil
	}
	return err
}

// hello reads up to a whole CONNECT.
func (c *conn) hello() error {
	for {
		body, end, err := nextFrame(c.buf[:c.w], 0)
		if err != nil {
			return err
		}
		if end > 0 {
			c.version = connectVersion(c.buf[body:end])
			c.ok = end
			return nil
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// scan checks the packets that are complete. It stops before one that the
// session takes while there are some before it for the server, so that all are
// handled in the order of their arrival.
func (c *conn) scan() error {
	for c.ok < c.w {
		b := c.buf[c.ok:c.w]
		body, end, err := nextFrame(b, c.version)
		if err != nil || end == 0 {
			return err
		}
		s := c.session.Load()
		if s == nil {
			return fault{packets.ErrProtocolViolation} // the server reads on only after the login
		}
		kind := b[0] >> 4
		mine := kind == packets.Publish || kind == packets.Pubrel
		if mine && c.r < c.ok {
			return nil
		}
		c.rearm()
		if !s.pace(b[0], end) {
			c.skip(end)
			continue
		}
		if mine {
			if err := s.take(b[0], b[body:end]); err != nil {
				return err
			}
			c.skip(end)
			continue
		}
		if returned(b[0], b[body:end], c.version) {
			c.out.acknowledged()
		}
		c.ok += end
	}
	return nil
}

func (c *conn) skip(n int) {
	if c.r == c.ok {
		c.r += n
	}
	c.ok += n
}

// returned reports whether a packet of the client frees a place of its Receive
// Maximum (MQTT 5, 4.9).
func returned(head byte, body []byte, version byte) bool {
	switch head >> 4 {
	case packets.Puback, packets.Pubcomp:
		return true
	case packets.Pubrec:
		return version == 5 && len(body) > 2 && body[2] >= 0x80
	}
	return false
}

// Read gives out checked packets.
func (c *conn) Read(p []byte) (int, error) {
	for c.r == c.ok {
		if c.rerr != nil {
			return 0, c.rerr
		}
		if c.rerr = c.scan(); c.rerr != nil {
			c.complain(c.rerr)
		}
		if c.r < c.ok || c.rerr != nil {
			continue
		}
		c.rerr = c.fill()
	}
	n := copy(p, c.buf[c.r:c.ok])
	c.r += n
	return n, nil
}

// complain tells a client what is wrong with its packet, where it can hear it,
// and the Observer.
func (c *conn) complain(err error) {
	f, ok := err.(fault) //nolint:errorlint // made here, never wrapped
	s := c.session.Load()
	if !ok || s == nil {
		return
	}
	s.refused("", f.reason())
	s.goodbye(f.code)
}

// SetDeadline is called by the server before every packet, for reading and
// writing. Writing has its own; the reading deadline of the socket is moved only
// when it matters, and only by whole packets.
func (c *conn) SetDeadline(t time.Time) error {
	d := time.Duration(0)
	if !t.IsZero() {
		d = max(time.Until(t), time.Millisecond)
	}
	old := time.Duration(c.quiet.Load())
	if (d == 0) != (old == 0) || d-old > old/16 || old-d > old/16 {
		c.quiet.Store(int64(d))
		c.armed = time.Time{}
	}
	c.rearm()
	return nil
}

func (c *conn) rearm() {
	d := time.Duration(c.quiet.Load())
	now := time.Now()
	if !c.armed.IsZero() && (d == 0 || now.Sub(c.armed) < d/16) {
		return
	}
	c.armed = now
	until := time.Time{}
	if d > 0 {
		until = now.Add(d)
	}
	if !c.out.ended() {
		_ = c.raw.SetReadDeadline(until)
	}
}

// Write takes the bytes and returns.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.out.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close ends the reading at once and the writing when what is pending has left,
// or after a moment.
func (c *conn) Close() error {
	c.out.close()
	return nil
}

// errOverflow ends a connection whose client takes too little.
var errOverflow = errors.New("client takes too little of what is sent to it")
