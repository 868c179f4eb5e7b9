package whep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dongyue/streams"
)

// Limits and times where Options say nothing.
const (
	maxSessions     = 2000             // at 2 Mbit/s each more than a gigabit port and two cores carry
	maxPerPrincipal = 160              // two walls of 64 and some
	connectWithin   = 15 * time.Second // from the answer; then the session is forgotten
	gatherWithin    = 2 * time.Second  // local addresses only, so it is a matter of milliseconds
)

// Options of New.
type Options struct {
	Addr            string   // host:port of WebRTC, UDP and TCP; port 0 takes a free one
	Hosts           []string // IP addresses that browsers reach this machine by, where it can't see them itself
	Relays          []string // STUN and TURN servers, as stun:host:port; none: only addresses of this machine are told
	RelaySecret     string   // that the TURN servers share with the hub
	Streams         *streams.Streams
	Guests          Guests // nil: nobody without the right to cameras sees anything
	Log             *slog.Logger
	Metrics         prometheus.Registerer // nil: none
	MaxSessions     int                   // pictures of all viewers: tiles, whether a camera is in them or not; 0: 2000
	MaxPerPrincipal int                   // pictures of one; 0: 160
	// Microphone takes a voice that somebody opens: its id, where its packets of Opus go, and
	// what to call when it is closed; reply takes what is answered to it, and is nil where
	// the browser does not listen. nil: no voices are taken.
	Microphone func(owner string, reply func(packet []byte, samples uint32)) (id string, packet func([]byte), closed func())
	Plain      bool // send through the WebRTC library, not past it; costs twice the processor time
}

// Server answers offers and keeps the sessions.
type Server struct {
	o       Options
	log     *slog.Logger
	ready   chan struct{} // closed when it listens
	connect time.Duration

	mu       sync.Mutex
	engine   *engine // nil while Run does not run
	addr     net.Addr
	base     context.Context //nolint:containedctx // of Run: the sessions are its goroutines, and begin on demand
	sessions map[string]*session
	voices   map[string]*voice
	running  sync.WaitGroup
	totals   totals
}

// New checks the options. It starts nothing.
func New(o Options) (*Server, error) {
	if o.Streams == nil {
		return nil, errors.New("whep: streams are needed")
	}
	if _, _, err := net.SplitHostPort(o.Addr); err != nil {
		return nil, fmt.Errorf("whep: address %q: %w", o.Addr, err)
	}
	if err := checkHosts(o.Hosts); err != nil {
		return nil, err
	}
	if err := checkRelays(o.Relays, o.RelaySecret); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.MaxSessions = cmp.Or(o.MaxSessions, maxSessions)
	o.MaxPerPrincipal = cmp.Or(o.MaxPerPrincipal, maxPerPrincipal)
	s := &Server{o: o, log: o.Log, ready: make(chan struct{}), connect: connectWithin, sessions: map[string]*session{}, voices: map[string]*voice{}}
	if o.Metrics != nil {
		if err := o.Metrics.Register(&collector{s}); err != nil {
			return nil, fmt.Errorf("whep: %w", err)
		}
	}
	return s, nil
}

// Run listens and serves until ctx ends; then all sessions end. It runs once.
func (s *Server) Run(ctx context.Context) error {
	e, err := newEngine(ctx, s.o.Addr, s.o.Plain, s.log)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.engine, s.addr, s.base = e, e.addr, ctx
	s.mu.Unlock()
	close(s.ready)
	<-ctx.Done()
	s.mu.Lock()
	s.engine = nil
	s.mu.Unlock()
	s.running.Wait()
	return e.close()
}

// Ready closes when Run listens.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Addr is the UDP address of WebRTC, nil before Ready.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Revoke ends the sessions of somebody whose right has ended and returns how
// many there were.
func (s *Server) Revoke(principalID string) int {
	s.mu.Lock()
	for _, v := range s.voices {
		if v.principal == principalID {
			v.cancel(errRevoked)
		}
	}
	s.mu.Unlock()
	return s.end(func(x *session) bool { return x.principal == principalID }, errRevoked)
}

// Sessions is the number of sessions.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

func (s *Server) end(which func(*session) bool, why error) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.sessions {
		if which(x) {
			x.cancel(why)
			n++
		}
	}
	return n
}

func (s *Server) find(id, name, principal string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.sessions[id]
	if x == nil || x.ctx.Err() != nil || x.name != name || x.principal != principal {
		return nil // one that is ending, or somebody else's, is not there for you
	}
	return x
}

// Why a session ended.
var (
	errRevoked = errors.New("the right to watch has ended")
	errDeleted = errors.New("the viewer hung up")
	errNever   = errors.New("the viewer never connected")
	errLost    = errors.New("the viewer's connection failed")
	errRoad    = errors.New("the viewer's connection went another way")
)
