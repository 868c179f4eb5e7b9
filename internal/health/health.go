package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Options of a Health.
type Options struct {
	Version string
	// OpenOnLoopback gives /metrics, and the reasons in /readyz?verbose, to
	// whoever asks from this machine without signing in. A request that came
	// through a proxy is not from this machine.
	OpenOnLoopback bool
	Log            *slog.Logger     // required
	Now            func() time.Time // nil: time.Now
}

// Check says why a part is ill, nil when it is well. It must be quick and heed
// the context: a probe waits for it.
type Check func(ctx context.Context) error

// probeTime is how long all checks of one probe may take together.
const probeTime = 2 * time.Second

// Health knows the hub's conditions and metrics.
type Health struct {
	o        Options
	registry *prometheus.Registry

	mu    sync.Mutex
	parts []*part
	held  string
}

// part is one condition and what was seen of it last.
type part struct {
	name    string
	warning bool
	check   Check
	seen    bool
	ill     bool
	since   time.Time
}

// Condition is the state of one part.
type Condition struct {
	Name    string    `json:"name"`
	OK      bool      `json:"ok"`
	Warning bool      `json:"warning,omitempty"` // ill, but the hub does its work
	Since   time.Time `json:"since"`             // since when it has been seen so
	Error   string    `json:"error,omitempty"`   // for operators only
}

// Report is the state of the hub.
type Report struct {
	Ready      bool        `json:"ready"`
	Version    string      `json:"version"`
	Held       string      `json:"held,omitempty"` // why the hub itself asks for no work: starting, stopping
	Conditions []Condition `json:"conditions"`
}

// New makes a Health with a registry of its own, which holds the metrics of the
// Go runtime, of the process, and of the conditions.
func New(o Options) (*Health, error) {
	if o.Log == nil {
		return nil, errors.New("health: a log is required")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	h := &Health{o: o, registry: prometheus.NewRegistry()}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "dongyue_build_info", Help: "The running version; always 1.", ConstLabels: prometheus.Labels{"version": o.Version},
	})
	build.Set(1)
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build, conditions{h},
	} {
		if err := h.registry.Register(c); err != nil {
			return nil, fmt.Errorf("health: register metrics: %w", err)
		}
	}
	return h, nil
}

// Add registers a part without which the hub does not do its work: while it is
// ill, /readyz answers 503.
func (h *Health) Add(name string, check Check) { h.add(name, false, check) }

// Warn registers a part whose illness people should see, while the hub goes on:
// a copy that is behind, a clock that drifts.
func (h *Health) Warn(name string, check Check) { h.add(name, true, check) }

func (h *Health) add(name string, warning bool, check Check) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.parts = append(h.parts, &part{name: name, warning: warning, check: check, since: h.o.Now()})
}

// Hold makes the hub not ready for a reason of its own, such as "stopping"; ""
// ends it.
func (h *Health) Hold(reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = reason
}

// Report asks every part at the same time – one that hangs does not make its
// neighbours look ill – and lists them in the order in which they were added.
func (h *Health) Report(ctx context.Context) Report {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	h.mu.Lock()
	parts, r := h.parts, Report{Ready: h.held == "", Version: h.o.Version, Held: h.held}
	h.mu.Unlock()
	r.Conditions = make([]Condition, len(parts))
	var all sync.WaitGroup
	for i, p := range parts {
		all.Go(func() { r.Conditions[i] = h.ask(ctx, p) })
	}
	all.Wait()
	for _, c := range r.Conditions {
		r.Ready = r.Ready && (c.OK || c.Warning)
	}
	return r
}

// ask runs one check without the lock, so that a slow part holds up nobody else.
func (h *Health) ask(ctx context.Context, p *part) Condition {
	err := run(ctx, p.check)
	h.mu.Lock()
	defer h.mu.Unlock()
	if ill := err != nil; !p.seen || p.ill != ill {
		if p.seen || ill {
			h.log(ctx, p.name, err)
		}
		p.seen, p.ill, p.since = true, ill, h.o.Now()
	}
	c := Condition{Name: p.name, OK: err == nil, Warning: p.warning && err != nil, Since: p.since.UTC().Truncate(time.Millisecond)}
	if err != nil {
		c.Error = err.Error()
	}
	return c
}

// log writes that a condition has changed.
func (h *Health) log(ctx context.Context, name string, err error) {
	if err != nil {
		h.o.Log.WarnContext(ctx, "condition is ill", "condition", name, "err", err)
		return
	}
	h.o.Log.InfoContext(ctx, "condition is well", "condition", name)
}

// run makes a panic of a check the illness of its part.
func run(ctx context.Context, check Check) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("check panicked: %v", r)
		}
	}()
	if err := check(ctx); err != nil {
		return err
	}
	return ctx.Err() // one that used up the time has not said that it is well
}
