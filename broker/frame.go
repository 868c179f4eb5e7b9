package broker

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/mochi-mqtt/server/v2/packets"
)

// fault is what is wrong with a packet, as the reason code of MQTT 5.
type fault struct{ code packets.Code }

func (f fault) Error() string { return "refused packet: " + f.code.Reason }

func (f fault) reason() string {
	if f.code.Code == packets.ErrPacketTooLarge.Code {
		return ReasonTooLarge
	}
	return ReasonMalformed
}

func malformed() error { return fault{packets.ErrMalformedPacket} }

// frameSize reads a fixed header (MQTT 5, 2.1). It returns where the body
// begins and where the frame ends, or zeros while bytes are missing. A length of
// more than four bytes, or one that could have been shorter, is malformed.
func frameSize(b []byte) (body, end int, err error) {
	n := 0
	for i := 1; i <= 4; i++ {
		if i >= len(b) {
			return 0, 0, nil
		}
		n |= int(b[i]&0x7f) << (7 * (i - 1))
		if b[i]&0x80 != 0 {
			continue
		}
		if i > 1 && b[i] == 0 {
			return 0, 0, malformed()
		}
		return i + 1, i + 1 + n, nil
	}
	return 0, 0, malformed()
}

// checkFlags checks the kind and the flag bits of a client's packet (2.1.3).
func checkFlags(head, version byte) error {
	flags, ok := head&0x0f, false
	switch head >> 4 {
	case packets.Publish:
		qos := flags >> 1 & 3
		ok = qos < 3 && (qos > 0 || flags&8 == 0) // no QoS 3; DUP needs a QoS
	case packets.Pubrel, packets.Subscribe, packets.Unsubscribe:
		ok = flags == 2
	case packets.Connect, packets.Puback, packets.Pubrec, packets.Pubcomp, packets.Pingreq, packets.Disconnect:
		ok = flags == 0
	case packets.Auth:
		ok = flags == 0 && version == 5
	}
	if !ok {
		return malformed()
	}
	return nil
}

// nextFrame finds the packet at the beginning of b and checks it so far that a
// decoder which trusts its lengths can't run off its end. version is that of the
// connection, 0 before CONNECT. end is 0 while bytes are missing; a packet that
// would become too large is refused by its header alone.
func nextFrame(b []byte, version byte) (body, end int, err error) {
	if len(b) == 0 {
		return 0, 0, nil
	}
	kind := b[0] >> 4
	if err := checkFlags(b[0], version); err != nil {
		return 0, 0, err
	}
	if (kind == packets.Connect) != (version == 0) {
		return 0, 0, fault{packets.ErrProtocolViolation} // not the first, or a second
	}
	body, end, err = frameSize(b)
	if err != nil || end == 0 {
		return 0, 0, err
	}
	limit := maxControl
	if kind == packets.Publish {
		limit = maxPublish
	}
	if end > limit {
		return 0, 0, fault{packets.ErrPacketTooLarge}
	}
	if len(b) < end {
		return 0, 0, nil
	}
	return body, end, checkBody(b[0], b[body:end], version)
}

func checkBody(head byte, body []byte, version byte) error {
	c := cursor{b: body}
	v5 := version == 5
	switch head >> 4 {
	case packets.Connect:
		c.connect()
	case packets.Publish:
		return c.publish(head, v5)
	case packets.Puback, packets.Pubrec, packets.Pubrel, packets.Pubcomp:
		c.id()
		c.reason(v5)
	case packets.Subscribe:
		c.filters(v5, true)
	case packets.Unsubscribe:
		c.filters(v5, false)
	case packets.Disconnect, packets.Auth:
		c.reason(v5)
	}
	if c.bad || len(c.b) > 0 {
		return malformed()
	}
	return nil
}

// cursor walks over a body; once bad, it stays so.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || n > len(c.b) {
		c.bad = true
		return nil
	}
	x := c.b[:n]
	c.b = c.b[n:]
	return x
}

func (c *cursor) byte() byte {
	if x := c.take(1); x != nil {
		return x[0]
	}
	return 0
}

func (c *cursor) uint16() int {
	if x := c.take(2); x != nil {
		return int(binary.BigEndian.Uint16(x))
	}
	return 0
}

func (c *cursor) binary() []byte { return c.take(c.uint16()) }

// text is UTF-8 without U+0000 (1.5.4).
func (c *cursor) text() []byte {
	x := c.binary()
	for _, ch := range x {
		if ch == 0 {
			c.bad = true
		}
	}
	if !utf8.Valid(x) {
		c.bad = true
	}
	return x
}

// id is a packet identifier; zero is not one (2.2.1).
func (c *cursor) id() {
	if c.uint16() == 0 {
		c.bad = true
	}
}

func (c *cursor) varint() int {
	n := 0
	for i := range 4 {
		x := c.byte()
		n |= int(x&0x7f) << (7 * i)
		if x&0x80 == 0 {
			return n
		}
	}
	c.bad = true
	return 0
}
