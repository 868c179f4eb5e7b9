package rtsp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/pion/rtp"

	"dongyue/streams"
)

// Times of a connection.
const (
	// An attempt that the network swallows must end soon: the kernel repeats its
	// first packet after 1 s, then ever later, and the camera may be back by then.
	dialTimeout  = 1500 * time.Millisecond
	readTimeout  = 5 * time.Second // of an answer; pictures are watched by the room
	writeTimeout = 5 * time.Second
)

// Options of New.
type Options struct {
	// TLS is for rtsps addresses; nil takes the system's roots. Cameras seldom
	// have a certificate that these know: give InsecureSkipVerify here, knowingly.
	TLS *tls.Config
}

// Puller pulls cameras over RTSP.
type Puller struct {
	tls *tls.Config
}

// New returns a Puller.
func New(o Options) (*Puller, error) { return &Puller{tls: o.TLS}, nil }

// Pull implements streams.Puller.
func (p *Puller) Pull(ctx context.Context, address streams.URL, to streams.Sink) error {
	if err := streams.CheckURL(address); err != nil {
		return fmt.Errorf("pull: %w", err)
	}
	u, err := base.ParseURL(string(address))
	if err != nil {
		return errors.New("pull: the address can't be read") // the cause repeats the address
	}
	tcp := gortsplib.ProtocolTCP
	dial := net.Dialer{Timeout: dialTimeout}
	c := &gortsplib.Client{
		Scheme: u.Scheme, Host: u.Host, Protocol: &tcp, TLSConfig: p.tls, UserAgent: "dongyue",
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			return dial.DialContext(ctx, network, addr)
		},
		OnDecodeError: func(error) {}, // counted below, where the unit is lost
		OnPacketsLost: func(n uint64) { to.Lost(fmt.Errorf("%d packets lost", n)) },
	}
	if err := c.Start(); err != nil {
		return explain(ctx, "connect", err)
	}
	stop := context.AfterFunc(ctx, c.Close)
	defer func() {
		stop()
		c.Close()
	}()
	if err := p.play(c, u, to); err != nil {
		return explain(ctx, "", err)
	}
	return explain(ctx, "play", c.Wait())
}

// play goes through DESCRIBE, SETUP and PLAY for the first H.264 picture.
func (p *Puller) play(c *gortsplib.Client, u *base.URL, to streams.Sink) error {
	desc, _, err := c.Describe(u)
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	var forma *format.H264
	medi := desc.FindFormat(&forma)
	if medi == nil {
		return fmt.Errorf("describe: %w, but %s", streams.ErrNoH264, offered(desc))
	}
	dec, err := forma.CreateDecoder()
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	to.Describe(forma.SPS, forma.PPS) // as the SDP had them; later ones come in band
	if _, err := c.Setup(desc.BaseURL, medi, 0, 0); err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	d := &depacketizer{dec: dec, to: to}
	c.OnPacketRTP(medi, forma, d.packet)
	if _, err := c.Play(nil); err != nil {
		return fmt.Errorf("play: %w", err)
	}
	return nil
}

// offered names what a camera has instead of H.264.
func offered(desc *description.Session) string {
	var names []string
	for _, m := range desc.Medias {
		for _, f := range m.Formats {
			names = append(names, cmp.Or(f.RTPMap(), fmt.Sprintf("payload type %d", f.PayloadType())))
		}
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// depacketizer turns packets into access units.
type depacketizer struct {
	dec *rtph264.Decoder
	to  streams.Sink
}

// packet runs in the connection's goroutine, where a panic would end the
// process; whatever a packet does to the decoder costs only the picture.
func (d *depacketizer) packet(pkt *rtp.Packet) {
	defer func() {
		if r := recover(); r != nil {
			d.to.Lost(fmt.Errorf("packet could not be read: %v", r))
		}
	}()
	au, err := d.dec.Decode(pkt)
	switch {
	case err == nil:
		d.to.Unit(au, pkt.Timestamp)
	case errors.Is(err, rtph264.ErrMorePacketsNeeded), errors.Is(err, rtph264.ErrNonStartingPacketAndNoPrevious):
	default:
		d.to.Lost(err)
	}
}

// explain gives an error the cause that the room knows.
func explain(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the room hung up, so the error is its own doing
	}
	cause := streams.ErrRefused
	var status liberrors.ErrClientBadStatusCode
	var setup liberrors.ErrClientAuthSetup
	var op *net.OpError
	var ue *url.Error
	switch {
	case err == nil:
		return errors.New("the camera ended the stream")
	case errors.Is(err, streams.ErrNoH264):
		return err
	case errors.As(err, &status):
		switch status.Code {
		case base.StatusUnauthorized, base.StatusForbidden:
			cause = streams.ErrAuth
		case base.StatusNotFound:
			cause = streams.ErrNotFound
		default:
		}
	case errors.As(err, &setup):
		cause = streams.ErrAuth
	case errors.As(err, &op), errors.As(err, &ue), errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		cause = streams.ErrUnreachable
	default:
		return wrap(what, err)
	}
	return wrap(what, fmt.Errorf("%w: %w", cause, err))
}

func wrap(what string, err error) error {
	if what == "" {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout() || errors.Is(err, liberrors.ErrClientRequestTimedOut{})
}
