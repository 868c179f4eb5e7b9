package streams

import (
	"context"
	"errors"
	"net/http"

	"dongyue/internal/web"
)

// Finder asks a camera at its ONVIF address how its streams are reached.
// streams/onvif is one.
type Finder interface {
	Find(ctx context.Context, device Source) (Found, error)
}

// Found is what a camera says of itself.
type Found struct {
	Main, Sub URL // with user and password
	Profile   string
	PTZ       bool
}

// complete fills in what the camera itself can tell and reports what is wrong.
func (s *Streams) complete(ctx context.Context, c *Camera) error {
	if c.URL == "" && c.ONVIF != "" {
		if err := s.ask(ctx, c); err != nil {
			return err
		}
	}
	if code, err := c.check(s.nets); err != nil {
		return web.Fail(http.StatusUnprocessableEntity, code, err.Error())
	}
	if err := c.checkHosts(ctx, s.nets); err != nil {
		return web.Fail(http.StatusUnprocessableEntity, "camera.network", err.Error())
	}
	return nil
}

// ask fills in the addresses of the streams.
func (s *Streams) ask(ctx context.Context, c *Camera) error {
	if s.finder == nil {
		return web.Fail(http.StatusUnprocessableEntity, "camera.bad_url", "url: the address of the stream is needed")
	}
	if err := CheckONVIF(c.ONVIF); err != nil {
		return web.Fail(http.StatusUnprocessableEntity, "camera.bad_onvif", "onvif: "+err.Error())
	}
	f, err := s.finder.Find(ctx, c.source(c.ONVIF))
	if err != nil {
		code, text, ok := Explained(err)
		if !ok {
			code, text.EN = "camera.onvif", "Compare the address with the camera's manual, and see that ONVIF is switched on in it."
		}
		return web.Fail(http.StatusUnprocessableEntity, code, "onvif: "+scrub(err.Error(), c.ONVIF)+". "+text.EN)
	}
	c.URL, c.Profile, c.PTZ = f.Main, f.Profile, f.PTZ
	if c.SubURL == "" {
		c.SubURL = f.Sub
	}
	return nil
}

type changeInput struct {
	ID   string `path:"id"`
	Body struct {
		Name        *string  `json:"name,omitempty"`
		URL         *string  `json:"url,omitempty" doc:"left out, the address stays as it is"`
		SubURL      *string  `json:"sub_url,omitempty" doc:"an empty one takes the sub stream away"`
		Zone        *string  `json:"zone,omitempty"`
		X           *float64 `json:"x,omitempty"`
		Y           *float64 `json:"y,omitempty"`
		Heading     *float64 `json:"heading,omitempty"`
		Fov         *float64 `json:"fov,omitempty"`
		Transport   *string  `json:"transport,omitempty"`
		AlwaysOn    *bool    `json:"always_on,omitempty"`
		RecordSound *bool    `json:"record_sound,omitempty" doc:"what was recorded before stays as it is"`
		Fingerprint *string  `json:"tls_fingerprint,omitempty"`
		ONVIF       *string  `json:"onvif,omitempty" doc:"another device address: the streams are asked for anew, unless url is given too; an empty one takes it away"`
	}
}

func (s *Streams) change(ctx context.Context, in *changeInput) (*struct{ Body View }, error) {
	k := s.find(in.ID)
	if k == nil {
		return nil, unknown()
	}
	c, b := k.Camera, in.Body
	put(&c.Name, b.Name)
	put(&c.Zone, b.Zone)
	put(&c.X, b.X)
	put(&c.Y, b.Y)
	put(&c.Heading, b.Heading)
	put(&c.Fov, b.Fov)
	put(&c.AlwaysOn, b.AlwaysOn)
	put(&c.RecordSound, b.RecordSound)
	put(&c.Fingerprint, b.Fingerprint)
	putAs(&c.Transport, b.Transport)
	if b.ONVIF != nil {
		if c.ONVIF = URL(*b.ONVIF); c.ONVIF == "" {
			c.Profile, c.PTZ = "", false
		} else {
			c.URL, c.SubURL = "", ""
		}
	}
	putAs(&c.URL, b.URL)
	putAs(&c.SubURL, b.SubURL)
	if err := s.complete(ctx, &c); err != nil {
		return nil, err
	}
	if err := s.Seed(ctx, []Camera{c}); err != nil {
		return nil, err
	}
	v, err := s.Get(c.ID)
	if err != nil {
		return nil, unknown()
	}
	return &struct{ Body View }{v}, nil
}

func put[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func putAs[T ~string](to *T, from *string) {
	if from != nil {
		*to = T(*from)
	}
}

// Control is what somebody needs who turns a camera or asks it for its events.
type Control struct {
	Device  Source // its ONVIF device service
	Profile string
	PTZ     bool
}

// Control returns how a camera is asked other things than pictures; ok is false
// where it has no ONVIF address.
func (s *Streams) Control(id string) (c Control, ok bool) {
	k := s.find(id)
	if k == nil || k.ONVIF == "" {
		return Control{}, false
	}
	return Control{k.source(k.ONVIF), k.Profile, k.PTZ}, true
}

// Explained returns the code and the plain words of a cause, for errors of pulls
// and of questions to a camera; ok is false for others.
func Explained(err error) (code string, text Text, ok bool) {
	for _, c := range causes() {
		if errors.Is(err, c.err) {
			return c.code, c.text, true
		}
	}
	return "", Text{}, false
}

// Scrub takes a camera's address, user and password out of a text.
func Scrub(text string, u URL) string { return scrub(text, u) }
