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
	web.Register(a, web.Op{Method: http.MethodPatch, Path: "/cameras/{id}", Summary: "Change a camera; what is left out stays", Tag: "cameras", Action: web.CamerasWrite}, s.change)
	web.Register(a, web.Op{Method: http.MethodDelete, Path: "/cameras/{id}", Summary: "Forget a camera", Tag: "cameras", Action: web.CamerasWrite}, s.remove)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/cameras/{id}/why", Summary: "Why does this camera show what it shows", Tag: "cameras", Action: web.CamerasRead}, s.explain)
	a.Handle(http.MethodGet, "/cameras/{id}/snapshot.mp4", web.CamerasView, http.HandlerFunc(s.snapshot))
	a.Handle(http.MethodGet, "/cameras/{id}/snapshot.jpg", web.CamerasView, http.HandlerFunc(s.snapshotJPEG))
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
		URL     string  `json:"url,omitempty" doc:"rtsp://user:password@host:554/path; never given out again; left out, the camera is asked at its onvif address"`
		SubURL  string  `json:"sub_url,omitempty" doc:"the camera's smaller stream, for walls"`
		Zone    string  `json:"zone,omitempty"`
		X       float64 `json:"x,omitempty"`
		Y       float64 `json:"y,omitempty"`
		Heading float64 `json:"heading,omitempty"`
		Fov     float64 `json:"fov,omitempty"`

		Transport   string `json:"transport,omitempty" doc:"auto (TCP, and UDP where the camera refuses that), tcp or udp"`
		AlwaysOn    bool   `json:"always_on,omitempty" doc:"pull it while nobody watches, so that its picture is there at once"`
		RecordSound bool   `json:"record_sound,omitempty" doc:"record its sound with its pictures: off unless set, since what people say is sensitive personal information"`
		Fingerprint string `json:"tls_fingerprint,omitempty" doc:"SHA-256 of the camera's certificate, for rtsps and https with one that it signed itself"`
		ONVIF       string `json:"onvif,omitempty" doc:"http://user:password@host/onvif/device_service; never given out again"`
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
		Transport: Transport(b.Transport), AlwaysOn: b.AlwaysOn, RecordSound: b.RecordSound, Fingerprint: b.Fingerprint, ONVIF: URL(b.ONVIF),
	}
	if err := s.complete(ctx, &c); err != nil {
		return nil, err
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
	b, at, err := s.Snapshot(r.Context(), r.PathValue("id"), quality(r))
	if err != nil {
		web.WriteProblem(w, s.noSnapshot(r, err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "video/mp4")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("Cache-Control", "no-store")
	h.Set("Last-Modified", at.UTC().Format(http.TimeFormat))
	_, _ = w.Write(b) //nolint:gosec // G705: an MP4 file, not markup; who has gone needs no picture
}
