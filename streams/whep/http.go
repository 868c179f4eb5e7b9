package whep

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/pion/webrtc/v4"

	"dongyue/internal/web"
	"dongyue/streams"
)

// maxBody is far above any offer (bytes).
const maxBody = 256 << 10

const (
	typeSDP  = "application/sdp"
	typeFrag = "application/trickle-ice-sdpfrag"
)

// Which stream an answer is about, why it is not the one asked for (streams.Reason),
// and the coding of the camera's sound, whether it was asked for or not.
const (
	headStream = "Dongyue-Stream"
	headReason = "Dongyue-Reason"
	headAudio  = "Dongyue-Audio"
)

// Register adds the WHEP endpoint to the root of the API.
func (s *Server) Register(a *web.API) {
	a.Handle(http.MethodPost, "//whep/{camera}", web.CamerasView, shared(s.post))
	a.Handle(http.MethodPatch, "//whep/{camera}/{session}", web.CamerasView, shared(s.patch))
	a.Handle(http.MethodDelete, "//whep/{camera}/{session}", web.CamerasView, shared(s.remove))
	s.registerWall(a)
	s.registerWHIP(a)
	s.registerGuests(a)
	a.Handle(http.MethodOptions, "//whep/{camera}", web.Public, http.HandlerFunc(s.options))
	a.Handle(http.MethodOptions, "//whep/{camera}/{session}", web.Public, http.HandlerFunc(s.options))
}

// shared is a handler for pages of other origins, which can read that they must sign in.
type shared func(http.ResponseWriter, *http.Request)

// ServeHTTP implements http.Handler.
func (f shared) ServeHTTP(w http.ResponseWriter, r *http.Request) { f(w, r) }

// Open implements web.Opener.
func (shared) Open(h http.Header) { cors(h) }

// cors lets players of other origins in that bring a token; the sign-in cookie
// is not sent to them.
func cors(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Accept-Patch, Link, "+headStream+", "+headReason+", "+headAudio)
}

func (s *Server) options(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	cors(h)
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, If-None-Match")
	h.Set("Access-Control-Max-Age", "600")
	h.Set("Accept-Post", typeSDP)
	h.Set("Accept-Patch", typeFrag)
	w.WriteHeader(http.StatusNoContent)
}

func fail(w http.ResponseWriter, status int, code, detail string) {
	cors(w.Header())
	web.WriteProblem(w, web.Fail(status, code, detail))
}

// body reads a body of the type wanted, or answers.
func body(w http.ResponseWriter, r *http.Request, want string, most int64) ([]byte, bool) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != want {
		w.Header().Set("Accept-"+map[string]string{typeSDP: "Post", typeFrag: "Patch"}[want], want) // RFC 5789, 2.2
		fail(w, http.StatusUnsupportedMediaType, "whep.content_type", "send the body as Content-Type: "+want)
		return nil, false
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		fail(w, http.StatusRequestEntityTooLarge, "whep.too_large", fmt.Sprintf("the body is longer than %d KiB: offer no more than is needed, of codecs too", most>>10))
		return nil, false
	case err != nil:
		return nil, false // the client has gone
	}
	return b, true
}

func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	offer, ok := body(w, r, typeSDP, maxBody)
	if !ok {
		return
	}
	camera, q := r.PathValue("camera"), streams.Quality(r.URL.Query().Get("stream"))
	switch q {
	case streams.Main, streams.Sub:
	case "":
		q = streams.Main
	default:
		fail(w, http.StatusBadRequest, "whep.stream", "stream must be main or sub")
		return
	}
	if !s.o.Streams.Known(camera) {
		fail(w, http.StatusNotFound, "camera.unknown", "no camera has this id: GET /api/v1/cameras lists them")
		return
	}
	switch judge(offer) {
	case fine:
	case noVideo:
		refuseVideo(w)
		return
	case junk, tooMany:
		fail(w, http.StatusBadRequest, "whep.bad_offer", "the body is not an SDP offer for WebRTC (RFC 8829)")
		return
	}
	s.begin(w, r, request{name: camera, wishes: []wish{{camera, q}}}, offer)
}

// begin opens a session and answers with it, or says why not.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, q request, offer []byte) {
	who, _ := web.Who(r.Context())
	name := q.name
	q.sound = r.URL.Query().Get("audio") == "1" && q.until.IsZero() // a guest looks, and does not listen
	q.principal, q.offer = who.ID, offer
	x, answer, err := s.open(r.Context(), q)
	if errors.Is(err, streams.ErrNotPlayable) && !plays(offer)(streams.Codec{}) {
		refuseVideo(w)
		return
	}
	if err != nil {
		s.refuse(w, name, err)
		return
	}
	h := w.Header()
	cors(h)
	h.Set("Content-Type", typeSDP)
	h.Set("Location", "/whep/"+name+"/"+x.id)
	h.Set("ETag", x.etag)
	h.Set("Accept-Patch", typeFrag)
	h.Set("Cache-Control", "no-store")
	link(h, x.relays)
	if name != wallName {
		x.tiles[0].tell(h)
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) //nolint:gosec // G705: SDP of our own making, sent as such; a viewer that has gone never connects, and is forgotten
}

func refuseVideo(w http.ResponseWriter) {
	fail(w, http.StatusNotAcceptable, "whep.no_h264", "offer a video section that receives H.264 with packetization-mode=1: few cameras send anything else")
}

func (s *Server) refuse(w http.ResponseWriter, camera string, err error) {
	switch {
	case errors.Is(err, streams.ErrUnknown), errors.Is(err, streams.ErrGone):
		fail(w, http.StatusNotFound, "camera.unknown", "no camera has this id: GET /api/v1/cameras lists them")
	case errors.Is(err, streams.ErrNotPlayable):
		fail(w, http.StatusNotAcceptable, "whep.use_mse", "the camera sends H.265 only and your offer does not take it: open GET /mse/"+camera+" as a WebSocket, or set the camera's sub stream to H.264")
	case errors.Is(err, errOffer):
		s.log.Debug("offer refused", "camera_id", camera, "err", err)
		fail(w, http.StatusBadRequest, "whep.bad_offer", "the offer can't be answered: it must be an SDP offer for WebRTC with BUNDLE and rtcp-mux")
	case errors.Is(err, errQuota):
		w.Header().Set("Retry-After", "5")
		fail(w, http.StatusTooManyRequests, "whep.quota", "you have too many pictures open: close some")
	case errors.Is(err, errBusy):
		w.Header().Set("Retry-After", "5")
		fail(w, http.StatusServiceUnavailable, "whep.busy", "the hub serves as many viewers as it may: try again later")
	case errors.Is(err, errNotReady), errors.Is(err, streams.ErrNotRunning):
		w.Header().Set("Retry-After", "2")
		fail(w, http.StatusServiceUnavailable, "whep.not_ready", "video is not served yet, or no longer: try again later")
	default:
		s.log.Error("viewer was not served", "camera_id", camera, "err", err)
		fail(w, http.StatusInternalServerError, "internal", "the hub could not do this; its log says why")
	}
}

// session finds the session that a request names, or answers.
func (s *Server) session(w http.ResponseWriter, r *http.Request) *session {
	who, _ := web.Who(r.Context())
	x := s.find(r.PathValue("session"), r.PathValue("camera"), who.ID)
	if x == nil {
		fail(w, http.StatusNotFound, "whep.no_session", "this session has ended: POST a new offer")
	}
	return x
}

// patch takes the viewer's candidates as they are found (trickle ICE, RFC 8840), or
// restarts ICE where the viewer has new credentials (RFC 9725, 4.3.3).
func (s *Server) patch(w http.ResponseWriter, r *http.Request) {
	x := s.session(w, r)
	if x == nil {
		return
	}
	b, ok := body(w, r, typeFrag, maxBody)
	if !ok {
		return
	}
	f, ok := parseFragment(string(b))
	if !ok {
		fail(w, http.StatusBadRequest, "whep.bad_fragment", "the body is not an SDP fragment (RFC 8840)")
		return
	}
	x.nego.Lock()
	defer x.nego.Unlock()
	if !x.matches(w, r) {
		return
	}
	answer := ""
	if f.ufrag != "" && !x.knows(f.ufrag) {
		if answer, ok = s.restart(w, x, f); !ok {
			return
		}
	}
	for _, c := range x.spare(f.candidates) {
		init := webrtc.ICECandidateInit{Candidate: c.line}
		if c.mid != "" {
			init.SDPMid = &c.mid
		}
		if err := x.pc.AddICECandidate(init); err != nil {
			s.log.Debug("candidate passed over", "camera_id", x.name, "err", err)
		}
	}
	if answer != "" {
		x.restarted(w, answer)
		return
	}
	cors(w.Header())
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) remove(w http.ResponseWriter, r *http.Request) {
	x := s.session(w, r)
	if x == nil {
		return
	}
	x.cancel(errDeleted)
	cors(w.Header())
	w.WriteHeader(http.StatusOK)
}
