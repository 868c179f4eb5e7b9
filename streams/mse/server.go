package mse

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"dongyue/streams"
)

// Limits where Options say nothing.
const (
	maxViewers      = 256
	maxPerPrincipal = 80 // a wall of 64 and some
)

// Options of New.
type Options struct {
	Streams         *streams.Streams
	Log             *slog.Logger
	Metrics         prometheus.Registerer // nil: none
	MaxViewers      int                   // 0: 256
	MaxPerPrincipal int                   // 0: 80
}

// Server keeps the viewers.
type Server struct {
	o   Options
	log *slog.Logger

	mu      sync.Mutex
	base    context.Context //nolint:containedctx // of Run: viewers come and go on demand, and end with it
	viewers map[*viewer]struct{}
	running sync.WaitGroup
	ready   chan struct{} // closed by Run

	opened, refused, bytes, fragments, skipped atomic.Uint64
}

// New checks the options. It starts nothing.
func New(o Options) (*Server, error) {
	if o.Streams == nil {
		return nil, errors.New("mse: streams are needed")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.MaxViewers = cmp.Or(o.MaxViewers, maxViewers)
	o.MaxPerPrincipal = cmp.Or(o.MaxPerPrincipal, maxPerPrincipal)
	s := &Server{o: o, log: o.Log, viewers: map[*viewer]struct{}{}, ready: make(chan struct{})}
	if o.Metrics != nil {
		if err := o.Metrics.Register(&collector{s}); err != nil {
			return nil, errors.New("mse: metrics are registered already")
		}
	}
	return s, nil
}

// Ready is closed when viewers are let in.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Run lets viewers in until ctx ends; then they all end. It can be called once.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.base = ctx
	s.mu.Unlock()
	close(s.ready)
	<-ctx.Done()
	s.mu.Lock()
	s.base = nil
	s.mu.Unlock()
	s.running.Wait()
	return nil
}

// Why a viewer ended, or was not let in.
var (
	errLeft     = errors.New("the viewer hung up")
	errRevoked  = errors.New("the right to watch has ended")
	errNotReady = errors.New("not running")
	errBusy     = errors.New("too many viewers")
	errQuota    = errors.New("too many pictures of one user")
)

// Revoke ends the viewers of somebody whose right has ended and returns how many
// there were.
func (s *Server) Revoke(principalID string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v := range s.viewers {
		if v.principal == principalID {
			v.cancel(errRevoked)
			n++
		}
	}
	return n
}

// Viewers is how many there are.
func (s *Server) Viewers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.viewers)
}

// enter lets a viewer in; leave must follow.
func (s *Server) enter(v *viewer, of context.Context) (context.Context, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.base == nil {
		return nil, errNotReady
	}
	mine := 0
	for x := range s.viewers {
		if x.principal == v.principal {
			mine++
		}
	}
	switch {
	case len(s.viewers) >= s.o.MaxViewers:
		s.refused.Add(1)
		return nil, errBusy
	case mine >= s.o.MaxPerPrincipal:
		s.refused.Add(1)
		return nil, errQuota
	}
	ctx, cancel := context.WithCancelCause(of)
	stop := context.AfterFunc(s.base, func() { cancel(errNotReady) })
	v.cancel = func(why error) {
		stop()
		cancel(why)
	}
	s.viewers[v] = struct{}{}
	s.opened.Add(1)
	s.running.Add(1)
	return ctx, nil
}

func (s *Server) leave(v *viewer) {
	v.cancel(nil)
	s.mu.Lock()
	delete(s.viewers, v)
	s.mu.Unlock()
	s.running.Done()
}

// collector reads the counters when they are asked for; no label per viewer.
type collector struct{ s *Server }

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	put := func(kind prometheus.ValueType, name, help string, v float64) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("dongyue_mse_"+name, help, nil, nil), kind, v)
	}
	put(prometheus.GaugeValue, "viewers", "Viewers over a WebSocket.", float64(c.s.Viewers()))
	put(prometheus.CounterValue, "opened_total", "Viewers let in.", float64(c.s.opened.Load()))
	put(prometheus.CounterValue, "refused_total", "Viewers refused because there were too many.", float64(c.s.refused.Load()))
	put(prometheus.CounterValue, "fragments_total", "Fragments sent.", float64(c.s.fragments.Load()))
	put(prometheus.CounterValue, "sent_bytes_total", "Bytes sent.", float64(c.s.bytes.Load()))
	put(prometheus.CounterValue, "skipped_frames_total", "Frames left out for viewers that did not keep up.", float64(c.s.skipped.Load()))
}
