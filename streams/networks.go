package streams

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Networks are the ranges of addresses in which cameras may be. An address from a
// form, from a redirect or from a device's own answer makes the hub connect to
// it, so without them whoever may register a camera could look around anywhere.
type Networks []netip.Prefix

// PrivateNetworks are the ranges of private sites (RFC 1918, RFC 4193) and this
// machine, where gateways and the demonstration's cameras are. Not among them:
// public addresses, and link-local ones (RFC 3927), behind which clouds keep the
// credentials of their machines.
func PrivateNetworks() []string {
	return []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "127.0.0.0/8", "::1/128"}
}

// ParseNetworks reads ranges such as 10.1.0.0/16; a single address stands for itself.
func ParseNetworks(list []string) (Networks, error) {
	ns := make(Networks, 0, len(list))
	for _, s := range list {
		s = strings.TrimSpace(s)
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
			ns = append(ns, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%q is no network: write 10.1.0.0/16 or fd00:1::/32", s)
		}
		ns = append(ns, p.Masked())
	}
	return ns, nil
}

// Allow reports whether an address is in one of the ranges.
func (ns Networks) Allow(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range ns {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// resolveWithin is how long a registration waits for a name.
const resolveWithin = 2 * time.Second

// CheckHost reports a host that is outside, as far as can be told before it is
// dialled: a name that can't be resolved now may be one tomorrow, and is checked
// again by Control.
func (ns Networks) CheckHost(ctx context.Context, host string) error {
	if a, err := netip.ParseAddr(host); err == nil {
		return ns.checked(a)
	}
	ctx, cancel := context.WithTimeout(ctx, resolveWithin)
	defer cancel()
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	if slices.ContainsFunc(all, ns.Allow) {
		return nil
	}
	return errOutside
}

func (ns Networks) checked(a netip.Addr) error {
	if ns.Allow(a) {
		return nil
	}
	return errOutside
}

var errOutside = fmt.Errorf("%w: use one of them, or add its network to cameras.networks in the configuration", ErrNetwork)

// Control is for net.Dialer: it sees the address that is really connected to, after
// the name has been resolved, so a name that changes its address gains nothing.
func (ns Networks) Control(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !ns.Allow(ap.Addr()) {
		return ErrNetwork
	}
	return nil
}

// ErrNetwork means that an address is in none of the networks of cameras.
var ErrNetwork = errors.New("the address is outside the networks that cameras may be in")
