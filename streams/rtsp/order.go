package rtsp

import (
	"errors"
	"net"
	"strings"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"

	"dongyue/streams"
)

// order returns the transport to begin with, and what to go on with where the
// camera refuses it.
func order(t streams.Transport) (first gortsplib.Protocol, others []gortsplib.Protocol) {
	switch t {
	case streams.UDP:
		return gortsplib.ProtocolUDP, nil
	case streams.TCP:
		return gortsplib.ProtocolTCP, nil
	case streams.Auto:
	}
	return gortsplib.ProtocolTCP, []gortsplib.Protocol{gortsplib.ProtocolUDP}
}

// refusesTransport reports the answers by which a camera says that it does not
// serve that way (RFC 2326, 11.3.14).
func refusesTransport(err error) bool {
	var status liberrors.ErrClientBadStatusCode
	var udp liberrors.ErrClientServerRequestedUDP
	return errors.As(err, &status) && status.Code == base.StatusUnsupportedTransport || errors.As(err, &udp)
}

// quiet takes addresses out of an error of the network: they may be those of a
// host that a camera has redirected to, which the room could not take out.
func quiet(err error) error {
	var op *net.OpError
	if !errors.As(err, &op) {
		return err
	}
	bare := op.Op + ": " + op.Err.Error()
	if dns, ok := errors.AsType[*net.DNSError](op.Err); ok {
		bare = "the name can't be resolved: " + dns.Err
	}
	return &quieted{text: strings.ReplaceAll(err.Error(), op.Error(), bare), err: err}
}

type quieted struct {
	text string
	err  error
}

func (q *quieted) Error() string { return q.text }
func (q *quieted) Unwrap() error { return q.err }
