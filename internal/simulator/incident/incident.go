package incident

import (
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

// Options of a Script.
type Options struct {
	Fleet *agent.Fleet
	// Cameras that can fail; nil for none.
	Cameras Cameras
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
}

// Errors of Trigger.
var (
	ErrUnknown    = errors.New("unknown incident")
	ErrNotRunning = errors.New("the script is not running")
)

// Script plays incidents.
type Script struct {
	opts   Options
	log    *slog.Logger
	scenes []scene
	calls  chan scene
	over   chan struct{} // closed when Run has ended

	mu      sync.Mutex
	rand    *rand.Rand
	running bool
	playing map[string]bool // incidents
	taken   map[string]bool // devices and cameras
}

// scene is one incident and what happens in it.
type scene struct {
	Incident
	act func(context.Context) error
}

// longest bounds every incident, whatever it waits for.
const longest = 5 * time.Minute

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
		opts: o, log: o.Log, calls: make(chan scene), over: make(chan struct{}),
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
		case sc := <-s.calls:
			wg.Go(func() { s.play(ctx, sc) })
		}
	}
}

// Trigger begins an incident and returns at once. One that is playing already is
// not begun twice.
func (s *Script) Trigger(ctx context.Context, id string) error {
	for _, sc := range s.scenes {
		if sc.ID != id {
			continue
		}
		if begin, err := s.begin(id); err != nil || !begin {
			return err
		}
		select {
		case s.calls <- sc:
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

func (s *Script) play(ctx context.Context, sc scene) {
	defer s.end(sc.ID)
	ctx, cancel := context.WithTimeout(ctx, s.pace(longest))
	defer cancel()
	s.log.Info("incident begins", "incident", sc.ID)
	if err := sc.act(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("incident ended early", "incident", sc.ID, "err", err)
		return
	}
	s.log.Info("incident is over", "incident", sc.ID)
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
