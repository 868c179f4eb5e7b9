package onvif

import (
	"context"
	"errors"
	"net/http"
	"time"

	"dongyue/internal/web"
	"dongyue/streams"
)

// Register adds the operations of turning, finding and looking.
func (r *Room) Register(a *web.API) {
	web.Register(a, web.Op{Method: http.MethodPost, Path: "/cameras/discover", Summary: "Look for cameras in the local networks", Tag: "cameras", Action: web.CamerasWrite}, r.discover)
	web.Register(a, web.Op{Method: http.MethodPost, Path: "/cameras/probe", Summary: "Look at a camera before it is registered", Tag: "cameras", Action: web.CamerasWrite}, r.probe)
	web.Register(a, web.Op{Method: http.MethodPost, Path: "/cameras/{id}/ptz", Summary: "Turn a camera", Tag: "cameras", Action: web.CamerasPTZ, Status: http.StatusNoContent}, r.ptz)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/cameras/{id}/ptz", Summary: "Where a camera looks", Tag: "cameras", Action: web.CamerasRead}, r.position)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/cameras/{id}/presets", Summary: "The places that a camera remembers", Tag: "cameras", Action: web.CamerasRead}, r.presets)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/cameras/{id}/events", Summary: "What a camera has noticed lately", Tag: "cameras", Action: web.CamerasRead}, r.events)
}

type idInput struct {
	ID string `path:"id"`
}

type ptzInput struct {
	ID   string `path:"id"`
	Body struct {
		Move   *Vector `json:"move,omitempty" doc:"speeds from -1 to 1; say it again while it shall go on"`
		ForMS  int     `json:"for_ms,omitempty" minimum:"100" maximum:"5000" doc:"how long, when nothing else is said; left out: 500"`
		Stop   bool    `json:"stop,omitempty"`
		To     *Vector `json:"to,omitempty" doc:"a place: pan and tilt from -1 to 1, zoom from 0 to 1"`
		Preset string  `json:"preset,omitempty" maxLength:"64" doc:"token of a preset"`
	}
}

func (r *Room) ptz(ctx context.Context, in *ptzInput) (*struct{}, error) {
	if !r.o.Cameras.Known(in.ID) {
		return nil, unknown()
	}
	who, _ := web.Who(ctx)
	b := in.Body
	given := 0
	for _, x := range []bool{b.Move != nil, b.Stop, b.To != nil, b.Preset != ""} {
		if x {
			given++
		}
	}
	if given != 1 {
		return nil, web.Fail(http.StatusUnprocessableEntity, "ptz.one_of", "give one of move, stop, to and preset")
	}
	audit := func(what string, detail any) error {
		return r.o.Audit.Audit(ctx, nil, who.ID, "camera."+what, in.ID, detail)
	}
	switch {
	case b.Move != nil:
		if !b.Move.valid(-1) {
			return nil, web.Fail(http.StatusUnprocessableEntity, "ptz.range", "move: pan, tilt and zoom are speeds from -1 to 1")
		}
		d := moveUsual
		if b.ForMS != 0 {
			d = min(max(time.Duration(b.ForMS)*time.Millisecond, moveLeast), moveMost)
		}
		begun, err := r.move(ctx, in.ID, who.ID, *b.Move, d)
		if err != nil {
			return nil, r.refused(in.ID, err)
		}
		if begun { // the repetitions of one movement are one deed
			return nil, audit("turned", map[string]any{"move": b.Move})
		}
		return nil, nil
	case b.Stop:
		return nil, r.refused(in.ID, r.stop(ctx, in.ID))
	case b.To != nil:
		if !b.To.valid(0) {
			return nil, web.Fail(http.StatusUnprocessableEntity, "ptz.range", "to: pan and tilt are from -1 to 1, zoom from 0 to 1")
		}
		if err := r.with(ctx, in.ID, func(c *Client, profile string) error { return c.MoveTo(ctx, profile, *b.To) }); err != nil {
			return nil, r.refused(in.ID, err)
		}
		return nil, audit("turned", map[string]any{"to": b.To})
	}
	if err := r.with(ctx, in.ID, func(c *Client, profile string) error { return c.Goto(ctx, profile, b.Preset) }); err != nil {
		return nil, r.refused(in.ID, err)
	}
	return nil, audit("turned", map[string]any{"preset": b.Preset})
}

type positionOutput struct {
	Body struct {
		Position *Vector `json:"position"` // null where the camera does not tell
	}
}

func (r *Room) position(ctx context.Context, in *idInput) (*positionOutput, error) {
	if !r.o.Cameras.Known(in.ID) {
		return nil, unknown()
	}
	var out positionOutput
	err := r.with(ctx, in.ID, func(c *Client, profile string) error {
		v, ok, err := c.Position(ctx, profile)
		if ok {
			out.Body.Position = &v
		}
		return err
	})
	return &out, r.refused(in.ID, err)
}

type presetsOutput struct {
	Body struct {
		Items []Preset `json:"items"`
	}
}

func (r *Room) presets(ctx context.Context, in *idInput) (*presetsOutput, error) {
	if !r.o.Cameras.Known(in.ID) {
		return nil, unknown()
	}
	var out presetsOutput
	err := r.with(ctx, in.ID, func(c *Client, profile string) (err error) {
		out.Body.Items, err = c.Presets(ctx, profile)
		return err
	})
	return &out, r.refused(in.ID, err)
}

type eventsOutput struct {
	Body struct {
		Items []Noticed `json:"items"`
	}
}

func (r *Room) events(_ context.Context, in *idInput) (*eventsOutput, error) {
	if !r.o.Cameras.Known(in.ID) {
		return nil, unknown()
	}
	var out eventsOutput
	out.Body.Items = r.Recent(in.ID)
	return &out, nil
}

func unknown() error {
	return web.Fail(http.StatusNotFound, "camera.unknown", "no camera has this id: GET /api/v1/cameras lists them")
}

// refused makes a problem of what a camera did not do; nil stays nil.
func (r *Room) refused(id string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errNoONVIF) {
		return web.Fail(http.StatusConflict, "camera.no_onvif", "the camera has no ONVIF address: PATCH /api/v1/cameras/{id} with onvif gives it one")
	}
	if errors.Is(err, errMissing) {
		return web.Fail(http.StatusConflict, "camera.no_ptz", "the camera does not offer this: it can't be turned")
	}
	k, _ := r.o.Cameras.Control(id)
	detail := streams.Scrub(err.Error(), k.Device.URL)
	if code, text, ok := streams.Explained(err); ok {
		return web.Fail(http.StatusBadGateway, code, text.EN+" "+detail)
	}
	return web.Fail(http.StatusBadGateway, "camera.onvif", detail)
}
