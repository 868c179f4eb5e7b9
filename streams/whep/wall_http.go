package whep

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"time"

	"dongyue/internal/web"
)

const (
	// maxWallBody has room for 64 sections with the codecs of a browser (bytes).
	maxWallBody = 1 << 20
	// maxChanges is far above 64 tiles (bytes).
	maxChanges = 64 << 10
	// maxWait is how long a GET may wait for news.
	maxWait = 25 * time.Second
	// newsEvery is how often it looks; so many changes at once are one answer.
	newsEvery = 40 * time.Millisecond
)

func (s *Server) registerWall(a *web.API) {
	a.Handle(http.MethodPost, "//whep/wall", web.CamerasView, shared(s.postWall))
	a.Handle(http.MethodGet, "//whep/wall/{session}/tiles", web.CamerasView, shared(s.getTiles))
	a.Handle(http.MethodPut, "//whep/wall/{session}/tiles", web.CamerasView, shared(s.putTiles))
	a.Handle(http.MethodOptions, "//whep/wall/{session}/tiles", web.Public, http.HandlerFunc(s.options))
}

// postWall opens a session of as many tiles as the offer has video sections.
func (s *Server) postWall(w http.ResponseWriter, r *http.Request) {
	offer, ok := body(w, r, typeSDP, maxWallBody)
	if !ok {
		return
	}
	sections, mid, v := judgeWall(offer)
	switch v {
	case fine:
	case noVideo:
		detail := "offer 1 to 64 video sections that receive H.264 with packetization-mode=1; the cameras send nothing else"
		if mid != "" {
			detail = fmt.Sprintf("video section %q does not receive H.264 with packetization-mode=1; the cameras send nothing else", short(mid))
		}
		fail(w, http.StatusNotAcceptable, "whep.no_h264", detail)
		return
	case tooMany:
		fail(w, http.StatusBadRequest, "whep.too_many", fmt.Sprintf("a wall has at most %d video sections: open another one for more", maxTiles))
		return
	case junk:
		fail(w, http.StatusBadRequest, "whep.bad_offer", "the body is not an SDP offer for WebRTC (RFC 8829)")
		return
	}
	wishes, err := parseTiles(r.URL.Query().Get("tiles"), sections)
	if err != nil {
		fail(w, http.StatusBadRequest, "whep.tiles", err.Error())
		return
	}
	s.begin(w, r, request{name: wallName, wishes: wishes}, offer)
}

// wall finds the wall that a request names, or answers.
func (s *Server) wall(w http.ResponseWriter, r *http.Request) *session {
	r.SetPathValue("camera", wallName)
	return s.session(w, r)
}

// putTiles changes what tiles show, without a new negotiation.
func (s *Server) putTiles(w http.ResponseWriter, r *http.Request) {
	x := s.wall(w, r)
	if x == nil {
		return
	}
	b, ok := body(w, r, "application/json", maxChanges)
	if !ok {
		return
	}
	changes, err := parseChanges(b)
	if err != nil {
		fail(w, http.StatusBadRequest, "whep.tiles", err.Error())
		return
	}
	if err := x.apply(changes); err != nil {
		fail(w, http.StatusUnprocessableEntity, "whep.tiles", err.Error())
		return
	}
	b, tag := x.news()
	tell(w, b, tag)
}

// getTiles tells what tiles show. With ?wait=20 and If-None-Match it answers when
// there is news, or after so many seconds with 304.
func (s *Server) getTiles(w http.ResponseWriter, r *http.Request) {
	x := s.wall(w, r)
	if x == nil {
		return
	}
	wait, ok := patience(r.URL.Query().Get("wait"))
	if !ok {
		fail(w, http.StatusBadRequest, "whep.wait", fmt.Sprintf("wait must be whole seconds, 0 to %d", maxWait/time.Second))
		return
	}
	known := r.Header.Get("If-None-Match")
	tick := time.NewTicker(newsEvery)
	defer tick.Stop()
	for end := time.Now().Add(wait); ; {
		b, tag := x.news()
		if tag != known {
			tell(w, b, tag)
			return
		}
		if !time.Now().Before(end) {
			cors(w.Header())
			w.Header().Set("ETag", tag)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-x.ctx.Done():
			fail(w, http.StatusNotFound, "whep.no_session", "this session has ended: POST a new offer")
			return
		case <-tick.C:
		}
	}
}

// patience reads ?wait=.
func patience(text string) (time.Duration, bool) {
	if text == "" {
		return 0, true
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > int(maxWait/time.Second) {
		return 0, false
	}
	return time.Duration(n) * time.Second, true
}

// news is what the tiles show and its entity-tag. as_of_us puts answers in order that
// crossed on their way: microseconds of the session, no part of the tag.
func (x *session) news() (b []byte, tag string) {
	at := time.Since(x.began).Microseconds()
	tiles, _ := json.Marshal(x.states()) // it has nothing that can't be written
	h := fnv.New64a()
	_, _ = h.Write(tiles)
	b, _ = json.Marshal(struct {
		AsOfUS int64           `json:"as_of_us"`
		Tiles  json.RawMessage `json:"tiles"`
	}{at, tiles})
	return b, fmt.Sprintf(`"%x"`, h.Sum64())
}

func tell(w http.ResponseWriter, b []byte, tag string) {
	h := w.Header()
	cors(h)
	h.Set("Content-Type", "application/json")
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(b) //nolint:gosec // G705: JSON, sent as such
}
