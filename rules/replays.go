package rules

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// ReplaysOptions say what replays are made of.
type ReplaysOptions struct {
	Source Source
	Live   func() *Set      // what is in force
	Busy   func() bool      // live work is going on; may be nil
	Log    *slog.Logger     // may be nil
	Now    func() time.Time // nil: time.Now
}

// Replays runs replays, one at a time, and keeps the last results in memory.
// Methods may be called from any goroutine.
type Replays struct {
	o    ReplaysOptions
	work chan *job

	mu   sync.Mutex
	jobs []*job // the oldest first
}

// ReplayState is how far a replay is.
type ReplayState string

// The states of a replay.
const (
	Running   ReplayState = "running"
	Done      ReplayState = "done"
	Failed    ReplayState = "failed"
	Cancelled ReplayState = "cancelled"
)

// ReplayJob is a replay as the API tells it.
type ReplayJob struct {
	ID       string      `json:"id"`
	State    ReplayState `json:"state" enum:"running,done,failed,cancelled"`
	Progress float64     `json:"progress" doc:"0 to 1, by the time of the events"`
	Events   int         `json:"events" doc:"judged so far"`
	From     time.Time   `json:"from"`
	To       time.Time   `json:"to"`
	By       string      `json:"by"`
	BeganAt  time.Time   `json:"began_at"`
	EndedAt  *time.Time  `json:"ended_at"`
	Error    string      `json:"error"`
	Report   *Report     `json:"report"`
}

// job is a replay; view is behind Replays.mu.
type job struct {
	view  ReplayJob
	rerun Rerun
	ctx   context.Context //nolint:containedctx // of the job, to cancel it from elsewhere
	end   context.CancelFunc
}

// Why a replay is not begun or found.
var (
	ErrReplayRuns = errors.New("another replay is running: wait for it, or cancel it")
	ErrNoReplay   = errors.New("there is no such replay; the last results are kept until the hub stops")
)

// replaysKept is how many results stay.
const replaysKept = 10

// longestReplay bounds a replay; journals are kept for less.
const longestReplay = 366 * 24 * time.Hour

// NewReplays makes it; Run does the work.
func NewReplays(o ReplaysOptions) (*Replays, error) {
	if o.Source == nil || o.Live == nil {
		return nil, errors.New("rules: replays need events and the set in force")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Replays{o: o, work: make(chan *job, 1)}, nil
}

// Start begins a replay of a span and returns its first view. candidate nil is the
// set in force.
func (r *Replays) Start(candidate *Set, from, to time.Time, by string) (ReplayJob, error) {
	live := r.o.Live()
	if candidate == nil {
		candidate = live
	}
	var name [8]byte
	if _, err := rand.Read(name[:]); err != nil {
		return ReplayJob{}, fmt.Errorf("rules: name a replay: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.IndexFunc(r.jobs, func(j *job) bool { return j.view.State == Running }); i >= 0 {
		return r.jobs[i].view, ErrReplayRuns
	}
	j := &job{view: ReplayJob{ID: hex.EncodeToString(name[:]), State: Running, From: from.UTC(), To: to.UTC(), By: by, BeganAt: r.o.Now().UTC()}}
	j.ctx, j.end = context.WithCancel(context.Background())
	j.rerun = Rerun{
		Source: r.o.Source, Candidate: candidate, Live: live, From: from, To: to, Busy: r.o.Busy,
		Progress: func(events int, share float64) {
			r.mu.Lock()
			defer r.mu.Unlock()
			j.view.Events, j.view.Progress = events, share
		},
	}
	r.jobs = append(r.jobs, j)
	if n := len(r.jobs) - replaysKept; n > 0 {
		r.jobs = slices.Delete(r.jobs, 0, n)
	}
	r.work <- j // there is room: none is running
	return j.view, nil
}

// Run carries replays out until ctx ends, one after the other.
func (r *Replays) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case j := <-r.work:
			unhook := context.AfterFunc(ctx, j.end)
			out, err := Replay(j.ctx, j.rerun)
			unhook()
			r.finish(j, out, err)
		}
	}
}

func (r *Replays) finish(j *job, out *Report, err error) {
	defer j.end()
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.o.Now().UTC()
	v := &j.view
	v.EndedAt, v.Report = &now, out
	j.rerun = Rerun{} // sets are large
	switch {
	case err == nil:
		v.State, v.Progress, v.Events = Done, 1, out.Events
		r.o.Log.Info("rules replayed", "replay", v.ID, "events", out.Events, "raised", out.Raised, "seconds", out.Seconds)
	case errors.Is(err, context.Canceled):
		v.State = Cancelled
	default:
		v.State, v.Error = Failed, err.Error()
		r.o.Log.Error("replay failed", "replay", v.ID, "err", err)
	}
}

// Get returns a replay as it is.
func (r *Replays) Get(id string) (ReplayJob, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := r.find(id); i >= 0 {
		return r.jobs[i].view, nil
	}
	return ReplayJob{}, ErrNoReplay
}

// List returns the replays without their reports, the newest first.
func (r *Replays) List() []ReplayJob {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]ReplayJob, 0, len(r.jobs))
	for _, j := range slices.Backward(r.jobs) {
		v := j.view
		v.Report = nil
		out = append(out, v)
	}
	return out
}

// Remove cancels a replay that is running, and forgets one that is not.
func (r *Replays) Remove(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.find(id)
	if i < 0 {
		return ErrNoReplay
	}
	if r.jobs[i].view.State == Running {
		r.jobs[i].end()
		return nil
	}
	r.jobs = slices.Delete(r.jobs, i, i+1)
	return nil
}

func (r *Replays) find(id string) int {
	return slices.IndexFunc(r.jobs, func(j *job) bool { return j.view.ID == id })
}
