package streams

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// Register adds the operations of the cameras.
func (s *Streams) Register(a *web.API) {
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/cameras", Summary: "List cameras", Tag: "cameras", Action: web.CamerasRead}, s.list)
	web.Register(a, web.Op{Method: http.MethodPost, Path: "/cameras", Summary: "Register a camera", Tag: "cameras", Action: web.CamerasWrite, Status: http.StatusCreated}, s.create)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/cameras/{id}", Summary: "One camera", Tag: "cameras", Action: web.CamerasRead}, s.get)
	web.Register(a, web.Op{Method: http.MethodDelete, Path: "/cameras/{id}", Summary: "Forget a camera", Tag: "cameras", Action: web.CamerasWrite}, s.remove)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/cameras/{id}/why", Summary: "Why does this camera show what it shows", Tag: "cameras", Action: web.CamerasRead}, s.explain)
	a.Handle(http.MethodGet, "/cameras/{id}/snapshot.mp4", web.CamerasView, http.HandlerFunc(s.snapshot))
}

type listInput struct {
	Zone   string `query:"zone" doc:"only cameras within this zone"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
	Cursor string `query:"cursor"`
}

type listOutput struct {
	Body struct {
		Items []View `json:"items"`
		Next  string `json:"next"`
	}
}

func (s *Streams) list(_ context.Context, in *listInput) (*listOutput, error) {
	var out listOutput
	out.Body.Items, out.Body.Next = s.List(in.Cursor, in.Limit, func(c *Camera) bool { return event.Within(c.Zone, in.Zone) })
	return &out, nil
}

type createInput struct {
	Body struct {
		ID      string  `json:"id" doc:"[a-z0-9][a-z0-9-]{0,62}"`
		Name    string  `json:"name,omitempty"`
		URL     string  `json:"url" doc:"rtsp://user:password@host:554/path; never given out again"`
		SubURL  string  `json:"sub_url,omitempty" doc:"the camera's smaller stream, for walls"`
		Zone    string  `json:"zone,omitempty"`
		X       float64 `json:"x,omitempty"`
		Y       float64 `json:"y,omitempty"`
		Heading float64 `json:"heading,omitempty"`
		Fov     float64 `json:"fov,omitempty"`
	}
}

type cameraOutput struct {
	Location string `header:"Location"`
	Body     View
}

func (s *Streams) create(ctx context.Context, in *createInput) (*cameraOutput, error) {
	b := in.Body
	c := Camera{
		ID: b.ID, Name: b.Name, Zone: b.Zone, URL: URL(b.URL), SubURL: URL(b.SubURL),
		X: b.X, Y: b.Y, Heading: b.Heading, Fov: b.Fov,
	}
	if code, err := c.check(); err != nil {
		return nil, web.Fail(http.StatusUnprocessableEntity, code, err.Error())
	}
	switch err := s.Add(ctx, c); {
	case errors.Is(err, ErrExists):
		return nil, web.Fail(http.StatusConflict, "camera.exists", "a camera with this id exists: choose another id, or delete the old one first")
	case err != nil:
		return nil, err
	}
	v, err := s.Get(c.ID)
	if err != nil {
		return nil, err
	}
	return &cameraOutput{Location: "/api/v1/cameras/" + c.ID, Body: v}, nil
}

type idInput struct {
	ID string `path:"id"`
}

func unknown() error {
	return web.Fail(http.StatusNotFound, "camera.unknown", "no camera has this id: GET /api/v1/cameras lists them")
}

func (s *Streams) get(_ context.Context, in *idInput) (*struct{ Body View }, error) {
	v, err := s.Get(in.ID)
	if err != nil {
		return nil, unknown()
	}
	return &struct{ Body View }{v}, nil
}

func (s *Streams) remove(ctx context.Context, in *idInput) (*struct{}, error) {
	err := s.Delete(ctx, in.ID)
	if isUnknown(err) {
		return nil, unknown()
	}
	return nil, err
}

func (s *Streams) explain(_ context.Context, in *idInput) (*struct{ Body Why }, error) {
	w, err := s.Why(in.ID)
	if err != nil {
		return nil, unknown()
	}
	return &struct{ Body Why }{w}, nil
}

func (s *Streams) snapshot(w http.ResponseWriter, r *http.Request) {
	q := Main
	if r.URL.Query().Get("stream") == string(Sub) {
		q = Sub
	}
	b, at, err := s.Snapshot(r.Context(), r.PathValue("id"), q)
	switch {
	case isUnknown(err):
		web.WriteProblem(w, web.Fail(http.StatusNotFound, "camera.unknown", "no camera has this id: GET /api/v1/cameras lists them"))
		return
	case err != nil:
		web.WriteProblem(w, web.Fail(http.StatusServiceUnavailable, "camera.no_signal", "the camera sends no picture: GET /api/v1/cameras/{id}/why tells the cause"))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "video/mp4")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("Cache-Control", "no-store")
	h.Set("Last-Modified", at.UTC().Format(http.TimeFormat))
	_, _ = w.Write(b) //nolint:gosec // G705: an MP4 file, not markup; who has gone needs no picture
}
