package network

import (
	"context"
	"math"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDice(t *testing.T) {
	for _, w := range []Weather{{Loss: 0.02}, {Loss: 0.05, Burst: 4}, {Loss: 0.3, Burst: 10}, {}} {
		d := NewDice(w, rand.New(rand.NewPCG(1, 2)))
		lost, runs, before := 0, 0, false
		for range 1_000_000 {
			now := d.Lost()
			if now {
				lost++
				if !before {
					runs++
				}
			}
			before = now
		}
		if got := float64(lost) / 1e6; math.Abs(got-w.Loss) > w.Loss/20 {
			t.Errorf("%+v: %.4f are lost", w, got)
		}
		if mean := float64(lost) / float64(max(runs, 1)); w.Burst > 1 && math.Abs(mean-float64(w.Burst)) > 0.3 {
			t.Errorf("%+v: %.2f in a row", w, mean)
		}
	}
}

func TestPath(t *testing.T) {
	echo, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := echo.ReadFromUDP(b)
			if err != nil {
				return
			}
			_, _ = echo.WriteToUDP(b[:n], from)
		}
	}()
	defer echo.Close()
	p, err := New(Options{Server: echo.LocalAddr().String(), Up: Weather{Delay: 20 * time.Millisecond}, Down: Weather{Delay: 30 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	c, err := net.DialUDP("udp4", nil, p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ask := func(within time.Duration) (string, time.Duration) {
		began := time.Now()
		_, _ = c.Write([]byte("hello"))
		_ = c.SetReadDeadline(began.Add(within))
		b := make([]byte, 100)
		n, _ := c.Read(b)
		return string(b[:n]), time.Since(began)
	}
	if s, d := ask(10 * time.Second); s != "hello" || d < 50*time.Millisecond {
		t.Fatalf("%q after %s", s, d)
	}
	p.Cut()
	if s, _ := ask(100 * time.Millisecond); s != "" {
		t.Fatalf("%q came through a path that is cut", s)
	}
	p.Mend()
	if s, _ := ask(10 * time.Second); s != "hello" {
		t.Fatal("nothing came after it was mended")
	}
	if passed, lost := p.Counts(); passed != 4 || lost != 1 {
		t.Fatalf("%d passed, %d lost", passed, lost)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestThrough(t *testing.T) {
	p, err := New(Options{Server: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.conn.Close() }()
	got := p.Through("m=video 9 X 0\r\na=candidate:1 1 udp 5 10.0.0.1 8189 typ host\r\na=candidate:2 1 tcp 5 10.0.0.1 8189 typ host tcptype passive\r\na=candidate:3 1 udp 5 10.0.0.2 8189 typ host\r\na=mid:0\r\n")
	want := "m=video 9 X 0\r\na=candidate:1 1 udp 5 " + strings.Replace(p.Addr().String(), ":", " ", 1) + " typ host\r\na=mid:0\r\n"
	if got != want {
		t.Fatalf("got\n%s", got)
	}
}
