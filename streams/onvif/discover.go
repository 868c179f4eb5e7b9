package onvif

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/ipv4"

	"dongyue/streams"
)

// Device is a camera that has answered a probe.
type Device struct {
	ID       string // its own, as urn:uuid:…
	Name     string
	Hardware string
	Address  string // of its device service
	Host     string
}

// Bounds of a search.
const (
	maxDevices   = 512
	maxDatagram  = 64 << 10
	maxNetworks  = 32 // interfaces that are asked
	probeRepeats = 2  // UDP loses some
)

// group is where devices listen (WS-Discovery 1.1, 2.4).
func group() *net.UDPAddr { return &net.UDPAddr{IP: net.IPv4(239, 255, 255, 250), Port: 3702} }

// Discover asks the local networks for cameras and collects answers until ctx
// ends. hosts are asked directly besides, where multicast does not reach.
func Discover(ctx context.Context, nets streams.Networks, hosts []netip.AddrPort) ([]Device, error) {
	d := &search{nets: nets, seen: map[string]bool{}}
	var wg sync.WaitGroup
	for _, i := range interfaces(nets) {
		wg.Go(func() { d.ask(ctx, i.addr, func(conn *net.UDPConn, b []byte) { i.send(conn, b) }) })
	}
	if len(hosts) > 0 {
		wg.Go(func() {
			d.ask(ctx, netip.IPv4Unspecified(), func(conn *net.UDPConn, b []byte) {
				for _, h := range hosts {
					if nets.Allow(h.Addr()) {
						_, _ = conn.WriteToUDPAddrPort(b, h)
					}
				}
			})
		})
	}
	wg.Wait()
	slices.SortFunc(d.list, func(a, b Device) int { return strings.Compare(a.Host+a.Address, b.Host+b.Address) })
	return d.list, nil
}

// search is what one search has found.
type search struct {
	nets streams.Networks
	mu   sync.Mutex
	seen map[string]bool
	list []Device
}

// ask sends the question from one address of this machine a few times, and collects
// answers until ctx ends. A network that is down has no cameras.
func (d *search) ask(ctx context.Context, from netip.Addr, send func(*net.UDPConn, []byte)) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)))
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for range probeRepeats {
			send(conn, question())
			select {
			case <-ctx.Done():
				return
			case <-time.After(400 * time.Millisecond):
			}
		}
	})
	d.receive(conn)
}

// network is one address of this machine.
type network struct {
	net.Interface
	addr netip.Addr
}

func (n network) send(conn *net.UDPConn, b []byte) {
	p := ipv4.NewPacketConn(conn)
	_ = p.SetMulticastTTL(1)
	if p.SetMulticastInterface(&n.Interface) == nil {
		_, _ = conn.WriteToUDP(b, group())
	}
}

// interfaces are those in networks where cameras may be.
func interfaces(nets streams.Networks) (list []network) {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	for _, i := range all {
		addrs, err := i.Addrs()
		if err != nil || i.Flags&net.FlagUp == 0 {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && nets.Allow(p.Addr()) && len(list) < maxNetworks {
				list = append(list, network{i, p.Addr()})
			}
		}
	}
	return list
}

// receive collects answers until the deadline.
func (d *search) receive(conn *net.UDPConn) {
	b := make([]byte, maxDatagram)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) || isTimeout(err) {
			return
		}
		if err != nil {
			continue // as an ICMP error of a host that was asked directly
		}
		if !d.nets.Allow(from.Addr()) {
			continue
		}
		for _, x := range matches(b[:n], from.Addr().Unmap(), d.nets) {
			d.note(x)
		}
	}
}

func (d *search) note(x Device) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if key := x.ID + x.Address; !d.seen[key] && len(d.list) < maxDevices {
		d.seen[key] = true
		d.list = append(d.list, x)
	}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// question is the probe for video transmitters (ONVIF Core, 7.3).
func question() []byte {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing">`+
		`<s:Header><a:Action s:mustUnderstand="1">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action><a:MessageID>uuid:%x-%x-%x-%x-%x</a:MessageID>`+
		`<a:To s:mustUnderstand="1">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>`+
		`<s:Body><d:Probe xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><d:Types xmlns:n="http://www.onvif.org/ver10/network/wsdl">n:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>`,
		id[0:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// matches reads one answer. Of the addresses in it, the one counts that belongs to
// who sent it; a device speaks for no other host.
func matches(b []byte, from netip.Addr, nets streams.Networks) (list []Device) {
	root, err := parseXML(b)
	if err != nil {
		return nil
	}
	for _, m := range root.at("Body", "ProbeMatches").all("ProbeMatch") {
		d := Device{ID: brief(m.say("EndpointReference", "Address")), Host: from.String()}
		for a := range strings.FieldsSeq(m.say("XAddrs")) {
			u, err := url.Parse(a)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" {
				continue
			}
			if ip, err := netip.ParseAddr(u.Hostname()); err == nil && ip == from && nets.Allow(ip) {
				u.User = nil
				d.Address = u.String()
				break
			}
		}
		for scope := range strings.FieldsSeq(m.say("Scopes")) {
			name, isName := strings.CutPrefix(scope, "onvif://www.onvif.org/name/")
			hardware, isHardware := strings.CutPrefix(scope, "onvif://www.onvif.org/hardware/")
			switch {
			case isName && d.Name == "":
				d.Name = unescape(name)
			case isHardware && d.Hardware == "":
				d.Hardware = unescape(hardware)
			}
		}
		if d.Address != "" && len(list) < maxDevices {
			list = append(list, d)
		}
	}
	return list
}

func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		s = u
	}
	return brief(strings.ToValidUTF8(s, ""))
}
