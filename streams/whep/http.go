package whep

import (
	"errors"
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

// Register adds the WHEP endpoint to the root of the API.
func (s *Server) Register(a *web.API) {
	a.Handle(http.MethodPost, "//whep/{camera}", web.CamerasView, http.HandlerFunc(s.post))
	a.Handle(http.MethodPatch, "//whep/{camera}/{session}", web.CamerasView, http.HandlerFunc(s.patch))
	a.Handle(http.MethodDelete, "//whep/{camera}/{session}", web.CamerasView, http.HandlerFunc(s.remove))
	a.Handle(http.MethodOptions, "//whep/{camera}", web.Public, http.HandlerFunc(s.options))
	a.Handle(http.MethodOptions, "//whep/{camera}/{session}", web.Public, http.HandlerFunc(s.options))
}

// cors lets players of other origins in that bring a token; the sign-in cookie
// is not sent to them.
func cors(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Accept-Patch, Link")
}

func (s *Server) options(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	cors(h)
	h.Set("Access-Control-Allow-Methods", "POST, PATCH, DELETE, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
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
func body(w http.ResponseWriter, r *http.Request, want string) ([]byte, bool) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != want {
		fail(w, http.StatusUnsupportedMediaType, "whep.content_type", "send the body as Content-Type: "+want)
		return nil, false
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		fail(w, http.StatusRequestEntityTooLarge, "whep.too_large", "the body is longer than 256 KiB: offer one video only")
		return nil, false
	case err != nil:
		return nil, false // the client has gone
	}
	return b, true
}

func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	offer, ok := body(w, r, typeSDP)
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
	case noH264:
		fail(w, http.StatusNotAcceptable, "whep.no_h264", "offer a video section that receives H.264 with packetization-mode=1; the cameras send nothing else")
		return
	case junk, tooMany:
		fail(w, http.StatusBadRequest, "whep.bad_offer", "the body is not an SDP offer for WebRTC (RFC 8829)")
		return
	}
	who, _ := web.Who(r.Context())
	x, answer, err := s.open(camera, q, who.ID, string(offer))
	if err != nil {
		s.refuse(w, camera, err)
		return
	}
	h := w.Header()
	cors(h)
	h.Set("Content-Type", typeSDP)
	h.Set("Location", "/whep/"+camera+"/"+x.id)
	h.Set("ETag", x.etag)
	h.Set("Accept-Patch", typeFrag)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) //nolint:gosec // G705: SDP of our own making, sent as such; a viewer that has gone never connects, and is forgotten
}

func (s *Server) refuse(w http.ResponseWriter, camera string, err error) {
	switch {
	case errors.Is(err, streams.ErrUnknown), errors.Is(err, streams.ErrGone):
		fail(w, http.StatusNotFound, "camera.unknown", "no camera has this id: GET /api/v1/cameras lists them")
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

// patch takes the viewer's candidates as they are found (trickle ICE, RFC 8840).
func (s *Server) patch(w http.ResponseWriter, r *http.Request) {
	x := s.session(w, r)
	if x == nil {
		return
	}
	b, ok := body(w, r, typeFrag)
	if !ok {
		return
	}
	if tag := r.Header.Get("If-Match"); tag != "" && tag != "*" && tag != x.etag {
		fail(w, http.StatusPreconditionFailed, "whep.etag", "this belongs to another ICE session: POST a new offer")
		return
	}
	f, ok := parseFragment(string(b))
	if !ok {
		fail(w, http.StatusBadRequest, "whep.bad_fragment", "the body is not an SDP fragment (RFC 8840)")
		return
	}
	if f.ufrag != "" && !x.knows(f.ufrag) {
		fail(w, http.StatusUnprocessableEntity, "whep.no_restart", "an ICE restart is not offered: POST a new offer, pictures come at once")
		return
	}
	for _, c := range f.candidates {
		init := webrtc.ICECandidateInit{Candidate: c.line}
		if c.mid != "" {
			init.SDPMid = &c.mid
		}
		if err := x.pc.AddICECandidate(init); err != nil {
			s.log.Debug("candidate passed over", "camera_id", x.camera, "err", err)
		}
	}
	cors(w.Header())
	w.WriteHeader(http.StatusNoContent)
}

// knows tells whether a user fragment is the one of the viewer's offer.
func (x *session) knows(ufrag string) bool {
	d := x.pc.RemoteDescription()
	return d != nil && containsLine(d.SDP, "a=ice-ufrag:"+ufrag)
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
