package notify

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestPrivateAddresses(t *testing.T) {
	for _, a := range []string{
		"127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "::", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
		"fe80::1", "fe80::1%eth0", "fd00::1", "100.64.0.1", "192.0.0.8", "198.18.0.1", "203.0.113.9", "224.0.0.1", "ff02::1", "240.0.0.1", "255.255.255.255",
		"::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:c0a8:101::1", "fec0::1", "2001:db8::1",
	} {
		if !private(netip.MustParseAddr(a)) {
			t.Errorf("%s is taken for public", a)
		}
	}
	for _, a := range []string{"8.8.8.8", "1.1.1.1", "223.5.5.5", "2400:3200::1", "172.32.0.1", "100.128.0.1", "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8"} {
		if private(netip.MustParseAddr(a)) {
			t.Errorf("%s is taken for private", a)
		}
	}
}

func TestPrivateAddressesAreRefusedAtTheDial(t *testing.T) {
	reached := false
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	c := HTTP(Dialer(false))
	defer c.CloseIdleConnections()
	for _, to := range []string{
		srv.URL, "http://localhost:" + port, "http://[::1]:" + port, "http://[::ffff:127.0.0.1]:" + port, "http://0.0.0.0:" + port,
		"http://169.254.169.254/latest/meta-data/", "http://2130706433:" + port, "http://127.1:" + port,
	} {
		err := (&WebhookChannel{URL: to, Client: c}).Send(t.Context(), fire())
		if err == nil {
			t.Errorf("%s was reached", to)
		} else if strings.Contains(to, "://1") && !errors.Is(err, ErrRefused) && !strings.Contains(err.Error(), "no such host") && !strings.Contains(err.Error(), "lookup") {
			t.Errorf("%s: %v", to, err)
		}
	}
	if err := (&WebhookChannel{URL: "file:///etc/passwd", Client: c}).Send(t.Context(), fire()); err == nil {
		t.Error("a file was read")
	}
	if reached {
		t.Error("the server within was reached")
	}
	if err := (&SMTPChannel{Addr: "127.0.0.1:" + port, Security: NoTLS, From: "hub@example.org", Dialer: Dialer(false)}).Send(t.Context(), toChen()); !errors.Is(err, ErrRefused) {
		t.Errorf("mail: %v", err)
	}
}

// A name that says a public address when it is asked first and a private one
// afterwards: what counts is the address that is connected to.
func TestANameThatChangesItsMind(t *testing.T) {
	var asked atomic.Int32
	dns := nameserver(t, func() [4]byte {
		if asked.Add(1) == 1 {
			return [4]byte{8, 8, 8, 8}
		}
		return [4]byte{127, 0, 0, 1}
	})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the server within was reached") }))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	d := Dialer(false)
	d.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", dns)
	}}
	if a, err := d.Resolver.LookupNetIP(t.Context(), "ip4", "rebind.example."); err != nil || private(a[0]) {
		t.Fatal("who checks the name before sees", a, err)
	}
	c := HTTP(d)
	defer c.CloseIdleConnections()
	err := (&WebhookChannel{URL: "http://rebind.example.:" + port, Client: c}).Send(t.Context(), fire())
	if !errors.Is(err, ErrRefused) || !errors.Is(err, errPrivate) {
		t.Errorf("got %v", err)
	}
}

// nameserver answers every question for an IPv4 address with what it is given.
func nameserver(t *testing.T, answer func() [4]byte) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil {
				continue
			}
			m.Response = true
			m.Additionals = nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 0}, Body: &dnsmessage.AResource{A: answer()},
				}}
			}
			if b, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(b, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}
