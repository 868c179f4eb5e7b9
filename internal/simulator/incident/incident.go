package incident

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/simulator/agent"
	"dongyue/internal/simulator/community"
)

// Cameras are the simulated cameras, as far as they can fail.
type Cameras interface {
	Off(id string) error
	On(id string) error
}

// Lenses are the simulated cameras that notice something by themselves.
type Lenses interface {
	IDs() []string
	Cover(id string, on bool) error
	Cross(id string) error
}

// Warning is a message of the authorities.
type Warning struct {
	Headline, Text string
	Exercise       bool
	About          []string // earlier ones that it updates, or ends
	Over           bool
}

// Authority is the demonstration's own: it signs what it sends.
type Authority interface {
	Warn(ctx context.Context, w Warning) (id string, err error)
	// Forge sends a message whose headline was changed on its way.
	Forge(ctx context.Context, headline, changed string) error
}

// Options of a Script.
type Options struct {
	Fleet *agent.Fleet
	// Cameras that can fail; nil for none.
	Cameras Cameras
	// Lenses that notice something; nil for none.
	Lenses Lenses
	// Authority that warns; nil for none.
	Authority Authority
	// Views are the cameras of the estate: incidents prefer what they see.
	Views []community.Camera
	Log   *slog.Logger
	// Pace stretches all durations; 0: 1. Tests play faster with less.
	Pace float64
	Seed uint64
}

// Incident is what can be triggered.
type Incident struct {
	ID      string     `json:"id"`
	Title   event.Text `json:"title"`
	Text    event.Text `json:"text"`    // what will happen
	Running bool       `json:"running"` // it is playing now
	// Seconds that it lasts unless the caller chooses; 0: it has a length of its own.
	Seconds int `json:"for_s"`
	// Story is one that a newcomer should see first: many things happen in it.
	Story bool `json:"story"`
}

// Errors of Trigger.
var (
	ErrUnknown    = errors.New("unknown incident")
	ErrNotRunning = errors.New("the script is not running")
	ErrLength     = errors.New("the length of this incident can't be chosen so")
)

// Bounds of a length that the caller chooses.
const (
	Shortest = 20 * time.Second
	Longest  = time.Hour
)

// Script plays incidents.
type Script struct {
	opts   Options
	log    *slog.Logger
	scenes []scene
	calls  chan call
	over   chan struct{} // closed when Run has ended

	mu      sync.Mutex
	rand    *rand.Rand
	running bool
	playing map[string]bool // incidents
	taken   map[string]bool // devices and cameras
}

// scene is one incident and what happens in it, for as long as was chosen where
// that can be.
type scene struct {
	Incident
	act func(ctx context.Context, last time.Duration) error
}

// call is a scene that somebody wants to see.
type call struct {
	scene
	last time.Duration
}

// atMost bounds every incident beyond its chosen length, whatever it waits for.
const atMost = 5 * time.Minute

// New makes the script. Nothing happens before Run.
func New(o Options) (*Script, error) {
	if o.Fleet == nil {
		return nil, errors.New("incidents: no fleet")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Pace <= 0 {
		o.Pace = 1
	}
	s := &Script{
		opts: o, log: o.Log, calls: make(chan call), over: make(chan struct{}),
		rand:    rand.New(rand.NewPCG(o.Seed, 2)), //nolint:gosec // dice
		playing: map[string]bool{}, taken: map[string]bool{},
	}
	s.scenes = s.list()
	return s, nil
}

// List is what can be triggered, in the order of a menu.
func (s *Script) List() []Incident {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Incident, len(s.scenes))
	for i, sc := range s.scenes {
		list[i] = sc.Incident
		list[i].Running = s.playing[sc.ID]
	}
	return list
}

// Run plays what is triggered until ctx ends, and tidies up. A script runs once.
func (s *Script) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	s.setRunning(true)
	defer close(s.over)
	defer s.setRunning(false)
	for {
		select {
		case <-ctx.Done():
			return nil
		case c := <-s.calls:
			wg.Go(func() { s.play(ctx, c) })
		}
	}
}

// Trigger begins an incident and returns at once. One that is playing already is
// not begun twice.
func (s *Script) Trigger(ctx context.Context, id string) error { return s.TriggerFor(ctx, id, 0) }

// TriggerFor is Trigger for an incident whose length can be chosen; 0 leaves it to
// the incident.
func (s *Script) TriggerFor(ctx context.Context, id string, last time.Duration) error {
	for _, sc := range s.scenes {
		if sc.ID != id {
			continue
		}
		own := time.Duration(sc.Seconds) * time.Second
		if last != 0 && (own == 0 || last < Shortest || last > Longest) {
			return fmt.Errorf("trigger %s: %w", id, ErrLength)
		}
		if begin, err := s.begin(id); err != nil || !begin {
			return err
		}
		select {
		case s.calls <- call{sc, cmp.Or(last, own)}:
			return nil
		case <-s.over:
			s.end(id)
			return ErrNotRunning
		case <-ctx.Done():
			s.end(id)
			return fmt.Errorf("trigger %s: %w", id, ctx.Err())
		}
	}
	return fmt.Errorf("trigger %.40q: %w", id, ErrUnknown)
}

func (s *Script) play(ctx context.Context, c call) {
	defer s.end(c.ID)
	ctx, cancel := context.WithTimeout(ctx, s.pace(c.last+atMost))
	defer cancel()
	s.log.Info("incident begins", "incident", c.ID)
	if err := c.act(ctx, c.last); err != nil && ctx.Err() == nil {
		s.log.Warn("incident ended early", "incident", c.ID, "err", err)
		return
	}
	s.log.Info("incident is over", "incident", c.ID)
}

func (s *Script) begin(id string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running {
		return false, ErrNotRunning
	}
	if s.playing[id] {
		return false, nil
	}
	s.playing[id] = true
	return true, nil
}

func (s *Script) end(id string) {
	s.mu.Lock()
	delete(s.playing, id)
	s.mu.Unlock()
}

func (s *Script) setRunning(on bool) {
	s.mu.Lock()
	s.running = on
	s.mu.Unlock()
}

// pick takes one of the devices that nothing else happens to; free gives it back.
func (s *Script) pick(ids []string) (id string, free func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.rand.Perm(len(ids)) {
		if id = ids[i]; !s.taken[id] {
			s.taken[id] = true
			return id, func() {
				s.mu.Lock()
				delete(s.taken, id)
				s.mu.Unlock()
			}, nil
		}
	}
	return "", nil, errors.New("nothing left that this could happen to")
}

// seize takes devices for one incident, also those that something happens to; free
// gives back what was not taken before.
func (s *Script) seize(ds []*agent.Device) (free func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var fresh []string
	for _, d := range ds {
		if !s.taken[d.ID()] {
			s.taken[d.ID()] = true
			fresh = append(fresh, d.ID())
		}
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, id := range fresh {
			delete(s.taken, id)
		}
	}
}

// dice is a number from 0 to n-1.
func (s *Script) dice(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rand.IntN(n)
}

func (s *Script) pace(d time.Duration) time.Duration {
	return time.Duration(float64(d) * s.opts.Pace)
}

// wait lets time pass; false when ctx ended first.
func (s *Script) wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(s.pace(d))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
