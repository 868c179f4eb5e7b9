package broker

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// firstBuffer is the reading buffer of a connection; most packets of devices are
// much smaller.
const firstBuffer = 2 << 10

var buffers = sync.Pool{New: func() any { return new([firstBuffer]byte) }} //nolint:gochecknoglobals // shared by all connections; without it each would hold one

// conn is a connection with its guard: only whole and checked packets get behind
// it, and what is sent never blocks (outbox).
type conn struct {
	net.Conn // the socket, or TLS on it
	raw      net.Conn
	l        *listener
	out      outbox

	// Reader; one goroutine.
	sys     syscall.RawConn // nil for TLS
	buf     []byte
	lent    *[firstBuffer]byte // what buf is, when it is from the pool
	r, w    int                // handled up to r, read up to w
	readFn  func(fd uintptr) bool
	readN   int
	readErr error
	version byte
	armed   time.Time
	quiet   time.Duration // longest silence that is allowed; 0: any

	session atomic.Pointer[session] // nil until the login has succeeded
}

func newConn(nc net.Conn, l *listener) *conn {
	c := &conn{Conn: nc, raw: nc, l: l}
	if l.tls != nil {
		c.Conn = tls.Server(nc, l.tls)
	} else if s, ok := nc.(syscall.Conn); ok {
		if sys, err := s.SyscallConn(); err == nil {
			c.sys, c.readFn = sys, c.readOnce
		}
	}
	c.out.c, c.out.limit = c, l.b.limits.PendingBytes
	return c
}

// lend makes sure that there is a buffer, and room in it. It grows only as bytes
// arrive, not as a header says.
func (c *conn) lend() {
	if c.buf == nil {
		c.lent = buffers.Get().(*[firstBuffer]byte)
		c.buf = c.lent[:]
		return
	}
	if c.r > 0 {
		copy(c.buf, c.buf[c.r:c.w])
		c.w, c.r = c.w-c.r, 0
	}
	if c.w < len(c.buf) {
		return
	}
	nb := make([]byte, min(2*len(c.buf), maxPublish+firstBuffer))
	copy(nb, c.buf[:c.w])
	c.giveBack()
	c.buf = nb
}

// giveBack returns an empty buffer: an idle connection holds none.
func (c *conn) giveBack() {
	if c.lent != nil {
		buffers.Put(c.lent)
	}
	c.buf, c.lent = nil, nil
}

// readOnce reads what is there. When nothing is, it gives the buffer back before
// it is called again for what has come.
func (c *conn) readOnce(fd uintptr) bool {
	c.lend()
	for {
		c.readN, c.readErr = syscall.Read(int(fd), c.buf[c.w:])
		if !errors.Is(c.readErr, syscall.EINTR) {
			break
		}
	}
	if errors.Is(c.readErr, syscall.EAGAIN) {
		if c.r == c.w {
			c.r, c.w = 0, 0
			c.giveBack()
		}
		return false
	}
	return true
}

// fill reads once.
func (c *conn) fill() error {
	if c.r == c.w {
		c.r, c.w = 0, 0
	}
	if c.sys == nil {
		c.lend()
		n, err := c.Read(c.buf[c.w:])
		c.w += n
		if n > 0 {
			return nil
		}
		return err
	}
	if err := c.sys.Read(c.readFn); err != nil {
		return err
	}
	switch {
	case c.readErr != nil:
		return os.NewSyscallError("read", c.readErr)
	case c.readN == 0:
		return io.EOF
	}
	c.w += c.readN
	return nil
}

// hello reads up to a whole CONNECT and returns its body.
func (c *conn) hello() ([]byte, error) {
	for {
		body, end, err := nextFrame(c.buf[c.r:c.w], 0)
		if err != nil {
			return nil, err
		}
		if end > 0 {
			b := c.buf[c.r+body : c.r+end]
			c.version = connectVersion(b)
			c.r += end
			return b, nil
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// serve handles packets until the connection ends.
func (c *conn) serve(s *session) error {
	c.rearm()
	for {
		for c.r < c.w {
			b := c.buf[c.r:c.w]
			body, end, err := nextFrame(b, c.version)
			if err != nil {
				c.complain(s, err)
				return err
			}
			if end == 0 {
				break
			}
			c.rearm()
			if s.pace(b[0], end) {
				if err := s.handle(b[0], b[body:end]); err != nil {
					c.complain(s, err)
					return err
				}
			}
			c.r += end
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// errLeft ends the reading after DISCONNECT.
var errLeft = errors.New("client has left")

// handle does what a packet asks for. What goes deep runs on a stack of its own,
// so that the one of a quiet connection stays small.
func (s *session) handle(head byte, body []byte) error {
	switch head >> 4 {
	case packets.Publish, packets.Pubrel:
		return s.take(head, body)
	case packets.Puback, packets.Pubrec, packets.Pubcomp:
		failed := s.conn.version == 5 && len(body) > 2 && body[2] >= 0x80
		s.memory.acknowledged(head>>4, uint16(body[0])<<8|uint16(body[1]), failed)
	case packets.Pingreq:
		_ = s.conn.out.write([]byte{packets.Pingresp << 4, 0})
	case packets.Subscribe:
		return deep(func() error { return s.subscribe(body) })
	case packets.Unsubscribe:
		return deep(func() error { return s.unsubscribe(body) })
	case packets.Disconnect:
		return deep(func() error { return s.disconnect(body) })
	default:
		return fault{packets.ErrProtocolViolation} // AUTH: nothing has begun that it could go on with
	}
	return nil
}

// deep runs f on another stack and waits for it. A panic of f is the caller's.
func deep(f func() error) (err error) {
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		err = f()
	}()
	if v := <-done; v != nil {
		panic(v)
	}
	return err
}

// disconnect handles DISCONNECT (MQTT 5, 3.14).
func (s *session) disconnect(body []byte) error {
	pk := packets.Packet{ProtocolVersion: s.conn.version, FixedHeader: packets.FixedHeader{Type: packets.Disconnect, Remaining: len(body)}}
	if s.conn.version == 5 && len(body) > 1 {
		if err := pk.DisconnectDecode(body); err != nil {
			return malformed()
		}
	} else if len(body) == 1 {
		pk.ReasonCode = body[0]
	}
	if pk.Properties.SessionExpiryIntervalFlag {
		m, d := s.memory, time.Duration(pk.Properties.SessionExpiryInterval)*time.Second
		m.mu.Lock()
		zero := m.keep == 0
		if !zero || d == 0 {
			m.keep = min(d, s.b.limits.SessionKeep)
		}
		m.mu.Unlock()
		if zero && d > 0 {
			return fault{packets.ErrProtocolViolation} // 3.14.2.2.2
		}
	}
	s.graceful = pk.ReasonCode == packets.CodeDisconnect.Code // any other keeps the will (3.14.2.1)
	return errLeft
}

// complain tells a client what is wrong with its packet, where it can hear it,
// and the Observer.
func (c *conn) complain(s *session, err error) {
	if f, ok := err.(fault); ok { //nolint:errorlint // made here, never wrapped
		s.refused("", f.reason())
		s.goodbye(f.code)
	}
}

// rearm moves the deadline for the next packet: one and a half times the keep
// alive (MQTT 5, 3.1.2-22). Only when it matters, and only by whole packets.
func (c *conn) rearm() {
	if c.quiet == 0 {
		return
	}
	now := time.Now()
	if now.Sub(c.armed) < c.quiet/16 {
		return
	}
	c.armed = now
	if !c.out.ended() {
		_ = c.raw.SetReadDeadline(now.Add(c.quiet))
	}
}

// Close ends the reading at once and the writing when what is pending has left,
// or after a moment.
func (c *conn) Close() error {
	c.out.close()
	return nil
}

// errOverflow ends a connection whose client takes too little.
var errOverflow = errors.New("client takes too little of what is sent to it")
