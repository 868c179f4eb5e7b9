package rtsp

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"dongyue/streams"
)

// hostile is a camera that answers each request with the next of some texts, and
// hangs up behind the last.
func hostile(l net.Listener, answers []string) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(300 * time.Millisecond)) // the hub asks at once
	in := bufio.NewReader(c)
	for _, a := range answers {
		seq := "1"
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if v, ok := strings.CutPrefix(line, "CSeq:"); ok {
				seq = strings.TrimSpace(v)
			}
			if line == "\r\n" {
				break
			}
		}
		if _, err := c.Write([]byte(strings.ReplaceAll(a, "{seq}", seq))); err != nil {
			return
		}
	}
}

// pullFrom pulls such a camera; it must give up by itself.
func pullFrom(t *testing.T, answers []string) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Skip(err) // no port is left
	}
	var wg sync.WaitGroup
	wg.Go(func() { hostile(l, answers) })
	p, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	err = p.Pull(ctx, streams.Source{URL: streams.URL("rtsp://admin:S3cret@" + l.Addr().String() + "/x")}, &unitSink{t: t})
	if ctx.Err() != nil {
		t.Errorf("the pull of %q does not end", answers)
	}
	if err != nil && strings.Contains(err.Error(), "S3cret") {
		t.Errorf("the password is in the error: %v", err)
	}
	cancel()
	_ = l.Close()
	wg.Wait()
}

const (
	fine    = "RTSP/1.0 200 OK\r\nCSeq: {seq}\r\nPublic: DESCRIBE, SETUP, PLAY\r\n\r\n"
	session = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z01AH+ygKALdgLUBAQFAAAADAEAAAAyDxgxlgA==,aO+8gA==\r\na=control:trackID=0\r\n"
	ready   = "RTSP/1.0 200 OK\r\nCSeq: {seq}\r\nSession: 12345678;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
)

func described(sdp string) string {
	return fmt.Sprintf("RTSP/1.0 200 OK\r\nCSeq: {seq}\r\nContent-Base: rtsp://127.0.0.1/x/\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(sdp), sdp)
}

// FuzzAnswers: a camera may answer what it likes, from its first word on: the pull
// ends with an error that keeps the password.
func FuzzAnswers(f *testing.F) {
	f.Add(fine, described(session), ready, "RTSP/1.0 200 OK\r\nCSeq: {seq}\r\nSession: 12345678\r\n\r\n$\x00\x00\x10\x80\xe0\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x65\x88\x84\x00")
	f.Add(fine, "RTSP/1.0 401 Unauthorized\r\nCSeq: {seq}\r\nWWW-Authenticate: Digest realm=\"x\", nonce=\"y\", algorithm=SHA-256\r\n\r\n", described(session), ready)
	f.Add(fine, "RTSP/1.0 302 Found\r\nCSeq: {seq}\r\nLocation: rtsp://127.0.0.1:1/y\r\n\r\n", "", "")
	f.Add("RTSP/1.0 200 OK\r\nCSeq: {seq}\r\nContent-Length: 99999999999\r\n\r\n", "", "", "")
	f.Add("HTTP/1.1 400 Bad Request\r\n\r\n", "", "", "")
	f.Add("$\x00\xff\xff", "\x00", "", "")
	f.Fuzz(func(t *testing.T, a, b, c, d string) { pullFrom(t, []string{a, b, c, d}) })
}

// FuzzDescription: a camera may describe its streams as it likes.
func FuzzDescription(f *testing.F) {
	f.Add(session)
	f.Add(strings.ReplaceAll(session, "H264", "H265"))
	f.Add(session + "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\na=fmtp:97 mode=AAC-hbr;config=1408;sizelength=13;indexlength=3;indexdeltalength=3\r\na=control:trackID=1\r\n")
	f.Add("v=0\r\nm=video 0 RTP/AVP 96\r\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, sdp string) { pullFrom(t, []string{fine, described(sdp), ready}) })
}
