package broker

import (
	"crypto/tls"
	"encoding/binary"
	"net"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// linger is how long a closing connection may take to send its last bytes.
const linger = time.Second

// listenerShare is how many times the pending bytes of a device an integrator
// may have.
const listenerShare = 8

// outbox gathers what is to be sent to one client. Nobody ever waits for it:
// bytes are appended to a bounded buffer, and a goroutine that lives only while
// there are some writes them, all that have gathered at a time. A client that
// takes too little is cut off; no other client notices.
type outbox struct {
	c *conn

	mu      sync.Mutex
	buf     []byte
	spare   []byte
	limit   int // of bytes that wait
	sending bool
	closing bool
	dead    bool
}

// shape sets the limit of a client that has logged in. A program that listens to
// everything may be further behind than a device.
func (o *outbox) shape(listener bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if listener {
		o.limit *= listenerShare
	}
}

func (o *outbox) ended() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dead || o.closing
}

// pending is how many bytes wait, those in the hands of the socket not counted.
func (o *outbox) pending() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.buf)
}

// write appends packets of the server.
func (o *outbox) write(p []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dead || o.closing {
		return net.ErrClosed
	}
	if len(o.buf)+len(p) > o.limit {
		o.kill()
		o.c.l.b.metrics.cut.WithLabelValues("overflow").Inc()
		return errOverflow
	}
	o.buf = append(o.buf, p...)
	o.wake()
	return nil
}

// ack appends a PUBACK, PUBREC, PUBREL or PUBCOMP. A reason other than 0 is for MQTT 5.
func (o *outbox) ack(kind byte, id uint16, reason byte) {
	a := [5]byte{kind << 4, 2, 0, 0, reason}
	if kind == packets.Pubrel {
		a[0] |= 2
	}
	binary.BigEndian.PutUint16(a[2:], id)
	n := 4
	if reason != 0 {
		a[1], n = 3, 5
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.dead && !o.closing {
		o.buf = append(o.buf, a[:n]...)
		o.wake()
	}
}

// wake starts the writing goroutine; mu is held.
func (o *outbox) wake() {
	if o.sending || o.dead || len(o.buf) == 0 {
		return
	}
	o.sending = true
	o.c.l.b.wg.Go(o.send)
}

func (o *outbox) send() {
	for {
		o.mu.Lock()
		if o.dead || len(o.buf) == 0 {
			o.sending = false
			if len(o.buf) == 0 {
				o.buf, o.spare = nil, nil // an idle connection holds none
			}
			bye := o.closing && !o.dead
			o.mu.Unlock()
			if bye {
				o.farewell()
			}
			return
		}
		b := o.buf
		o.buf, o.spare = o.spare[:0], nil
		wait := o.c.l.b.limits.Stall
		if o.closing {
			wait = linger
		}
		_ = o.c.raw.SetWriteDeadline(time.Now().Add(wait))
		o.mu.Unlock()

		_, err := o.c.Write(b)

		o.mu.Lock()
		if err != nil && !o.dead {
			o.kill()
			o.c.l.b.metrics.cut.WithLabelValues("stalled").Inc()
		}
		if cap(b) <= 4<<10 {
			o.spare = b[:0]
		}
		o.mu.Unlock()
	}
}

// farewell ends a connection whose last bytes have left.
func (o *outbox) farewell() {
	if t, ok := o.c.Conn.(*tls.Conn); ok {
		_ = t.CloseWrite() // has a deadline of its own
	}
	o.cut()
}

// kill closes the socket; mu is held. Not the TLS layer: its Close may wait for
// a client that takes nothing.
func (o *outbox) kill() {
	o.dead = true
	o.buf, o.spare = nil, nil
	_ = o.c.raw.Close()
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dead || o.closing {
		return
	}
	o.closing = true
	_, secure := o.c.Conn.(*tls.Conn)
	switch {
	case o.sending:
		_ = o.c.raw.SetWriteDeadline(time.Now().Add(linger))
	case len(o.buf) > 0 || secure:
		o.sending = true
		o.c.l.b.wg.Go(o.send)
	default:
		o.kill()
		return
	}
	_ = o.c.raw.SetReadDeadline(time.Unix(1, 0))
}

// cut closes the socket without waiting for anything.
func (o *outbox) cut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.dead {
		o.kill()
	}
}
