package rtsp

import (
	"context"
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
}

// asked is a request that awaits its answer.
type asked struct {
	method    base.Method
	transport base.HeaderValue
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
	l.Client = &gortsplib.Client{
		Scheme: u.Scheme, Host: u.Host, Protocol: &proto, TLSConfig: pin.Config(from.Fingerprint, p.tls), UserAgent: "dongyue",
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		// Many cameras send from ports that they have not named.
		AnyPortEnable: proto == gortsplib.ProtocolUDP,
		DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, addr)
		},
		OnRequest: l.request, OnResponse: l.response,
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

// Play is the client's.
func (l *line) Play(r *headers.Range) (res *base.Response, err error) {
	err = l.repeat(func() error {
		res, err = l.Client.Play(r)
		return err
	})
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
	if seq := r.Header["CSeq"]; len(seq) == 1 {
		if len(l.asked) >= maxAsked {
			clear(l.asked)
		}
		l.asked[seq[0]] = asked{r.Method, r.Header["Transport"]}
	}
	if l.account == nil {
		return
	}
	if a := l.account.Authorization(string(r.Method), r.URL.String()); a != "" {
		r.Header["Authorization"] = base.HeaderValue{a}
	}
}

// response reads what concerns the password and puts right what cameras do not
// write as the standard has it, before the library reads it.
func (l *line) response(r *base.Response) {
	var of asked
	if seq := r.Header["CSeq"]; len(seq) == 1 {
		of = l.asked[strings.TrimSpace(seq[0])]
		delete(l.asked, strings.TrimSpace(seq[0]))
	}
	switch code := r.StatusCode; {
	case code == base.StatusUnauthorized:
		l.again, l.scheme = false, nil
		if l.account != nil {
			l.again, l.scheme = l.account.Take(r.Header["WWW-Authenticate"])
		}
		return
	case code >= base.StatusMovedPermanently && code <= base.StatusUseProxy:
		l.redirected(r)
	case of.method == base.Options && optional(code):
		r.StatusCode = base.StatusOK // nobody needs the answer, and without one the library does not play
	case code == base.StatusOK:
		if l.account != nil {
			l.account.Accepted()
		}
	}
	mend(r, of)
}

// redirected lets the library follow a redirect (RFC 2326, 11.3) a few times, to
// RTSP only. The host is another one, which asks for the password itself.
func (l *line) redirected(r *base.Response) {
	if l.redirects++; l.redirects > maxRedirects {
		delete(r.Header, "Location")
		return
	}
	if to := r.Header["Location"]; len(to) == 1 {
		u, err := url.Parse(to[0])
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

// optional are the answers of cameras that have no OPTIONS.
func optional(code base.StatusCode) bool {
	switch code {
	case base.StatusBadRequest, base.StatusNotFound, base.StatusMethodNotAllowed, base.StatusParameterNotUnderstood,
		base.StatusSessionNotFound, base.StatusMethodNotValidInThisState, base.StatusNotImplemented, base.StatusOptionNotSupported:
		return true
	default:
		return false
	}
}
