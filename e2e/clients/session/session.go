// Package session is a small MQTT 3.1.1 client for load: one goroutine and a few
// kilobytes a connection, so that thousands of them fit beside the hub on one
// machine. It is for devices that behave; what the hub does with others is
// tested elsewhere.
package session

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Client is one connection. Send may be called from one goroutine while Read is
// running in another.
type Client struct {
	nc      net.Conn
	in      *bufio.Reader
	Present bool // the hub remembered the session
}

// Options of a connection.
type Options struct {
	Addr, ID, Secret string
	Clean            bool
	Will             []byte // retained presence; nil: none
	WillTopic        string
	Timeout          time.Duration
}

// Dial connects and logs in.
func Dial(o Options) (*Client, error) {
	d := net.Dialer{Timeout: o.Timeout}
	nc, err := d.DialContext(context.Background(), "tcp", o.Addr)
	if err != nil {
		return nil, err
	}
	c := &Client{nc: nc, in: bufio.NewReaderSize(nc, 256)}
	if err := c.login(o); err != nil {
		return nil, errors.Join(err, nc.Close())
	}
	return c, nil
}

func (c *Client) login(o Options) error {
	flags := byte(0xc0)
	if o.Clean {
		flags |= 2
	}
	body := text(nil, o.ID)
	if o.Will != nil {
		flags |= 0x04 | 0x08 | 0x20
		body = text(text(body, o.WillTopic), string(o.Will))
	}
	body = text(text(body, o.ID), o.Secret)
	head := append(text(nil, "MQTT"), 4, flags, 0, 60)
	if err := c.nc.SetDeadline(time.Now().Add(o.Timeout)); err != nil {
		return err
	}
	if err := c.Send(packet(0x10, append(head, body...))); err != nil {
		return err
	}
	kind, answer, err := c.Read()
	if err != nil {
		return err
	}
	if kind != 2 || len(answer) != 2 || answer[1] != 0 {
		return fmt.Errorf("login of %s refused: packet %d % x", o.ID, kind, answer)
	}
	c.Present = answer[0]&1 != 0
	return c.nc.SetDeadline(time.Time{})
}

// Send writes packets.
func (c *Client) Send(p []byte) error {
	_, err := c.nc.Write(p)
	return err
}

// Read returns the next packet: its kind and its body.
func (c *Client) Read() (kind byte, body []byte, err error) {
	head, err := c.in.ReadByte()
	if err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(c.in)
	if err != nil {
		return 0, nil, err
	}
	if n > 1<<20 {
		return 0, nil, fmt.Errorf("a packet of %d bytes", n)
	}
	body = make([]byte, n)
	_, err = io.ReadFull(c.in, body)
	return head >> 4, body, err
}

// Drop ends the connection as a power cut would: no DISCONNECT, nothing lingers.
func (c *Client) Drop() error {
	if t, ok := c.nc.(*net.TCPConn); ok {
		if err := t.SetLinger(0); err != nil {
			return err
		}
	}
	return c.nc.Close()
}

// Publish is a message of QoS 1.
func Publish(topic string, id uint16, payload []byte, again, retain bool) []byte {
	head := byte(0x32)
	if again {
		head |= 8
	}
	if retain {
		head |= 1
	}
	b := binary.BigEndian.AppendUint16(text(nil, topic), id)
	return packet(head, append(b, payload...))
}

// Lossy is a message of QoS 0.
func Lossy(topic string, payload []byte) []byte {
	return packet(0x30, append(text(nil, topic), payload...))
}

// Acked is the acknowledgement of a message of QoS 1 that came with this body, and its
// payload.
func Acked(body []byte) (puback, payload []byte, err error) {
	if len(body) < 4 || len(body) < 4+int(binary.BigEndian.Uint16(body)) {
		return nil, nil, errors.New("a message that is cut short")
	}
	at := 2 + int(binary.BigEndian.Uint16(body))
	return []byte{0x40, 2, body[at], body[at+1]}, body[at+2:], nil
}

// Subscribe asks for one topic with QoS 1.
func Subscribe(topic string, id uint16) []byte {
	b := binary.BigEndian.AppendUint16(nil, id)
	return packet(0x82, append(text(b, topic), 1))
}

func text(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...) //nolint:gosec // our own short texts
}

func packet(head byte, body []byte) []byte {
	return append(binary.AppendUvarint([]byte{head}, uint64(len(body))), body...)
}
