package rtsp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/conn"
	"github.com/pion/rtcp"
)

// framed is a packet in RTSP.
func framed(channel int, b []byte) []byte {
	return append([]byte{'$', byte(channel), byte(len(b) >> 8), byte(len(b))}, b...)
}

// Cameras that put packets where they do not belong show their picture.
func TestOddPackets(t *testing.T) {
	report, err := (&rtcp.SenderReport{SSRC: 1}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, sends := range map[string]func(c net.Conn, channel int, rtp []byte){
		"channels the other way round": func(c net.Conn, channel int, rtp []byte) {
			_, _ = c.Write(append(framed(channel+1, rtp), framed(channel, report)...))
		},
		"another channel than agreed": func(c net.Conn, channel int, rtp []byte) { _, _ = c.Write(framed(channel+6, rtp)) },
		"bytes between packets": func(c net.Conn, channel int, rtp []byte) {
			_, _ = c.Write(append([]byte("\x00\xffRUBBISH$$"), framed(channel, rtp)...))
		},
		"line ends between packets": func(c net.Conn, channel int, rtp []byte) {
			_, _ = c.Write(append([]byte("\r\n\r\n"), framed(channel, rtp)...))
		},
		"an empty packet": func(c net.Conn, channel int, rtp []byte) {
			_, _ = c.Write(append(framed(channel, nil), framed(channel, rtp)...))
		},
		"a request between packets": func(c net.Conn, channel int, rtp []byte) {
			_, _ = c.Write(append([]byte("SET_PARAMETER rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\na$b"), framed(channel, rtp)...))
		},
	} {
		q := newQuirky(t, nil, nil)
		q.sends = sends
		to := newSink()
		p, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Pull(ctx, at(q.addr, ""), to) }()
		for end := time.Now().Add(5 * time.Second); to.units.Load() < 3 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		}
		if n := to.units.Load(); n < 3 {
			t.Errorf("%s: %d pictures", name, n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Packets that come before PLAY was asked for are passed over.
func TestPacketsBeforePlay(t *testing.T) {
	q := newQuirky(t, nil, nil)
	q.early = framed(0, []byte{0x80, 0xe0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0x65})
	if err := film(t, at(q.addr, "")); err != nil {
		t.Fatal(err)
	}
}

// script is a connection that says something.
type script struct {
	net.Conn
	io.Reader
}

func (s script) Read(b []byte) (int, error) { return s.Reader.Read(b) }

// Whatever the pieces in which it comes, what is in order stays as it is.
func TestTidyChangesNothing(t *testing.T) {
	packet := append([]byte{0x80, 0x60}, bytes.Repeat([]byte{'$'}, 20_000)...)
	said := strings.Join([]string{
		"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 5\r\n\r\n$RTSP", string(framed(0, packet)), string(framed(1, []byte{0x80, 200, 0, 0})),
		"RTSP/1.0 200 OK\r\nCSeq: 2\r\nX: " + strings.Repeat("y", 30_000) + "\r\n\r\n", string(framed(2, packet)), "OPTIONS * RTSP/1.0\r\n\r\n",
	}, "")
	for name, r := range map[string]io.Reader{"at once": strings.NewReader(said), "byte by byte": iotest.OneByteReader(strings.NewReader(said)), "halves": iotest.HalfReader(strings.NewReader(said))} {
		x := newTidy(script{Reader: r})
		x.agree("RTP/AVP/TCP;interleaved=0-1")
		x.agree("RTP/AVP/TCP;interleaved=2-3")
		x.play()
		if got, err := io.ReadAll(x); err != nil || string(got) != said {
			t.Errorf("%s: %d of %d bytes, %v", name, len(got), len(said), err)
		}
	}
	x := newTidy(script{Reader: strings.NewReader(strings.Repeat("x", maxJunk+100))})
	x.play()
	if _, err := io.ReadAll(x); !errors.Is(err, errJunk) {
		t.Errorf("endless rubbish: %v", err)
	}
	x = newTidy(script{Reader: strings.NewReader("RTSP/1.0 200 OK\r\n" + strings.Repeat("x", 2*maxHead))})
	if _, err := io.ReadAll(x); !errors.Is(err, errHead) {
		t.Errorf("an endless answer: %v", err)
	}
}

// FuzzTidy: whatever a camera sends, it is read to its end, and what is a packet on an
// agreed channel comes out on one.
func FuzzTidy(f *testing.F) {
	f.Add([]byte("RTSP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc$\x00\x00\x04\x80\x60ab"), true)
	f.Add([]byte("x$\x05\x00\x01\x80$\x00\xff\xff"), false)
	f.Fuzz(func(t *testing.T, said []byte, play bool) {
		x := newTidy(script{Reader: iotest.HalfReader(bytes.NewReader(said))})
		x.agree("interleaved=0-1")
		if play {
			x.play()
		}
		got, err := io.ReadAll(x)
		if len(got) > len(said) {
			t.Fatalf("%d bytes became %d", len(said), len(got))
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, errJunk) && !errors.Is(err, errHead) {
			t.Fatal(err)
		}
		c := conn.NewConn(bufio.NewReader(bytes.NewReader(got)), nil)
		for {
			what, err := c.Read()
			if err != nil {
				return
			}
			if p, ok := what.(*base.InterleavedFrame); ok && play && p.Channel > 1 {
				t.Fatalf("a packet on channel %d", p.Channel)
			}
		}
	})
}
