package camera

import (
	"context"
	"crypto/sha1" //nolint:gosec // as ONVIF has it
	"crypto/subtle"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// ONVIFCamera is one camera that answers ONVIF.
type ONVIFCamera struct {
	ID       string // of a Camera, whose streams it names
	Name     string
	PTZ      bool
	ClockOff time.Duration // its clock less the true one, as cameras have it
}

// ONVIFOptions of NewONVIF.
type ONVIFOptions struct {
	Addr           string // host:port of HTTP; port 0 takes a free one
	RTSP           func() net.Addr
	User, Password string
	Cameras        []ONVIFCamera
	Discovery      bool // answer WS-Discovery on this machine
	Log            *slog.Logger
}

// ONVIF answers for simulated cameras: device, media, turning, events, discovery.
type ONVIF struct {
	o       ONVIFOptions
	ready   chan struct{}
	bound   net.Addr
	cameras map[string]*device
}

// device is one camera's state.
type device struct {
	ONVIFCamera
	head head

	mu      sync.Mutex
	motion  bool
	covered bool
	crossed int           // lines that were crossed and not told of
	changed chan struct{} // closed at the next change
	subs    int
}

// NewONVIF starts nothing.
func NewONVIF(o ONVIFOptions) (*ONVIF, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	v := &ONVIF{o: o, ready: make(chan struct{}), cameras: map[string]*device{}}
	for _, c := range o.Cameras {
		if c.ID == "" || v.cameras[c.ID] != nil {
			return nil, fmt.Errorf("camera: onvif id %q is empty or there twice", c.ID)
		}
		v.cameras[c.ID] = &device{ONVIFCamera: c, changed: make(chan struct{})}
	}
	return v, nil
}

// Ready closes when it listens.
func (v *ONVIF) Ready() <-chan struct{} { return v.ready }

// Address of a camera's device service; wait for Ready first.
func (v *ONVIF) Address(id string) string {
	return fmt.Sprintf("http://%s/%s/onvif/device_service", v.bound, id)
}

// Run serves until ctx ends.
func (v *ONVIF) Run(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", v.o.Addr)
	if err != nil {
		return fmt.Errorf("camera: onvif: %w", err)
	}
	v.bound = l.Addr()
	close(v.ready)
	srv := &http.Server{Handler: v, ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	var running sync.WaitGroup
	defer running.Wait()
	if v.o.Discovery {
		running.Go(func() {
			if err := v.discovery(ctx); err != nil {
				v.o.Log.Info("simulated cameras can't be discovered", "err", err)
			}
		})
	}
	running.Go(func() { v.live(ctx) })
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("camera: onvif: %w", err)
	}
	return nil
}

// live has something move before each camera now and then.
func (v *ONVIF) live(ctx context.Context) {
	tick := time.NewTicker(20 * time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for i, c := range v.o.Cameras {
			_ = v.Motion(c.ID, (n+i)%3 == 0)
		}
	}
}

// IDs are the cameras that answer.
func (v *ONVIF) IDs() []string {
	ids := make([]string, 0, len(v.o.Cameras))
	for _, c := range v.o.Cameras {
		ids = append(ids, c.ID)
	}
	return ids
}

// Motion sets whether something moves before a camera.
func (v *ONVIF) Motion(id string, on bool) error {
	return v.notice(id, func(d *device) bool { was := d.motion; d.motion = on; return was != on })
}

// Cover sets whether a camera notices that its lens is covered.
func (v *ONVIF) Cover(id string, on bool) error {
	return v.notice(id, func(d *device) bool { was := d.covered; d.covered = on; return was != on })
}

// Cross has a camera see somebody cross its line.
func (v *ONVIF) Cross(id string) error {
	return v.notice(id, func(d *device) bool { d.crossed++; return true })
}

// notice changes what a camera notices, and wakes who waits for it.
func (v *ONVIF) notice(id string, change func(*device) bool) error {
	d := v.cameras[id]
	if d == nil {
		return fmt.Errorf("camera: no onvif camera %q", id)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if change(d) {
		close(d.changed)
		d.changed = make(chan struct{})
	}
	return nil
}

// Position is where a camera looks, and whether it is turning.
func (v *ONVIF) Position(id string) (pan, tilt, zoom float64, moving bool) {
	d := v.cameras[id]
	if d == nil {
		return 0, 0, 0, false
	}
	p, moving := d.head.at(time.Now())
	return p.pan, p.tilt, p.zoom, moving
}

// envelope is a request.
type envelope struct {
	Token struct {
		Username, Password, Nonce, Created string
	} `xml:"Header>Security>UsernameToken"`
	Body struct {
		Inner []byte `xml:",innerxml"`
	}
}

// vector is where to, or how fast.
type vector struct {
	PanTilt struct {
		X float64 `xml:"x,attr"`
		Y float64 `xml:"y,attr"`
	}
	Zoom struct {
		X float64 `xml:"x,attr"`
	}
}

// command is what is asked for.
type command struct {
	XMLName      xml.Name
	ProfileToken string
	PresetToken  string
	Velocity     vector
	Position     vector
	Timeout      string
}

// ServeHTTP answers /{id}/onvif/{service}.
func (v *ONVIF) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	d := v.cameras[id]
	if d == nil {
		http.NotFound(w, r)
		return
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	var e envelope
	var c command
	if err == nil {
		err = errors.Join(xml.Unmarshal(b, &e), xml.Unmarshal(e.Body.Inner, &c))
	}
	w.Header().Set("Content-Type", "application/soap+xml; charset=utf-8")
	if err != nil {
		refuse(w, http.StatusBadRequest, "WellFormed", "the request is not well-formed")
		return
	}
	if c.XMLName.Local != "GetSystemDateAndTime" && !v.knows(d, &e) {
		refuse(w, http.StatusBadRequest, "NotAuthorized", "Sender not authorized")
		return
	}
	body, ok := v.answer(r, d, &c)
	if !ok {
		refuse(w, http.StatusInternalServerError, "ActionNotSupported", "optional action not implemented")
		return
	}
	_, _ = fmt.Fprintf(w, soapForm, body) //nolint:gosec // G705: XML of our own making, for machines
}

// knows checks the digest of the user name token, by the camera's own clock.
func (v *ONVIF) knows(d *device, e *envelope) bool {
	if v.o.User == "" {
		return true
	}
	t := e.Token
	nonce, err := base64.StdEncoding.DecodeString(t.Nonce)
	if err != nil {
		return false
	}
	created, err := time.Parse(time.RFC3339, t.Created)
	if off := time.Since(created) + d.ClockOff; err != nil || off < -time.Minute || off > time.Minute {
		return false
	}
	h := sha1.New() //nolint:gosec // as above
	h.Write(nonce)
	h.Write([]byte(t.Created + v.o.Password))
	want := base64.StdEncoding.EncodeToString(h.Sum(nil))
	return t.Username == v.o.User && subtle.ConstantTimeCompare([]byte(want), []byte(strings.TrimSpace(t.Password))) == 1
}

const soapForm = `<?xml version="1.0" encoding="UTF-8"?>
<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl" xmlns:tev="http://www.onvif.org/ver10/events/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:ter="http://www.onvif.org/ver10/error" xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:tns1="http://www.onvif.org/ver10/topics"><env:Body>%s</env:Body></env:Envelope>`

func refuse(w http.ResponseWriter, status int, code, reason string) {
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, soapForm, `<env:Fault><env:Code><env:Value>env:Sender</env:Value><env:Subcode><env:Value>ter:`+code+
		`</env:Value></env:Subcode></env:Code><env:Reason><env:Text xml:lang="en">`+reason+`</env:Text></env:Reason></env:Fault>`)
}
