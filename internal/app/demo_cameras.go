package app

import (
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"time"

	"dongyue/internal/simulator/camera"
	"dongyue/internal/simulator/community"
	"dongyue/streams"
)

const (
	// fieldOfView of the simulated cameras, in degrees.
	fieldOfView = 70
	// spareCamera answers a search and is not registered: somebody can try that.
	spareCamera = "cam-spare"
	// demoCameraUser and demoCameraPassword are those of the simulated cameras.
	demoCameraUser     = "admin"
	demoCameraPassword = "demo-camera"
)

// turns reports whether a camera of the demonstration can be turned: those that
// look over places and gates.
func turns(c *community.Camera) bool {
	return c.Scene == community.ScenePlaza || c.Scene == community.SceneCarPark || c.Scene == community.SceneGate
}

// buildONVIF gives the cameras that turn a device service, on the port behind that
// of their pictures where that is free. Their clocks are wrong, as clocks are.
func (d *demo) buildONVIF(rtsp string, log *slog.Logger) (err error) {
	host, port, err := net.SplitHostPort(rtsp)
	if err != nil {
		return ConfigError{err}
	}
	next := "0"
	if n, err := strconv.Atoi(port); err == nil && n > 0 && n < 65535 {
		if l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(n+1))); err == nil { //nolint:noctx // closed at once
			next = strconv.Itoa(n + 1)
			err = l.Close()
			if err != nil {
				return err
			}
		}
	}
	o := camera.ONVIFOptions{Addr: net.JoinHostPort(host, next), RTSP: d.cameras.Addr, User: demoCameraUser, Password: demoCameraPassword, Discovery: true, Log: log}
	for i := range d.town.Cameras {
		if c := &d.town.Cameras[i]; turns(c) {
			o.Cameras = append(o.Cameras, camera.ONVIFCamera{ID: c.ID, Name: c.Name, PTZ: true, ClockOff: time.Duration(i) * 7 * time.Second})
		}
	}
	o.Cameras = append(o.Cameras, camera.ONVIFCamera{ID: spareCamera, Name: "备用球机", PTZ: true, ClockOff: -3 * time.Hour})
	d.onvif, err = camera.NewONVIF(o)
	return err
}

// look has a camera's picture follow its head.
func (d *demo) look(id string) func() (pan, tilt, zoom float64) {
	return func() (pan, tilt, zoom float64) {
		pan, tilt, zoom, _ = d.onvif.Position(id)
		return pan, tilt, zoom
	}
}

// lenses are the cameras that notice something and are registered with the hub.
type lenses struct{ d *demo }

func (l lenses) IDs() []string {
	return slices.DeleteFunc(l.d.onvif.IDs(), func(id string) bool { return id == spareCamera })
}

func (l lenses) Cover(id string, on bool) error { return l.d.onvif.Cover(id, on) }

func (l lenses) Cross(id string) error { return l.d.onvif.Cross(id) }

// seeds are the cameras as the hub has them registered.
func (d *demo) seeds(rtsp string) (cs []streams.Camera) {
	for i := range d.town.Cameras {
		k := &d.town.Cameras[i]
		base := "rtsp://" + rtsp + "/" + k.ID
		c := streams.Camera{
			ID: k.ID, Name: k.Name, Zone: k.Zone, URL: streams.URL(base + "/main"), SubURL: streams.URL(base + "/sub"),
			X: k.X, Y: k.Y, Heading: k.Heading, Fov: fieldOfView,
		}
		if turns(k) {
			c.ONVIF, c.Profile, c.PTZ = demoDevice(d.onvif.Address(k.ID)), "profile_main", true
		}
		cs = append(cs, c)
	}
	return cs
}

// demoDevice is the address of a simulated camera with user and password.
func demoDevice(address string) streams.URL {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.User = url.UserPassword(demoCameraUser, demoCameraPassword)
	return streams.URL(u.String())
}
