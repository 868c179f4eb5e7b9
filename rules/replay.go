package rules

import (
	"context"
	"errors"
	"sort"
	"time"

	"golang.org/x/sync/errgroup"

	"dongyue/internal/event"
)

// Source hands out events again.
type Source interface {
	// Scan calls f with what arrived from a time on and before another, in order
	// and in batches that nobody changes afterwards.
	Scan(ctx context.Context, from, to time.Time, f func([]event.Event) error) error
	// Oldest is when the oldest event that is there arrived; zero: there is none.
	Oldest() time.Time
}

// Rerun is what is to be judged again.
type Rerun struct {
	Source    Source
	Candidate *Set
	Live      *Set      // to compare with; nil, or the same: only Candidate
	From, To  time.Time // From is put off to the oldest event
	// Progress is called now and then, with the events so far and the share of the
	// time that is done. May be nil.
	Progress func(events int, share float64)
	// Busy says that live work is going on, which then goes first; nil: nothing is.
	Busy func() bool
}

// The engines begin before From, uncounted, so that windows are filled and what
// already stood is known to stand: as long as the longest window, wait or silence of
// the rules, within these.
const (
	leastLead = time.Hour
	mostLead  = 24 * time.Hour
)

// lead is how long before From a set begins.
func (s *Set) lead() time.Duration {
	long := leastLead
	for i := range s.conditions.windows {
		long = max(long, s.conditions.windows[i].span)
	}
	for _, r := range s.Rules {
		long = max(long, r.For, r.Keep, r.Absent)
	}
	return min(long, mostLead)
}

const (
	replayChunk = 64 // events at once, well below a millisecond: then others may go first
	replayAhead = 4  // batches on their way
)

// Replay judges events of the past by a set of rules, beside the live judgement
// and by nothing but the events: the same events give the same report but for
// Seconds. With a second set it tells what would have been otherwise.
//
// One goroutine reads, one judges by each set, one compares; batches are on their
// way over bounded channels, so memory does not grow with the journal.
func Replay(ctx context.Context, r Rerun) (*Report, error) {
	switch {
	case r.Source == nil || r.Candidate == nil:
		return nil, errors.New("rules: replay needs events and a set of rules")
	case !r.From.Before(r.To):
		return nil, errors.New("rules: replay needs a span of time: from lies before to")
	}
	if old := r.Source.Oldest().UTC(); old.After(r.From) && old.Before(r.To) {
		r.From = old // what is not there must not thin the rates out
	}
	if r.Progress == nil {
		r.Progress = func(int, float64) {}
	}
	began := time.Now()
	p := pace{busy: r.Busy, turn: make(chan struct{}, 1)}
	sets := []*Set{r.Candidate}
	if r.Live != nil && r.Live != r.Candidate {
		sets = append(sets, r.Live)
	}
	sides := make([]*side, len(sets))
	for i, set := range sets {
		var err error
		if sides[i], err = newSide(set, &r); err != nil {
			return nil, err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	events := 0
	g.Go(func() (err error) { events, err = read(ctx, &r, &p, sides); return err })
	for _, s := range sides {
		g.Go(func() error { return s.run(ctx, &p) })
	}
	c := newComparison()
	g.Go(func() error { return c.run(ctx, sides) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return report(&r, sides, c, events, time.Since(began)), nil
}

// read hands every batch to every side.
func read(ctx context.Context, r *Rerun, p *pace, sides []*side) (events int, err error) {
	defer func() {
		for _, s := range sides {
			close(s.in)
		}
	}()
	span, lead := r.To.Sub(r.From).Seconds(), r.Candidate.lead()
	if r.Live != nil {
		lead = max(lead, r.Live.lead())
	}
	leave := p.enter(ctx)
	defer func() { leave() }()
	err = r.Source.Scan(ctx, r.From.Add(-lead), r.To, func(evs []event.Event) error {
		leave()
		for _, s := range sides {
			select {
			case s.in <- evs:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		counted := sort.Search(len(evs), func(i int) bool { return !heard(&evs[i]).Before(r.From) })
		events += len(evs) - counted
		done := heard(&evs[len(evs)-1]).Sub(r.From).Seconds() / span
		r.Progress(events, min(max(done, 0), 1))
		leave = p.enter(ctx)
		return ctx.Err()
	})
	return events, err
}

// side judges by one set.
type side struct {
	engine *Engine
	ledger *ledger
	to     time.Time
	in     chan []event.Event
	out    chan verdictsOf
}

// verdictsOf is what a batch brought about, and up to when that is all.
type verdictsOf struct {
	raised []annunciation
	until  time.Time
}

func newSide(set *Set, r *Rerun) (*side, error) {
	e, err := New(Options{Set: set})
	if err != nil {
		return nil, err
	}
	return &side{
		engine: e, ledger: newLedger(r.From, r.To), to: r.To,
		in: make(chan []event.Event, replayAhead), out: make(chan verdictsOf, replayAhead),
	}, nil
}

func (s *side) run(ctx context.Context, p *pace) error {
	defer close(s.out)
	for evs := range s.in {
		var v verdictsOf
		for len(evs) > 0 && ctx.Err() == nil {
			n := min(replayChunk, len(evs))
			leave := p.enter(ctx)
			v.raised = s.ledger.enter(s.engine.Process(evs[:n]), v.raised)
			v.until = heard(&evs[n-1])
			s.engine.Commit()
			leave()
			evs = evs[n:]
		}
		if !s.tell(ctx, v) {
			return ctx.Err()
		}
	}
	s.tell(ctx, verdictsOf{s.ledger.enter(s.engine.Tick(s.to), nil), s.to})
	return ctx.Err()
}

func (s *side) tell(ctx context.Context, v verdictsOf) bool {
	select {
	case s.out <- v:
		return true
	case <-ctx.Done():
		return false
	}
}
