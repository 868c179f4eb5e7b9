package rtsp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
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
	// have a certificate that these know: give a camera its fingerprint.
	TLS *tls.Config
	// Networks are where cameras may be; nil allows the private ones.
	Networks streams.Networks
}

// Puller pulls cameras over RTSP.
type Puller struct {
	tls      *tls.Config
	networks streams.Networks
}

// New returns a Puller.
func New(o Options) (*Puller, error) {
	if o.Networks == nil {
		var err error
		if o.Networks, err = streams.ParseNetworks(streams.PrivateNetworks()); err != nil {
			return nil, fmt.Errorf("rtsp: %w", err)
		}
	}
	return &Puller{tls: o.TLS, networks: o.Networks}, nil
}

// Pull implements streams.Puller.
func (p *Puller) Pull(ctx context.Context, from streams.Source, to streams.Sink) error {
	if err := streams.CheckURL(from.URL); err != nil {
		return fmt.Errorf("pull: %w", err)
	}
	first, others := order(from.Transport)
	err := p.heard(ctx, from, first, to)
	for _, proto := range others {
		if !refusesTransport(err) {
			break
		}
		err = p.heard(ctx, from, proto, to)
	}
	return err
}

// heard pulls picture and sound, or the picture alone where the camera can't stand to be
// asked for both.
func (p *Puller) heard(ctx context.Context, from streams.Source, proto gortsplib.Protocol, to streams.Sink) error {
	err := p.pull(ctx, from, proto, true, to)
	if errors.Is(err, errSound) && ctx.Err() == nil {
		err = p.pull(ctx, from, proto, false, to)
	}
	return err
}

// errSound means that the connection did not survive the question for sound.
var errSound = errors.New("the camera hangs up when it is asked for its sound")

// pull makes one connection.
func (p *Puller) pull(ctx context.Context, from streams.Source, proto gortsplib.Protocol, sound bool, to streams.Sink) error {
	c, u, err := p.dial(ctx, from, proto, lossy{func(uint64) {}})
	if err != nil {
		return fmt.Errorf("pull: %w", err)
	}
	if err := c.Start(); err != nil {
		return explain(ctx, "connect", err)
	}
	stop := context.AfterFunc(ctx, c.Close)
	defer func() {
		stop()
		c.Close()
	}()
	if err := p.play(c, u, sound, to); err != nil {
		return explain(ctx, "", err)
	}
	return explain(ctx, "play", c.Wait())
}

// play goes through DESCRIBE, SETUP and PLAY for the picture and its sound.
func (p *Puller) play(c *line, u *base.URL, loud bool, to streams.Sink) error {
	desc, _, err := c.Describe(u)
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	v, d, err := findVideo(desc)
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	d.Params = append(d.Params, c.sets[strconv.Itoa(int(v.forma.PayloadType()))]...)
	a := &sound{}
	if loud {
		a = findSound(desc)
	}
	d.Sound = a.sound
	to.Describe(d)
	if _, err := c.Setup(desc.BaseURL, v.media, 0, 0); err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	v.to, v.taken = to, func(pkt *rtp.Packet) time.Time {
		at, _ := c.PacketNTP(v.media, pkt) // zero before the first sender report
		return at
	}
	c.OnPacketRTP(v.media, v.forma, v.packet)
	if a.media != nil {
		if _, err := c.Setup(desc.BaseURL, a.media, 0, 0); err != nil { // a picture without sound is better than none
			if hungUp(err) {
				return fmt.Errorf("setup: %w: %w", errSound, err)
			}
			d.Sound = streams.Sound{}
			to.Describe(d)
		} else {
			a.to, a.taken = to, func(pkt *rtp.Packet) time.Time {
				at, _ := c.PacketNTP(a.media, pkt)
				return at
			}
			c.OnPacketRTP(a.media, a.forma, a.packet)
		}
	}
	if _, err := c.Play(nil); err != nil {
		return fmt.Errorf("play: %w", err)
	}
	return nil
}

// offered names what a camera has instead of a picture that is understood.
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

// explain gives an error the cause that the room knows.
func explain(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the room hung up, so the error is its own doing
	}
	err = quiet(err)
	cause := streams.ErrRefused
	var status liberrors.ErrClientBadStatusCode
	var setup liberrors.ErrClientAuthSetup
	var op *net.OpError
	var ue *url.Error
	switch {
	case err == nil:
		return errors.New("the camera ended the stream")
	case errors.Is(err, streams.ErrNoVideo):
		return err
	case errors.Is(err, streams.ErrNetwork), errors.Is(err, streams.ErrCertificate), errors.Is(err, streams.ErrAuth):
		return wrap(what, err)
	case errors.As(err, &status):
		switch status.Code {
		case base.StatusUnauthorized, base.StatusForbidden:
			cause = streams.ErrAuth
		case base.StatusNotFound:
			cause = streams.ErrNotFound
		case base.StatusNotEnoughBandwidth:
			cause = streams.ErrFull
		case base.StatusServiceUnavailable:
			cause = streams.ErrNotNow
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

// hungUp tells errors of a connection from answers that are none.
func hungUp(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op) || isTimeout(err)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout() || errors.Is(err, liberrors.ErrClientRequestTimedOut{})
}
