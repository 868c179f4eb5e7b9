package whep

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"dongyue/streams"
)

// session is one viewer of one stream.
type session struct {
	id, camera, principal string
	etag                  string
	pc                    *webrtc.PeerConnection
	lease                 *streams.Lease
	track                 *track
	sender                *webrtc.RTPSender
	reader                *streams.Reader
	connected             chan struct{}
	once                  sync.Once
	ctx                   context.Context //nolint:containedctx // the session's life, begun in one request and ended by another
	cancel                context.CancelCauseFunc
}

var (
	errBusy     = errors.New("too many sessions")
	errQuota    = errors.New("too many sessions of one user")
	errNotReady = errors.New("not running")
	errOffer    = errors.New("offer can't be answered")
)

// open makes a session and the answer to its offer.
func (s *Server) open(camera string, q streams.Quality, principal, offer string) (x *session, answer string, err error) {
	api, cert, base, err := s.admit(principal)
	if err != nil {
		return nil, "", err
	}
	lease, err := s.o.Streams.Open(camera, q)
	if err != nil {
		return nil, "", err
	}
	x = &session{id: token(16), etag: `"` + token(8) + `"`, camera: camera, principal: principal, lease: lease, connected: make(chan struct{})}
	x.ctx, x.cancel = context.WithCancelCause(base)
	x.track = &track{id: camera, codec: lease.Codec}
	answer, err = x.answer(api, cert, offer)
	if err == nil {
		err = s.enter(x)
	}
	if err != nil {
		x.cancel(err)
		if x.pc != nil {
			_ = x.pc.Close() // it never was
		}
		lease.Close()
		return nil, "", err
	}
	return x, advertise(answer, s.o.Hosts), nil
}

// admit says whether one more session fits.
func (s *Server) admit(principal string) (*webrtc.API, webrtc.Certificate, context.Context, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.api == nil {
		return nil, webrtc.Certificate{}, nil, errNotReady
	}
	if err := s.full(principal); err != nil {
		s.totals.refused++
		return nil, webrtc.Certificate{}, nil, err
	}
	return s.api, s.cert, s.base, nil
}

func (s *Server) full(principal string) error {
	if len(s.sessions) >= s.o.MaxSessions {
		return errBusy
	}
	mine := 0
	for _, x := range s.sessions {
		if x.principal == principal {
			mine++
		}
	}
	if mine >= s.o.MaxPerPrincipal {
		return errQuota
	}
	return nil
}

// enter counts the session and starts its goroutine.
func (s *Server) enter(x *session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.api == nil {
		return errNotReady
	}
	if err := s.full(x.principal); err != nil { // others may have come meanwhile
		s.totals.refused++
		return err
	}
	s.sessions[x.id] = x
	s.totals.opened++
	s.running.Go(func() { s.serve(x) })
	return nil
}

// answer negotiates. What a viewer sends may trip the library; that is the
// viewer's fault and costs only this offer.
func (x *session) answer(api *webrtc.API, cert webrtc.Certificate, offer string) (answer string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errOffer, r)
		}
	}()
	x.pc, err = api.NewPeerConnection(webrtc.Configuration{
		Certificates: []webrtc.Certificate{cert}, BundlePolicy: webrtc.BundlePolicyMaxBundle, RTCPMuxPolicy: webrtc.RTCPMuxPolicyRequire,
	})
	if err != nil {
		return "", fmt.Errorf("make peer connection: %w", err)
	}
	x.pc.OnConnectionStateChange(x.state)
	x.track.rtcp = x.pc.WriteRTCP
	tr, err := x.pc.AddTransceiverFromTrack(x.track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return "", fmt.Errorf("add track: %w", err)
	}
	x.sender = tr.Sender()
	if err := x.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", fmt.Errorf("%w: %w", errOffer, err)
	}
	local, err := x.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errOffer, err)
	}
	gathered := webrtc.GatheringCompletePromise(x.pc)
	if err := x.pc.SetLocalDescription(local); err != nil {
		return "", fmt.Errorf("%w: %w", errOffer, err)
	}
	select {
	case <-gathered:
	case <-time.After(gatherWithin): // the answer has what was found so far
	}
	x.reader = streams.NewReader(x.lease.Stream, x.track, uint16(mrand.Uint32())) //nolint:gosec // SRTP keeps it secret
	return x.pc.LocalDescription().SDP, nil
}

// state follows the connection. "Disconnected" passes by itself or ends as "failed".
func (x *session) state(st webrtc.PeerConnectionState) {
	switch st {
	case webrtc.PeerConnectionStateConnected:
		x.once.Do(func() { close(x.connected) })
	case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
		x.cancel(errLost)
	case webrtc.PeerConnectionStateUnknown, webrtc.PeerConnectionStateNew,
		webrtc.PeerConnectionStateConnecting, webrtc.PeerConnectionStateDisconnected:
	}
}

// serve is the life of a session.
func (s *Server) serve(x *session) {
	began := time.Now()
	var wg sync.WaitGroup
	select {
	case <-x.connected:
		wg.Go(x.listen)
		err := x.reader.Run(x.ctx) // nothing is written before SRTP is ready
		x.cancel(err)
	case <-time.After(s.connect):
		x.cancel(errNever)
	case <-x.ctx.Done():
	}
	s.mu.Lock()
	delete(s.sessions, x.id)
	s.totals.add(x.reader.Stats())
	s.mu.Unlock()
	if err := x.pc.GracefulClose(); err != nil {
		s.log.Debug("viewer's connection was not closed cleanly", "camera_id", x.camera, "err", err)
	}
	x.lease.Close()
	wg.Wait()
	st := x.reader.Stats()
	s.log.Debug("viewer left", "camera_id", x.camera, "principal", x.principal, "after", time.Since(began).Round(time.Millisecond),
		"reason", context.Cause(x.ctx), "frames", st.Frames, "replays", st.Replays, "resent", st.Resent, "skipped", st.Skipped)
}

// listen reads what the viewer reports until its connection is closed.
func (x *session) listen() {
	buf := make([]byte, 1500)
	for {
		n, _, err := x.sender.Read(buf)
		if err != nil {
			return
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			continue // one bad report
		}
		for _, p := range packets {
			switch p := p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				x.reader.Refresh()
			case *rtcp.TransportLayerNack:
				var seqs []uint16
				for _, pair := range p.Nacks {
					seqs = append(seqs, pair.PacketList()...)
				}
				x.reader.Resend(seqs)
			}
		}
	}
}

// token is n random bytes in hex.
func token(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}
