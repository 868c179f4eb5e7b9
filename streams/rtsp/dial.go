package rtsp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"

	"dongyue/streams"
	"dongyue/streams/digest"
	"dongyue/streams/pin"
)

// line is one connection to a camera: the library's client, and around it what
// cameras need that don't keep to the standard. Describe, Setup and Play are the
// client's, sent again where the camera wants the password or a newer nonce.
//
// The library never sees user and password, so they are in none of its errors.
type line struct {
	*gortsplib.Client
	account *digest.Account // nil: the address has no user

	// Only the client's goroutine touches these; it hands over with its answers.
	asked     map[string]asked // by CSeq
	redirects int
	again     bool // the last 401 may be answered
	scheme    error
	newest    string // the newest request's CSeq
	noRange   bool   // the camera wants none in PLAY

	sets map[string][][]byte // of the description, by payload type
	life
}

// asked is a request that awaits its answer.
type asked struct {
	method    base.Method
	url       *base.URL
	transport base.HeaderValue
	session   base.HeaderValue
}

// Bounds of what a camera can make a line do.
const (
	maxRedirects = 5
	maxAsked     = 32 // requests without an answer: keepalives
	maxChallenge = 3  // times a request is sent, the first included
)

// dial prepares a connection; it is made with the first request.
func (p *Puller) dial(ctx context.Context, from streams.Source, proto gortsplib.Protocol, to lossy) (*line, *base.URL, error) {
	u, err := base.ParseURL(string(from.URL))
	if err != nil {
		return nil, nil, errors.New("the address can't be read") // the cause repeats it
	}
	l := &line{asked: map[string]asked{}}
	if u.User != nil {
		password, _ := u.User.Password()
		l.account = &digest.Account{User: u.User.Username(), Password: password}
		u.User = nil
	}
	dialer := net.Dialer{Timeout: dialTimeout, ControlContext: p.networks.Control}
	secure := pin.Config(from.Fingerprint, p.tls)
	l.Client = &gortsplib.Client{
		Scheme: u.Scheme, Host: u.Host, Protocol: &proto, UserAgent: "dongyue",
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		// Many cameras send from ports that they have not named.
		AnyPortEnable: proto == gortsplib.ProtocolUDP,
		DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			l.wire = newTidy(c)
			return l.wire, nil
		},
		DialTLSContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			cfg := secure.Clone()
			if host, _, err := net.SplitHostPort(addr); err == nil && cfg.ServerName == "" {
				cfg.ServerName = host
			}
			l.wire = newTidy(tls.Client(c, cfg))
			return l.wire, nil
		},
		OnRequest: l.request, OnResponse: l.response, OnServerRequest: l.requested,
		OnTransportSwitch: func(error) {},
		OnDecodeError:     func(error) {}, // counted where the unit is lost
		OnPacketsLost:     to.packets,
	}
	return l, u, nil
}

// lossy is told how many packets were lost.
type lossy struct{ packets func(n uint64) }

// Describe is the client's.
func (l *line) Describe(u *base.URL) (desc *description.Session, res *base.Response, err error) {
	err = l.repeat(func() error {
		desc, res, err = l.Client.Describe(u)
		return err
	})
	return desc, res, err
}

// Setup is the client's.
func (l *line) Setup(u *base.URL, m *description.Media, rtpPort, rtcpPort int) (res *base.Response, err error) {
	err = l.repeat(func() error {
		res, err = l.Client.Setup(u, m, rtpPort, rtcpPort)
		return err
	})
	return res, err
}

// Play is the client's. A camera that has no ranges is asked without one.
func (l *line) Play(r *headers.Range) (res *base.Response, err error) {
	send := func() error {
		res, err = l.Client.Play(r)
		return err
	}
	err = l.repeat(send)
	var status liberrors.ErrClientBadStatusCode
	if errors.As(err, &status) && status.Code == base.StatusInvalidRange {
		l.noRange = true
		err = l.repeat(send)
	}
	return res, err
}

// repeat sends a request again that was refused for want of the password, or
// because its nonce has become old between two requests.
func (l *line) repeat(send func() error) (err error) {
	for range maxChallenge {
		err = send()
		var status liberrors.ErrClientBadStatusCode
		if !errors.As(err, &status) || status.Code != base.StatusUnauthorized {
			break
		}
		if l.scheme != nil {
			return errors.Join(streams.ErrAuth, l.scheme)
		}
		if !l.again {
			break
		}
	}
	return err
}

// request adds the password as the camera wants it.
func (l *line) request(r *base.Request) {
	l.number(r)
	if seq := r.Header["CSeq"]; len(seq) == 1 {
		if len(l.asked) >= maxAsked {
			clear(l.asked)
		}
		l.newest = seq[0]
		l.asked[seq[0]] = asked{r.Method, r.URL, r.Header["Transport"], r.Header["Session"]}
	}
	if r.Method == base.Play {
		l.wire.play()
		if l.noRange {
			delete(r.Header, "Range")
		}
	}
	l.authorize(r)
}

func (l *line) authorize(r *base.Request) {
	if l.account == nil || r.URL == nil {
		return
	}
	if a := l.account.Authorization(string(r.Method), r.URL.String()); a != "" {
		r.Header["Authorization"] = base.HeaderValue{a}
	}
}

// requested lets the library agree to what a camera asks for of its own accord:
// parameters and announcements are nothing that a picture should end for. It ends
// when the camera says so, or that it has moved (RFC 2326, 10.10).
func (l *line) requested(r *base.Request) {
	if r.Method != base.Teardown && r.Method != "REDIRECT" {
		r.Method = base.Options
	}
}

// response reads what concerns the password and puts right what cameras do not
// write as the standard has it, before the library reads it.
func (l *line) response(r *base.Response) {
	seq := l.newest // which is meant by an answer without a number
	if is := r.Header["CSeq"]; len(is) == 1 {
		seq = strings.TrimSpace(is[0])
	}
	of := l.asked[seq]
	delete(l.asked, seq)
	mendSession(r)
	switch code := r.StatusCode; {
	case code == base.StatusUnauthorized:
		l.again, l.scheme = false, nil
		if l.account != nil {
			l.again, l.scheme = l.account.Take(r.Header["WWW-Authenticate"])
		}
		if l.again && l.playing {
			l.keep(of)
		}
		return
	case of.method == base.Options && code != base.StatusOK:
		r.StatusCode = base.StatusOK // nobody needs the answer, and DESCRIBE tells what is wrong; without one the library does not play
	case code >= base.StatusMovedPermanently && code <= base.StatusUseProxy:
		l.redirected(r, of)
	case code == base.StatusOK:
		if l.account != nil {
			l.account.Accepted()
		}
		l.playing = l.playing || of.method == base.Play
	}
	l.mend(r, of)
}

// redirected lets the library follow a redirect (RFC 2326, 11.3) a few times, to
// RTSP only. The host is another one, which asks for the password itself.
func (l *line) redirected(r *base.Response, of asked) {
	if l.redirects++; l.redirects > maxRedirects {
		delete(r.Header, "Location")
		return
	}
	if to := r.Header["Location"]; len(to) == 1 {
		u, err := url.Parse(strings.TrimSpace(to[0]))
		if err == nil && of.url != nil { // a relative one is of this camera
			u = (*url.URL)(of.url).ResolveReference(u)
		}
		if err != nil || u.Scheme != "rtsp" && u.Scheme != "rtsps" || u.Host == "" {
			delete(r.Header, "Location") // the status is the error then
			return
		}
		u.User = nil
		r.Header["Location"] = base.HeaderValue{u.String()}
	}
	if l.account != nil {
		l.account.Forget()
	}
}
