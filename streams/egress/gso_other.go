//go:build !linux

package egress

import (
	"net"
	"net/netip"
)

// sender sends one datagram at a time: segmentation offload is Linux's.
type sender struct{ u *net.UDPConn }

func newSender(u *net.UDPConn) (sender, error) { return sender{u}, nil }

func (s *sender) send(b []byte, seg int, to netip.AddrPort) (calls, sent int, err error) {
	for ; len(b) > 0; b = b[min(seg, len(b)):] {
		calls++
		if _, err := s.u.WriteToUDPAddrPort(b[:min(seg, len(b))], to); err != nil {
			return calls, sent, err
		}
		sent++
	}
	return calls, sent, nil
}
