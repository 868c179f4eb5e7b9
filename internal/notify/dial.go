package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// errPrivate is the answer to an address within: a webhook must not become a
// hand that reaches into the community's own network.
var errPrivate = errors.New("the address is a private one, and notify.allow_private is off")

// Dialer opens the connections of the channels. Whether an address is private is
// looked at when the name has been resolved, on the very address that is
// connected to, so that a name which changes its mind changes nothing.
func Dialer(allowPrivate bool) *net.Dialer {
	d := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	if allowPrivate {
		return d
	}
	d.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("address: %w", err)
		}
		if private(ap.Addr()) {
			return errPrivate
		}
		return nil
	}
	return d
}

// private reports whether an address is not one of the public internet: this
// host, the local networks, link-local (169.254: the metadata of clouds), shared
// (RFC 6598), documentation and multicast, also where IPv6 wraps one of them.
func private(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return true
	}
	for _, net := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b:1::/48", "100::/64", "2001:db8::/32", "fec0::/10",
	} {
		if netip.MustParsePrefix(net).Contains(a) {
			return true
		}
	}
	for _, wrap := range []struct {
		prefix string
		at     int // where the IPv4 address stands
	}{{"64:ff9b::/96", 12}, {"2002::/16", 2}} {
		if netip.MustParsePrefix(wrap.prefix).Contains(a) {
			b := a.As16()
			return private(netip.AddrFrom4([4]byte(b[wrap.at : wrap.at+4])))
		}
	}
	return false
}
