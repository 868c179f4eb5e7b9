package whep

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"dongyue/streams"
	"dongyue/streams/egress"
)

// wallName is where a session of many cameras stands in its address; no camera
// has this id.
const wallName = "wall"

// session is one viewer: a peer connection with a tile for each picture. That of
// one camera is a wall of one tile that never changes.
type session struct {
	id, name, principal string // name: the camera, or wallName
	engine              *engine
	relays              []webrtc.ICEServer
	tap                 *egress.Tap // nil: send through the library
	began               time.Time
	pc                  *webrtc.PeerConnection
	plays               func(streams.Codec) bool
	ear                 *ear    // nil: no sound
	tiles               []*tile // in the order of the offer's video sections
	connected           chan struct{}
	once                sync.Once
	ufrag               atomic.Pointer[string] // ours; another after a restart
	ctx                 context.Context        //nolint:containedctx // the session's life, begun in one request and ended by another
	cancel              context.CancelCauseFunc

	nego  sync.Mutex // one negotiation at a time
	etag  string     // of the ICE session; another after a restart
	tried int        // candidates of the viewer's that came behind its offer
}

var (
	errBusy     = errors.New("too many sessions")
	errQuota    = errors.New("too many sessions of one user")
	errNotReady = errors.New("not running")
	errOffer    = errors.New("offer can't be answered")
)

// request is what a viewer asks for.
type request struct {
	name      string // of the session
	wishes    []wish
	sound     bool
	principal string
	offer     []byte
	until     time.Time // the session ends then; zero: it may go on
}

// open makes a session with a tile for each wish and the answer to its offer.
func (s *Server) open(ctx context.Context, q request) (x *session, answer string, err error) {
	e, base, err := s.admit(q.principal, len(q.wishes))
	if err != nil {
		return nil, "", err
	}
	x = &session{id: token(16), etag: newTag(), name: q.name, principal: q.principal, engine: e, plays: plays(q.offer), began: time.Now(), connected: make(chan struct{})}
	x.ctx, x.cancel = context.WithCancelCause(base)
	if !q.until.IsZero() {
		over := time.AfterFunc(time.Until(q.until), func() { x.cancel(errRevoked) })
		context.AfterFunc(x.ctx, func() { over.Stop() })
	}
	x.relays = s.relays(q.principal, time.Now())
	err = x.furnish(ctx, s.o.Streams, q.wishes)
	if err == nil && q.sound && x.name != wallName {
		x.listenTo(q.offer)
	}
	if err == nil {
		answer, err = x.answer(string(q.offer))
	}
	if err == nil {
		err = s.enter(x)
	}
	if err != nil {
		x.cancel(err)
		if x.pc != nil {
			_ = x.pc.Close() // it never was
		}
		x.close()
		return nil, "", err
	}
	return x, advertise(answer, s.o.Hosts), nil
}

// furnish makes the tiles. All replays of a viewer share one pace.
func (x *session) furnish(ctx context.Context, from *streams.Streams, wishes []wish) error {
	pace := streams.NewPace()
	for i, w := range wishes {
		t := newTile(ctx, from, w, x.plays, x.name != wallName)
		t.track.id = w.camera
		if !t.alone {
			t.track.id = fmt.Sprintf("tile-%d", i)
		}
		t.reader.Share(pace)
		x.tiles = append(x.tiles, t)
		if t.alone && t.failed != nil {
			return t.failed
		}
	}
	return nil
}

// close lets the cameras go.
func (x *session) close() {
	for _, t := range x.tiles {
		t.close()
	}
}

// admit says whether a session of n pictures fits.
func (s *Server) admit(principal string, n int) (*engine, context.Context, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil {
		return nil, nil, errNotReady
	}
	if err := s.full(principal, n); err != nil {
		s.totals.refused++
		return nil, nil, err
	}
	return s.engine, s.base, nil
}

// full counts tiles, shown or not: each may be given a camera at any time.
func (s *Server) full(principal string, n int) error {
	all, mine := n, n
	for _, x := range s.sessions {
		all += len(x.tiles)
		if x.principal == principal {
			mine += len(x.tiles)
		}
	}
	switch {
	case all > s.o.MaxSessions:
		return errBusy
	case mine > s.o.MaxPerPrincipal:
		return errQuota
	}
	return nil
}

// enter counts the session and starts its goroutine.
func (s *Server) enter(x *session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil {
		return errNotReady
	}
	if err := s.full(x.principal, len(x.tiles)); err != nil { // others may have come meanwhile
		s.totals.refused++
		return err
	}
	s.sessions[x.id] = x
	s.totals.opened++
	s.running.Go(func() { s.serve(x) })
	return nil
}

// answer makes the connection and negotiates it.
func (x *session) answer(offer string) (answer string, err error) {
	api, tap := x.engine.api(offer, x.inbox)
	x.tap = tap
	x.pc, err = api.NewPeerConnection(webrtc.Configuration{
		ICEServers: x.relays, Certificates: []webrtc.Certificate{x.engine.cert}, BundlePolicy: webrtc.BundlePolicyMaxBundle, RTCPMuxPolicy: webrtc.RTCPMuxPolicyRequire,
	})
	if err != nil {
		return "", fmt.Errorf("make peer connection: %w", err)
	}
	x.pc.OnConnectionStateChange(x.state)
	for _, t := range x.tiles {
		t.track.rtcp = x.pc.WriteRTCP
		tr, err := x.pc.AddTransceiverFromTrack(t.track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return "", fmt.Errorf("add track: %w", err)
		}
		t.transceiver = tr
	}
	if x.ear != nil {
		if err := x.ear.join(x.pc); err != nil {
			return "", fmt.Errorf("add sound: %w", err)
		}
	}
	answer, err = x.negotiate(offer)
	if err != nil {
		return "", err
	}
	for i, t := range x.tiles { // the library gives the sections away in order
		if t.mid = t.transceiver.Mid(); t.mid == "" || i > 0 && t.mid == x.tiles[i-1].mid {
			return "", fmt.Errorf("%w: video section %d was not taken", errOffer, i)
		}
	}
	return answer, nil
}

// negotiate answers an offer with all candidates. What a viewer sends may trip the
// library; that is the viewer's fault and costs only this offer.
func (x *session) negotiate(offer string) (answer string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errOffer, r)
		}
	}()
	if err := x.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: strings.Clone(receiving(lean(sparing(offer))))}); err != nil {
		return "", fmt.Errorf("%w: %w", errOffer, err)
	}
	for _, tr := range x.pc.GetTransceivers() { // what nothing is sent in is inactive
		if from := tr.Sender(); from == nil || from.Track() == nil {
			if err := tr.Stop(); err != nil {
				return "", fmt.Errorf("%w: %w", errOffer, err)
			}
		}
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
	answer = x.pc.LocalDescription().SDP
	ufrag := strings.Clone(afterLine(answer, "a=ice-ufrag:")) // of the answer nothing is kept
	x.ufrag.Store(&ufrag)
	return answer, nil
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
	var sound sync.WaitGroup
	select {
	case <-x.connected:
		x.choose()
		if x.ear != nil {
			sound.Go(func() { _ = x.ear.reader.Run(x.ctx) }) // it ends with the picture
		}
		x.play() // nothing is written before SRTP is ready
	case <-time.After(s.connect):
		x.cancel(errNever)
	case <-x.ctx.Done():
	}
	st := x.stats()
	s.mu.Lock()
	delete(s.sessions, x.id)
	s.totals.add(st)
	s.mu.Unlock()
	if err := x.pc.GracefulClose(); err != nil {
		s.log.Debug("viewer's connection was not closed cleanly", "camera_id", x.name, "err", err)
	}
	x.close()
	sound.Wait()
	s.log.Debug("viewer left", "camera_id", x.name, "tiles", len(x.tiles), "principal", x.principal, "after", time.Since(x.began).Round(time.Millisecond),
		"reason", context.Cause(x.ctx), "frames", st.Frames, "replays", st.Replays, "resent", st.Resent, "skipped", st.Skipped)
}

// choose decides, when the connection stands, how all of its packets go. There is no
// way back: numbers of SRTP would come twice.
func (x *session) choose() {
	ice := x.tiles[0].transceiver.Sender().Transport().ICETransport()
	r := x.engine.open(x.tap, ice)
	x.tap = nil
	if r == nil {
		return
	}
	for _, t := range x.tiles {
		p, err := x.engine.past(r)
		if err != nil {
			return // none of them has one, then
		}
		t.track.take(p)
	}
	follow := func(pair *webrtc.ICECandidatePair) {
		if !r.follow(pair) {
			x.cancel(errRoad) // the viewer comes again
			return
		}
		// Nothing of the library is asked here: it waits for this to return while it closes
		// the connection, and holds its locks.
		x.engine.hangUpTCP(*x.ufrag.Load())
	}
	ice.OnSelectedCandidatePairChange(follow)
	if pair, err := ice.GetSelectedCandidatePair(); err == nil { // it may have changed meanwhile
		follow(pair)
	}
}

// play sends all tiles until the session ends or one of them can't go on. The first
// one has no goroutine of its own, and most sessions no other.
func (x *session) play() {
	var wg sync.WaitGroup
	for _, t := range x.tiles[1:] {
		wg.Go(func() { x.cancel(t.run(x.ctx)) })
	}
	x.cancel(x.tiles[0].run(x.ctx))
	wg.Wait()
}

// stats sums up the tiles.
func (x *session) stats() streams.ReaderStats {
	var sum totals
	for _, t := range x.tiles {
		sum.add(t.reader.Stats())
	}
	return sum.ReaderStats
}

// token is n random bytes in hex.
func token(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

// newTag is an entity-tag (RFC 9110, 8.8.3).
func newTag() string { return `"` + token(8) + `"` }
