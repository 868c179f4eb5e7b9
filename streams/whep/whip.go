package whep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"dongyue/internal/web"
)

// The other direction: a voice from a browser, on the same port (WHIP, RFC 9725). What is
// done with it, Options.Microphone decides; nothing here is decoded.

// microphone is where voices stand in their addresses.
const microphone = "microphone"

// maxVoices is how many microphones may be open at once, maxVoicesOfOne how many of one
// person: an operator has a screen or two.
const (
	maxVoices      = 64
	maxVoicesOfOne = 4
)

// voice is one microphone.
type voice struct {
	id, principal string
	pc            *webrtc.PeerConnection
	back          *reply // nil: who speaks does not listen
	packet        func([]byte)
	closed        func()
	connected     chan struct{}
	once          sync.Once
	ctx           context.Context //nolint:containedctx // its life, begun in one request and ended by another
	cancel        context.CancelCauseFunc
}

func (s *Server) registerWHIP(a *web.API) {
	if s.o.Microphone == nil {
		return
	}
	a.Handle(http.MethodPost, "//whip/"+microphone, web.Broadcast, http.HandlerFunc(s.postVoice))
	a.Handle(http.MethodDelete, "//whip/"+microphone+"/{voice}", web.Broadcast, http.HandlerFunc(s.removeVoice))
}

func (s *Server) postVoice(w http.ResponseWriter, r *http.Request) {
	offer, ok := body(w, r, typeSDP, maxBody)
	if !ok {
		return
	}
	if !speaks(offer) {
		fail(w, http.StatusNotAcceptable, "whip.no_opus", "offer one audio section that sends Opus")
		return
	}
	who, _ := web.Who(r.Context())
	v, answer, err := s.hear(who, string(offer))
	if err != nil {
		s.refuse(w, microphone, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", typeSDP)
	h.Set("Location", "/whip/"+microphone+"/"+v.id)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) //nolint:gosec // G705: SDP of our own making, sent as such
}

func (s *Server) removeVoice(w http.ResponseWriter, r *http.Request) {
	who, _ := web.Who(r.Context())
	s.mu.Lock()
	v := s.voices[r.PathValue("voice")]
	s.mu.Unlock()
	if v == nil || v.principal != who.ID {
		fail(w, http.StatusNotFound, "whip.no_session", "this microphone is closed: POST a new offer")
		return
	}
	v.cancel(errDeleted)
	w.WriteHeader(http.StatusOK)
}

// speaks tells whether an offer has a section that sends Opus.
func speaks(offer []byte) bool {
	var d sdp.SessionDescription
	if d.Unmarshal(offer) != nil {
		return false
	}
	for _, m := range d.MediaDescriptions {
		if m.MediaName.Media != "audio" {
			continue
		}
		_, inactive := m.Attribute("inactive")
		_, listens := m.Attribute("recvonly")
		for _, a := range m.Attributes {
			_, codec, _ := strings.Cut(a.Value, " ")
			if a.Key == "rtpmap" && strings.HasPrefix(strings.ToLower(codec), "opus/48000") && !inactive && !listens {
				return true
			}
		}
	}
	return false
}

// hear opens a microphone and answers its offer.
func (s *Server) hear(who web.Principal, offer string) (v *voice, answer string, err error) {
	s.mu.Lock()
	e, base, mine := s.engine, s.base, 0
	for _, x := range s.voices {
		if x.principal == who.ID {
			mine++
		}
	}
	all := len(s.voices)
	s.mu.Unlock()
	switch {
	case e == nil:
		return nil, "", errNotReady
	case all >= maxVoices:
		return nil, "", errBusy
	case mine >= maxVoicesOfOne:
		return nil, "", errQuota
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(e.set), webrtc.WithMediaEngine(e.media), webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	pc, err := api.NewPeerConnection(webrtc.Configuration{
		ICEServers: s.relays(who.ID, time.Now()), Certificates: []webrtc.Certificate{e.cert}, BundlePolicy: webrtc.BundlePolicyMaxBundle, RTCPMuxPolicy: webrtc.RTCPMuxPolicyRequire,
	})
	if err != nil {
		return nil, "", fmt.Errorf("make peer connection: %w", err)
	}
	v = &voice{principal: who.ID, pc: pc, connected: make(chan struct{})}
	v.ctx, v.cancel = context.WithCancelCause(base)
	var back func([]byte, uint32)
	if listens(offer) {
		if v.back, err = newReply(); err != nil {
			v.cancel(err)
			return nil, "", errors.Join(err, pc.Close())
		}
		back = v.back.write
	}
	v.id, v.packet, v.closed = s.o.Microphone(cmp.Or(who.Login, who.ID), back)
	if answer, err = v.answer(offer); err != nil {
		v.cancel(err)
		v.closed()
		return nil, "", errors.Join(err, pc.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil {
		v.cancel(errNotReady)
		go v.closed()
		return nil, "", errors.Join(errNotReady, pc.Close())
	}
	s.voices[v.id] = v
	s.running.Go(func() { s.keepVoice(v) })
	return v, advertise(answer, s.o.Hosts), nil
}

// answer takes one audio section and nothing else. What a browser sends may trip the
// library; that costs only this offer.
func (v *voice) answer(offer string) (answer string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errOffer, r)
		}
	}()
	v.pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { v.listen(t) })
	v.pc.OnConnectionStateChange(func(st webrtc.PeerConnectionState) {
		switch st {
		case webrtc.PeerConnectionStateConnected:
			v.once.Do(func() { close(v.connected) })
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			v.cancel(errLost)
		case webrtc.PeerConnectionStateUnknown, webrtc.PeerConnectionStateNew,
			webrtc.PeerConnectionStateConnecting, webrtc.PeerConnectionStateDisconnected:
		}
	})
	if err := v.transceiver(); err != nil {
		return "", fmt.Errorf("%w: %w", errOffer, err)
	}
	if err := v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sparing(offer)}); err != nil {
		return "", fmt.Errorf("%w: %w", errOffer, err)
	}
	local, err := v.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errOffer, err)
	}
	gathered := webrtc.GatheringCompletePromise(v.pc)
	if err := v.pc.SetLocalDescription(local); err != nil {
		return "", fmt.Errorf("%w: %w", errOffer, err)
	}
	select {
	case <-gathered:
	case <-time.After(gatherWithin): // the answer has what was found so far
	}
	return v.pc.LocalDescription().SDP, nil
}

// transceiver takes a voice, and gives an answer back where one is listened to.
func (v *voice) transceiver() error {
	if v.back == nil {
		_, err := v.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		return err
	}
	_, err := v.pc.AddTransceiverFromTrack(v.back.track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendrecv})
	return err
}

// listen passes on what is said, of the first track only.
func (v *voice) listen(t *webrtc.TrackRemote) {
	if !strings.EqualFold(t.Codec().MimeType, webrtc.MimeTypeOpus) {
		v.cancel(errOffer)
		return
	}
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		select {
		case <-v.connected: // and the microphone has its place
		case <-v.ctx.Done():
			return
		}
		if len(p.Payload) > 0 {
			v.packet(p.Payload)
		}
	}
}

// keepVoice is the life of a microphone.
func (s *Server) keepVoice(v *voice) {
	select {
	case <-v.connected:
		<-v.ctx.Done()
	case <-time.After(s.connect):
		v.cancel(errNever)
	case <-v.ctx.Done():
	}
	s.mu.Lock()
	delete(s.voices, v.id)
	s.mu.Unlock()
	v.closed()
	if err := v.pc.GracefulClose(); err != nil {
		s.log.Debug("microphone was not closed cleanly", "err", err)
	}
	s.log.Debug("microphone closed", "principal", v.principal, "reason", context.Cause(v.ctx))
}
