package rtsp

import (
	"context"
	"crypto/md5" //nolint:gosec // the scheme of the cameras
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"dongyue/streams"
)

// film pulls until the first picture, or returns why there is none.
func film(t *testing.T, from streams.Source) error {
	t.Helper()
	p, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	return filmBy(p, from)
}

func filmBy(p *Puller, from streams.Source) error {
	to := newSink()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- p.Pull(ctx, from, to) }()
	select {
	case <-to.first:
		cancel()
		return <-done
	case err := <-done:
		if err == nil {
			err = errors.New("no picture")
		}
		return err
	}
}

func at(addr, user string) streams.Source {
	return streams.Source{URL: streams.URL("rtsp://" + user + addr + "/live")}
}

const admin = "admin:se%40cret@"

// verified checks an Authorization header by the standard, apart from the code
// under test.
func verified(r *call, h func() hash.Hash, nonce string, qop bool) bool {
	a := r.Header["Authorization"]
	if len(a) != 1 {
		return false
	}
	f := map[string]string{}
	for p := range strings.SplitSeq(strings.TrimPrefix(a[0], "Digest "), ", ") {
		k, v, _ := strings.Cut(p, "=")
		f[k] = strings.Trim(v, `"`)
	}
	sum := func(s string) string {
		x := h()
		x.Write([]byte(s))
		return hex.EncodeToString(x.Sum(nil))
	}
	middle := nonce
	if qop {
		middle += ":" + f["nc"] + ":" + f["cnonce"] + ":auth"
	}
	return f["nonce"] == nonce && f["response"] == sum(sum("admin:cam:se@cret")+":"+middle+":"+sum(string(r.Method)+":"+f["uri"]))
}

func TestAuthentication(t *testing.T) {
	for _, c := range []struct {
		name, challenge string
		h               func() hash.Hash
		qop             bool
	}{
		{"digest without qop", `Digest realm="cam", nonce="n%d"`, md5.New, false},
		{"digest with qop", `Digest realm="cam", nonce="n%d", qop="auth"`, md5.New, true},
		{"SHA-256", `Digest realm="cam", nonce="n%d", algorithm=SHA-256, qop="auth"`, sha256.New, true},
		{"SHA-256 without qop", `Digest realm="cam",nonce="n%d",algorithm="SHA-256"`, sha256.New, false},
	} {
		for _, stale := range []bool{false, true} {
			nonce := 1
			q := newQuirky(t, nil, func(r *call, res *base.Response) *base.Response {
				if stale && r.Method == base.Setup && r.count == 1 {
					nonce++ // between two requests
					return refuse(r, fmt.Sprintf(c.challenge, nonce)+", stale=true")
				}
				if !verified(r, c.h, fmt.Sprintf("n%d", nonce), c.qop) {
					return refuse(r, `Basic realm="cam"`, fmt.Sprintf(c.challenge, nonce))
				}
				return res
			})
			if err := film(t, at(q.addr, admin)); err != nil {
				t.Errorf("%s, stale %v: %v", c.name, stale, err)
			}
		}
	}
}

// A nonce for each request, never called stale.
func TestNonceForEachRequest(t *testing.T) {
	nonce := 1
	q := newQuirky(t, nil, func(r *call, res *base.Response) *base.Response {
		if !verified(r, md5.New, fmt.Sprint(nonce), false) {
			return refuse(r, fmt.Sprintf(`Digest realm="cam", nonce="%d"`, nonce))
		}
		nonce++
		return res
	})
	if err := film(t, at(q.addr, admin)); err != nil {
		t.Fatal(err)
	}
}

// A wrong password is sent once per connection: cameras lock users out.
func TestWrongPasswordIsNotTriedAgain(t *testing.T) {
	n := 0
	q := newQuirky(t, nil, func(r *call, _ *base.Response) *base.Response {
		if len(r.Header["Authorization"]) > 0 {
			n++
		}
		return refuse(r, fmt.Sprintf(`Digest realm="cam", nonce="%d"`, time.Now().UnixNano()))
	})
	err := film(t, at(q.addr, "admin:wrong-one@"))
	if !errors.Is(err, streams.ErrAuth) || strings.Contains(err.Error(), "wrong-one") {
		t.Errorf("got %v", err)
	}
	if n != 1 {
		t.Errorf("the password was sent %d times", n)
	}
}

func TestSchemeThatNobodyKnows(t *testing.T) {
	q := newQuirky(t, nil, func(r *call, _ *base.Response) *base.Response { return refuse(r, "Negotiate") })
	if err := film(t, at(q.addr, admin)); !errors.Is(err, streams.ErrAuth) || !strings.Contains(err.Error(), "digest") {
		t.Errorf("got %v", err)
	}
}

func TestUserAgentIsSent(t *testing.T) {
	q := newQuirky(t, nil, func(r *call, res *base.Response) *base.Response {
		if len(r.Header["User-Agent"]) != 1 {
			return refuse(r, `Digest realm="cam", nonce="1"`)
		}
		return res
	})
	if err := film(t, at(q.addr, "")); err != nil {
		t.Fatal(err)
	}
}

// Some cameras serve SETUP only to a connection that has seen DESCRIBE.
func TestDescribeBeforeSetup(t *testing.T) {
	q := newQuirky(t, nil, func(r *call, res *base.Response) *base.Response {
		if r.Method == base.Setup && !r.described {
			return refuse(r, `Digest realm="cam", nonce="1"`)
		}
		return res
	})
	if err := film(t, at(q.addr, "")); err != nil {
		t.Fatal(err)
	}
}

func TestRedirects(t *testing.T) {
	target := newQuirky(t, nil, func(r *call, res *base.Response) *base.Response {
		if !verified(r, md5.New, "there", false) {
			return refuse(r, `Digest realm="cam", nonce="there"`)
		}
		return res
	})
	to := func(code base.StatusCode, location string) *quirky {
		return newQuirky(t, nil, func(r *call, res *base.Response) *base.Response {
			if !verified(r, md5.New, "here", false) {
				return refuse(r, `Digest realm="cam", nonce="here"`)
			}
			if r.Method == base.Describe {
				res = status(r, code)
				res.Header["Location"] = base.HeaderValue{location}
			}
			return res
		})
	}
	for _, code := range []base.StatusCode{base.StatusMovedPermanently, base.StatusFound} {
		q := to(code, " rtsp://"+target.addr+"/other ")
		if err := film(t, at(q.addr, admin)); err != nil {
			t.Errorf("%d: %v", code, err)
		}
	}
	for _, c := range []struct {
		location string
		want     error
	}{
		{"rtsp://8.8.8.8/live", streams.ErrNetwork},
		{"rtsp://169.254.169.254:80/latest", streams.ErrNetwork},
		{"http://127.0.0.1/live", streams.ErrRefused},
		{"file:///etc/passwd", streams.ErrRefused},
		{"%zz", streams.ErrRefused},
	} {
		q := to(base.StatusFound, c.location)
		if err := film(t, at(q.addr, admin)); !errors.Is(err, c.want) || strings.Contains(err.Error(), "8.8.8.8") {
			t.Errorf("%s: %v, want %v", c.location, err, c.want)
		}
	}
}

func TestRedirectInACircle(t *testing.T) {
	var q *quirky
	q = newQuirky(t, nil, func(r *call, res *base.Response) *base.Response {
		if r.Method == base.Describe {
			res = status(r, base.StatusMovedPermanently)
			res.Header["Location"] = base.HeaderValue{"rtsp://" + q.addr + "/live"}
		}
		return res
	})
	if err := film(t, at(q.addr, "")); !errors.Is(err, streams.ErrRefused) {
		t.Errorf("got %v", err)
	}
	if n := strings.Count(q.methods(), "DESCRIBE"); n != maxRedirects+1 {
		t.Errorf("%d requests", n)
	}
}

func TestOddAnswers(t *testing.T) {
	set := func(method base.Method, name, value string) func(*call, *base.Response) *base.Response {
		return func(r *call, res *base.Response) *base.Response {
			if r.Method == method {
				if delete(res.Header, name); value != "" {
					res.Header[name] = base.HeaderValue{value}
				}
			}
			return res
		}
	}
	for _, c := range []struct {
		name   string
		answer func(*call, *base.Response) *base.Response
	}{
		{"other channels than asked for", set(base.Setup, "Transport", "RTP/AVP/TCP;unicast;interleaved=10-11;ssrc=10117CB7")},
		{"one channel", set(base.Setup, "Transport", "RTP/AVP/TCP;unicast;destination=192.168.1.111;source=192.168.1.222;interleaved=0")},
		{"the same channel twice", set(base.Setup, "Transport", "RTP/AVP/TCP;unicast;interleaved=2-2")},
		{"no TCP in the profile", set(base.Setup, "Transport", "RTP/AVP;unicast;destination=192.168.1.111;source=192.168.1.222;interleaved=0-1")},
		{"spaces, lower case, an empty part", set(base.Setup, "Transport", " rtp/avp/tcp; unicast;; interleaved=0-1;mode=\"PLAY\"")},
		{"a mode that nobody knows", set(base.Setup, "Transport", "RTP/AVP/TCP;unicast;interleaved=0-1;mode=LIVE;port=x")},
		{"no OPTIONS (501)", func(r *call, res *base.Response) *base.Response {
			if r.Method == base.Options {
				return status(r, base.StatusNotImplemented)
			}
			return res
		}},
		{"no OPTIONS (404)", func(r *call, res *base.Response) *base.Response {
			if r.Method == base.Options {
				return status(r, base.StatusNotFound)
			}
			return res
		}},
		{"no content type", set(base.Describe, "Content-Type", "")},
		{"content type in capitals", set(base.Describe, "Content-Type", "Application/SDP; charset=utf-8")},
		{"no OPTIONS (500)", func(r *call, res *base.Response) *base.Response {
			if r.Method == base.Options {
				return status(r, base.StatusInternalServerError)
			}
			return res
		}},
		{"no OPTIONS (302)", func(r *call, res *base.Response) *base.Response {
			if r.Method == base.Options {
				return status(r, base.StatusFound)
			}
			return res
		}},
		{"no CSeq, and no content type", func(r *call, res *base.Response) *base.Response {
			delete(res.Header, "CSeq")
			delete(res.Header, "Content-Type")
			return res
		}},
		{"a session's time that is none", set(base.Setup, "Session", "4711 ; timeout = soon")},
		{"a session with a quote that stays open", set(base.Setup, "Session", "4711;x=\"y;timeout=60")},
		{"a base that is none", set(base.Describe, "Content-Base", "live/")},
		{"an empty base", set(base.Describe, "Content-Base", " ")},
		{"a base that can't be read", set(base.Describe, "Content-Base", "rtsp://%zz/")},
		{"no range in PLAY", func(r *call, res *base.Response) *base.Response {
			if r.Method == base.Play && len(r.Header["Range"]) > 0 {
				return status(r, base.StatusInvalidRange)
			}
			return res
		}},
		{"CSeq with a space", func(_ *call, res *base.Response) *base.Response {
			res.Header["CSeq"] = base.HeaderValue{" " + res.Header["CSeq"][0]}
			return res
		}},
	} {
		q := newQuirky(t, nil, c.answer)
		if err := film(t, at(q.addr, "")); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// keepalives is a camera whose session ends without them; it tells how many came.
func keepalives(t *testing.T, timeout string, answers bool) (*quirky, <-chan struct{}) {
	t.Helper()
	came := make(chan struct{}, 16)
	playing := false
	return newQuirky(t, nil, func(r *call, res *base.Response) *base.Response {
		switch r.Method {
		case base.Setup:
			res.Header["Session"] = base.HeaderValue{"4711;timeout=" + timeout}
		case base.Play:
			playing = true
		case base.Options, base.GetParameter:
			if playing {
				came <- struct{}{}
				if !answers {
					return nil
				}
			}
		default:
		}
		return res
	}), came
}

// The session is kept alive five seconds ahead of the camera's timeout (RFC 2326,
// 12.37), and a camera that does not answer that loses nothing.
func TestKeepalive(t *testing.T) {
	for _, answers := range []bool{true, false} {
		q, came := keepalives(t, "6", answers)
		to := newSink()
		pull(t, q.addr, to)
		<-to.first
		for range 2 {
			select {
			case <-came:
			case <-time.After(5 * time.Second):
				t.Fatal("no keepalive")
			}
		}
		before := to.units.Load()
		for end := time.Now().Add(3 * time.Second); to.units.Load() == before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("answers %v: no pictures after a keepalive", answers)
			}
		}
	}
}

// A timeout of 20 s, as many cameras have it, means a keepalive every 15.
func TestKeepaliveOfTwentySeconds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 15 s")
	}
	t.Parallel()
	q, came := keepalives(t, "20", true)
	to := newSink()
	pull(t, q.addr, to)
	<-to.first
	select {
	case <-came:
	case <-time.After(19 * time.Second):
		t.Fatal("the session would have ended")
	}
}

// A nonce that lives shorter than the session: the sign of life is refused at first,
// and must be sent again before the session ends.
func TestKeepaliveWithAnOldNonce(t *testing.T) {
	for _, secure := range []bool{false, true} {
		nonce, playing := 1, false
		accepted, other := make(chan string, 16), make(chan struct{}, 1)
		var with *tls.Config
		if secure {
			with, _, _ = selfSigned(t)
		}
		q := newQuirky(t, with, func(r *call, res *base.Response) *base.Response {
			if playing && r.count%2 == 0 && r.Method == base.Options {
				nonce++
			}
			if !verified(r, md5.New, fmt.Sprint(nonce), false) {
				return refuse(r, fmt.Sprintf(`Digest realm="cam", nonce="%d"`, nonce))
			}
			switch r.Method {
			case base.Setup:
				res.Header["Session"] = base.HeaderValue{"4711;timeout=6"}
			case base.Play:
				playing = true
			case base.Options:
				if playing {
					accepted <- r.Header["CSeq"][0] + " " + r.Header["Session"][0]
				}
			case base.Teardown:
				other <- struct{}{}
			default:
			}
			return res
		})
		from := at(q.addr, admin)
		p, err := New(Options{TLS: &tls.Config{InsecureSkipVerify: true}}) //nolint:gosec // G402: the test's own camera
		if err != nil {
			t.Fatal(err)
		}
		if secure {
			from.URL = streams.URL(strings.Replace(string(from.URL), "rtsp:", "rtsps:", 1))
		}
		to := newSink()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Pull(ctx, from, to) }()
		seen := map[string]bool{}
		for range 2 {
			select {
			case a := <-accepted:
				if seen[a] || !strings.HasSuffix(a, " 4711") {
					t.Errorf("secure %v: a sign of life as %q", secure, a)
				}
				seen[a] = true
			case <-time.After(5 * time.Second):
				t.Fatalf("secure %v: the session would have ended", secure)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("secure %v: %v", secure, err)
		}
		select {
		case <-other:
		case <-time.After(5 * time.Second):
			t.Errorf("secure %v: the end was not accepted", secure)
		}
	}
}

// What a camera asks for of its own accord does not end the picture.
func TestRequestsOfACamera(t *testing.T) {
	q := newQuirky(t, nil, nil)
	q.asks = []base.Method{base.SetParameter, base.Announce, base.GetParameter, base.Options}
	to := newSink()
	pull(t, q.addr, to)
	<-to.first
	for range q.asks {
		select {
		case code := <-q.agreed:
			if code != base.StatusOK {
				t.Errorf("answered %d", code)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("the camera gets no answer")
		}
	}
	before := to.units.Load()
	for end := time.Now().Add(3 * time.Second); to.units.Load() == before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no pictures after it")
		}
	}
}

// Where a camera has moved within itself.
func TestRelativeRedirect(t *testing.T) {
	q := newQuirky(t, nil, func(r *call, res *base.Response) *base.Response {
		if r.Method == base.Describe && r.URL.Path != "/other" {
			res = status(r, base.StatusFound)
			res.Header["Location"] = base.HeaderValue{"/other"}
		}
		return res
	})
	if err := film(t, at(q.addr, "")); err != nil {
		t.Fatal(err)
	}
}

func TestTransportOrder(t *testing.T) {
	udpOnly := func(r *call, res *base.Response) *base.Response {
		if r.Method == base.Setup && strings.Contains(r.Header["Transport"][0], "TCP") {
			return status(r, base.StatusUnsupportedTransport)
		}
		if r.Method == base.Setup {
			return status(r, base.StatusNotEnoughBandwidth) // seen that it was asked for
		}
		return res
	}
	for _, c := range []struct {
		transport streams.Transport
		want      error
	}{
		{streams.Auto, streams.ErrFull}, {streams.UDP, streams.ErrFull}, {streams.TCP, streams.ErrRefused},
	} {
		q := newQuirky(t, nil, udpOnly)
		from := at(q.addr, "")
		from.Transport = c.transport
		if err := film(t, from); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.transport, err)
		}
	}
}

func FuzzTransport(f *testing.F) {
	f.Add("RTP/AVP/TCP;unicast;interleaved=0")
	f.Add("RTP/AVP;interleaved=65535-0;server_port=1-")
	f.Fuzz(func(t *testing.T, got string) {
		out := mendTransport("RTP/AVP/TCP;unicast;interleaved=0-1", got)
		if strings.Contains(out, "source=") || strings.Contains(out, "destination=") {
			t.Fatalf("%q became %q", got, out)
		}
	})
}
