package egress

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// pair is a Conn and the socket of a viewer.
func pair(t *testing.T, network, host string) (*Conn, *net.UDPConn, netip.AddrPort) {
	t.Helper()
	u, err := net.ListenUDP(network, &net.UDPAddr{IP: net.ParseIP(host)})
	if err != nil {
		t.Skipf("no %s here: %v", network, err)
	}
	c, err := NewConn(u)
	if err != nil {
		t.Fatal(err)
	}
	v, err := net.ListenUDP(network, &net.UDPAddr{IP: net.ParseIP(host)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Close(), v.Close() })
	to := v.LocalAddr().(*net.UDPAddr).AddrPort()
	return c, v, netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
}

// arrive reads n datagrams.
func arrive(t *testing.T, v *net.UDPConn, n int) (got [][]byte) {
	t.Helper()
	buf := make([]byte, 2000)
	_ = v.SetReadDeadline(time.Now().Add(5 * time.Second))
	for range n {
		k, err := v.Read(buf)
		if err != nil {
			t.Fatalf("after %d datagrams: %v", len(got), err)
		}
		got = append(got, bytes.Clone(buf[:k]))
	}
	return got
}

func frame(n, seg, last int) (b []byte) {
	for i := range n {
		size := seg
		if i == n-1 {
			size = last
		}
		b = append(b, bytes.Repeat([]byte{byte(i + 1)}, size)...)
	}
	return b
}

func TestSendCutsIntoDatagrams(t *testing.T) {
	for _, x := range []struct{ network, host string }{{"udp4", "127.0.0.1"}, {"udp6", "::1"}, {"udp", "127.0.0.1"}} {
		c, v, to := pair(t, x.network, x.host)
		if err := c.Send(frame(40, 1200, 300), 1200, to); err != nil {
			t.Fatalf("%s: %v", x.network, err)
		}
		for i, b := range arrive(t, v, 40) {
			want := 1200
			if i == 39 {
				want = 300
			}
			if len(b) != want || b[0] != byte(i+1) || b[len(b)-1] != byte(i+1) {
				t.Fatalf("%s: datagram %d has %d bytes of %d", x.network, i, len(b), b[0])
			}
		}
		got := c.Counts()
		if got.Packets != 40 || got.Drops != 0 {
			t.Errorf("%s: %+v", x.network, got)
		}
		if runtime.GOOS == "linux" && got.Sends != 1 {
			t.Errorf("%s: %d system calls for one frame", x.network, got.Sends)
		}
	}
}

// What the kernel takes only one by one is sent one by one: here, segments longer
// than the path's packets. The path of loopback is 65,536 bytes long.
func TestSendFallsBack(t *testing.T) {
	c, v, to := pair(t, "udp4", "127.0.0.1")
	if err := c.Send(frame(1, 1200, 700), 1200, to); err != nil {
		t.Fatal(err)
	}
	if b := arrive(t, v, 1)[0]; len(b) != 700 {
		t.Fatalf("%d bytes", len(b))
	}
	refuse(c)
	if err := c.Send(frame(5, 900, 100), 900, to); err != nil {
		t.Fatal(err)
	}
	if got := arrive(t, v, 5); len(got[3]) != 900 || len(got[4]) != 100 {
		t.Fatalf("%d and %d bytes", len(got[3]), len(got[4]))
	}
	if got := c.Counts(); got.Sends != 6 || got.Packets != 6 || got.Drops != 0 {
		t.Errorf("%+v", got)
	}
}

// A path that does not exist is an error, not a wait.
func TestSendTells(t *testing.T) {
	c, _, to := pair(t, "udp4", "127.0.0.1")
	_ = c.Close()
	err := c.Send(frame(3, 100, 100), 100, to)
	if err == nil || errors.Is(err, ErrFull) {
		t.Errorf("got %v", err)
	}
	if got := c.Counts(); got.Drops != 3 {
		t.Errorf("%+v", got)
	}
}

// The library's way: addresses with and without allocation.
func TestWriteTo(t *testing.T) {
	c, v, to := pair(t, "udp4", "127.0.0.1")
	if _, err := c.WriteToAddrPort([]byte("one"), to); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo([]byte("two"), net.UDPAddrFromAddrPort(to)); err != nil {
		t.Fatal(err)
	}
	if got := arrive(t, v, 2); string(got[0]) != "one" || string(got[1]) != "two" {
		t.Errorf("got %q", got)
	}
	if _, err := c.WriteTo([]byte("x"), &net.TCPAddr{}); err == nil {
		t.Error("a TCP address was taken")
	}
	if _, err := v.WriteToUDPAddrPort([]byte("back"), c.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, from, err := c.ReadFromAddrPort(buf); err != nil || string(buf[:n]) != "back" || from.Port() != to.Port() {
		t.Errorf("got %q from %s: %v", buf[:n], from, err)
	}
}
