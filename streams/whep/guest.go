package whep

import (
	"context"
	"net/http"
	"time"

	"dongyue/internal/web"
	"dongyue/streams"
)

// Guests says what somebody without a right to the cameras may see for a while: a
// resident at whose door it rings. A pass names the reason, such as a call; ok is
// false when it shows nothing to this person, or no longer.
type Guests interface {
	Guest(ctx context.Context, who web.Principal, pass string) (camera string, until time.Time, ok bool)
}

// guestPrefix stands before the pass in the name and the address of a guest's
// session; no camera has such an id.
const guestPrefix = "call/"

func (s *Server) registerGuests(a *web.API) {
	if s.o.Guests == nil {
		return
	}
	a.Handle(http.MethodPost, "//whep/call/{pass}", web.Home, http.HandlerFunc(s.postGuest))
	a.Handle(http.MethodPatch, "//whep/call/{pass}/{session}", web.Home, named(s.patch))
	a.Handle(http.MethodDelete, "//whep/call/{pass}/{session}", web.Home, named(s.remove))
}

// named lets a handler of a camera's session find that of a guest.
func named(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.SetPathValue("camera", guestPrefix+r.PathValue("pass"))
		h(w, r)
	})
}

// postGuest opens the small picture of the one camera, until the time that the pass
// says: no viewer can stay longer, whatever it does.
func (s *Server) postGuest(w http.ResponseWriter, r *http.Request) {
	offer, ok := body(w, r, typeSDP, maxBody)
	if !ok {
		return
	}
	who, _ := web.Who(r.Context())
	pass := r.PathValue("pass")
	camera, until, ok := s.o.Guests.Guest(r.Context(), who, pass)
	if !ok {
		fail(w, http.StatusNotFound, "whep.no_guest", "there is nothing to see, or no longer: the call is over")
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
	s.begin(w, r, request{name: guestPrefix + pass, wishes: []wish{{camera, streams.Sub}}, until: until}, offer)
	// What ended while the session began would not have found it.
	if _, _, ok := s.o.Guests.Guest(r.Context(), who, pass); !ok {
		s.end(func(x *session) bool { return x.name == guestPrefix+pass && x.principal == who.ID }, errRevoked)
	}
}

// EndGuests ends all sessions of a pass and returns how many there were.
func (s *Server) EndGuests(pass string) int {
	return s.end(func(x *session) bool { return x.name == guestPrefix+pass }, errRevoked)
}
