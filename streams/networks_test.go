package streams

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
)

func TestNetworks(t *testing.T) {
	private, err := ParseNetworks(PrivateNetworks())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		addr string
		want bool
	}{
		{"10.1.2.3", true},
		{"172.31.255.255", true},
		{"172.32.0.1", false},
		{"192.168.1.64", true},
		{"127.0.0.1", true},
		{"::1", true},
		{"fd12::1", true},
		{"::ffff:10.0.0.5", true},
		{"::ffff:8.8.8.8", false},
		{"169.254.169.254", false},
		{"fe80::1%eth0", false},
		{"8.8.8.8", false},
		{"0.0.0.0", false},
		{"224.0.0.1", false},
		{"2001:db8::1", false},
	} {
		if got := private.Allow(netip.MustParseAddr(c.addr)); got != c.want {
			t.Errorf("%s: %v", c.addr, got)
		}
	}
	one, err := ParseNetworks([]string{" 192.0.2.7 ", "198.51.100.9/24"})
	if err != nil || !one.Allow(netip.MustParseAddr("192.0.2.7")) || one.Allow(netip.MustParseAddr("192.0.2.8")) || !one.Allow(netip.MustParseAddr("198.51.100.1")) {
		t.Errorf("got %v, %v", one, err)
	}
	for _, bad := range []string{"", "10.0.0.0/33", "cam.local", "10.0.0"} {
		if _, err := ParseNetworks([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// A name is judged by the address that is connected to, not by what it had when it
// was registered.
func TestNetworksAtTheDial(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	none, err := ParseNetworks([]string{"192.0.2.0/24"})
	if err != nil {
		t.Fatal(err)
	}
	d := net.Dialer{ControlContext: none.Control}
	if _, err := d.DialContext(context.Background(), "tcp", net.JoinHostPort("localhost", port)); !errors.Is(err, ErrNetwork) {
		t.Errorf("got %v", err)
	}
	if err := none.CheckHost(context.Background(), "localhost"); !errors.Is(err, ErrNetwork) {
		t.Errorf("got %v", err)
	}
}

func TestParseFingerprint(t *testing.T) {
	const hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, s := range []string{hex, "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55"} {
		if got, err := ParseFingerprint(s); err != nil || got != hex {
			t.Errorf("%s: %s, %v", s, got, err)
		}
	}
	for _, s := range []string{"e3b0", hex + "00", "zz" + hex[2:]} {
		if _, err := ParseFingerprint(s); err == nil {
			t.Errorf("%s is taken", s)
		}
	}
}
