package main

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"dongyue/internal/event"
	"dongyue/rules"
)

// live judges events at an even rate, as a hub does, and notes how late each is
// done after it was due.
type live struct {
	engine *rules.Engine
	every  time.Duration
	busy   atomic.Bool
}

func newLive(set *rules.Set, perSecond int) (*live, error) {
	e, err := rules.New(rules.Options{Set: set})
	if err != nil {
		return nil, err
	}
	return &live{engine: e, every: time.Second / time.Duration(perSecond)}, nil
}

// run judges until ctx ends and returns the lateness that 50 and 99 of 100 events
// had.
func (l *live) run(ctx context.Context) (p50, p99 time.Duration) {
	l.busy.Store(true)
	defer l.busy.Store(false)
	c := newCommunity(1_000_000)
	var late []time.Duration
	for due := time.Now(); ctx.Err() == nil; due = due.Add(l.every) {
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		l.engine.Process([]event.Event{c.next()})
		l.engine.Commit()
		late = append(late, time.Since(due))
	}
	slices.Sort(late)
	if len(late) == 0 {
		return 0, 0
	}
	return late[len(late)/2], late[len(late)*99/100]
}

// alone is how long the live judgement is measured without a replay.
const alone = 5 * time.Second

// lateness is what a replay costs the events that come in meanwhile.
type lateness struct {
	PerSecond int     `json:"events_per_s"`
	AloneP50  float64 `json:"alone_p50_ms"`
	AloneP99  float64 `json:"alone_p99_ms"`
	BesideP50 float64 `json:"beside_p50_ms"`
	BesideP99 float64 `json:"beside_p99_ms"`
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// beside replays while events are judged live, and says how late those were.
func beside(ctx context.Context, perSecond int, set *rules.Set, replay func(busy func() bool) error) (*lateness, error) {
	l, err := newLive(set, perSecond)
	if err != nil {
		return nil, err
	}
	out := &lateness{PerSecond: perSecond}
	first, stop := context.WithTimeout(ctx, alone)
	p50, p99 := l.run(first)
	stop()
	out.AloneP50, out.AloneP99 = ms(p50), ms(p99)
	during, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		p50, p99 = l.run(during)
	}()
	err = replay(l.busy.Load)
	stop()
	<-done
	out.BesideP50, out.BesideP99 = ms(p50), ms(p99)
	return out, err
}
