package egress

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
)

// Limits of one Send. The kernel takes 64 segments (128 since Linux 6.9) and no more
// than a UDP datagram of all of them.
const (
	MaxSegments = 64
	MaxBytes    = 65000
)

// ErrFull says that the kernel had no room for a datagram, or no way just now: it is
// lost, as on the network, and the viewer asks for it again.
var ErrFull = errors.New("no room in the socket")

// Conn is a UDP socket for ICE's mux, and for RTP past the mux. It never waits for
// room: one slow path must not hold up all the others on the same socket.
type Conn struct {
	*net.UDPConn
	out sender

	sends, packets, drops atomic.Uint64
}

// NewConn takes over u.
func NewConn(u *net.UDPConn) (*Conn, error) {
	out, err := newSender(u)
	if err != nil {
		return nil, err
	}
	return &Conn{UDPConn: u, out: out}, nil
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter, so that the mux allocates no
// addresses.
func (c *Conn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	return c.ReadFromUDPAddrPort(b)
}

// WriteToAddrPort implements ice.AddrPortReaderWriter: what the library sends itself.
func (c *Conn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return c.WriteToUDPAddrPort(b, to)
}

// WriteTo implements net.PacketConn.
func (c *Conn) WriteTo(b []byte, a net.Addr) (int, error) {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return 0, &net.OpError{Op: "write", Net: "udp", Addr: a, Err: syscall.EINVAL}
	}
	return c.WriteToUDPAddrPort(b, u.AddrPort())
}

// Send sends b as datagrams of seg bytes; the last has what is left over. b holds at
// most MaxSegments datagrams and MaxBytes bytes. The error is ErrFull, or what the
// system says of the path.
func (c *Conn) Send(b []byte, seg int, to netip.AddrPort) error {
	if len(b) == 0 {
		return nil
	}
	n := uint64((len(b) + seg - 1) / seg)
	calls, sent, err := c.out.send(b, seg, to)
	c.sends.Add(uint64(calls))
	c.packets.Add(n)
	c.drops.Add(n - uint64(sent))
	return err
}

// Counts is what a Conn has sent: system calls, packets, and those of them that the
// kernel did not take.
type Counts struct{ Sends, Packets, Drops uint64 }

// Counts reads the counters.
func (c *Conn) Counts() Counts {
	return Counts{c.sends.Load(), c.packets.Load(), c.drops.Load()}
}
