package camera

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
)

const payloadType = 96

// Camera is one simulated camera.
type Camera struct {
	ID    string
	Scene string // one of Scenes
	// Look says where a camera that turns looks, as ONVIF.Position does; the picture follows.
	Look func() (pan, tilt, zoom float64)
	Clip []byte // shown instead of a scene, as both streams: H.264 in Annex B, one slice a picture, 25 pictures a second
}

// Options of New.
type Options struct {
	Addr    string // host:port; port 0 takes a free one
	Cameras []Camera
	Log     *slog.Logger
}

// Server plays the cameras.
type Server struct {
	addr string
	log  *slog.Logger
	rtsp *gortsplib.Server

	ready chan struct{} // closed when Addr is known
	bound net.Addr

	mu       sync.Mutex
	cameras  map[string]*camera
	playing  map[*gortsplib.ServerSession]*feed
	starting map[*gortsplib.ServerConn]opening // until the response to PLAY
	running  bool
	plays    sync.WaitGroup
}

// camera is one camera's two feeds.
type camera struct {
	off   bool
	feeds map[string]*feed // by quality
}

// New loads the clips. It starts nothing.
func New(o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		addr: o.Addr, log: o.Log, ready: make(chan struct{}),
		cameras: map[string]*camera{}, playing: map[*gortsplib.ServerSession]*feed{}, starting: map[*gortsplib.ServerConn]opening{},
	}
	loaded := map[string]*clip{}
	for i, c := range o.Cameras {
		if c.ID == "" || strings.ContainsRune(c.ID, '/') || s.cameras[c.ID] != nil {
			return nil, fmt.Errorf("camera: id %q is empty, has a slash, or is there twice", c.ID)
		}
		k := &camera{feeds: map[string]*feed{}}
		for q := range qualities() {
			name := c.Scene + "." + q
			if c.Clip == nil && loaded[name] == nil {
				var err error
				if loaded[name], err = loadClip(c.Scene, q); err != nil {
					return nil, err
				}
			}
			shown := loaded[name]
			if c.Clip != nil {
				var err error
				if shown, err = readClip(c.ID, c.Clip, clipRate); err != nil {
					return nil, err
				}
			}
			// Cameras of one scene stand at different places of its loop.
			k.feeds[q] = newFeed(shown, time.Duration(i)*1370*time.Millisecond)
			k.feeds[q].look = c.Look
		}
		s.cameras[c.ID] = k
	}
	s.rtsp = &gortsplib.Server{
		Handler: &handler{s}, RTSPAddress: o.Addr, WriteTimeout: 5 * time.Second,
		Listen: func(network, addr string) (net.Listener, error) {
			l, err := net.Listen(network, addr) //nolint:noctx // the library's form
			if err == nil {
				s.bound = l.Addr()
			}
			return l, err
		},
	}
	return s, nil
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	if err := s.rtsp.Start(); err != nil {
		return fmt.Errorf("camera: listen on %s: %w", s.addr, err)
	}
	s.mu.Lock()
	s.running = true
	for _, c := range s.cameras {
		for _, f := range c.feeds {
			f.open(s.rtsp)
		}
	}
	s.mu.Unlock()
	close(s.ready)
	stop := context.AfterFunc(ctx, s.rtsp.Close)
	err := s.rtsp.Wait()
	stop()
	s.mu.Lock()
	s.running = false
	for _, c := range s.cameras {
		for _, f := range c.feeds {
			f.close()
		}
	}
	s.mu.Unlock()
	s.plays.Wait()
	if ctx.Err() == nil {
		return fmt.Errorf("camera: %w", err)
	}
	return nil
}

// Ready closes when the server listens.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Addr is where the server listens; wait for Ready first.
func (s *Server) Addr() net.Addr {
	select {
	case <-s.ready:
		return s.bound
	default:
		return nil
	}
}

// Off simulates an outage: sessions end, and nothing is described until On.
func (s *Server) Off(id string) error { return s.power(id, true) }

// On ends the outage.
func (s *Server) On(id string) error { return s.power(id, false) }

func (s *Server) power(id string, off bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.cameras[id]
	if c == nil {
		return fmt.Errorf("camera: no camera %q", id)
	}
	if c.off == off {
		return nil
	}
	c.off = off
	for _, f := range c.feeds {
		switch {
		case off:
			f.close()
		case s.running:
			f.open(s.rtsp)
		}
	}
	return nil
}

// find returns the feed of a path /{id}/{quality}.
func (s *Server) find(path string) (*feed, error) {
	id, quality, _ := strings.Cut(strings.Trim(path, "/"), "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.cameras[id]
	if c == nil || c.feeds[quality] == nil {
		return nil, errUnknown
	}
	if c.off {
		return nil, errOff
	}
	return c.feeds[quality], nil
}

var (
	errUnknown = errors.New("no such camera")
	errOff     = errors.New("camera is off")
)

// handler answers RTSP requests.
type handler struct{ s *Server }

func (h *handler) stream(path string) (*base.Response, *gortsplib.ServerStream, error) {
	f, err := h.s.find(path)
	switch {
	case errors.Is(err, errOff):
		return &base.Response{StatusCode: base.StatusServiceUnavailable}, nil, nil
	case err != nil:
		return &base.Response{StatusCode: base.StatusNotFound}, nil, nil //nolint:nilerr // the answer is the error
	}
	st := f.current()
	if st == nil {
		return &base.Response{StatusCode: base.StatusServiceUnavailable}, nil, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, st, nil
}

// OnDescribe implements gortsplib.ServerHandlerOnDescribe.
func (h *handler) OnDescribe(c *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return h.stream(c.Path)
}

// OnSetup implements gortsplib.ServerHandlerOnSetup.
func (h *handler) OnSetup(c *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return h.stream(c.Path)
}

// OnPlay implements gortsplib.ServerHandlerOnPlay. The session gets packets only after it
// has returned, so the sending waits for the response: its first picture is a key frame.
func (h *handler) OnPlay(c *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	f, err := h.s.find(c.Path)
	if err != nil {
		return &base.Response{StatusCode: base.StatusServiceUnavailable}, nil
	}
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	h.s.starting[c.Conn] = opening{c.Session, f}
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// opening is a session that is about to play a feed.
type opening struct {
	session *gortsplib.ServerSession
	feed    *feed
}

// OnResponse implements gortsplib.ServerHandlerOnResponse.
func (h *handler) OnResponse(c *gortsplib.ServerConn, _ *base.Response) {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	p, ok := h.s.starting[c]
	if delete(h.s.starting, c); ok && h.s.running && h.s.playing[p.session] == nil {
		h.s.playing[p.session] = p.feed
		p.feed.join(&h.s.plays)
	}
}

// OnPause implements gortsplib.ServerHandlerOnPause.
func (h *handler) OnPause(c *gortsplib.ServerHandlerOnPauseCtx) (*base.Response, error) {
	h.leave(c.Session)
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnSessionClose implements gortsplib.ServerHandlerOnSessionClose.
func (h *handler) OnSessionClose(c *gortsplib.ServerHandlerOnSessionCloseCtx) { h.leave(c.Session) }

func (h *handler) leave(ss *gortsplib.ServerSession) {
	h.s.mu.Lock()
	f := h.s.playing[ss]
	delete(h.s.playing, ss)
	maps.DeleteFunc(h.s.starting, func(_ *gortsplib.ServerConn, p opening) bool { return p.session == ss })
	h.s.mu.Unlock()
	if f != nil {
		f.leave()
	}
}

func sessionOf(c *clip) *description.Session {
	return &description.Session{Medias: []*description.Media{{
		Type:    description.MediaTypeVideo,
		Formats: []format.Format{&format.H264{PayloadTyp: payloadType, SPS: c.sps, PPS: c.pps, PacketizationMode: 1}},
	}}}
}
