package streams

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
)

// checkSource looks at what says how the camera is reached.
func (c *Camera) checkSource(nets Networks) (code string, err error) {
	for _, a := range c.addresses() {
		if a.url == "" && a.field != "url" {
			continue
		}
		if err := a.check(); err != nil {
			return a.code, fmt.Errorf("%s: %w", a.field, err)
		}
		if ip, err := netip.ParseAddr(a.host()); err == nil && !nets.Allow(ip) {
			return "camera.network", fmt.Errorf("%s: %w", a.field, errOutside)
		}
	}
	if c.Transport, err = ParseTransport(string(c.Transport)); err != nil {
		return "camera.bad_transport", fmt.Errorf("transport: %w", err)
	}
	if c.Fingerprint, err = ParseFingerprint(c.Fingerprint); err != nil {
		return "camera.bad_fingerprint", fmt.Errorf("tls_fingerprint: %w", err)
	}
	return "", nil
}

// checkHosts reports names that lead out of the networks, as far as that can be
// told now.
func (c *Camera) checkHosts(ctx context.Context, nets Networks) error {
	for _, a := range c.addresses() {
		if a.url == "" {
			continue
		}
		if err := nets.CheckHost(ctx, a.host()); err != nil {
			return fmt.Errorf("%s: %w", a.field, err)
		}
	}
	return nil
}

// place is one address of a camera with the name of its field.
type place struct {
	field, code string
	url         URL
	check       func() error
}

func (c *Camera) addresses() []place {
	return []place{
		{"url", "camera.bad_url", c.URL, func() error { return CheckURL(c.URL) }},
		{"sub_url", "camera.bad_url", c.SubURL, func() error { return CheckURL(c.SubURL) }},
		{"onvif", "camera.bad_onvif", c.ONVIF, func() error { return CheckONVIF(c.ONVIF) }},
	}
}

func (a place) host() string {
	u, err := url.Parse(string(a.url))
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// CheckONVIF reports what is wrong with the address of a camera's device service,
// without repeating it.
func CheckONVIF(u URL) error {
	p, err := url.Parse(string(u))
	switch {
	case len(u) > maxURL:
		return fmt.Errorf("the address is longer than %d bytes", maxURL)
	case err != nil:
		return errors.New("the address can't be read: write http://user:password@host/onvif/device_service, with special characters of the password percent-encoded (@ as %40, # as %23)")
	case p.Scheme != "http" && p.Scheme != "https" || p.Hostname() == "" || p.Opaque != "":
		return errors.New("the address must be http://user:password@host/onvif/device_service, or https")
	}
	return nil
}

// CheckSource reports what is wrong with how a camera is to be reached, with a
// stable code, and brings its settings into their form. One without url is asked
// at its onvif address.
func (c *Camera) CheckSource(ctx context.Context, nets Networks) (code string, err error) {
	given := *c
	if c.URL == "" && c.ONVIF != "" {
		if err := CheckONVIF(c.ONVIF); err != nil {
			return "camera.bad_onvif", fmt.Errorf("onvif: %w", err)
		}
		given.URL = "rtsp://" + URL(c.addresses()[2].hostPort()) // as it will be
	}
	if code, err = given.checkSource(nets); err != nil {
		return code, err
	}
	c.Transport, c.Fingerprint = given.Transport, given.Fingerprint
	if err := given.checkHosts(ctx, nets); err != nil {
		return "camera.network", err
	}
	return "", nil
}

func (a place) hostPort() string {
	u, err := url.Parse(string(a.url))
	if err != nil {
		return ""
	}
	return u.Host
}

// At returns the ids of cameras with this address, as a search has found it: that
// of a device service, or one of a host with a single camera.
func (s *Streams) At(device string) (ids []string) {
	want, err := url.Parse(device)
	if err != nil || want.Host == "" {
		return nil
	}
	var alone []string // by the host, where the device service is not known
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, c := range s.cameras {
		onvif, err := url.Parse(string(c.ONVIF))
		if err == nil && c.ONVIF != "" {
			if onvif.Host == want.Host && onvif.Path == want.Path {
				ids = append(ids, id)
			}
			continue
		}
		if u, err := url.Parse(string(c.URL)); err == nil && u.Hostname() == want.Hostname() {
			alone = append(alone, id)
		}
	}
	if len(ids) == 0 && len(alone) == 1 { // recorders and gateways have many at one host
		ids = alone
	}
	slices.Sort(ids)
	return ids
}

// Learn notes what a camera has said of itself.
func (s *Streams) Learn(ctx context.Context, id, profile string, ptz bool) error {
	k := s.find(id)
	if k == nil {
		return fmt.Errorf("%w: %q", ErrUnknown, id)
	}
	c := k.Camera
	if c.Profile == profile && c.PTZ == ptz {
		return nil
	}
	c.Profile, c.PTZ = profile, ptz
	return s.Seed(ctx, []Camera{c})
}
