package mse

import (
	"errors"
	"net/http"

	"github.com/coder/websocket"

	"dongyue/internal/web"
	"dongyue/streams"
)

// Register adds the endpoint to the root of the API.
func (s *Server) Register(a *web.API) {
	a.Handle(http.MethodGet, "//mse/{camera}", web.CamerasView, http.HandlerFunc(s.get))
}

func fail(w http.ResponseWriter, status int, code, detail string) {
	web.WriteProblem(w, web.Fail(status, code, detail))
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	who, _ := web.Who(r.Context())
	v := &viewer{
		s: s, camera: r.PathValue("camera"), principal: who.ID, want: streams.Quality(q.Get("stream")),
		h265: q.Get("h265") != "0", sound: q.Get("audio") == "1",
	}
	switch v.want {
	case streams.Main, streams.Sub:
	case "":
		v.want = streams.Main
	default:
		fail(w, http.StatusBadRequest, "mse.stream", "stream must be main or sub")
		return
	}
	if !s.o.Streams.Known(v.camera) {
		fail(w, http.StatusNotFound, "camera.unknown", "no camera has this id: GET /api/v1/cameras lists them")
		return
	}
	ctx, err := s.enter(v, r.Context())
	if err != nil {
		refuse(w, err)
		return
	}
	defer s.leave(v)
	// A page of another site comes with this site's cookie; Accept turns it away by
	// its Origin, and whoever sends no upgrade.
	v.conn, err = websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		s.log.Debug("viewer was turned away", "camera_id", v.camera, "err", err)
		return // it has answered
	}
	v.serve(ctx)
}

func refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errQuota):
		w.Header().Set("Retry-After", "5")
		fail(w, http.StatusTooManyRequests, "mse.quota", "you have too many pictures open: close some")
	case errors.Is(err, errBusy):
		w.Header().Set("Retry-After", "5")
		fail(w, http.StatusServiceUnavailable, "mse.busy", "the hub serves as many viewers as it may: try again later")
	default:
		w.Header().Set("Retry-After", "2")
		fail(w, http.StatusServiceUnavailable, "mse.not_ready", "video is not served yet, or no longer: try again later")
	}
}
