package rtsp

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/conn"
	"github.com/pion/rtp"
)

// quirky is a camera that answers as a test wants it. Its own answers are those of
// a plain camera with one picture.
type quirky struct {
	t    *testing.T
	ln   net.Listener
	addr string
	// answer changes the plain answer; nil sends none.
	answer func(c *call, res *base.Response) *base.Response
	mu     sync.Mutex
	seen   []string      // methods of all connections, in order
	asks   []base.Method // what it asks for while it is played
	agreed chan base.StatusCode
	early  []byte                                    // packets that it sends behind the answer to SETUP
	sends  func(c net.Conn, channel int, rtp []byte) // packets, in another way than it should
}

// call is one request and what its connection has seen before.
type call struct {
	*base.Request
	conn      int // of which connection
	described bool
	count     int // of requests with this method in this connection
}

func newQuirky(t *testing.T, secure *tls.Config, answer func(*call, *base.Response) *base.Response) *quirky {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	q := &quirky{t: t, ln: ln, addr: ln.Addr().String(), answer: answer, agreed: make(chan base.StatusCode, 16)}
	if secure != nil {
		q.ln = tls.NewListener(ln, secure)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 1; ; n++ {
			c, err := q.ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { q.serve(c, n) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
	return q
}

func (q *quirky) serve(nc net.Conn, n int) {
	defer func() { _ = nc.Close() }()
	stop := make(chan struct{})
	defer close(stop)
	c := conn.NewConn(bufio.NewReader(nc), nc)
	counts := map[base.Method]int{}
	var lock sync.Mutex
	channel := 0
	for {
		got, err := c.Read()
		if err != nil {
			return
		}
		if a, ok := got.(*base.Response); ok {
			q.agreed <- a.StatusCode
		}
		r, ok := got.(*base.Request)
		if !ok {
			continue // a receiver report
		}
		counts[r.Method]++
		q.mu.Lock()
		q.seen = append(q.seen, string(r.Method))
		q.mu.Unlock()
		res := q.plain(r)
		x := &call{Request: r, conn: n, described: counts[base.Describe] > 0, count: counts[r.Method]}
		if q.answer != nil {
			res = q.answer(x, res)
		}
		if res == nil {
			continue
		}
		if len(res.Header["Connection"]) > 0 {
			return
		}
		if t := res.Header["Transport"]; r.Method == base.Setup && len(t) == 1 {
			_, _ = fmt.Sscanf(t[0][strings.Index(t[0], "interleaved=")+len("interleaved="):], "%d", &channel)
		}
		lock.Lock()
		err = c.WriteResponse(res)
		if r.Method == base.Setup && err == nil {
			_, err = nc.Write(q.early)
		}
		lock.Unlock()
		if err != nil || r.Method == base.Teardown {
			return
		}
		if r.Method == base.Play && res.StatusCode == base.StatusOK {
			for i, m := range q.asks {
				_ = c.WriteRequest(&base.Request{Method: m, URL: r.URL, Header: base.Header{"CSeq": {fmt.Sprint(i)}}})
			}
			go q.film(nc, c, &lock, channel, stop)
		}
	}
}

// film sends a key frame ten times a second.
func (q *quirky) film(nc net.Conn, c *conn.Conn, lock *sync.Mutex, channel int, stop <-chan struct{}) {
	for i := uint16(0); ; i++ {
		p := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: i, Timestamp: uint32(i) * 9000, Marker: true}, Payload: []byte{0x65, 1, 2, 3}}
		b, err := p.Marshal()
		if err != nil {
			q.t.Error(err)
			return
		}
		lock.Lock()
		if q.sends != nil {
			q.sends(nc, channel, b)
		} else {
			err = c.WriteInterleavedFrame(&base.InterleavedFrame{Channel: channel, Payload: b}, make([]byte, 2048))
		}
		lock.Unlock()
		if err != nil {
			return
		}
		select {
		case <-stop:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (q *quirky) plain(r *base.Request) *base.Response {
	h := base.Header{"CSeq": r.Header["CSeq"]}
	res := &base.Response{StatusCode: base.StatusOK, Header: h}
	switch r.Method {
	case base.Options:
		h["Public"] = base.HeaderValue{"OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"}
	case base.Describe:
		h["Content-Type"] = base.HeaderValue{"application/sdp"}
		res.Body = []byte("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track1\r\n")
	case base.Setup:
		h["Transport"] = r.Header["Transport"]
		h["Session"] = base.HeaderValue{"4711"}
	default:
		h["Session"] = base.HeaderValue{"4711"}
	}
	return res
}

func (q *quirky) methods() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return strings.Join(q.seen, " ")
}

// refuse asks for the password.
func refuse(r *call, challenges ...string) *base.Response {
	return &base.Response{StatusCode: base.StatusUnauthorized, Header: base.Header{"CSeq": r.Header["CSeq"], "WWW-Authenticate": challenges}}
}

func status(r *call, code base.StatusCode) *base.Response {
	return &base.Response{StatusCode: code, Header: base.Header{"CSeq": r.Header["CSeq"]}}
}
