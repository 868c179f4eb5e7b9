package egress

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sender sends with UDP_SEGMENT (udp(7), Linux 4.18): the kernel, or the network
// card, cuts one buffer into datagrams.
type sender struct {
	raw   syscall.RawConn
	v6    bool
	plain *atomic.Bool // this system or device can't: one by one
	msgs  *sync.Pool   // of *message
}

func newSender(u *net.UDPConn) (sender, error) {
	s := sender{plain: &atomic.Bool{}, msgs: &sync.Pool{New: func() any { return newMessage() }}}
	var err error
	if s.raw, err = u.SyscallConn(); err != nil {
		return s, fmt.Errorf("egress: socket: %w", err)
	}
	var domain int
	ctl := s.raw.Control(func(fd uintptr) {
		if domain, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil {
			return
		}
		if _, e := unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT); e != nil {
			s.plain.Store(true)
		}
	})
	if ctl != nil {
		err = ctl
	}
	if err != nil {
		return s, fmt.Errorf("egress: socket: %w", err)
	}
	s.v6 = domain == unix.AF_INET6
	return s, nil
}

// send returns how many system calls it made and how many datagrams the kernel took.
// Unlike net.UDPConn it takes no lock of the descriptor and never parks.
func (s *sender) send(b []byte, seg int, to netip.AddrPort) (calls, sent int, err error) {
	m, _ := s.msgs.Get().(*message)
	defer s.msgs.Put(m)
	m.address(to, s.v6)
	n := (len(b) + seg - 1) / seg
	if n > 1 && !s.plain.Load() {
		calls++
		switch e := s.sendmsg(m, b, seg); e {
		case 0:
			return calls, n, nil
		case unix.EINVAL, unix.EMSGSIZE: // this path takes only shorter ones together
		case unix.EIO, unix.ENOPROTOOPT, unix.EOPNOTSUPP: // no checksum offload, IPsec …: never again
			s.plain.Store(true)
		default:
			return calls, 0, refusal(e)
		}
	}
	for ; len(b) > 0; b = b[min(seg, len(b)):] {
		calls++
		if e := s.sendmsg(m, b[:min(seg, len(b))], 0); e != 0 {
			return calls, sent, refusal(e)
		}
		sent++
	}
	return calls, sent, nil
}

// refusal tells what is lost from what can't be sent to. A cable that is pulled, a route
// that is set anew or a firewall that is being loaded passes by, as any hole in the
// network does: who is really gone, ICE finds out.
func refusal(e syscall.Errno) error {
	switch e { //nolint:exhaustive // all others end it
	case unix.EAGAIN, unix.ENOBUFS, unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ENETDOWN, unix.EPERM:
		return ErrFull
	}
	return fmt.Errorf("send: %w", e)
}

// message is a msghdr with all it points to, kept and used again: a send allocates
// nothing.
type message struct {
	hdr unix.Msghdr
	iov unix.Iovec
	sa4 unix.RawSockaddrInet4
	sa6 unix.RawSockaddrInet6
	ctl [24]byte // CMSG_SPACE(2)
	err syscall.Errno
	do  func(fd uintptr)
}

func newMessage() *message {
	m := &message{}
	m.hdr.Iov = &m.iov
	m.hdr.SetIovlen(1)
	h := (*unix.Cmsghdr)(unsafe.Pointer(&m.ctl)) //nolint:gosec // the layout is cmsg(3)'s
	h.Level, h.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	m.do = func(fd uintptr) {
		for {
			_, _, m.err = syscall.Syscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&m.hdr)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL) //nolint:gosec // m lives on the heap
			if m.err != unix.EINTR {
				return
			}
		}
	}
	return m
}

// address writes the destination; a socket of both families takes IPv4 as mapped.
func (m *message) address(a netip.AddrPort, v6 bool) {
	port := [2]byte{byte(a.Port() >> 8), byte(a.Port())}
	if v6 {
		m.sa6 = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: a.Addr().As16(), Port: *(*uint16)(unsafe.Pointer(&port))} //nolint:gosec // network order
		m.hdr.Name, m.hdr.Namelen = (*byte)(unsafe.Pointer(&m.sa6)), unix.SizeofSockaddrInet6                                //nolint:gosec // as sendmsg(2) has it
		return
	}
	m.sa4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: a.Addr().Unmap().As4(), Port: *(*uint16)(unsafe.Pointer(&port))} //nolint:gosec // network order
	m.hdr.Name, m.hdr.Namelen = (*byte)(unsafe.Pointer(&m.sa4)), unix.SizeofSockaddrInet4                                      //nolint:gosec // as sendmsg(2) has it
}

// sendmsg makes the call; seg 0 sends b as one datagram. RawConn.Control keeps the
// descriptor open meanwhile, and other than Write does not lock it.
func (s *sender) sendmsg(m *message, b []byte, seg int) syscall.Errno {
	m.iov.Base = unsafe.SliceData(b) //nolint:gosec // kept alive below
	m.iov.SetLen(len(b))
	m.hdr.Control = nil
	m.hdr.SetControllen(0)
	if seg != 0 {
		*(*uint16)(unsafe.Pointer(&m.ctl[unix.CmsgLen(0)])) = uint16(seg) //nolint:gosec // UDP_SEGMENT is 16 bits
		m.hdr.Control = &m.ctl[0]
		m.hdr.SetControllen(len(m.ctl))
	}
	if err := s.raw.Control(m.do); err != nil {
		return unix.EBADF
	}
	m.iov.Base = nil
	runtime.KeepAlive(b)
	return m.err
}
